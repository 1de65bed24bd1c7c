//! Who acts, and whose things are whose.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::account::Role;
use crate::error::{Error, Result};
use crate::id::{NotAnId, OrganizationId, SessionId, UserId};
use crate::job::Job;
use crate::organization::MemberRole;
use crate::share::Share;

const LOCAL: &str = "local";

/// Whoever asks for something. The first parameter of every use case, and checked before anything is read. There are three
/// ways to become one: by a session or a key, which `services::sessions` looks up; as the local owner; and as the reader of
/// a link, for whom `services::shares` opened it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Actor {
    /// The person.
    pub user: UserId,
    /// Whose name new work is stored under, and whose work is listed.
    pub owner: Owner,
    /// Whether they may read only: with a key made for reading, or as a viewer of an organisation.
    pub reads_only: bool,
    /// What they may do in their organisation.
    pub member: Option<MemberRole>,
    /// What else they may do.
    pub roles: Vec<Role>,
    /// The session that they act in; none with a key, and on a hub without accounts.
    pub session: Option<SessionId>,
    /// The hash of the key that they act with.
    pub key: Option<String>,
    /// The address of the machine that asks, as far as it is known; for the audit log.
    pub address: String,
}

impl Actor {
    /// The one person of a hub that runs on one machine without accounts.
    pub fn local() -> Self {
        let user: UserId = LOCAL.parse().expect("a constant id");
        Self {
            owner: Owner::User(user.clone()),
            user,
            reads_only: false,
            member: None,
            roles: vec![Role::User, Role::Admin],
            session: None,
            key: None,
            address: String::new(),
        }
    }

    /// The readers of a link: they read in the name of whoever made it, and change nothing.
    pub fn reading_for(share: &Share) -> Self {
        Self {
            user: share.created_by.clone(),
            owner: share.owner.clone(),
            reads_only: true,
            // What a link shows is what the owner's own see, whoever made the link.
            member: Some(MemberRole::Admin),
            roles: Vec::new(),
            session: None,
            key: None,
            address: String::new(),
        }
    }

    /// Whether they look after the whole hub.
    pub fn is_admin(&self) -> bool {
        self.roles.contains(&Role::Admin)
    }

    /// Refuses whoever does not look after the whole hub: to them there is no such thing.
    pub fn administers(&self) -> Result<()> {
        if self.is_admin() {
            Ok(())
        } else {
            Err(Error::NotFound)
        }
    }

    /// Refuses whoever does not watch over the hub: to them there is no such thing.
    pub fn watches(&self) -> Result<()> {
        if self.is_admin() || self.roles.contains(&Role::Developer) {
            Ok(())
        } else {
            Err(Error::NotFound)
        }
    }

    /// Refuses whoever acts by a key: passwords and keys are a matter of people who are signed in.
    pub fn in_person(&self) -> Result<()> {
        match self.key {
            None => Ok(()),
            Some(_) => Err(Error::forbidden(
                "a key cannot do this; sign in with the password",
            )),
        }
    }

    /// Refuses whoever may only read. Called first by every use case that changes something.
    pub fn may_write(&self) -> Result<()> {
        if !self.reads_only {
            return Ok(());
        }
        Err(Error::Forbidden(match self.member {
            Some(MemberRole::Viewer) => {
                "as a viewer of your organisation you can read, and change nothing; ask its admins"
                    .to_owned()
            }
            _ => "this key is for reading only; take one that may write".to_owned(),
        }))
    }

    /// Whether a thing of this owner may be theirs: their own, or their organisation's.
    pub fn owns(&self, owner: &Owner) -> bool {
        self.owner == *owner || matches!(owner, Owner::User(user) if *user == self.user)
    }

    /// Whether a job is theirs: they made it, or they lead the organisation that it belongs to.
    pub fn made(&self, job: &Job) -> bool {
        let leads = self.member.is_some_and(|role| role >= MemberRole::Admin);
        self.owns(&job.owner) && (job.created_by == self.user || leads)
    }

    /// Whether they may read a job: it is theirs, or shown to their organisation.
    pub fn sees(&self, job: &Job) -> bool {
        self.made(job) || (self.owns(&job.owner) && job.shared.is_some())
    }
}

/// Whose a job is: stored as `user:{id}` or `organization:{id}`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Owner {
    /// A person's own.
    User(UserId),
    /// Made in an organisation, and stays with it.
    Organization(OrganizationId),
}

impl Owner {
    /// Whether it is the one owner of a hub without accounts, who has no limits.
    pub fn is_local(&self) -> bool {
        matches!(self, Self::User(id) if id.as_str() == LOCAL)
    }

    /// The folder of the owner's files.
    pub fn folder(&self) -> String {
        match self {
            Self::User(id) => format!("users/{id}"),
            Self::Organization(id) => format!("organizations/{id}"),
        }
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(id) => write!(f, "user:{id}"),
            Self::Organization(id) => write!(f, "organization:{id}"),
        }
    }
}

impl From<Owner> for String {
    fn from(owner: Owner) -> Self {
        owner.to_string()
    }
}

impl FromStr for Owner {
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<Self, NotAnId> {
        match text.split_once(':') {
            Some(("user", id)) => Ok(Self::User(id.parse()?)),
            Some(("organization", id)) => Ok(Self::Organization(id.parse()?)),
            _ => Err(NotAnId),
        }
    }
}

impl TryFrom<String> for Owner {
    type Error = NotAnId;

    fn try_from(text: String) -> Result<Self, NotAnId> {
        text.parse()
    }
}
