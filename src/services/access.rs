//! Reading and changing jobs: who may, and how a change is made so that the quicker of two never loses the other's.

use std::collections::BTreeMap;

use super::Services;
use super::store::{Committed, Stored, job_key};
use crate::actor::{Actor, Owner};
use crate::error::{Error, Result};
use crate::id::JobId;
use crate::job::{Hold, Job, Refused, State};
use crate::ports::documents::{Collection, Key, Write};
use crate::time::Timestamp;

/// Children changed in one commit.
const CHUNK: usize = 200;
/// How often a change is tried again when somebody was quicker.
const TRIES: u32 = 12;

impl Services {
    /// The time of the store.
    pub async fn now(&self) -> Result<Timestamp> {
        self.store.now().await
    }

    /// A job that the actor may read; any other is as if it were not there.
    pub(super) async fn owned(&self, actor: &Actor, id: &JobId) -> Result<Stored<Job>> {
        let job = self.store.get::<Job>(job_key(id)).await?;
        let job = job
            .filter(|job| actor.owns(&job.value.owner))
            .ok_or(Error::NotFound)?;
        if actor.sees(&job.value) {
            return Ok(job);
        }
        // A child is shown with its batch.
        let batch = match &job.value.batch_id {
            Some(batch) => self.store.get::<Job>(job_key(batch)).await?,
            None => None,
        };
        batch
            .filter(|batch| actor.sees(&batch.value))
            .map(|_| job)
            .ok_or(Error::NotFound)
    }

    /// A job that the actor may change.
    pub(super) async fn own(&self, actor: &Actor, id: &JobId) -> Result<Stored<Job>> {
        actor.may_write()?;
        let job = self.owned(actor, id).await?;
        if actor.made(&job.value) {
            return Ok(job);
        }
        Err(Error::Forbidden(
            "it is shown to you, and belongs to a colleague: whoever made it may change it, and the admins of your \
             organisation"
                .to_owned(),
        ))
    }

    /// A batch of the actor's.
    pub(super) async fn owned_batch(&self, actor: &Actor, id: &JobId) -> Result<Stored<Job>> {
        let job = self.owned(actor, id).await?;
        if job.value.batch.is_some() {
            Ok(job)
        } else {
            Err(Error::NotFound)
        }
    }

    /// Changes a job as it stands in the store, together with what its hold moves. `None` when the job is gone or the
    /// change is refused: it has moved on, and what was to be done is void.
    pub(super) async fn change(
        &self,
        id: &JobId,
        change: impl Fn(&mut Job, Timestamp) -> Result<(), Refused>,
    ) -> Result<Option<Job>> {
        self.change_with_batch(id, change, |_, _| {}).await
    }

    /// Like [`Self::change`]; when the job is a child and becomes ready, `ready` changes its batch in the same commit, so
    /// that the dispatcher cannot miss it.
    pub(super) async fn change_with_batch(
        &self,
        id: &JobId,
        change: impl Fn(&mut Job, Timestamp) -> Result<(), Refused>,
        ready: impl Fn(&mut Job, Timestamp),
    ) -> Result<Option<Job>> {
        for _ in 0..TRIES {
            let Some(mut job) = self.store.get::<Job>(job_key(id)).await? else {
                return Ok(None);
            };
            let (before, now) = (job.value.clone(), self.store.now().await?);
            if change(&mut job.value, now).is_err() {
                return Ok(None);
            }
            if job.value == before {
                return Ok(Some(job.value));
            }
            let mut writes = vec![job.replaced()?];
            writes.extend(settled(&before, &job.value));
            if let (State::Queued, Some(batch)) = (job.value.state, &job.value.batch_id) {
                let mut batch = self
                    .store
                    .get::<Job>(job_key(batch))
                    .await?
                    .ok_or(Error::NotFound)?;
                ready(&mut batch.value, now);
                batch.value.dispatchable = Some(true);
                writes.push(batch.replaced()?);
            }
            if self.store.commit(writes).await? == Committed::Done {
                self.announce(&before, &job.value);
                return Ok(Some(job.value));
            }
        }
        Err(Error::Conflict(
            "too many changes of this job at once; try again".to_owned(),
        ))
    }

    /// Changes children of one batch, as many in a commit as the store takes; those that somebody else changes meanwhile
    /// are changed one by one. Gives the children that were changed, as they are now.
    pub(super) async fn change_children(
        &self,
        children: Vec<Stored<Job>>,
        change: impl Fn(&mut Job, Timestamp) -> Result<(), Refused>,
        ready: impl Fn(&mut Job, Timestamp),
    ) -> Result<Vec<Job>> {
        let mut changed = Vec::new();
        for chunk in children.chunks(CHUNK) {
            match self.change_chunk(chunk, &change, &ready).await? {
                Some(done) => changed.extend(done),
                None => {
                    for child in chunk {
                        changed.extend(
                            self.change_with_batch(&child.value.id, &change, &ready)
                                .await?,
                        );
                    }
                }
            }
        }
        Ok(changed)
    }

    /// Changes children in one commit; `None` when somebody was quicker with one of them.
    async fn change_chunk(
        &self,
        chunk: &[Stored<Job>],
        change: &impl Fn(&mut Job, Timestamp) -> Result<(), Refused>,
        ready: &impl Fn(&mut Job, Timestamp),
    ) -> Result<Option<Vec<Job>>> {
        let now = self.store.now().await?;
        let (mut writes, mut settlements, mut changed) = (Vec::new(), Vec::new(), Vec::new());
        for child in chunk {
            let mut after = child.clone();
            if change(&mut after.value, now).is_err() || after.value == child.value {
                continue;
            }
            writes.push(after.replaced()?);
            settlements.extend(settled(&child.value, &after.value));
            changed.push((&child.value, after.value));
        }
        if let Some((_, child)) = changed
            .iter()
            .find(|(_, after)| after.state == State::Queued)
        {
            let batch = child
                .batch_id
                .as_ref()
                .ok_or_else(|| Error::internal("a child without a batch"))?;
            let mut batch = self
                .store
                .get::<Job>(job_key(batch))
                .await?
                .ok_or(Error::NotFound)?;
            ready(&mut batch.value, now);
            batch.value.dispatchable = Some(true);
            writes.push(batch.replaced()?);
        }
        writes.extend(summed(settlements));
        if !writes.is_empty() && self.store.commit(writes).await? != Committed::Done {
            return Ok(None);
        }
        for (before, after) in &changed {
            self.announce(before, after);
        }
        Ok(Some(changed.into_iter().map(|(_, after)| after).collect()))
    }

    /// Wakes whoever watches the job, and the dispatcher when a slot is free or a job is ready.
    pub(super) fn announce(&self, before: &Job, after: &Job) {
        let out = |job: &Job| State::OUT.contains(&job.state);
        if (out(before) && !out(after))
            || (after.state == State::Queued && before.state != State::Queued)
        {
            self.changes.work_appeared();
        }
        if before.status != after.status && after.batch_id.is_none() {
            self.counts.forget(&after.owner);
        }
        self.changes.job_written(after);
    }
}

/// Additions to the same record as one, since a commit writes a record once.
fn summed(additions: Vec<Write>) -> Vec<Write> {
    let mut sums: BTreeMap<Key, Vec<(&'static str, i64)>> = BTreeMap::new();
    for addition in additions {
        let Write::Add { key, amounts } = addition else {
            continue;
        };
        let sum = sums.entry(key).or_default();
        for (field, amount) in amounts {
            match sum.iter_mut().find(|(name, _)| *name == field) {
                Some((_, total)) => *total += amount,
                None => sum.push((field, amount)),
            }
        }
    }
    sums.into_iter()
        .map(|(key, amounts)| Write::Add { key, amounts })
        .collect()
}

/// The quota record of an owner and a UTC day.
pub(super) fn usage_key(owner: &Owner, accepted_at: Timestamp) -> Key {
    Key::new(Collection::Usage, format!("{owner}:{}", accepted_at.day()))
}

/// Takes units of quota, in the commit that accepts the work.
pub(super) fn held(owner: &Owner, accepted_at: Timestamp, units: u32) -> Write {
    Write::Add {
        key: usage_key(owner, accepted_at),
        amounts: vec![("held", i64::from(units))],
    }
}

/// Moves a job's unit of quota, in the commit that ends or reopens it.
pub(super) fn settled(before: &Job, after: &Job) -> Option<Write> {
    let (Some(from), Some(to)) = (before.hold, after.hold) else {
        return None;
    };
    if from == to {
        return None;
    }
    let field = |hold: Hold| match hold {
        Hold::Held => "held",
        Hold::Charged => "charged",
        Hold::Refunded => "refunded",
    };
    // What was charged or refunded stays on the books: a retry is a new unit.
    let amounts = if from == Hold::Held {
        vec![("held", -1), (field(to), 1)]
    } else {
        vec![(field(to), 1)]
    };
    Some(Write::Add {
        key: usage_key(&after.owner, after.created_at),
        amounts,
    })
}
