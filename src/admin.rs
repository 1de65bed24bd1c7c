//! What the admins of a hub read and set. It knows no page and no store.

use serde::{Deserialize, Serialize};

use crate::account::{Email, Membership, Role};
use crate::actor::Owner;
use crate::id::{JobId, OrganizationId, UserId};
use crate::job::Category;
use crate::limits::{Limits, Tier};
use crate::model::Model;
use crate::task::Task;
use crate::time::Timestamp;

/// Somebody with an account, as an admin reads them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UserRow {
    /// Their id.
    pub id: UserId,
    /// Their address.
    pub email: Email,
    /// Whether a link sent there was followed.
    pub verified: bool,
    /// Their name.
    pub name: String,
    /// What they may do on this hub.
    pub roles: Vec<Role>,
    /// Their organisation.
    pub membership: Option<Membership>,
    /// Limits set for them instead of the usual ones.
    pub limits: Option<Limits>,
    /// When the account was made.
    pub created_at: Timestamp,
    /// When they signed in last.
    pub last_sign_in_at: Option<Timestamp>,
}

/// An organisation, as an admin reads it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OrganizationRow {
    /// Its id.
    pub id: OrganizationId,
    /// Its name.
    pub name: String,
    /// Its owner.
    pub owner: UserId,
    /// What was agreed on.
    pub tier: Tier,
    /// Limits set for it instead of the tier's.
    pub limits: Option<Limits>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// What an admin gives an organisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Agreement {
    /// What was agreed on.
    pub tier: Tier,
    /// Limits instead of the tier's.
    #[serde(default)]
    pub limits: Option<Limits>,
}

/// What an admin sets of a model.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ModelSettings {
    /// Why it takes no work at the moment, 1 to 200 characters. Jobs wait meanwhile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maintenance: Option<String>,
    /// Hours that its runs may take in a UTC month, all together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hours_per_month: Option<f64>,
}

/// A model, as an admin reads it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelRow {
    /// Which.
    pub id: Model,
    /// What was set.
    #[serde(flatten)]
    pub settings: ModelSettings,
    /// Hours that its runs took in this UTC month, to a few minutes.
    pub hours_this_month: f64,
    /// Why it cannot run now.
    pub reason: Option<String>,
}

/// A job or ligand that failed though nothing was wrong with it, as whoever watches over the hub reads it: nothing of what
/// was asked, of what was said of that, or of whose it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SystemError {
    /// When it failed for good.
    pub at: Timestamp,
    /// The name of its last attempt, by which the logs of hub and gateway know it.
    pub reference: String,
    /// What was asked for.
    pub task: Task,
    /// Of whom.
    pub model: Model,
    /// Whether time was to mend it, or the hub's operator is.
    pub category: Category,
    /// A stable word for what happened.
    pub code: String,
    /// What the run was doing.
    pub stage: Option<String>,
    /// How many times it was tried.
    pub attempts: u32,
}

/// Whom work without an owner is given to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Assignment {
    /// A person, or an organisation, whose owner then counts as having made it.
    pub to: Owner,
    /// Which jobs and batches; all when empty.
    #[serde(default)]
    pub jobs: Vec<JobId>,
    /// Of all, only those whose owner in the former system was called so.
    #[serde(default)]
    pub former_owner: Option<String>,
}

/// What came of an assignment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assigned {
    /// Jobs and batches that were given.
    pub jobs: u32,
}
