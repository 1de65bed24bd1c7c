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
use crate::ports::documents::{Collection, Direction, Expect, Query, Write};

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
        self.roll_up(&batch.id).await.map(drop)
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
            for folder in expired.iter().filter_map(folder_of) {
                self.delete_folder(&folder).await?;
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

/// Where the files lie that are forgotten with a record, when it has some.
fn folder_of(expired: &Stored<Value>) -> Option<String> {
    let value = expired.value.clone();
    match expired.key.collection {
        Collection::Drafts => serde_json::from_value::<Draft>(value)
            .ok()
            .map(|draft| draft.folder()),
        Collection::Unclaimed => serde_json::from_value::<Unclaimed>(value)
            .ok()
            .map(|note| note.folder),
        _ => None,
    }
}
