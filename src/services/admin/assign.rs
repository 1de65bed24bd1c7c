//! Giving work that came from the former system without an owner to somebody. Its files stay where they are.

use super::may_set;
use crate::account::{LEGACY, User};
use crate::actor::{Actor, Owner};
use crate::admin::{Assigned, Assignment};
use crate::audit::Act;
use crate::error::{Error, Result};
use crate::id::{JobId, UserId};
use crate::job::Job;
use crate::organization::Organization;
use crate::ports::documents::{Collection, Cursor, Direction, Query};
use crate::services::Services;
use crate::services::accounts::user_key;
use crate::services::audit::{entry, noted, told};
use crate::services::organizations::organization_key;
use crate::services::store::{Committed, Stored, job_key};

/// Jobs read, and children written, at a time.
const CHUNK: u32 = 200;

/// Whether a job was of the owner in the former system that is meant, if one is.
fn was_of(job: &Job, assignment: &Assignment) -> bool {
    let of = || job.former.as_ref()?.owner.as_deref();
    assignment.former_owner.is_none() || assignment.former_owner.as_deref() == of()
}

/// The owner of what had none.
fn legacy() -> Result<Owner> {
    LEGACY.parse().map(Owner::User).map_err(Error::internal)
}

impl Services {
    /// How many jobs and batches have no owner.
    pub async fn unassigned(&self, actor: &Actor) -> Result<u32> {
        actor.administers()?;
        let query = self.legacy_jobs(10_000)?;
        self.store.count(&query).await
    }

    /// Gives work without an owner to somebody. Broken off, it is done again and goes on where it was.
    pub async fn assign(&self, actor: &Actor, assignment: Assignment) -> Result<Assigned> {
        may_set(actor)?;
        let made_by = self.receiver(&assignment.to).await?;
        let mut given = 0;
        if assignment.jobs.is_empty() {
            let mut query = self.legacy_jobs(CHUNK)?;
            loop {
                let found = self.store.query::<Job>(&query).await?;
                for job in found.iter().filter(|job| was_of(&job.value, &assignment)) {
                    self.give(actor, &job.value.id, &assignment.to, &made_by)
                        .await?;
                    given += 1;
                }
                let Some(last) = found.last().filter(|_| found.len() as u32 == CHUNK) else {
                    break;
                };
                query.after = Some(Cursor {
                    value: last.value.created_at.to_string().into(),
                    id: last.key.id.clone(),
                });
            }
        }
        for id in &assignment.jobs {
            self.give(actor, id, &assignment.to, &made_by).await?;
            given += 1;
        }
        Ok(Assigned { jobs: given })
    }

    fn legacy_jobs(&self, limit: u32) -> Result<Query> {
        let query = Query::new(Collection::Jobs, "created_at", Direction::Ascending, limit);
        Ok(query.equal("shelf", legacy()?.to_string()))
    }

    /// Who counts as having made what is given to an owner.
    async fn receiver(&self, to: &Owner) -> Result<UserId> {
        let nobody = || Error::invalid("to", "there is no such person or organisation");
        match to {
            Owner::User(id) => {
                let user = self.store.get::<User>(user_key(id)).await?;
                user.map(|user| user.value.id).ok_or_else(nobody)
            }
            Owner::Organization(id) => {
                let found = self.store.get::<Organization>(organization_key(id)).await?;
                found.map(|found| found.value.owner).ok_or_else(nobody)
            }
        }
    }

    /// The children first: until the batch itself is given, whoever tries again finds it.
    async fn give(&self, actor: &Actor, id: &JobId, to: &Owner, made_by: &UserId) -> Result<()> {
        let from = legacy()?;
        let job = self.store.get::<Job>(job_key(id)).await?;
        let mut job = job
            .filter(|job| job.value.owner == from && job.value.batch_id.is_none())
            .ok_or_else(|| {
                Error::invalid("jobs", format!("{id} is no job or batch without an owner"))
            })?;
        if job.value.batch.is_some() {
            self.give_children(id, to, made_by).await?;
        }
        let now = self.store.now().await?;
        let words = format!("{} to {to}", told(&job.value));
        let note = noted(&entry(actor, Act::Assigned, words, to, now))?;
        job.value.give(to, made_by);
        job.value.updated_at = now;
        match self.store.commit(vec![job.replaced()?, note]).await? {
            Committed::Done => {
                self.changes.job_written(&job.value);
                self.counts.forget(&from);
                self.counts.forget(to);
                Ok(())
            }
            Committed::Conflict(_) => Err(Error::conflict(
                "one of the jobs was changed meanwhile; try again",
            )),
        }
    }

    async fn give_children(&self, batch: &JobId, to: &Owner, made_by: &UserId) -> Result<()> {
        let mut query = Query::new(Collection::Children, "index", Direction::Ascending, CHUNK)
            .equal("batch_id", batch.as_str());
        loop {
            let mut children = self.store.query::<Job>(&query).await?;
            let Some(last) = children.last() else {
                return Ok(());
            };
            query.after = Some(Cursor {
                value: last.value.index.into(),
                id: last.key.id.clone(),
            });
            let writes = children.iter_mut().map(|child: &mut Stored<Job>| {
                child.value.give(to, made_by);
                child.replaced()
            });
            let writes = writes.collect::<Result<Vec<_>>>()?;
            if self.store.commit(writes).await? != Committed::Done {
                return Err(Error::conflict(
                    "the batch was changed meanwhile; try again",
                ));
            }
        }
    }
}
