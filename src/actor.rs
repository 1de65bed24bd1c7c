//! Who acts, and whose things are whose.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::id::{NotAnId, OrganizationId, UserId};

/// Whoever asks for something. The first parameter of every use case, and checked before anything is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// The person.
    pub user: UserId,
    /// Whose name new work is stored under, and whose work is listed.
    pub owner: Owner,
}

impl Actor {
    /// The one person of a hub that runs on one machine without accounts.
    pub fn local() -> Self {
        let user: UserId = "local".parse().expect("a constant id");
        Self {
            owner: Owner::User(user.clone()),
            user,
        }
    }

    /// Whether a thing of this owner may be read and changed.
    pub fn owns(&self, owner: &Owner) -> bool {
        self.owner == *owner
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
