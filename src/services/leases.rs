//! Leases: duties that one server does at a time. A lost lease costs delay and never correctness: every write is guarded
//! by the version of what it changes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use serde::{Deserialize, Serialize};

use super::Services;
use super::store::{self, Committed};
use crate::error::Result;
use crate::id::random_text;
use crate::ports::documents::{Collection, Expect, Key};
use crate::time::Timestamp;

/// Seconds that a lease is held without being renewed.
const HELD_S: i64 = 20;
/// Seconds before its end at which a lease is renewed.
const RENEWED_S: i64 = 10;

/// A lease as it is stored.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Lease {
    holder: String,
    until: Timestamp,
}

/// The leases of this server.
#[derive(Clone)]
pub(super) struct Leases {
    holder: Arc<str>,
    held: Arc<Mutex<HashMap<String, Timestamp>>>,
}

impl Default for Leases {
    fn default() -> Self {
        Self {
            holder: random_text().into(),
            held: Arc::default(),
        }
    }
}

impl Leases {
    fn held(&self) -> std::sync::MutexGuard<'_, HashMap<String, Timestamp>> {
        self.held
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Services {
    /// Whether this server may do a duty now: it holds the lease, renews it, or takes one that nobody holds.
    pub(super) async fn leads(&self, duty: &str) -> Result<bool> {
        let now = self.store.now().await?;
        if self
            .leases
            .held()
            .get(duty)
            .is_some_and(|until| now < until.plus_seconds(-RENEWED_S))
        {
            return Ok(true);
        }
        let key = Key::new(Collection::Leases, duty);
        let stored = self.store.get::<Lease>(key.clone()).await?;
        if stored.as_ref().is_some_and(|lease| {
            *lease.value.holder != *self.leases.holder && now < lease.value.until
        }) {
            self.leases.held().remove(duty);
            return Ok(false);
        }
        let lease = Lease {
            holder: self.leases.holder.to_string(),
            until: now.plus_seconds(HELD_S),
        };
        let expect = stored.map_or(Expect::Absent, |lease| Expect::Version(lease.version));
        let taken = self
            .store
            .commit(vec![store::put(key, &lease, expect)?])
            .await?
            == Committed::Done;
        let mut held = self.leases.held();
        if taken {
            held.insert(duty.to_owned(), lease.until);
            held.retain(|_, until| now < *until);
        } else {
            held.remove(duty);
        }
        Ok(taken)
    }
}
