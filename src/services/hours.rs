//! Hours of runs, counted by model and month in the commit that a run ends with, and what admins allow of them.

use serde::{Deserialize, Serialize};

use super::Services;
use super::store::Store;
use crate::admin::ModelSettings;
use crate::error::Result;
use crate::job::{Job, State};
use crate::model::Model;
use crate::ports::documents::{Collection, Key, Write};
use crate::time::Timestamp;

/// Records that the runs of one model and month are spread over, so that many may end at once.
const SHARDS: u32 = 16;
/// Seconds that a sum is taken for true.
const KEPT_S: i64 = 300;
const HOUR_MS: f64 = 3_600_000.0;

/// A part of the time that runs took.
#[derive(Serialize, Deserialize)]
struct Part {
    #[serde(default)]
    run_ms: i64,
}

/// Sums of hours by model and month, each with the time until which it is taken for true.
#[derive(Clone)]
pub(super) struct Hours {
    store: Store,
    sums: moka::future::Cache<(Model, String), (f64, Timestamp)>,
}

fn part_key(model: Model, at: Timestamp, shard: u32) -> Key {
    Key::new(
        Collection::Usage,
        format!("hours:{model}:{}:{shard:02}", at.month()),
    )
}

/// The record of what was set of a model.
pub(super) fn settings_key(model: Model) -> Key {
    Key::new(Collection::Models, model.name())
}

/// Milliseconds that a run took which this change ends: by the gateway's word, else since it took the run.
pub(super) fn run_ms(before: &Job, after: &Job) -> Option<i64> {
    let out = |job: &Job| State::OUT.contains(&job.state);
    let began = before.started_at.filter(|_| out(before) && !out(after))?;
    let told = after.attempts.last().and_then(|attempt| attempt.run_s);
    Some(told.map_or_else(
        || after.updated_at.millis_since(began) as i64,
        |seconds| (seconds * 1_000.0) as i64,
    ))
}

/// Adds to what the runs of the job's model took in the month of its end.
pub(super) fn added(job: &Job, run_ms: i64) -> Write {
    let shard = job.id.as_str().bytes().map(u32::from).sum::<u32>() % SHARDS;
    Write::Add {
        key: part_key(job.model, job.updated_at, shard),
        amounts: vec![("run_ms", run_ms)],
    }
}

impl Hours {
    pub fn new(store: Store) -> Self {
        Self {
            store,
            sums: moka::future::Cache::new(100),
        }
    }

    /// Hours that the runs of a model took in the month of a time, to a few minutes.
    pub async fn of(&self, model: Model, at: Timestamp) -> Result<f64> {
        let known = (model, at.month());
        if let Some((hours, until)) = self.sums.get(&known).await
            && at < until
        {
            return Ok(hours);
        }
        let keys: Vec<Key> = (0..SHARDS)
            .map(|shard| part_key(model, at, shard))
            .collect();
        let parts = self.store.get_many::<Part>(&keys).await?;
        let run_ms: i64 = parts
            .into_iter()
            .flatten()
            .map(|part| part.value.run_ms)
            .sum();
        let hours = run_ms as f64 / HOUR_MS;
        let until = at.plus_seconds(KEPT_S);
        self.sums.insert(known, (hours, until)).await;
        Ok(hours)
    }
}

impl Services {
    /// What admins set of a model.
    pub(super) async fn settings_of(&self, model: Model) -> Result<ModelSettings> {
        let found = self.store.get(settings_key(model)).await?;
        Ok(found.map(|found| found.value).unwrap_or_default())
    }
}
