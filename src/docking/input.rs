//! What a job is asked, as it is kept.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Target;
use crate::ligand::Ligand;

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
    /// A single job.
    Single {
        /// What is docked into.
        target: Target,
        /// What is docked.
        ligand: Ligand,
    },
    /// A batch; its ligands are its children's.
    Screen {
        /// What every child docks into.
        target: Target,
    },
    /// A child of a batch; its target is the batch's.
    Child {
        /// What is docked.
        ligand: Ligand,
    },
}

impl Input {
    /// The target, for all but children.
    pub fn target(&self) -> Option<&Target> {
        match self {
            Self::Single { target, .. } | Self::Screen { target } => Some(target),
            Self::Child { .. } | Self::Former { .. } => None,
        }
    }

    /// The ligand, for all but batches.
    pub fn ligand(&self) -> Option<&Ligand> {
        match self {
            Self::Single { ligand, .. } | Self::Child { ligand } => Some(ligand),
            Self::Former { ligand, .. } => ligand.as_ref(),
            Self::Screen { .. } => None,
        }
    }
}
