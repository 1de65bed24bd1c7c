//! Dispatch: as many jobs of each model go to the gateway as it has room for, single jobs first, then the open batches in
//! turn. Models do not wait for each other.

use std::collections::{HashMap, HashSet, VecDeque};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::{StreamExt, stream};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Services;
use super::limits::TRIES;
use super::models::NO_ROOM;
use super::runs::{RETRY_AFTER_S, tell_operators};
use super::store::{self, Committed, Stored, job_key};
use crate::actor::Owner;
use crate::error::{Error, Result};
use crate::job::{Job, RunFault, State};
use crate::model::Model;
use crate::ports::compute::ComputeError;
use crate::ports::documents::{Collection, Direction, Expect, Key, Query, Range};
use crate::time::Timestamp;

mod places;
mod request;

pub(super) use places::Places;

/// Requests to the gateway in flight at once.
const IN_FLIGHT: usize = 5;
/// Open batches that take turns.
const BATCHES: u32 = 50;

/// Seconds that a gateway without room is left alone when it does not say how long.
const FULL_S: i64 = 30;

/// Owners whose queues are looked at in one turn; the next turn goes on behind them.
const OWNERS: usize = 20;

/// Whose queue was looked at last, of each model: however many owners wait, each has a turn.
#[derive(Clone, Default)]
pub(super) struct Rotation(Arc<Mutex<HashMap<Model, String>>>);

impl Rotation {
    fn behind(&self, model: Model) -> Option<String> {
        self.last().get(&model).cloned()
    }

    fn passed(&self, model: Model, owner: &Owner) {
        self.last().insert(model, owner.to_string());
    }

    fn last(&self) -> MutexGuard<'_, HashMap<Model, String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What an owner has queued of a model, and how many of their jobs are out.
struct Line {
    out: u32,
    jobs: VecDeque<Job>,
}

/// How many jobs an owner has out, and how many more may go out.
struct Standing {
    out: u32,
    left: u32,
}

/// Through which an owner's jobs go out one after the other.
#[derive(Serialize, Deserialize)]
struct Gate {
    passed_at: Timestamp,
}

impl Services {
    /// Sends what is ready, as far as there is room; whether something was sent.
    pub async fn dispatch_due(&self) -> Result<bool> {
        let now = self.store.now().await?;
        let Ok(offers) = self.offers(now).await? else {
            return Ok(false);
        };
        let mut rooms = Vec::new();
        for offer in offers.iter().filter(|offer| offer.takes_runs()) {
            let Ok(model) = offer.id.parse::<Model>() else {
                continue;
            };
            if self.offers.full_until(model, now).is_none() {
                let out = self.count_out("model", model.name().into()).await?;
                let places = offer.slots + offer.queue.min(offer.slots);
                rooms.push((out, model, places.saturating_sub(out)));
            }
        }
        // The model with the least out comes first, so that none takes all that an owner may have out.
        rooms.sort_by_key(|(out, ..)| *out);
        let mut sent = false;
        for (_, model, room) in rooms.into_iter().filter(|(.., room)| *room > 0) {
            sent |= self.dispatch_of(model, room).await?;
        }
        Ok(sent)
    }

    /// Sends what is ready of a model, at most `room`; whether something was sent.
    async fn dispatch_of(&self, model: Model, room: u32) -> Result<bool> {
        let ready = self.ready(model, room).await?;
        let results: Vec<Result<bool>> = stream::iter(ready)
            .map(|job| async move { self.dispatch(&job).await })
            .buffer_unordered(IN_FLIGHT)
            .collect()
            .await;
        let sent = results.into_iter().collect::<Result<Vec<_>>>()?;
        Ok(sent.contains(&true))
    }

    /// Jobs of a model that are ready, at most `room`: always of the owner who has the least out, so that nobody waits for
    /// all that others have queued.
    async fn ready(&self, model: Model, room: u32) -> Result<Vec<Job>> {
        let owners = self.owners_in_turn(model).await?;
        let looks = stream::iter(owners)
            .map(|owner| async move {
                let line = self.line_of(model, &owner, room).await;
                (owner, line)
            })
            .buffered(IN_FLIGHT);
        let mut looks = pin!(looks);
        let mut lines: Vec<Line> = Vec::new();
        while let Some((owner, line)) = looks.next().await {
            self.rotation.passed(model, &owner);
            lines.extend(line?);
            // Nobody who comes after them can have less out.
            if lines.iter().filter(|line| line.out == 0).count() >= room as usize {
                break;
            }
        }
        let mut ready = Vec::new();
        while ready.len() < room as usize {
            let waiting = lines.iter_mut().filter(|line| !line.jobs.is_empty());
            let Some(next) = waiting.min_by_key(|line| (line.out, line.jobs[0].created_at)) else {
                break;
            };
            next.out += 1;
            ready.extend(next.jobs.pop_front());
        }
        Ok(ready)
    }

    /// What an owner has queued of a model, if they may have more out: single jobs in their order, then children, one of
    /// each batch in turn.
    async fn line_of(&self, model: Model, owner: &Owner, room: u32) -> Result<Option<Line>> {
        let Standing { out, left } = self.standing(owner).await?;
        let most = left.min(room);
        if left == 0 {
            let now = self.store.now().await?;
            self.places.are_taken(owner, out, now);
        } else {
            self.places.have_room(owner);
        }
        if most == 0 {
            return Ok(None);
        }
        let of_owner = |limit| {
            Query::new(Collection::Jobs, "created_at", Direction::Ascending, limit)
                .equal("owner", owner.to_string())
                .equal("model", model.name())
        };
        let singles = of_owner(most).equal("state", State::Queued.name());
        let singles = self.store.query::<Job>(&singles).await?;
        let mut jobs: VecDeque<Job> = singles.into_iter().map(|job| job.value).collect();
        if jobs.len() as u32 == most {
            return Ok(Some(Line { out, jobs }));
        }
        let batches = of_owner(BATCHES).equal("dispatchable", true);
        let mut turns = Vec::new();
        for batch in self.store.query::<Job>(&batches).await? {
            if batch.value.is_cancelling() {
                continue;
            }
            let children = self.queued_children(&batch.value, most).await?;
            if children.is_empty() {
                self.rest(batch).await?;
            }
            turns.push(children.into_iter());
        }
        while (jobs.len() as u32) < most {
            let before = jobs.len();
            jobs.extend(turns.iter_mut().filter_map(Iterator::next));
            if jobs.len() == before {
                break;
            }
        }
        jobs.truncate(most as usize);
        Ok((!jobs.is_empty()).then_some(Line { out, jobs }))
    }

    /// Owners with something of a model to send, each once: some of them, those behind whom was looked at last first.
    async fn owners_in_turn(&self, model: Model) -> Result<Vec<Owner>> {
        let behind = self.rotation.behind(model);
        let mut owners = HashSet::new();
        for (field, value) in [
            ("state", State::Queued.name().into()),
            ("dispatchable", true.into()),
        ] {
            owners.extend(self.owners(model, field, value, behind.as_deref()).await?);
        }
        let mut owners: Vec<Owner> = owners.into_iter().collect();
        owners.sort_by_cached_key(|owner| {
            let name = owner.to_string();
            (behind.as_ref().is_some_and(|behind| name <= *behind), name)
        });
        owners.truncate(OWNERS);
        Ok(owners)
    }

    /// Owners of jobs of a model whose `field` is `value`, each once: after each, the index is asked for the next, from the
    /// first behind a name on and round to it.
    async fn owners(
        &self,
        model: Model,
        field: &'static str,
        value: Value,
        behind: Option<&str>,
    ) -> Result<Vec<Owner>> {
        // Nothing that stands in an owner's name comes before a space.
        let after = |name: &str| Some(Value::from(format!("{name} ")));
        let mut owners: Vec<Owner> = Vec::new();
        let round = behind.map(|behind| (None, after(behind)));
        for (mut from, until) in [(behind.and_then(after), None)].into_iter().chain(round) {
            while owners.len() < OWNERS {
                let mut query = Query::new(Collection::Jobs, "owner", Direction::Ascending, 1)
                    .equal("model", model.name())
                    .equal(field, value.clone());
                query.range = Range {
                    from,
                    until: until.clone(),
                };
                let Some(job) = self.store.query::<Job>(&query).await?.pop() else {
                    break;
                };
                from = after(&job.value.owner.to_string());
                owners.push(job.value.owner);
            }
        }
        Ok(owners)
    }

    /// How many jobs an owner has out, and how many more may go out.
    async fn standing(&self, owner: &Owner) -> Result<Standing> {
        let out = self.out_of(owner).await?;
        let left = match self.limits_of(owner).await {
            Ok(None) => u32::MAX,
            Ok(Some(limits)) => limits.running.saturating_sub(out),
            Err(Error::Forbidden(_)) => 0,
            Err(failed) => return Err(failed),
        };
        Ok(Standing { out, left })
    }

    async fn queued_children(&self, batch: &Job, most: u32) -> Result<Vec<Job>> {
        let query = Query::new(Collection::Children, "index", Direction::Ascending, most)
            .equal("batch_id", batch.id.as_str())
            .equal("state", State::Queued.name());
        Ok(self
            .store
            .query::<Job>(&query)
            .await?
            .into_iter()
            .map(|child| child.value)
            .collect())
    }

    /// A batch without a queued child is not looked at again until one is reopened. Whoever reopens one writes the
    /// batch too, so that this write then fails and the next turn looks again.
    async fn rest(&self, mut batch: Stored<Job>) -> Result<()> {
        batch.value.dispatchable = None;
        self.store.commit(vec![batch.replaced()?]).await.map(drop)
    }

    /// Claims a job and asks the gateway for its run, unless it has said meanwhile that there is no room; whether the
    /// gateway was asked and had room.
    async fn dispatch(&self, job: &Job) -> Result<bool> {
        let now = self.store.now().await?;
        if self.offers.full_until(job.model, now).is_some() {
            return Ok(false);
        }
        let Some(job) = self.claim(job).await? else {
            return Ok(false);
        };
        self.ask(&job).await?;
        Ok(self.offers.full_until(job.model, now).is_none())
    }

    /// Claims a job, unless its owner has as many out as they may. Each claim writes the owner's gate, so that of two
    /// servers that counted the same one counts again.
    async fn claim(&self, job: &Job) -> Result<Option<Job>> {
        if job.owner.is_local() {
            return self.change(&job.id, Job::claim).await;
        }
        let _turn = self.turns.of(&job.owner).await;
        let key = Key::new(Collection::Usage, format!("{}:gate", job.owner));
        for _ in 0..TRIES {
            let gate = self.store.get::<Gate>(key.clone()).await?;
            if self.standing(&job.owner).await?.left == 0 {
                return Ok(None);
            }
            let Some(mut claimed) = self.store.get::<Job>(job_key(&job.id)).await? else {
                return Ok(None);
            };
            let (before, now) = (claimed.value.clone(), self.store.now().await?);
            if claimed.value.claim(now).is_err() {
                return Ok(None);
            }
            let expect = gate.map_or(Expect::Absent, |gate| Expect::Version(gate.version));
            let passed = Gate { passed_at: now };
            let writes = vec![
                claimed.replaced()?,
                store::put(key.clone(), &passed, expect)?,
            ];
            if self.store.commit(writes).await? == Committed::Done {
                self.announce(&before, &claimed.value);
                return Ok(Some(claimed.value));
            }
        }
        Ok(None)
    }

    /// Asks for the run of a claimed job. Asking again is safe: the gateway answers for a run as it did first.
    pub(super) async fn ask(&self, job: &Job) -> Result<()> {
        let epoch = job.epoch;
        let answer = self.compute.submit(&self.run_request(job).await?).await;
        let now = self.store.now().await?;
        let change = |job: &mut Job, now: Timestamp| {
            if job.epoch != epoch {
                return Err(crate::job::Refused(job.state));
            }
            match &answer {
                Ok(_) => job.accepted(now),
                Err(ComputeError::Full { retry_after_s }) => {
                    job.postpone(NO_ROOM, full_until(*retry_after_s, now), now)
                }
                Err(ComputeError::Rejected(said)) => {
                    job.fail(RunFault::from(said.clone()), 0.0, now)
                }
                Err(ComputeError::Unavailable(_) | ComputeError::Unknown) => job.unanswered(now),
            }
        };
        match &answer {
            Err(failed @ (ComputeError::Unavailable(_) | ComputeError::Unknown)) => {
                tracing::warn!(run = job.run_id(), cause = %super::models::describe(failed), "a run could not be asked for");
                self.offers.went_down(now);
            }
            Err(ComputeError::Full { retry_after_s }) => {
                self.offers
                    .is_full(job.model, full_until(*retry_after_s, now));
            }
            Ok(_) | Err(ComputeError::Rejected(_)) => {}
        }
        let changed = self.change(&job.id, change).await?;
        tell_operators(changed.as_ref());
        if changed.is_none() && answer.is_ok() && !self.is_awaited(job).await? {
            let _ = self.compute.cancel(&job.run_id()).await;
        }
        Ok(())
    }

    /// Whether somebody still waits for the run of a claimed job. The job may have moved on while it was asked for; but
    /// another server may also have found the run meanwhile, and follow it.
    async fn is_awaited(&self, claimed: &Job) -> Result<bool> {
        let job = self.store.get::<Job>(job_key(&claimed.id)).await?;
        Ok(job.is_some_and(|job| job.value.epoch == claimed.epoch && !job.value.state.has_ended()))
    }
}

fn full_until(retry_after_s: Option<u32>, now: Timestamp) -> Timestamp {
    let asked_for_s = retry_after_s.map(|seconds| i64::from(seconds.min(RETRY_AFTER_S)));
    now.plus_seconds(asked_for_s.unwrap_or(FULL_S))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gateway_without_room_is_left_alone_as_long_as_it_says_and_no_longer_than_an_hour() {
        let now = Timestamp::from_micros(0);
        for (said, seconds) in [(None, 30), (Some(7), 7), (Some(100_000), 3_600)] {
            assert_eq!(full_until(said, now), now.plus_seconds(seconds));
        }
    }
}
