//! How many jobs a filter finds, remembered for a moment.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::actor::{Actor, Owner};
use crate::error::Result;
use crate::id::UserId;
use crate::list::COUNTED_TO;
use crate::search::Filters;
use crate::services::Services;

/// How many jobs a filter finds, by owner and filter, until a job of the owner moves here; for a minute at most, since
/// another server may move one.
#[derive(Clone)]
pub(in crate::services) struct CountCache {
    counts: moka::future::Cache<(UserId, u64, String), u32>,
    /// Raised with every move of an owner's job, so that older counts are not found any more.
    moves: Arc<Mutex<HashMap<Owner, u64>>>,
}

impl Default for CountCache {
    fn default() -> Self {
        let cache = moka::future::Cache::builder()
            .max_capacity(1_000)
            .time_to_live(Duration::from_secs(60));
        Self {
            counts: cache.build(),
            moves: Arc::default(),
        }
    }
}

impl CountCache {
    /// Drops what is known of an owner's jobs.
    pub fn forget(&self, owner: &Owner) {
        *self.moves().entry(owner.clone()).or_default() += 1;
    }

    fn key(&self, actor: &Actor, filters: &Filters) -> (UserId, u64, String) {
        let own = Owner::User(actor.user.clone());
        let moves = self.moves();
        let of = |owner: &Owner| moves.get(owner).copied().unwrap_or_default();
        let moved = of(&actor.owner).wrapping_add(of(&own));
        (
            actor.user.clone(),
            moved,
            format!("{} {:?}", actor.owner, filters.to_query()),
        )
    }

    fn moves(&self) -> MutexGuard<'_, HashMap<Owner, u64>> {
        self.moves.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Services {
    /// How many jobs the filters find, counted to [`COUNTED_TO`] and one.
    pub(super) async fn count(&self, actor: &Actor, filters: &Filters) -> Result<u32> {
        let key = self.counts.key(actor, filters);
        if let Some(count) = self.counts.counts.get(&key).await {
            return Ok(count);
        }
        let mut query = self.filtered(actor, filters, false);
        query.limit = COUNTED_TO + 1;
        let count = self.store.count(&query).await?;
        self.counts.counts.insert(key, count).await;
        Ok(count)
    }
}
