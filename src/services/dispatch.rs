//! Dispatch: as many jobs of each model go to the gateway as it has room for, single jobs first, then the open batches in
//! turn. Models do not wait for each other.

use std::collections::HashMap;

use futures::future::try_join_all;
use futures::{StreamExt, stream};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Services;
use super::limits::TRIES;
use super::store::{self, Committed, Stored, job_key};
use super::submissions::target_path;
use crate::actor::Owner;
use crate::error::{Error, Result};
use crate::job::{Category, Job, RunFault, State};
use crate::model::Model;
use crate::ports::blobs::{Download, Upload};
use crate::ports::compute::{ComputeError, RunInput, RunOutput, RunRequest};
use crate::ports::documents::{Collection, Direction, Expect, Key, Query};
use crate::time::Timestamp;

/// Requests to the gateway in flight at once.
const IN_FLIGHT: usize = 5;
/// Open batches that take turns.
const BATCHES: u32 = 50;
/// Seconds that a worker has to put its files after its deadline.
const PUT_S: i64 = 24 * 3_600;

/// Through which an owner's jobs go out one after the other.
#[derive(Serialize, Deserialize)]
struct Gate {
    passed_at: Timestamp,
}

impl Services {
    /// Sends what is ready, as far as there is room; whether something was sent.
    pub async fn dispatch_due(&self) -> Result<bool> {
        let Ok(offers) = self.offers(self.store.now().await?).await? else {
            return Ok(false);
        };
        let mut rooms = Vec::new();
        for offer in offers.iter().filter(|offer| offer.takes_runs()) {
            if let Ok(model) = offer.id.parse::<Model>() {
                let out = self.out(model).await?;
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
        let claimed = results.into_iter().collect::<Result<Vec<_>>>()?;
        Ok(claimed.contains(&true))
    }

    /// How many jobs and children of a model are out at the gateway.
    async fn out(&self, model: Model) -> Result<u32> {
        let mut out = 0;
        for collection in [Collection::Jobs, Collection::Children] {
            let states = State::OUT.iter().map(|state| state.name().into()).collect();
            let query = Query::new(collection, "created_at", Direction::Ascending, 10_000)
                .equal("model", model.name())
                .any_of("state", states);
            out += self.store.count(&query).await?;
        }
        Ok(out)
    }

    /// Jobs of a model that are ready, at most `room`: singles in their order, then children, one of each batch in turn. An owner who
    /// has as many out as they may is passed over, however much of theirs is queued.
    async fn ready(&self, model: Model, room: u32) -> Result<Vec<Job>> {
        let mut allowed = HashMap::new();
        let mut ready = Vec::new();
        let queued = State::Queued.name();
        for owner in self.owners(model, "state", queued.into()).await? {
            let most = self.allowed(&owner, room).await?;
            if most > 0 {
                let query = Query::new(Collection::Jobs, "created_at", Direction::Ascending, most)
                    .equal("owner", owner.to_string())
                    .equal("model", model.name())
                    .equal("state", queued);
                let singles = self.store.query::<Job>(&query).await?;
                ready.extend(singles.into_iter().map(|job| job.value));
            }
            allowed.insert(owner, most);
        }
        ready.sort_by_key(|job| job.created_at);
        ready.truncate(room as usize);
        for job in &ready {
            allowed
                .entry(job.owner.clone())
                .and_modify(|most| *most -= 1);
        }
        if ready.len() as u32 == room {
            return Ok(ready);
        }
        let mut turns = Vec::new();
        for batch in self.dispatchable(model, &mut allowed, room).await? {
            let children = self.queued_children(&batch.value, room).await?;
            if children.is_empty() {
                self.rest(batch).await?;
            }
            turns.push(children.into_iter());
        }
        let mut before = None;
        while (ready.len() as u32) < room && before != Some(ready.len()) {
            before = Some(ready.len());
            for turn in &mut turns {
                let Some(most) = turn
                    .as_slice()
                    .first()
                    .and_then(|child| allowed.get_mut(&child.owner))
                else {
                    continue;
                };
                if *most > 0 {
                    *most -= 1;
                    ready.extend(turn.next());
                }
            }
        }
        ready.truncate(room as usize);
        Ok(ready)
    }

    /// The oldest batches of a model with children to dispatch of owners who may have more out.
    async fn dispatchable(
        &self,
        model: Model,
        allowed: &mut HashMap<Owner, u32>,
        room: u32,
    ) -> Result<Vec<Stored<Job>>> {
        let mut batches = Vec::new();
        for owner in self.owners(model, "dispatchable", true.into()).await? {
            let most = match allowed.get(&owner) {
                Some(most) => *most,
                None => self.allowed(&owner, room).await?,
            };
            if most > 0 {
                let query = Query::new(
                    Collection::Jobs,
                    "created_at",
                    Direction::Ascending,
                    BATCHES,
                )
                .equal("owner", owner.to_string())
                .equal("model", model.name())
                .equal("dispatchable", true);
                batches.extend(self.store.query::<Job>(&query).await?);
            }
            allowed.insert(owner, most);
        }
        batches.retain(|batch| !batch.value.is_cancelling());
        batches.sort_by_key(|batch| batch.value.created_at);
        batches.truncate(BATCHES as usize);
        Ok(batches)
    }

    /// Owners of jobs of a model whose `field` is `value`, each once: after each, the index is asked for the next.
    async fn owners(&self, model: Model, field: &'static str, value: Value) -> Result<Vec<Owner>> {
        let mut owners: Vec<Owner> = Vec::new();
        loop {
            let mut query = Query::new(Collection::Jobs, "owner", Direction::Ascending, 1)
                .equal("model", model.name())
                .equal(field, value.clone());
            if let Some(last) = owners.last() {
                // Nothing that stands in an owner's name comes before a space.
                query = query.from(format!("{last} "));
            }
            match self.store.query::<Job>(&query).await?.pop() {
                Some(job) => owners.push(job.value.owner),
                None => return Ok(owners),
            }
        }
    }

    /// How many more of an owner's jobs may go out, at most `room`.
    async fn allowed(&self, owner: &Owner, room: u32) -> Result<u32> {
        match self.limits_of(owner).await {
            Ok(None) => Ok(room),
            Ok(Some(limits)) => Ok(limits
                .running
                .saturating_sub(self.out_of(owner).await?)
                .min(room)),
            Err(Error::Forbidden(_)) => Ok(0),
            Err(failed) => Err(failed),
        }
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

    /// Claims a job and asks the gateway for its run; whether it could be claimed.
    async fn dispatch(&self, job: &Job) -> Result<bool> {
        match self.claim(job).await? {
            Some(job) => self.ask(&job).await.map(|()| true),
            None => Ok(false),
        }
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
            if self.allowed(&job.owner, 1).await? == 0 {
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

    async fn run_request(&self, job: &Job) -> Result<RunRequest> {
        let (input, inputs) = self.run_input(job).await?;
        let deadline_s = job.deadline_s();
        let now = self.store.now().await?;
        let expires_at = now.plus_seconds(i64::from(deadline_s) + PUT_S);
        // Each signature may be a request to whoever keeps the key: all are asked for at once.
        let outputs = job.model.outputs().iter().map(|output| async {
            let path = job.output_path(job.epoch, output.name);
            let upload = self.blobs.signed_put(&path, expires_at).await;
            let Upload { url, headers } = upload.map_err(super::files::error)?;
            Ok(RunOutput {
                name: output.name.to_owned(),
                put_url: url,
                headers,
            })
        });
        let outputs = try_join_all(outputs).await?;
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
    async fn run_input(&self, job: &Job) -> Result<(Value, Vec<RunInput>)> {
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
        let Some(target) = owner.input.target() else {
            return Err(Error::internal("a job without a target"));
        };
        let mut input = serde_json::json!({"target": target});
        if let Some(ligand) = job.input.ligand() {
            input["ligand"] = serde_json::json!({"name": ligand.name, "smiles": ligand.smiles});
        }
        let Some(path) = target_path(&owner, target) else {
            return Ok((input, Vec::new()));
        };
        let expires_at = self.store.now().await?.plus_seconds(PUT_S);
        let download = Download {
            save_as: None,
            media_type: "text/plain",
        };
        let url = self
            .blobs
            .signed_get(&path, expires_at, &download)
            .await
            .map_err(super::files::error)?;
        let name = name_file(&mut input["target"]).to_owned();
        Ok((input, vec![RunInput { name, url }]))
    }
}

/// Names the file of a target as the gateway does, which knows it by its name among the inputs and takes nothing that it
/// does not know; and that name.
fn name_file(target: &mut Value) -> &'static str {
    match target.get_mut("receptor").and_then(Value::as_object_mut) {
        Some(receptor) => {
            receptor.remove("sha256");
            receptor.insert("file".to_owned(), "receptor".into());
            "receptor"
        }
        None => {
            target["msa"] = "msa".into();
            "msa"
        }
    }
}
