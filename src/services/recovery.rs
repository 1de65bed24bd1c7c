//! What is due: every job that somebody must look at has a time, and whoever comes by after it looks. Nothing is kept in
//! memory that a killed server would take with it.

use futures::{StreamExt, stream};
use serde_json::Value;

use super::Services;
use super::leases::Duty;
use super::store::Stored;
use super::unclaimed::Unclaimed;
use crate::draft::Draft;
use crate::error::Result;
use crate::job::{Job, Kind, State};
use crate::ports::documents::{Collection, Direction, Query};

/// Due jobs that are read at once.
const READ: u32 = 20;
/// Requests to the gateway in flight at once.
const IN_FLIGHT: usize = 5;
/// Expired records that are removed at once.
const SWEPT: u32 = 200;

impl Services {
    /// Looks at what is due, at most some, if no other server does; whether there may be more.
    pub async fn poll_due(&self) -> Result<bool> {
        if !self.leads(&Duty::Poll).await? {
            return Ok(false);
        }
        let now = self.store.now().await?;
        let mut more = false;
        for collection in [Collection::Jobs, Collection::Children] {
            let query =
                Query::new(collection, "due_at", Direction::Ascending, READ).until(now.to_string());
            let due = self.store.query::<Job>(&query).await?;
            let is_full = due.len() as u32 == READ;
            let looks = stream::iter(due).map(|job| self.look_at_or_later(job.value));
            let looks: Vec<bool> = looks.buffer_unordered(IN_FLIGHT).collect().await;
            more |= is_full && looks.contains(&true);
        }
        Ok(more)
    }

    /// Looks at a due job; whether there was something to look at. One that cannot be looked at makes room for the others.
    async fn look_at_or_later(&self, job: Job) -> bool {
        let id = job.id.clone();
        let error = match self.look_at(job).await {
            Ok(looked) => return looked,
            Err(error) => error,
        };
        tracing::error!(%id, ?error, "a due job could not be looked at");
        if let Err(error) = self.change(&id, Job::look_later).await {
            tracing::error!(%id, ?error, "and could not be put off");
        }
        false
    }

    /// Whether this server had to look at it.
    async fn look_at(&self, job: Job) -> Result<bool> {
        match (job.kind, job.state) {
            (Kind::Batch, _) => return self.look_at_batch(&job).await,
            (_, State::Waiting) => self.change(&job.id, Job::wake).await.map(drop)?,
            _ => self.look_after(&job).await?,
        }
        Ok(true)
    }

    async fn look_at_batch(&self, batch: &Job) -> Result<bool> {
        if batch.batch.as_ref().is_some_and(|state| !state.sealed) {
            self.complete_batch(batch).await?;
            return Ok(true);
        }
        if batch
            .batch
            .as_ref()
            .is_some_and(|state| state.reopening.is_some())
        {
            self.reopen_children(&batch.id).await?;
        }
        if batch.is_cancelling() {
            self.cancel_children(&batch.id).await?;
        }
        self.roll_up(&batch.id).await
    }

    /// Removes what is kept for a time only and whose time is over; whether there may be more.
    pub async fn sweep(&self) -> Result<bool> {
        if !self.leads(&Duty::Sweep).await? {
            return Ok(false);
        }
        let now = self.store.now().await?;
        let mut more = false;
        for collection in [
            Collection::Drafts,
            Collection::Unclaimed,
            Collection::Idempotency,
            Collection::Sessions,
            Collection::SignIns,
            Collection::Invitations,
            Collection::Shares,
        ] {
            let query = Query::new(collection, "expires_at", Direction::Ascending, SWEPT)
                .until(now.to_string());
            let expired = self.store.query::<Value>(&query).await?;
            more |= expired.len() as u32 == SWEPT;
            for record in &expired {
                self.remove_with(record).await?;
            }
            let deletes: Vec<_> = expired.iter().map(Stored::deleted).collect();
            if !deletes.is_empty() {
                self.store.commit(deletes).await.map(drop)?;
            }
        }
        Ok(more)
    }

    /// Removes what is forgotten with a record, when there is something.
    async fn remove_with(&self, expired: &Stored<Value>) -> Result<()> {
        let value = expired.value.clone();
        match expired.key.collection {
            Collection::Drafts => {
                if let Ok(draft) = serde_json::from_value::<Draft>(value) {
                    self.delete_folder(&draft.folder()).await?;
                }
            }
            Collection::Unclaimed => {
                if let Ok(note) = serde_json::from_value::<Unclaimed>(value) {
                    self.remove_unclaimed(&note).await?;
                }
            }
            _ => {}
        }
        Ok(())
    }
}
