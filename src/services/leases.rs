//! Leases: duties that one server does at a time. A lost lease costs delay and never correctness: every write is guarded
//! by the version of what it changes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use serde::{Deserialize, Serialize};

use super::Services;
use super::store::{self, Committed};
use crate::error::Result;
use crate::id::{JobId, random_text};
use crate::ports::documents::{Collection, Expect, Key};
use crate::time::Timestamp;

/// Something that one server does at a time.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Duty {
    /// Looking at what is due.
    Poll,
    /// Removing what has expired.
    Sweep,
    /// Summing up a batch.
    RollUp(JobId),
}

impl Duty {
    pub(super) fn key(&self) -> Key {
        let id = match self {
            Self::Poll => "poll".to_owned(),
            Self::Sweep => "sweep".to_owned(),
            Self::RollUp(batch) => format!("roll-up-{batch}"),
        };
        Key::new(Collection::Leases, id)
    }

    /// Seconds that a lease is held without being renewed; it is renewed when half of them are over. Others wait for a
    /// batch to be summed up, and see it.
    fn held_s(&self) -> i64 {
        match self {
            Self::Poll | Self::Sweep => 20,
            Self::RollUp(_) => 4,
        }
    }
}

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
    held: Arc<Mutex<HashMap<Duty, Timestamp>>>,
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
    fn held(&self) -> std::sync::MutexGuard<'_, HashMap<Duty, Timestamp>> {
        self.held
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Services {
    /// Whether this server may do a duty now: it holds the lease, renews it, or takes one that nobody holds.
    pub(super) async fn leads(&self, duty: &Duty) -> Result<bool> {
        let now = self.store.now().await?;
        let renewed_s = duty.held_s() / 2;
        if self
            .leases
            .held()
            .get(duty)
            .is_some_and(|until| now < until.plus_seconds(-renewed_s))
        {
            return Ok(true);
        }
        let stored = self.store.get::<Lease>(duty.key()).await?;
        if stored
            .as_ref()
            .is_some_and(|lease| !self.is_ours(&lease.value) && now < lease.value.until)
        {
            self.leases.held().remove(duty);
            return Ok(false);
        }
        let lease = Lease {
            holder: self.leases.holder.to_string(),
            until: now.plus_seconds(duty.held_s()),
        };
        let expect = stored.map_or(Expect::Absent, |lease| Expect::Version(lease.version));
        let taken = self
            .store
            .commit(vec![store::put(duty.key(), &lease, expect)?])
            .await?
            == Committed::Done;
        let mut held = self.leases.held();
        if taken {
            held.insert(duty.clone(), lease.until);
            held.retain(|_, until| now < *until);
        } else {
            held.remove(duty);
        }
        Ok(taken)
    }

    /// Leaves the duties of this server to the others, who need not wait then until its leases have ended.
    pub async fn resign(&self) -> Result<()> {
        let held: Vec<Duty> = self.leases.held().drain().map(|(duty, _)| duty).collect();
        for duty in held {
            let stored = self.store.get::<Lease>(duty.key()).await?;
            if let Some(lease) = stored.filter(|lease| self.is_ours(&lease.value)) {
                self.store.commit(vec![lease.deleted()]).await.map(drop)?;
            }
        }
        Ok(())
    }

    fn is_ours(&self, lease: &Lease) -> bool {
        *lease.holder == *self.leases.holder
    }
}
