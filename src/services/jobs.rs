//! One job or batch: read, rename, cancel, delete.

use super::Services;
use super::audit::{entry, noted, told};
use super::store::{Committed, Stored};
use crate::actor::Actor;
use crate::audit::Act;
use crate::error::{Error, Result};
use crate::id::JobId;
use crate::input::Input;
use crate::job::{Job, JobSummary, Kind, State, Status};
use crate::ligand::check_name;
use crate::list::{JobDetail, JobRow};
use crate::metric::{self, Metric, Metrics};
use crate::ports::documents::{Collection, Direction, Query};
use crate::time::Timestamp;

impl Services {
    /// A job, batch or child in full.
    pub async fn job(&self, actor: &Actor, id: &JobId) -> Result<JobDetail> {
        let mut job = self.owned(actor, id).await?.value;
        if let (Some(batch), Input::Child { ligand }) = (&job.batch_id, &job.input) {
            let batch = self.owned_batch(actor, batch).await?.value;
            let target = batch
                .input
                .target()
                .cloned()
                .ok_or_else(|| Error::internal("a batch without a target"))?;
            job.input = Input::Single {
                target,
                ligand: ligand.clone(),
            };
        }
        let mut row = self.row(&job);
        row.error = job.error_with_log();
        Ok(JobDetail {
            row,
            metrics: all_metrics(&job),
            timings: job.batch.as_ref().and_then(|batch| batch.timings),
            columns: job.batch.map(|batch| batch.columns).unwrap_or_default(),
            input: job.input,
            parameters: job.parameters,
            estimate_s: job.estimate_s,
            source_id: job.source_id,
            files: job.files,
            attempts: job.attempts,
            provenance: job.provenance,
        })
    }

    /// A batch in full; what is no batch is not found.
    pub async fn batch(&self, actor: &Actor, id: &JobId) -> Result<JobDetail> {
        self.owned_batch(actor, id).await?;
        self.job(actor, id).await
    }

    /// Gives a job or batch another name.
    pub async fn rename(&self, actor: &Actor, id: &JobId, name: &str) -> Result<JobRow> {
        self.own(actor, id).await?;
        let name = name.trim();
        check_name(name, 200)
            .map_err(|message| Error::invalid("name", format!("the name {message}")))?;
        let renamed = self
            .change(id, |job, now| {
                job.name = name.to_owned();
                job.updated_at = now;
                if job.kind != Kind::Child {
                    job.index_texts();
                }
                Ok(())
            })
            .await?;
        renamed.map(|job| self.row(&job)).ok_or(Error::NotFound)
    }

    /// Asks a job, or every unfinished child of a batch, to end. Changes nothing where all has ended.
    pub async fn cancel(&self, actor: &Actor, id: &JobId) -> Result<JobRow> {
        let job = self.own(actor, id).await?.value;
        let change = |job: &mut Job, now: Timestamp| {
            if job.kind == Kind::Batch {
                if !job.state.has_ended() {
                    job.cancel_requested_at = job.cancel_requested_at.or(Some(now));
                    job.updated_at = now;
                    job.due_at = Some(now);
                }
            } else {
                job.request_cancel(now);
            }
            Ok(())
        };
        let changed = self.change(id, change).await?.ok_or(Error::NotFound)?;
        if job.kind == Kind::Batch && changed.is_cancelling() {
            self.cancel_children(id).await?;
            self.roll_up(id).await?;
            return Ok(self.row(&self.owned(actor, id).await?.value));
        }
        if changed.is_cancelling() {
            self.look_after(&changed).await?;
            return Ok(self.row(&self.owned(actor, id).await?.value));
        }
        Ok(self.row(&changed))
    }

    /// Every child of a batch that has not ended is asked to. Those that run are then ended by their own due time.
    pub(super) async fn cancel_children(&self, batch: &JobId) -> Result<()> {
        let unfinished: Vec<State> = State::ALL
            .into_iter()
            .filter(|state| !state.has_ended())
            .collect();
        let children = self.children_in(batch, &unfinished).await?;
        let cancel = |child: &mut Job, now: Timestamp| {
            child.request_cancel(now);
            Ok(())
        };
        self.end_children(children, cancel).await
    }

    /// Removes a job or batch that has ended, with its files.
    pub async fn delete(&self, actor: &Actor, id: &JobId) -> Result<()> {
        let job = self.own(actor, id).await?;
        if job.value.kind == Kind::Child {
            return Err(Error::conflict(
                "a ligand of a batch cannot be deleted alone; delete the batch",
            ));
        }
        if !job.value.state.has_ended() {
            return Err(Error::conflict("it has not ended yet; cancel it first"));
        }
        let delete = job.deleted();
        let now = self.store.now().await?;
        let entry = entry(actor, Act::Deleted, told(&job.value), &job.value.owner, now);
        // The record goes first: from then on nobody can have a child of it run again.
        let (left, noted_left) = Self::left_by(&job.value, now)?;
        let writes = vec![delete, noted(&entry)?, noted_left];
        if let Committed::Conflict(_) = self.store.commit(writes).await? {
            return Err(Error::conflict(
                "it was changed meanwhile; look at it again",
            ));
        }
        self.changes.job_written(&job.value);
        self.counts.forget(&job.value.owner);
        if let Err(error) = self.remove_unclaimed(&left).await {
            tracing::warn!(%id, ?error, "what a deleted job left is not removed yet, and will be");
        }
        Ok(())
    }

    /// All children of a batch in one of these states, in order.
    pub(super) async fn children_in(
        &self,
        batch: &JobId,
        states: &[State],
    ) -> Result<Vec<Stored<Job>>> {
        let mut children = Vec::new();
        loop {
            let states = states.iter().map(|state| state.name().into()).collect();
            let query =
                Query::new(Collection::Children, "index", Direction::Ascending, 500)
                    .equal("batch_id", batch.as_str())
                    .any_of("state", states)
                    .after(children.last().map(|last: &Stored<Job>| {
                        crate::ports::documents::Cursor {
                            value: last.value.index.into(),
                            id: last.key.id.clone(),
                        }
                    }));
            let found = self.store.query::<Job>(&query).await?;
            let last = found.len() < 500;
            children.extend(found);
            if last {
                return Ok(children);
            }
        }
    }

    /// The row of a job, with why it waits.
    pub(super) fn row(&self, job: impl Into<JobSummary>) -> JobRow {
        let job = job.into();
        let (owner, state) = (job.owner.clone(), job.state);
        let mut row = JobRow::from(job);
        self.explain_waiting(&mut row, &owner, state);
        row
    }
}

/// Every metric of the task; what is missing says why.
fn all_metrics(job: &Job) -> Metrics {
    let reason = match job.status {
        Status::Pending | Status::Running => "the job has not ended yet",
        Status::Completed | Status::PartiallyCompleted => "the model wrote no value",
        Status::Failed => "the job failed",
        Status::Cancelled => "the job was cancelled",
    };
    if job.kind == Kind::Batch {
        return Metrics::new();
    }
    let missing = metric::written_by(job.task, job.model)
        .map(|kind| (kind.key.to_owned(), Metric::missing(kind, reason)));
    missing.chain(job.metrics.clone()).collect()
}
