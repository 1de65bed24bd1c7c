//! Where a job stands: the states of its life, and what people see of them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// Where a job stands, exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// A batch, not yet ended; its children say where it stands.
    Open,
    /// Ready to be dispatched. A child of a batch is found through its batch.
    Queued,
    /// Not to be dispatched before [`super::Job::due_at`].
    Waiting,
    /// Claimed: the gateway is being asked.
    Dispatching,
    /// At the gateway.
    Running,
    /// Ended well at the gateway; its files are being checked.
    Collecting,
    /// Ended with every expected file.
    Completed,
    /// Ended without.
    Failed,
    /// Ended because somebody asked.
    Cancelled,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 9] = [
        Self::Open,
        Self::Queued,
        Self::Waiting,
        Self::Dispatching,
        Self::Running,
        Self::Collecting,
        Self::Completed,
        Self::Failed,
        Self::Cancelled,
    ];
    /// States in which a slot of the gateway is taken.
    pub const OUT: [Self; 3] = [Self::Dispatching, Self::Running, Self::Collecting];

    /// Its name in the store.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Queued => "queued",
            Self::Waiting => "waiting",
            Self::Dispatching => "dispatching",
            Self::Running => "running",
            Self::Collecting => "collecting",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether nothing will happen any more, but for a retry.
    pub const fn has_ended(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled)
    }

    /// Whether what stands here was asked to end, if it was, and has not yet.
    pub const fn is_cancelling(self, asked_at: Option<Timestamp>) -> bool {
        asked_at.is_some() && !self.has_ended()
    }

    /// What is shown for it.
    pub const fn status(self) -> Status {
        match self {
            Self::Open | Self::Queued | Self::Waiting => Status::Pending,
            Self::Dispatching | Self::Running | Self::Collecting => Status::Running,
            Self::Completed => Status::Completed,
            Self::Failed => Status::Failed,
            Self::Cancelled => Status::Cancelled,
        }
    }
}

/// Where a job or batch stands, as it is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Not begun.
    Pending,
    /// Begun.
    Running,
    /// Ended well.
    Completed,
    /// A batch of which some children completed and some did not.
    PartiallyCompleted,
    /// Ended badly.
    Failed,
    /// Ended because somebody asked.
    Cancelled,
}

impl Status {
    /// Every status.
    pub const ALL: [Self; 6] = [
        Self::Pending,
        Self::Running,
        Self::Completed,
        Self::PartiallyCompleted,
        Self::Failed,
        Self::Cancelled,
    ];

    /// Its name in the API, the store and addresses.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Completed => "completed",
            Self::PartiallyCompleted => "partially_completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Its name on a page.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::Running => "Running",
            Self::Completed => "Completed",
            Self::PartiallyCompleted => "Partly completed",
            Self::Failed => "Failed",
            Self::Cancelled => "Cancelled",
        }
    }

    /// Whether nothing will happen any more, but for a retry.
    pub const fn has_ended(self) -> bool {
        !matches!(self, Self::Pending | Self::Running)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A text that names no status.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no such status")]
pub struct NoSuchStatus;

impl FromStr for Status {
    type Err = NoSuchStatus;

    /// Reads the words of the former system too.
    fn from_str(text: &str) -> Result<Self, NoSuchStatus> {
        let word = text.to_ascii_lowercase();
        match word.as_str() {
            "queued" | "submitted" | "created" | "initializing" => Ok(Self::Pending),
            "processing" => Ok(Self::Running),
            "error" => Ok(Self::Failed),
            "completed_reconstructed" => Ok(Self::Completed),
            _ => Self::ALL
                .into_iter()
                .find(|status| status.name() == word)
                .ok_or(NoSuchStatus),
        }
    }
}
