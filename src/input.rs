//! What a job is asked, as it is kept: the target, the ligand, and how hard the model searches.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::ligand::Ligand;
use crate::sequence::Protein;
use crate::{docking, sequence};

/// What a job is asked: the shape depends on what kind of job it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Input {
    /// What the former system was asked, which nothing here can run.
    Former {
        /// What was asked, by its names there.
        former: Map<String, Value>,
        /// The ligand, where one is named.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ligand: Option<Ligand>,
    },
    /// A single job with a ligand.
    Single {
        /// What the ligand meets.
        target: Target,
        /// The ligand.
        ligand: Ligand,
    },
    /// A single job without a ligand; or a batch, whose ligands are its children's.
    Alone {
        /// What is folded, or what every child's ligand meets.
        target: Target,
    },
    /// A child of a batch; its target is the batch's.
    Child {
        /// The ligand.
        ligand: Ligand,
    },
}

impl Input {
    /// The target, for all but children.
    pub fn target(&self) -> Option<&Target> {
        match self {
            Self::Single { target, .. } | Self::Alone { target } => Some(target),
            Self::Child { .. } | Self::Former { .. } => None,
        }
    }

    /// The ligand, where there is one.
    pub fn ligand(&self) -> Option<&Ligand> {
        match self {
            Self::Single { ligand, .. } | Self::Child { ligand } => Some(ligand),
            Self::Former { ligand, .. } => ligand.as_ref(),
            Self::Alone { .. } => None,
        }
    }
}

/// What a ligand meets, or what is folded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Target {
    /// A rigid receptor with a box.
    Docking(docking::Target),
    /// A protein by its sequence.
    Protein(Protein),
}

impl Target {
    /// Its name on a page.
    pub fn title(&self) -> &str {
        match self {
            Self::Docking(target) => target.title(),
            Self::Protein(protein) => &protein.name,
        }
    }

    /// What it is to a ligand, after the ligand's name: `into ABL1`, `against CDK2`.
    pub fn met(&self) -> String {
        match self {
            Self::Docking(target) => format!("into {}", target.title()),
            Self::Protein(protein) => format!("against {}", protein.name),
        }
    }

    /// The name of a batch that nobody named: `20 ligands into ABL1`.
    pub fn name_of_batch(&self, ligands: usize) -> String {
        let noun = if ligands == 1 { "ligand" } else { "ligands" };
        format!("{ligands} {noun} {}", self.met())
    }

    /// The name of its file, which lies beside the job or batch once for all that read it: the receptor or the
    /// alignment.
    pub fn file_name(&self) -> Option<String> {
        match self {
            Self::Docking(docking::Target::Named { .. }) => None,
            Self::Docking(docking::Target::Receptor { receptor, .. }) => {
                Some(format!("receptor.{}", receptor.format.name()))
            }
            Self::Protein(protein) => {
                let alignment = protein.msa.as_ref()?;
                Some(format!("alignment-{}.a3m", alignment.sha256))
            }
        }
    }

    /// Where the SHA-256 of its file is kept.
    pub fn file_hash(&mut self) -> Option<&mut String> {
        match self {
            Self::Docking(docking::Target::Named { .. }) => None,
            Self::Docking(docking::Target::Receptor { receptor, .. }) => Some(&mut receptor.sha256),
            Self::Protein(protein) => protein.msa.as_mut().map(|alignment| &mut alignment.sha256),
        }
    }
}

/// A target that is right in itself, and the text of its file, which is still to be stored.
#[derive(Clone, Debug, PartialEq)]
pub struct TargetSpec {
    /// The target.
    pub target: Target,
    /// The text of the receptor or of the alignment, where one came with it.
    pub text: Option<String>,
}

/// How hard a model searches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Parameters {
    /// Of a docking.
    Docking(docking::Parameters),
    /// Of a prediction from a sequence.
    Sequence(sequence::Parameters),
}
