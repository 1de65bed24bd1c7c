//! Reading and changing jobs: who may, and how a change is made so that the quicker of two never loses the other's.

use std::collections::BTreeMap;

use super::Services;
use super::audit::noted;
use super::limits::settled;
use super::store::{CHUNK, Committed, Stored, job_key};
use crate::actor::Actor;
use crate::audit::{Act, Entry};
use crate::error::{Error, Result};
use crate::id::JobId;
use crate::job::{Job, Refused, State};
use crate::ports::documents::{Key, Write};
use crate::time::Timestamp;

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
            .filter(|job| actor.owns(&job.value.owner) || actor.is_admin())
            .ok_or(Error::NotFound)?;
        if actor.sees(&job.value) {
            return Ok(job);
        }
        // A child is shown with its batch.
        let batch = match &job.value.batch_id {
            Some(batch) => self.store.get::<Job>(job_key(batch)).await?,
            None => None,
        };
        if batch.is_some_and(|batch| actor.sees(&batch.value)) {
            return Ok(job);
        }
        actor.administers()?;
        self.note_admin(actor, Act::ReadAsAdmin, &job.value).await?;
        Ok(job)
    }

    /// A job that the actor may change.
    pub(super) async fn own(&self, actor: &Actor, id: &JobId) -> Result<Stored<Job>> {
        let job = self.owned(actor, id).await?;
        // What a viewer of an organisation made for themselves is theirs all the same.
        if actor.key.is_some() || job.value.owner == actor.owner {
            actor.may_write()?;
        }
        if actor.made(&job.value) {
            return Ok(job);
        }
        if actor.is_admin() {
            self.note_admin(actor, Act::ChangedAsAdmin, &job.value)
                .await?;
            return Ok(job);
        }
        Err(Error::forbidden(
            "it is shown to you, and belongs to a colleague: whoever made it may change it, and the admins of your \
             organisation",
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

    /// Like [`Self::change`], with an entry of the audit log in the same commit when something changes.
    pub(super) async fn change_noted(
        &self,
        id: &JobId,
        change: impl Fn(&mut Job, Timestamp) -> Result<(), Refused>,
        entry: &Entry,
    ) -> Result<Option<Job>> {
        self.change_with(id, change, |_, _| {}, Some(entry)).await
    }

    /// Like [`Self::change`]; when the job is a child and becomes ready, `ready` changes its batch in the same commit, so
    /// that the dispatcher cannot miss it.
    pub(super) async fn change_with_batch(
        &self,
        id: &JobId,
        change: impl Fn(&mut Job, Timestamp) -> Result<(), Refused>,
        ready: impl Fn(&mut Job, Timestamp),
    ) -> Result<Option<Job>> {
        self.change_with(id, change, ready, None).await
    }

    async fn change_with(
        &self,
        id: &JobId,
        change: impl Fn(&mut Job, Timestamp) -> Result<(), Refused>,
        ready: impl Fn(&mut Job, Timestamp),
        entry: Option<&Entry>,
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
            writes.extend(self.moved(&before, &job.value).await?);
            writes.extend(entry.map(noted).transpose()?);
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
        Err(Error::conflict(
            "too many changes of this job at once; try again",
        ))
    }

    /// Ends children of one batch, as many in a commit as the store takes; those that somebody else changes meanwhile
    /// are ended one by one.
    pub(super) async fn end_children(
        &self,
        children: Vec<Stored<Job>>,
        end: impl Fn(&mut Job, Timestamp) -> Result<(), Refused>,
    ) -> Result<()> {
        for chunk in children.chunks(CHUNK) {
            if !self.end_chunk(chunk, &end).await? {
                for child in chunk {
                    self.change(&child.value.id, &end).await?;
                }
            }
        }
        Ok(())
    }

    /// Ends children in one commit; `false` when somebody was quicker with one of them.
    async fn end_chunk(
        &self,
        chunk: &[Stored<Job>],
        end: &impl Fn(&mut Job, Timestamp) -> Result<(), Refused>,
    ) -> Result<bool> {
        let now = self.store.now().await?;
        let (mut writes, mut settlements, mut changed) = (Vec::new(), Vec::new(), Vec::new());
        for child in chunk {
            let mut after = child.clone();
            if end(&mut after.value, now).is_err() || after.value == child.value {
                continue;
            }
            writes.push(after.replaced()?);
            settlements.extend(settled(&child.value, &after.value));
            changed.push((&child.value, after.value));
        }
        writes.extend(summed(settlements));
        if !writes.is_empty() && self.store.commit(writes).await? != Committed::Done {
            return Ok(false);
        }
        for (before, after) in &changed {
            self.announce(before, after);
        }
        Ok(true)
    }

    /// Wakes whoever watches the job, and the dispatcher when a slot is free or a job is ready.
    pub(super) fn announce(&self, before: &Job, after: &Job) {
        let out = |job: &Job| State::OUT.contains(&job.state);
        if (out(before) && !out(after))
            || (after.state == State::Queued && before.state != State::Queued)
        {
            self.changes.work_appeared();
        }
        let moved = before.status != after.status
            || before.shared != after.shared
            || before.terms != after.terms;
        if moved && after.batch_id.is_none() {
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
