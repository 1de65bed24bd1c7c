//! Whoever computes: the gateway's protocol, version 1, as the hub sees it. The same shapes stand in the golden files
//! that the gateway's own tests read.

use std::collections::BTreeMap;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::job::{Category, Progress};
use crate::model::ModelOffer;

/// One run to be done: one epoch of one job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunRequest {
    /// `{job}:{epoch}`; asking twice is asking once.
    pub run_id: String,
    /// The model that runs.
    pub model: String,
    /// The task it does.
    pub task: String,
    /// The task's input, as the worker reads it.
    pub input: Value,
    /// The task's parameters.
    pub parameters: Value,
    /// Files that the run reads.
    pub inputs: Vec<RunInput>,
    /// Files that the run may write, each once.
    pub outputs: Vec<RunOutput>,
    /// Seconds of running after which the run is ended.
    pub deadline_s: u32,
    /// Where stage, progress and the end are told.
    pub callback: String,
}

/// A file that a run reads.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunInput {
    /// Its name, as the input calls it.
    pub name: String,
    /// Where it is read.
    pub url: String,
}

/// A file that a run writes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunOutput {
    /// Its name among the model's outputs.
    pub name: String,
    /// Where it is put, once.
    pub put_url: String,
    /// Headers that must be put with it as they are.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
}

/// Where a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// Taken, not begun.
    Queued,
    /// Begun.
    Running,
    /// Ended well; its files are put.
    Succeeded,
    /// Ended badly.
    Failed,
    /// Ended because it was asked to.
    Cancelled,
    /// Ended so long ago that its result is gone.
    Expired,
}

/// What the gateway answers to a run it takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accepted {
    /// As asked.
    pub run_id: String,
    /// Where it stands.
    pub state: RunState,
    /// The gateway's own name for it.
    pub call_id: String,
}

/// Everything that the gateway knows of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// As asked.
    pub run_id: String,
    /// Where it stands.
    pub state: RunState,
    /// What it is doing.
    #[serde(default)]
    pub progress: Option<Progress>,
    /// Why it failed.
    #[serde(default)]
    pub error: Option<RunError>,
    /// The files that it put.
    #[serde(default)]
    pub manifest: Option<Vec<ManifestEntry>>,
    /// The values that it wrote, by metric; what is not here is missing.
    #[serde(default)]
    pub metrics: Option<BTreeMap<String, RunMetric>>,
    /// Engine, versions, seeds and prepared inputs.
    #[serde(default)]
    pub provenance: Option<Value>,
    /// How long it waited and ran.
    #[serde(default)]
    pub timings: Option<Timings>,
}

/// Why a run failed, in the worker's words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunError {
    /// Who can mend it.
    pub category: Category,
    /// A stable word.
    #[serde(default)]
    pub code: Option<String>,
    /// What happened, in words.
    pub message: String,
    /// The end of the run's log.
    #[serde(default)]
    pub log_tail: Option<String>,
    /// When it may be tried again, in seconds, where somebody said so.
    #[serde(default)]
    pub retry_after_s: Option<u32>,
}

/// A file that a run put.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestEntry {
    /// Its name among the model's outputs.
    pub name: String,
    /// Its length.
    pub size_bytes: u64,
    /// Of its content, in hexadecimal.
    pub sha256: String,
    /// What it is: `poses`, `receptor`, `log`, ...
    pub kind: String,
}

/// A value that a run wrote.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunMetric {
    /// The value; `None` when the model wrote none.
    pub value: Option<f64>,
    /// Its unit.
    #[serde(default)]
    pub unit: Option<String>,
    /// The file and the key it stands at.
    pub source: crate::metric::Source,
}

/// How long a run waited and ran, in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Timings {
    /// Waiting at the gateway.
    #[serde(default)]
    pub queued_s: Option<f64>,
    /// Running.
    #[serde(default)]
    pub run_s: Option<f64>,
}

/// Ligands to look at, as they were given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ligands<'a> {
    /// One SMILES each; any text, what is wrong with it is in the report.
    Smiles(&'a [String]),
    /// The text of an SDF, at most 10 MiB.
    Sdf(&'a str),
}

/// What RDKit says of one ligand.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LigandReport {
    /// The place in what was asked, from 0.
    pub index: u32,
    /// The title of the SDF's record; `None` for a SMILES.
    #[serde(default)]
    pub name: Option<String>,
    /// The SMILES that was sent, or for a record of an SDF the canonical one.
    #[serde(default)]
    pub smiles: Option<String>,
    /// The canonical SMILES.
    #[serde(default)]
    pub canonical_smiles: Option<String>,
    /// Equal for equal molecules.
    #[serde(default)]
    pub inchikey: Option<String>,
    /// The sum formula.
    #[serde(default)]
    pub formula: Option<String>,
    /// In g/mol.
    #[serde(default)]
    pub weight: Option<f64>,
    /// Atoms other than hydrogen, all fragments together.
    #[serde(default)]
    pub heavy_atoms: Option<u32>,
    /// Rotatable bonds.
    #[serde(default)]
    pub rotors: Option<u32>,
    /// Parts that no bond joins.
    #[serde(default)]
    pub fragments: Option<u32>,
    /// The SMILES of the part with the most heavy atoms.
    #[serde(default)]
    pub largest_fragment: Option<String>,
    /// Stereo centres and double bonds that are drawn without stereo.
    #[serde(default)]
    pub undefined_stereo: Option<u32>,
    /// Unpaired electrons.
    #[serde(default)]
    pub radical_electrons: Option<u32>,
    /// Metals in it; `None` when it cannot be read.
    #[serde(default)]
    pub metals: Option<Vec<String>>,
    /// Why it cannot be read at all.
    #[serde(default)]
    pub problem: Option<LigandProblem>,
}

/// Why a ligand cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LigandProblem {
    /// A stable word.
    pub code: String,
    /// In words a chemist can act on.
    pub message: String,
}

/// Why the gateway did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum ComputeError {
    /// It will not do what was asked, and says whose fault that is; asking the same again will not help.
    #[error("{}", .0.message)]
    Rejected(RunError),
    /// It has no room now, or asks to come again later.
    #[error("the compute gateway has no room now")]
    Full {
        /// After how many seconds to ask again, when it said so.
        retry_after_s: Option<u32>,
    },
    /// It does not know the run.
    #[error("the compute gateway does not know this run")]
    Unknown,
    /// No answer: whether the request was done is open, and asking again is safe.
    #[error("the compute gateway does not answer")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Whoever computes.
#[async_trait]
pub trait Compute: Send + Sync {
    /// Asks for a run; asking again with the same id gets the first answer.
    async fn submit(&self, run: &RunRequest) -> Result<Accepted, ComputeError>;

    /// Where a run stands.
    async fn state(&self, run_id: &str) -> Result<Run, ComputeError>;

    /// Asks a run to end, and answers where it stands then.
    async fn cancel(&self, run_id: &str) -> Result<Run, ComputeError>;

    /// What can run there now.
    async fn models(&self) -> Result<Vec<ModelOffer>, ComputeError>;

    /// RDKit's word on up to 1,500 ligands, one report each, in order. Ligands come as SMILES or as the text of an SDF,
    /// whose records it counts itself.
    async fn ligands(
        &self,
        task: &str,
        ligands: Ligands<'_>,
    ) -> Result<Vec<LigandReport>, ComputeError>;
}
