//! How the hub and the parts that it depends on stand. It knows none of them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// How something stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// As it should.
    Healthy,
    /// Nothing is lost, and something waits.
    Degraded,
    /// Nothing can be done.
    Unhealthy,
}

/// A part that the hub depends on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// How it stands.
    pub status: Standing,
    /// In words.
    pub message: String,
}

/// The hub as a whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Health {
    /// The worst of what follows.
    pub status: Standing,
    /// The hub's version.
    pub version: String,
    /// Where it runs: `development` or `production`.
    pub environment: String,
    /// The time of the database; absent when it does not answer.
    pub time: Option<Timestamp>,
    /// `database`, `storage` and `compute`.
    pub services: BTreeMap<&'static str, Part>,
}
