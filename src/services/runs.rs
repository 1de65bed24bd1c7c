//! Looking after runs: what the gateway says of them moves their jobs on. Callbacks only bring the look forward; the
//! gateway's own answer is what counts.

use super::Services;
use super::store::job_key;
use crate::error::Result;
use crate::id::{JobId, random_text};
use crate::job::{Category, Job, Progress, Refused, RunFault, State};
use crate::ports::compute::{ComputeError, Run, RunError, RunState, Timings};
use crate::time::Timestamp;

/// Characters that are kept of what the gateway says: of a code and a stage, of a message, of the end of a log.
const CODE: usize = 100;
const MESSAGE: usize = 2_000;
const LOG: usize = 8_000;
/// Seconds that somebody may ask for until the next try, at most.
pub(super) const RETRY_AFTER_S: u32 = 3_600;

impl Services {
    /// A run has ended, or so somebody says: its job is looked after now.
    pub async fn run_reported(&self, run_id: &str) -> Result<()> {
        match self.job_of(run_id).await? {
            Some(job) => self.look_after(&job).await,
            None => Ok(()),
        }
    }

    /// A run that goes on tells what it is doing. What moves a job on is asked of the gateway.
    pub async fn run_progressed(&self, run_id: &str, progress: Progress) -> Result<()> {
        match self.job_of(run_id).await? {
            Some(job) if job.state == State::Running => self
                .move_on(&job, |job, now| job.told(kept(progress.clone()), now))
                .await
                .map(drop),
            Some(job) => self.look_after(&job).await,
            None => Ok(()),
        }
    }

    /// The job whose current attempt has this name.
    async fn job_of(&self, run_id: &str) -> Result<Option<Job>> {
        let Some((id, epoch)) = run_id.rsplit_once(':') else {
            return Ok(None);
        };
        let Ok(id) = id.parse::<JobId>() else {
            return Ok(None);
        };
        let job = self.store.get::<Job>(job_key(&id)).await?;
        Ok(job
            .map(|job| job.value)
            .filter(|job| job.epoch.to_string() == epoch))
    }

    /// Asks where the run of a job stands, and moves the job on.
    pub(super) async fn look_after(&self, job: &Job) -> Result<()> {
        if !State::OUT.contains(&job.state) {
            return Ok(());
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
        if job.state == State::Collecting {
            return self.collect(job).await;
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
                let mut not_before = now;
                match failed {
                    ComputeError::Full { retry_after_s } => {
                        let seconds = retry_after_s.unwrap_or_default().min(RETRY_AFTER_S);
                        not_before = now.plus_seconds(i64::from(seconds));
                    }
                    _ => self.offers.went_down(now),
                }
                self.move_on(job, |job, now| {
                    job.unanswered(now)?;
                    job.due_at = job.due_at.max(Some(not_before));
                    Ok(())
                })
                .await
                .map(drop)
            }
        }
    }

    /// Does what a run's state asks for.
    async fn follow(&self, job: &Job, run: Run) -> Result<()> {
        if job.state == State::Dispatching {
            // The gateway has it: the answer to the asking was lost.
            self.move_on(job, |job, now| job.accepted(now)).await?;
        }
        let timings = run.timings.unwrap_or_default();
        match run.state {
            RunState::Queued | RunState::Running => {
                let cancelling = job.cancel_requested_at.is_some();
                let progress = run.progress.map(kept);
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
                .move_on(job, |job, now| {
                    job.took(timings.queued_s, timings.run_s, now);
                    job.cancelled(now)
                })
                .await
                .map(drop),
            RunState::Cancelled => {
                let message = "The run was cancelled at the compute gateway, though nobody here asked for it.";
                let fault = RunFault::new(Category::Transient, "cancelled_remotely", message);
                self.fail_run(job, fault, timings).await
            }
            RunState::Expired => {
                let message = "The result expired at the compute gateway before it could be read.";
                let fault = RunFault::new(Category::System, "expired", message);
                self.fail_run(job, fault, timings).await
            }
            RunState::Failed => {
                let unsaid = "The run failed and the compute gateway gave no reason.";
                let mut fault = run
                    .error
                    .map_or_else(|| RunFault::of_text(unsaid), RunFault::from);
                fault.stage = run.progress.map(|progress| kept(progress).stage);
                self.fail_run(job, fault, timings).await
            }
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
        let fault = RunFault::new(Category::Transient, "lost", message);
        self.fail_run(job, fault, Timings::default()).await
    }

    /// Ends an attempt that failed.
    pub(super) async fn fail_run(
        &self,
        job: &Job,
        fault: RunFault,
        timings: Timings,
    ) -> Result<()> {
        let jitter = jitter();
        let failed = self.move_on(job, |job, now| {
            job.took(timings.queued_s, timings.run_s, now);
            job.fail(fault.clone(), jitter, now)
        });
        tell_operators(failed.await?.as_ref());
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
        tell_operators(ended.await?.as_ref());
        Ok(())
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

/// Logs at error level that a job, as it is after a change, failed for good by the system's own fault.
pub(super) fn tell_operators(changed: Option<&Job>) {
    let failed = changed.filter(|job| job.state == State::Failed);
    let error = failed.and_then(|job| job.error.as_ref());
    if let Some(error) = error.filter(|error| error.category == Category::System) {
        let (run, code, message) = (&error.reference, &error.code, &error.message);
        tracing::error!(run, code, message, "a run failed for good");
    }
}

impl From<RunError> for RunFault {
    /// Whatever the gateway says, a record has room for it.
    fn from(said: RunError) -> Self {
        Self {
            category: said.category,
            code: first(said.code.as_deref().unwrap_or("failed"), CODE),
            message: first(&said.message, MESSAGE),
            stage: None,
            log_tail: said.log_tail.map(|log| last(&log, LOG)),
            retry_after_s: said.retry_after_s.map(|seconds| seconds.min(RETRY_AFTER_S)),
        }
    }
}

/// As much of what a run is doing as a record has room for.
fn kept(progress: Progress) -> Progress {
    Progress {
        stage: first(&progress.stage, CODE),
        ..progress
    }
}

/// The first characters of a text.
fn first(text: &str, most: usize) -> String {
    text.chars().take(most).collect()
}

/// The last characters of a text.
fn last(text: &str, most: usize) -> String {
    let all = text.chars().count();
    text.chars().skip(all.saturating_sub(most)).collect()
}

/// A number from 0 to 1 that differs from job to job, so that those that failed together are not tried again together.
fn jitter() -> f64 {
    let digits = random_text()
        .bytes()
        .take(2)
        .fold(0u32, |sum, byte| sum * 36 + u32::from(byte % 36));
    f64::from(digits) / 1_295.0
}
