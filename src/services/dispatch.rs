//! Dispatch: as many jobs go to the gateway as it has room for, single jobs first, then the open batches in turn.

use futures::{StreamExt, stream};

use super::Services;
use super::store::{Stored, job_key};
use crate::docking::Target;
use crate::error::{Error, Result};
use crate::job::{Category, Job, RunFault, State};
use crate::model::Model;
use crate::ports::compute::{ComputeError, RunInput, RunOutput, RunRequest};
use crate::ports::documents::{Collection, Direction, Query};
use crate::time::Timestamp;

/// Requests to the gateway in flight at once.
const IN_FLIGHT: usize = 5;
/// Open batches that take turns.
const BATCHES: u32 = 50;
/// Seconds that a worker has to put its files after its deadline.
const PUT_S: i64 = 24 * 3_600;

impl Services {
    /// Sends what is ready, as far as there is room; whether something was sent.
    pub async fn dispatch_due(&self) -> Result<bool> {
        let Ok(offer) = self.offer(Model::Vina).await? else {
            return Ok(false);
        };
        let room = (offer.slots + offer.queue.min(offer.slots)).saturating_sub(self.out().await?);
        if room == 0 {
            return Ok(false);
        }
        let ready = self.ready(room).await?;
        let sent = ready.len();
        let results: Vec<Result<()>> = stream::iter(ready)
            .map(|job| async move { self.dispatch(&job).await })
            .buffer_unordered(IN_FLIGHT)
            .collect()
            .await;
        results.into_iter().collect::<Result<()>>()?;
        Ok(sent > 0)
    }

    /// How many jobs and children are out at the gateway.
    async fn out(&self) -> Result<u32> {
        let mut out = 0;
        for collection in [Collection::Jobs, Collection::Children] {
            let states = State::OUT.iter().map(|state| state.name().into()).collect();
            let query = Query::new(collection, "created_at", Direction::Ascending, 10_000)
                .any_of("state", states);
            out += self.store.count(&query).await?;
        }
        Ok(out)
    }

    /// Jobs that are ready, at most `room`: singles in their order, then children, one of each batch in turn.
    async fn ready(&self, room: u32) -> Result<Vec<Job>> {
        let query = Query::new(Collection::Jobs, "created_at", Direction::Ascending, room)
            .equal("state", State::Queued.name());
        let singles = self.store.query::<Job>(&query).await?;
        let mut ready: Vec<Job> = singles.into_iter().map(|job| job.value).collect();
        if ready.len() as u32 == room {
            return Ok(ready);
        }
        let query = Query::new(
            Collection::Jobs,
            "created_at",
            Direction::Ascending,
            BATCHES,
        )
        .equal("dispatchable", true);
        let mut turns = Vec::new();
        for batch in self.store.query::<Job>(&query).await? {
            if batch.value.is_cancelling() {
                continue;
            }
            let children = self.queued_children(&batch.value, room).await?;
            if children.is_empty() {
                self.rest(batch).await?;
            }
            turns.push(children.into_iter());
        }
        while (ready.len() as u32) < room {
            let round: Vec<Job> = turns.iter_mut().filter_map(Iterator::next).collect();
            if round.is_empty() {
                break;
            }
            ready.extend(round);
        }
        ready.truncate(room as usize);
        Ok(ready)
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

    /// Claims a job and asks the gateway for its run.
    async fn dispatch(&self, job: &Job) -> Result<()> {
        let claimed = self.change(&job.id, Job::claim).await?;
        match claimed {
            Some(job) => self.ask(&job).await,
            None => Ok(()),
        }
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
                    let until = now.plus_seconds(retry_after_s.map_or(30, i64::from));
                    job.postpone("The compute gateway has no room now.", until, now)
                }
                Err(ComputeError::Rejected(message)) => {
                    job.fail(RunFault::new(Category::User, "rejected", message), 0.0, now)
                }
                Err(ComputeError::Unavailable(_) | ComputeError::Unknown) => job.unanswered(now),
            }
        };
        if let Err(failed @ (ComputeError::Unavailable(_) | ComputeError::Unknown)) = &answer {
            tracing::warn!(run = job.run_id(), cause = %super::models::describe(failed), "a run could not be asked for");
            self.offers.went_down(now);
        }
        let changed = self.change(&job.id, change).await?;
        if changed.is_none() && answer.is_ok() {
            // It moved on while it was asked for: nobody waits for this run.
            let _ = self.compute.cancel(&job.run_id()).await;
        }
        Ok(())
    }

    async fn run_request(&self, job: &Job) -> Result<RunRequest> {
        let (input, inputs) = self.run_input(job).await?;
        let deadline_s = job.deadline_s();
        let now = self.store.now().await?;
        let expires_at = now.plus_seconds(i64::from(deadline_s) + PUT_S);
        let mut outputs = Vec::new();
        for output in job.model.outputs() {
            let path = job.output_path(job.epoch, output.name);
            let put_url = self
                .blobs
                .signed_put(&path, expires_at)
                .await
                .map_err(super::files::error)?;
            outputs.push(RunOutput {
                name: output.name.to_owned(),
                put_url,
            });
        }
        Ok(RunRequest {
            run_id: job.run_id(),
            model: job.model.name().to_owned(),
            task: job.task.name().to_owned(),
            input,
            parameters: serde_json::to_value(job.parameters).map_err(Error::internal)?,
            inputs,
            outputs,
            deadline_s,
            callback: format!(
                "{}/api/v1/callbacks/{}",
                self.settings.callback_url,
                job.run_id()
            ),
        })
    }

    /// The input as the worker reads it, and the files it names.
    async fn run_input(&self, job: &Job) -> Result<(serde_json::Value, Vec<RunInput>)> {
        let owner = match &job.batch_id {
            Some(batch) => {
                self.store
                    .get::<Job>(job_key(batch))
                    .await?
                    .ok_or(Error::NotFound)?
                    .value
            }
            None => job.clone(),
        };
        let (Some(target), Some(ligand)) = (owner.input.target(), job.input.ligand()) else {
            return Err(Error::internal("a job without a target or a ligand"));
        };
        let named = serde_json::json!({"name": ligand.name, "smiles": ligand.smiles});
        let mut inputs = Vec::new();
        let mut input = serde_json::json!({"target": target, "ligand": named});
        if let Target::Receptor { receptor, .. } = target {
            let path = super::submissions::receptor_path(&owner, receptor);
            let expires_at = self.store.now().await?.plus_seconds(PUT_S);
            let download = crate::ports::blobs::Download {
                save_as: None,
                media_type: "text/plain",
            };
            let url = self
                .blobs
                .signed_get(&path, expires_at, &download)
                .await
                .map_err(super::files::error)?;
            inputs.push(RunInput {
                name: "receptor".to_owned(),
                url,
            });
            // The gateway knows the file by its name among the inputs, and takes nothing that it does not know.
            if let Some(receptor) = input["target"]["receptor"].as_object_mut() {
                receptor.remove("sha256");
                receptor.insert("file".to_owned(), "receptor".into());
            }
        }
        Ok((input, inputs))
    }
}
