//! A job: one thing asked, the life it leads, and what came out. Every change of state is a method here that either
//! gives the next job or refuses; whoever stores it guards the commit with the version that was read.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::actor::Owner;
use crate::batch::BatchState;
use crate::id::{JobId, UserId};
use crate::input::{Input, Parameters};
use crate::metric::Metrics;
use crate::model::Model;
use crate::search::terms_of;
use crate::task::Task;
use crate::time::Timestamp;

mod asked;
mod belonging;
mod failure;
mod life;
mod state;
mod summary;

pub use asked::Asked;
pub use belonging::{Former, SharedWithOrganization, shelf};
pub use failure::{Category, JobError, Retry, RunFault};
pub use life::{Refused, RunResult};
pub use state::{NoSuchStatus, State, Status};
pub use summary::JobSummary;

/// The layout of stored jobs, raised when old ones must be read differently.
pub const SCHEMA: u32 = 1;

/// What kind of record it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// One run.
    Single,
    /// A parent of children; runs nothing itself.
    Batch,
    /// One run of a batch.
    Child,
}

/// Why a job waits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// In words.
    pub reason: String,
    /// Since when it waits for this reason.
    pub since: Timestamp,
    /// When it is tried again.
    pub until: Timestamp,
}

/// What a run is doing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// In words: `preparing ligand`, `docking`, ...
    pub stage: String,
    /// How much of the stage is done, 0 to 1, where known.
    #[serde(default)]
    pub fraction: Option<f64>,
}

impl Progress {
    /// What a run waits for that goes on all the same, as for an alignment that another run computes.
    pub fn wait(&self) -> Option<&str> {
        self.stage
            .starts_with("waiting")
            .then_some(self.stage.as_str())
    }
}

/// One try to get a job done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// The epoch of the claim.
    pub epoch: u32,
    /// When it was claimed.
    pub started_at: Timestamp,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    /// How it ended: `completed`, `cancelled`, or why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
    /// Seconds that its run took, by the gateway's word, when it gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_s: Option<f64>,
}

/// What became of the unit of quota that a job stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hold {
    /// Taken at acceptance.
    Held,
    /// Used.
    Charged,
    /// Given back.
    Refunded,
}

/// A file of a result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResultFile {
    /// Its name.
    pub name: String,
    /// What it is: `poses`, `receptor`, `log`, ...
    pub kind: String,
    /// Its length.
    pub size_bytes: u64,
    /// Of its content, in hexadecimal, as the worker measured it.
    pub sha256: String,
}

/// The value that a job is ranked by.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Best {
    /// The metric.
    pub metric: String,
    /// Its value.
    pub value: f64,
    /// Whether nobody vouches for it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unverified: bool,
}

/// A job as it is stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// The layout of this record, [`SCHEMA`].
    pub schema: u32,
    /// Its id.
    pub id: JobId,
    /// What kind of record it is.
    pub kind: Kind,
    /// What is asked.
    pub task: Task,
    /// Who does it.
    pub model: Model,
    /// Its name, 1 to 200 characters.
    pub name: String,
    /// Whose it is.
    pub owner: Owner,
    /// Who asked.
    pub created_by: UserId,
    /// In whose folder its files lie, when it was given to its owner later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub home: Option<Owner>,
    /// Who showed it to their organisation; private when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shared: Option<SharedWithOrganization>,
    /// On whose list it is, [`shelf`]: at the top of the record, where lists look it up.
    #[serde(default)]
    pub shelf: String,
    /// On which organisation's list it is, when it is shown to one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shared_shelf: Option<Owner>,
    /// What it was in the former system, when it came from there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub former: Option<Former>,
    /// The job that this one repeats.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_id: Option<JobId>,
    /// The batch of a child.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch_id: Option<JobId>,
    /// The place of a child in its batch, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<u32>,

    /// Where it stands, exactly.
    pub state: State,
    /// Where it stands, as shown.
    pub status: Status,
    /// How often it was claimed or fenced; what belongs to an older epoch is not accepted.
    pub epoch: u32,
    /// Retries since somebody last asked, by category.
    #[serde(default)]
    pub retries: Retry,
    /// Why it waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting: Option<Waiting>,
    /// When somebody must look at it; absent when it is queued or has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_at: Option<Timestamp>,
    /// When somebody asked it to end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancel_requested_at: Option<Timestamp>,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// When it was last written.
    pub updated_at: Timestamp,
    /// When the run of the current attempt was taken by the gateway.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    /// When the current attempt is given up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline_at: Option<Timestamp>,
    /// What its run is doing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<Progress>,
    /// Why it failed or waits to be tried again, less the log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<JobError>,
    /// When it failed for good though nothing was wrong with it: at the top of the record, where the operators look it up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub faulty_at: Option<Timestamp>,
    /// The end of the log of the run that failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_tail: Option<String>,
    /// Every try, oldest first, the last 20.
    #[serde(default)]
    pub attempts: Vec<Attempt>,
    /// What became of its unit of quota; a batch has none of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<Hold>,
    /// When the unit of its retry was taken; absent before the first, whose unit was taken when it was accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_at: Option<Timestamp>,

    /// What was asked.
    pub input: Input,
    /// How; absent for what came from the former system, whose input says all that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameters: Option<Parameters>,
    /// Seconds of one slot that it is expected to take.
    pub estimate_s: u32,

    /// Seconds that the accepted run took, by the worker's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_s: Option<f64>,
    /// What came out.
    #[serde(default)]
    pub metrics: Metrics,
    /// The value it is ranked by; of a batch, the best of its children.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub best: Option<Best>,
    /// Its result's files.
    #[serde(default)]
    pub files: Vec<ResultFile>,
    /// The epoch whose files were accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result_epoch: Option<u32>,
    /// Engine, versions, seeds and prepared inputs, as the worker wrote them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provenance: Option<Value>,

    /// What only a batch has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<BatchState>,
    /// Whether a batch still has children to dispatch; absent when it is no batch or all are out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dispatchable: Option<bool>,
    /// The texts that a search looks at.
    #[serde(default)]
    pub searched: Vec<String>,
    /// Words of these texts and their beginnings, by which it is found.
    #[serde(default)]
    pub terms: Vec<String>,
}

impl Job {
    /// The folder of its files, `users/{user}/jobs/{id}`; a child's lies in its batch's.
    pub fn folder(&self) -> String {
        match (&self.batch_id, self.index) {
            (Some(batch), Some(index)) => {
                format!("{}/jobs/{batch}/children/{index:05}", self.home().folder())
            }
            _ => format!("{}/jobs/{}", self.home().folder(), self.id),
        }
    }

    /// The path of a file of the attempt with this epoch. What is the same for every child of a batch lies in the
    /// batch's folder: whoever puts it first puts it for all.
    pub fn output_path(&self, epoch: u32, name: &str) -> String {
        let is_shared = || {
            self.model
                .outputs()
                .iter()
                .any(|output| output.name == name && output.shared)
        };
        match &self.batch_id {
            Some(batch) if is_shared() => {
                format!("{}/jobs/{batch}/shared/{name}", self.home().folder())
            }
            _ => format!("{}/{epoch}/{name}", self.folder()),
        }
    }

    /// The name of the current attempt at the gateway.
    pub fn run_id(&self) -> String {
        format!("{}:{}", self.id, self.epoch)
    }

    /// Makes what it is found by anew, after a text has changed.
    pub fn index_texts(&mut self) {
        let target = self.input.target().map(|target| target.title());
        let ligand = self.input.ligand().map(|ligand| ligand.name.as_str());
        let former = self.former.as_ref().map(|former| former.id.as_str());
        let texts = [Some(self.name.as_str()), target, ligand, former];
        self.searched = texts.into_iter().flatten().map(str::to_owned).collect();
        self.terms = terms_of(&self.searched);
    }

    /// Why it failed or waits to be tried again, with the end of the log.
    pub fn error_with_log(&self) -> Option<JobError> {
        let error = self.error.clone()?;
        Some(JobError {
            log_tail: self.log_tail.clone(),
            ..error
        })
    }

    /// When its current unit of quota was taken: on that day and in that month it counts.
    pub fn unit_taken_at(&self) -> Timestamp {
        self.held_at.unwrap_or(self.created_at)
    }

    /// Whether somebody asked it to end and it has not yet.
    pub fn is_cancelling(&self) -> bool {
        self.state.is_cancelling(self.cancel_requested_at)
    }
}
