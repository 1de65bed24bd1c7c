//! What is due: every job that somebody must look at has a time, and whoever comes by after it looks. Nothing is kept in
//! memory that a killed server would take with it.

use futures::{StreamExt, stream};

use super::Services;
use super::store::Stored;
use crate::error::Result;
use crate::job::{Job, Kind, State};
use crate::ports::documents::{Collection, Direction, Expect, Query, Write};

/// Due jobs that are read at once.
const READ: u32 = 20;
/// Requests to the gateway in flight at once.
const IN_FLIGHT: usize = 5;
/// Expired records that are removed at once.
const SWEPT: u32 = 200;

impl Services {
    /// Looks at what is due, at most some; whether there may be more.
    pub async fn poll_due(&self) -> Result<bool> {
        let now = self.store.now().await?;
        let mut more = false;
        for collection in [Collection::Jobs, Collection::Children] {
            let query =
                Query::new(collection, "due_at", Direction::Ascending, READ).until(now.to_string());
            let due = self.store.query::<Job>(&query).await?;
            more |= due.len() as u32 == READ;
            let looks = stream::iter(due)
                .map(|job| async move { (job.value.id.clone(), self.look_at(job).await) });
            let looks: Vec<_> = looks.buffer_unordered(IN_FLIGHT).collect().await;
            for (id, look) in looks {
                if let Err(error) = look {
                    more = false;
                    tracing::error!(%id, ?error, "a due job could not be looked at");
                }
            }
        }
        Ok(more)
    }

    async fn look_at(&self, job: Stored<Job>) -> Result<()> {
        let job = job.value;
        match (job.kind, job.state) {
            (Kind::Batch, _) => self.look_at_batch(&job).await,
            (_, State::Waiting) => self.change(&job.id, Job::wake).await.map(drop),
            _ => self.look_after(&job).await,
        }
    }

    async fn look_at_batch(&self, batch: &Job) -> Result<()> {
        if batch.batch.as_ref().is_some_and(|state| !state.sealed) {
            return self.complete_batch(batch).await;
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
        let now = self.store.now().await?;
        let mut more = false;
        for collection in [
            Collection::Drafts,
            Collection::Idempotency,
            Collection::Sessions,
            Collection::SignIns,
            Collection::Invitations,
        ] {
            let query = Query::new(collection, "expires_at", Direction::Ascending, SWEPT)
                .until(now.to_string());
            let expired = self.store.query::<serde_json::Value>(&query).await?;
            more |= expired.len() as u32 == SWEPT;
            if collection == Collection::Drafts {
                self.delete_draft_files(&expired).await?;
            }
            let deletes = expired
                .into_iter()
                .map(|record| Write::Delete {
                    key: record.key,
                    expect: Expect::Version(record.version),
                })
                .collect::<Vec<_>>();
            if !deletes.is_empty() {
                self.store.commit(deletes).await?;
            }
        }
        Ok(more)
    }
}
