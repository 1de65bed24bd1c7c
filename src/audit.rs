//! The audit log: who did what to what, when, and from where. It knows no page and no store.

use serde::{Deserialize, Serialize};

use crate::actor::Owner;
use crate::id::UserId;
use crate::time::Timestamp;

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// An account was made.
    SignedUp,
    /// Somebody signed in.
    SignedIn,
    /// A password was changed by whoever knew the old one.
    PasswordChanged,
    /// A password was changed by a link.
    PasswordReset,
    /// The address of a new account was confirmed.
    EmailConfirmed,
    /// An account was given another address.
    EmailChanged,
    /// An account was linked with a sign-in elsewhere.
    Linked,
    /// A program's key was made.
    KeyMade,
    /// A program's key was removed.
    KeyRemoved,
    /// An organisation was founded.
    Founded,
    /// A link into an organisation was made.
    Invited,
    /// Somebody followed such a link.
    Joined,
    /// A member was given another role.
    RoleGiven,
    /// An organisation was given another owner.
    OwnerChanged,
    /// A member left, or was removed.
    MemberLeft,
    /// An organisation was ended.
    Ended,
    /// A link that shows a result was made.
    LinkMade,
    /// A link that shows a result was ended.
    LinkRevoked,
    /// A job was shown to its organisation.
    Shown,
    /// A job was hidden from its organisation again.
    Hidden,
    /// A job or batch was deleted.
    Deleted,
    /// An admin looked at what is not theirs.
    ReadAsAdmin,
    /// An admin changed what is not theirs.
    ChangedAsAdmin,
    /// An admin gave or took a role on this hub.
    RolesSet,
    /// An admin set limits, or a tier.
    LimitsSet,
    /// An admin set a model's maintenance or its hours.
    ModelSet,
    /// An admin gave work without an owner to somebody.
    Assigned,
    /// Work of the former system was brought here.
    Imported,
}

impl Act {
    /// What was done, in words.
    pub const fn title(self) -> &'static str {
        match self {
            Self::SignedUp => "made an account",
            Self::SignedIn => "signed in",
            Self::PasswordChanged => "changed the password",
            Self::PasswordReset => "took a new password by a link",
            Self::EmailConfirmed => "confirmed the address",
            Self::EmailChanged => "took another address",
            Self::Linked => "linked a sign-in elsewhere",
            Self::KeyMade => "made a key",
            Self::KeyRemoved => "removed a key",
            Self::Founded => "founded the organisation",
            Self::Invited => "made an invitation",
            Self::Joined => "joined the organisation",
            Self::RoleGiven => "gave a role",
            Self::OwnerChanged => "made somebody else the owner",
            Self::MemberLeft => "ended a membership",
            Self::Ended => "ended the organisation",
            Self::LinkMade => "shared by a link",
            Self::LinkRevoked => "revoked a link",
            Self::Shown => "showed to the organisation",
            Self::Hidden => "hid from the organisation",
            Self::Deleted => "deleted",
            Self::ReadAsAdmin => "read as admin of the hub",
            Self::ChangedAsAdmin => "changed as admin of the hub",
            Self::RolesSet => "set roles on the hub",
            Self::LimitsSet => "set limits",
            Self::ModelSet => "set a model",
            Self::Assigned => "assigned work",
            Self::Imported => "imported from the former system",
        }
    }
}

/// One line of the log, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The layout of this record, 1.
    pub schema: u32,
    /// When.
    pub at: Timestamp,
    /// Who; absent when it was done at the machine that the hub runs on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<UserId>,
    /// What.
    pub act: Act,
    /// To what, in words that stay true when the thing is gone.
    pub to: String,
    /// Whose the thing is: an organisation's admins read what concerns it.
    pub owner: Owner,
    /// The address of the machine that asked, as far as it is known.
    pub address: String,
}

/// One line of the log, as it is read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// When.
    pub at: Timestamp,
    /// The id of whoever did it.
    pub by: Option<UserId>,
    /// Their e-mail address now, or what they are when they have none.
    pub name: String,
    /// What.
    pub act: Act,
    /// To what.
    pub to: String,
    /// Whose that is.
    pub owner: Owner,
    /// From where.
    pub address: String,
}
