//! An organisation: people who share limits, and work where they choose to.

use serde::{Deserialize, Serialize};

use crate::id::{OrganizationId, UserId};
use crate::limits::{Limits, Tier};
use crate::time::Timestamp;

/// What a member may do; each may what those before may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MemberRole {
    /// Reads what is shared with the organisation.
    Viewer,
    /// Submits, and shares their own work.
    Member,
    /// Sees all that is made there, cares for members, and reads the audit log.
    Admin,
    /// Transfers and deletes the organisation. There is one.
    Owner,
}

impl MemberRole {
    /// Every role, the least first.
    pub const ALL: [Self; 4] = [Self::Viewer, Self::Member, Self::Admin, Self::Owner];

    /// Its name in the API and the store.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Member => "member",
            Self::Admin => "admin",
            Self::Owner => "owner",
        }
    }
}

/// An organisation as it is stored. Its members are the users whose record names it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Organization {
    /// The layout of this record, 1.
    pub schema: u32,
    /// Its id.
    pub id: OrganizationId,
    /// Its name, 1 to 100 characters.
    pub name: String,
    /// Its owner.
    pub owner: UserId,
    /// What was agreed on.
    pub tier: Tier,
    /// Limits that an admin set instead of the tier's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<Limits>,
    /// When it was made.
    pub created_at: Timestamp,
}
