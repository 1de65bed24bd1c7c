//! Looking after runs: what the gateway says of them moves their jobs on. Callbacks only bring the look forward; the
//! gateway's own answer is what counts.

use super::Services;
use super::store::job_key;
use crate::error::Result;
use crate::id::{JobId, random_text};
use crate::job::{Category, Job, Refused, RunFault, State};
use crate::ports::compute::{ComputeError, Run, RunError, RunState};
use crate::time::Timestamp;

impl Services {
    /// A run has something to tell: its job is looked after now.
    pub async fn run_reported(&self, run_id: &str) -> Result<()> {
        let Some((id, epoch)) = run_id.rsplit_once(':') else {
            return Ok(());
        };
        let Ok(id) = id.parse::<JobId>() else {
            return Ok(());
        };
        match self.store.get::<Job>(job_key(&id)).await? {
            Some(job) if job.value.epoch.to_string() == epoch => self.look_after(&job.value).await,
            _ => Ok(()),
        }
    }

    /// Asks where the run of a job stands, and moves the job on.
    pub(super) async fn look_after(&self, job: &Job) -> Result<()> {
        match job.state {
            State::Collecting => return self.collect(job).await,
            State::Dispatching | State::Running => {}
            _ => return Ok(()),
        }
        let now = self.store.now().await?;
        if job.cancel_is_overdue(now) {
            return self.give_up(job, |job, now| job.cancelled(now)).await;
        }
        if job.deadline_at.is_some_and(|deadline| now >= deadline) {
            let fault = RunFault::new(
                Category::System,
                "deadline",
                "The run did not end within the time it is given.",
            );
            return self
                .give_up(job, move |job, now| job.fail(fault.clone(), 0.0, now))
                .await;
        }
        let answer = match job.cancel_requested_at {
            Some(_) => self.compute.cancel(&job.run_id()).await,
            None => self.compute.state(&job.run_id()).await,
        };
        match answer {
            Ok(run) => self.follow(job, run).await,
            Err(ComputeError::Unknown) => self.missing(job).await,
            Err(failed) => {
                tracing::warn!(run = job.run_id(), cause = %super::models::describe(&failed), "a run could not be looked at");
                self.offers.went_down(now);
                self.move_on(job, |job, now| job.unanswered(now))
                    .await
                    .map(drop)
            }
        }
    }

    /// Does what a run's state asks for.
    async fn follow(&self, job: &Job, run: Run) -> Result<()> {
        if job.state == State::Dispatching && !matches!(run.state, RunState::Succeeded) {
            // The gateway has it: the answer to the asking was lost.
            self.move_on(job, |job, now| job.accepted(now)).await?;
        }
        match run.state {
            RunState::Queued | RunState::Running => {
                let cancelling = job.cancel_requested_at.is_some();
                let progress = run.progress;
                self.move_on(job, |job, now| {
                    job.observed(progress.clone(), now)?;
                    if cancelling {
                        job.due_at = Some(now.plus_seconds(2));
                    }
                    Ok(())
                })
                .await
                .map(drop)
            }
            RunState::Succeeded => match self.move_on(job, |job, now| job.collect(now)).await? {
                Some(job) => self.collect(&job).await,
                None => Ok(()),
            },
            RunState::Cancelled if job.cancel_requested_at.is_some() => self
                .move_on(job, |job, now| job.cancelled(now))
                .await
                .map(drop),
            RunState::Cancelled => {
                let message = "The run was cancelled at the compute gateway, though nobody here asked for it.";
                self.fail_run(
                    job,
                    RunFault::new(Category::Transient, "cancelled_remotely", message),
                )
                .await
            }
            RunState::Expired => {
                let message = "The result expired at the compute gateway before it could be read.";
                self.fail_run(job, RunFault::new(Category::System, "expired", message))
                    .await
            }
            RunState::Failed => self.fail_run(job, fault(run.error)).await,
        }
    }

    /// The gateway does not know the run: it was never asked for, or it is lost.
    async fn missing(&self, job: &Job) -> Result<()> {
        if job.cancel_requested_at.is_some() {
            return self.give_up(job, |job, now| job.cancelled(now)).await;
        }
        if job.state == State::Dispatching {
            return self.ask(job).await;
        }
        let message = "The compute gateway has lost the run.";
        self.fail_run(job, RunFault::new(Category::Transient, "lost", message))
            .await
    }

    /// Ends an attempt that failed. What is left for the operators is logged at error level.
    pub(super) async fn fail_run(&self, job: &Job, fault: RunFault) -> Result<()> {
        let jitter = jitter();
        let failed = self
            .move_on(job, |job, now| job.fail(fault.clone(), jitter, now))
            .await?;
        if failed.is_some_and(|job| job.state == State::Failed)
            && fault.category == Category::System
        {
            tracing::error!(
                run = job.run_id(),
                code = fault.code,
                message = fault.message,
                "a run failed for good"
            );
        }
        Ok(())
    }

    /// Ends an attempt without the gateway's word; the next epoch shuts out what may still come of it.
    async fn give_up(
        &self,
        job: &Job,
        end: impl Fn(&mut Job, Timestamp) -> Result<(), Refused>,
    ) -> Result<()> {
        let _ = self.compute.cancel(&job.run_id()).await;
        let ended = self.move_on(job, |job, now| {
            end(job, now)?;
            job.fence();
            Ok(())
        });
        ended.await.map(drop)
    }

    /// Changes a job, if it is still at the epoch that was looked at.
    pub(super) async fn move_on(
        &self,
        job: &Job,
        change: impl Fn(&mut Job, Timestamp) -> Result<(), Refused>,
    ) -> Result<Option<Job>> {
        let epoch = job.epoch;
        self.change(&job.id, |job, now| {
            if job.epoch == epoch {
                change(job, now)
            } else {
                Err(Refused(job.state))
            }
        })
        .await
    }
}

fn fault(error: Option<RunError>) -> RunFault {
    match error {
        Some(error) => RunFault {
            category: error.category,
            code: error.code.unwrap_or_else(|| "failed".to_owned()),
            message: error.message,
            log_tail: error.log_tail,
            retry_after_s: None,
        },
        None => RunFault::of_text("The run failed and the compute gateway gave no reason."),
    }
}

/// A number from 0 to 1 that differs from job to job, so that those that failed together are not tried again together.
fn jitter() -> f64 {
    let digits = random_text()
        .bytes()
        .take(2)
        .fold(0u32, |sum, byte| sum * 36 + u32::from(byte % 36));
    f64::from(digits) / 1_295.0
}
