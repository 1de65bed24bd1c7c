//! Whose a job is, whose it was, and to whom it is shown.

use serde::{Deserialize, Serialize};

use super::{Job, Kind};
use crate::actor::Owner;
use crate::id::UserId;
use crate::time::Timestamp;

/// What a job was in the former system.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Former {
    /// Its id there.
    pub id: String,
    /// Whose it was there, as it was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// In which organisation it was made there, as it was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization: Option<String>,
}

/// When a job was shown to the organisation that it was made in, and by whom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SharedWithOrganization {
    /// Who did it.
    pub by: UserId,
    /// When.
    pub at: Timestamp,
}

/// Whose list the work of a person for an owner is on.
pub fn shelf(owner: &Owner, made_by: &UserId) -> String {
    match owner {
        Owner::User(_) => owner.to_string(),
        Owner::Organization(_) => format!("{owner}/{made_by}"),
    }
}

impl Job {
    /// Shows it to its organisation, or to nobody but its owner.
    pub fn share_with_organization(&mut self, shared: Option<SharedWithOrganization>) {
        self.shared_shelf = shared.is_some().then(|| self.owner.clone());
        self.shared = shared;
    }

    /// Gives it to another owner, as if `made_by` had asked for it. Its files stay where they are.
    pub fn give(&mut self, to: &Owner, made_by: &UserId) {
        self.home = Some(self.home().clone());
        self.owner = to.clone();
        self.created_by = made_by.clone();
        if self.kind != Kind::Child {
            self.shelf = shelf(to, made_by);
        }
        self.share_with_organization(None);
    }

    /// In whose folder its files lie.
    pub(super) fn home(&self) -> &Owner {
        self.home.as_ref().unwrap_or(&self.owner)
    }
}
