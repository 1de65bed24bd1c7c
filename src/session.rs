//! How somebody is known after they signed in: sessions of browsers and keys of programs.

use serde::{Deserialize, Serialize};

use crate::id::{KeyId, SessionId, UserId};
use crate::time::Timestamp;

/// Seconds that a session holds.
pub const SESSION_S: i64 = 24 * 3_600;

/// Where a request comes from, as far as it is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Visitor {
    /// The address of the machine.
    pub address: String,
    /// The network that one client has to itself: of IPv6 the first 64 bits.
    pub network: String,
    /// What the program calls itself, at most 200 characters.
    pub agent: String,
}

/// A sign-in that holds until it ends or is revoked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Session {
    /// The layout of this record, 1.
    pub schema: u32,
    /// Its id, the `jti` of its token.
    pub id: SessionId,
    /// Whose it is.
    pub user: UserId,
    /// Since when.
    pub created_at: Timestamp,
    /// Until when.
    pub expires_at: Timestamp,
    /// When it was ended before its time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Timestamp>,
    /// The address it was begun from.
    pub address: String,
    /// The program it was begun with.
    pub agent: String,
}

/// What a key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyScope {
    /// Reading only.
    Read,
    /// Reading, submitting and changing.
    Write,
}

/// A key of a program. It is stored under the hash of its text, which only its owner has.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ApiKey {
    /// The layout of this record, 1.
    pub schema: u32,
    /// Its id, by which it is listed and removed.
    pub id: KeyId,
    /// Whose it is.
    pub user: UserId,
    /// What its owner calls it, 1 to 100 characters.
    pub name: String,
    /// What it is for.
    pub scope: KeyScope,
    /// When it was made.
    pub created_at: Timestamp,
    /// Until when it holds; for good when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// When it was used last, to the minute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used_at: Option<Timestamp>,
}
