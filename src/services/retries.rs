//! Running again, in place, what failed or was cancelled. The units are taken first, for all or for none.

use super::Services;
use super::limits::{self, TRIES};
use super::store::{CHUNK, Committed, job_key};
use crate::actor::Actor;
use crate::batch::Reopening;
use crate::error::{Error, Result};
use crate::id::JobId;
use crate::job::{Job, Kind, State, Status};
use crate::list::{JobRow, RetryPlan};
use crate::time::Timestamp;

impl Services {
    /// Runs a failed or cancelled job, or all such children of a batch, again, in place.
    pub async fn retry(&self, actor: &Actor, id: &JobId) -> Result<JobRow> {
        let job = self.own(actor, id).await?.value;
        can_run(&job)?;
        if job.kind == Kind::Batch {
            self.retry_failed(actor, id, false).await?;
        } else {
            let _turn = self.turns.of(&job.owner).await;
            self.still_works(actor).await?;
            let reopened = self
                .change_with_batch(id, Job::reopen, reopen_batch)
                .await?;
            reopened.ok_or_else(|| {
                Error::Conflict(match job.status {
                    Status::Completed => "it is completed; there is nothing to retry".to_owned(),
                    _ => "it has not ended yet; cancel it first, or wait".to_owned(),
                })
            })?;
        }
        Ok(self.row(&self.owned(actor, id).await?.value))
    }

    /// Runs the failed and cancelled children of a batch again; with `dry_run` only says what that would be.
    pub async fn retry_failed(
        &self,
        actor: &Actor,
        id: &JobId,
        dry_run: bool,
    ) -> Result<RetryPlan> {
        let batch = self.owned_batch(actor, id).await?.value;
        if !dry_run {
            self.own(actor, id).await?;
        }
        can_run(&batch)?;
        let children = self
            .children_in(id, &[State::Failed, State::Cancelled])
            .await?;
        let seconds = children.iter().fold(0u32, |sum, child| {
            sum.saturating_add(child.value.estimate_s)
        });
        let offer = self.offer(batch.model).await?.ok();
        let hours = f64::from(seconds) / 3_600.0;
        let on_gpu = offer.as_ref().is_some_and(|offer| offer.gpu.is_some());
        let mut plan = RetryPlan {
            children: children.len() as u32,
            gpu_hours: if on_gpu { hours } else { 0.0 },
            cost_usd: offer
                .and_then(|offer| offer.price_per_hour)
                .map(|price| price * hours),
            seconds,
        };
        if !dry_run && plan.children > 0 {
            self.still_works(actor).await?;
            self.take_for_children(&batch, plan.children).await?;
            plan.children = self.reopen_children(id).await?;
            self.roll_up(id).await?;
        }
        Ok(plan)
    }

    /// Takes units for children that will be reopened, and opens their batch.
    async fn take_for_children(&self, batch: &Job, units: u32) -> Result<()> {
        let _turn = self.turns.of(&batch.owner).await;
        for _ in 0..TRIES {
            let batch = self.store.get::<Job>(job_key(&batch.id)).await?;
            let mut batch = batch.ok_or(Error::NotFound)?;
            let now = self.store.now().await?;
            reopen_batch(&mut batch.value, now);
            let state = batch.value.batch.as_mut().ok_or(Error::NotFound)?;
            if state.reopening.is_some() {
                return Err(Error::conflict(
                    "its failed ligands are being set up to run again already",
                ));
            }
            let held_at = now;
            state.reopening = Some(Reopening { held_at, units });
            let mut writes = vec![batch.replaced()?];
            writes.extend(self.taken(&batch.value.owner, held_at, units).await?);
            if self.store.commit(writes).await? == Committed::Done {
                return Ok(());
            }
        }
        Err(limits::crowded())
    }

    /// Reopens the children for which units were taken, and gives back what is left of these. Each step can be repeated,
    /// so that whoever finds a half-written retry completes it. Says how many were reopened.
    pub(super) async fn reopen_children(&self, id: &JobId) -> Result<u32> {
        let mut reopened = 0;
        for _ in 0..TRIES {
            let ended = [State::Failed, State::Cancelled];
            let mut ended = self.children_in(id, &ended).await?;
            loop {
                let Some(mut batch) = self.store.get::<Job>(job_key(id)).await? else {
                    return Ok(reopened);
                };
                let (owner, now) = (batch.value.owner.clone(), self.store.now().await?);
                let cancelled = batch.value.cancel_requested_at.is_some();
                let Some(state) = batch.value.batch.as_mut() else {
                    return Ok(reopened);
                };
                let Some(Reopening { held_at, units }) = state.reopening else {
                    return Ok(reopened);
                };
                ended.retain(|child| !cancelled && child.value.ended_at < Some(held_at));
                let most = CHUNK.min(units as usize).min(ended.len());
                let (mut writes, mut changed) = (Vec::new(), Vec::new());
                for mut child in ended.drain(..most) {
                    let before = child.value.clone();
                    if child.value.reopen(now).is_ok() {
                        child.value.held_at = Some(held_at);
                        writes.push(child.replaced()?);
                        changed.push((before, child.value));
                    }
                }
                let units = units - changed.len() as u32;
                let is_last = ended.is_empty() || units == 0;
                state.reopening = (!is_last).then_some(Reopening { held_at, units });
                if is_last && units > 0 {
                    writes.extend(limits::added(
                        &owner,
                        held_at,
                        &[("held", -i64::from(units))],
                    ));
                }
                batch.value.dispatchable = Some(true);
                batch.value.updated_at = now;
                writes.push(batch.replaced()?);
                if self.store.commit(writes).await? != Committed::Done {
                    // Somebody was quicker with the batch or a child: both are read again.
                    break;
                }
                for (before, after) in &changed {
                    self.announce(before, after);
                }
                reopened += changed.len() as u32;
                if is_last {
                    return Ok(reopened);
                }
            }
        }
        Err(limits::crowded())
    }
}

/// What the former system was asked is kept as it was, and nothing here can run it.
fn can_run(job: &Job) -> Result<()> {
    match job.former {
        None => Ok(()),
        Some(_) => Err(Error::conflict(
            "it came from the former system and cannot be run again in place; its input is on its page, to be \
             submitted anew",
        )),
    }
}

/// An ended batch goes on; an open one has children to dispatch.
fn reopen_batch(batch: &mut Job, now: Timestamp) {
    batch.state = State::Open;
    batch.status = Status::Running;
    batch.cancel_requested_at = None;
    batch.ended_at = None;
    batch.updated_at = now;
    batch.due_at = Some(now.plus_seconds(super::batches::SWEEP_S));
}
