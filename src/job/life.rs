//! The life of a job: each arrow of the diagram is one method. `now` is always the store's time.

use serde_json::Value;

use super::{
    Attempt, Category, Hold, Job, JobError, Kind, Progress, ResultFile, RunFault, State, Waiting,
};
use crate::metric::Metrics;
use crate::time::Timestamp;

/// Seconds within which a claimed job must have reached the gateway, before somebody looks after it.
const CLAIM_S: i64 = 60;
/// Seconds between looks at a run.
const POLL_S: i64 = 60;
/// Seconds until a job is looked at again that could not be looked at: a quarter as long as nothing was written of it, from
/// the first, since somebody may wait for it, to the second, since it takes a look from others.
const UNSEEN_S: (i64, i64) = (5, 300);
/// Seconds that a run has to confirm its cancellation.
const CANCEL_S: i64 = 60;
/// Seconds that a run may wait at the gateway.
const QUEUE_S: i64 = 24 * 3_600;
/// Seconds within which the gateway must have answered, whether it is asked for a run or for its result.
const ASK_S: i64 = 24 * 3_600;
/// Seconds until an unanswered question is asked again: half as long as it has been asked, from the first to the second.
const UNANSWERED_S: (i64, i64) = (5, 300);
/// Attempts that are remembered.
const ATTEMPTS_KEPT: usize = 20;

/// A change that the job's state does not allow: it has moved on, and what was to be done is void.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a {0:?} job cannot do this")]
pub struct Refused(pub State);

type Change = Result<(), Refused>;

impl Job {
    /// queued → dispatching: a new epoch, which fences out everything older.
    pub fn claim(&mut self, now: Timestamp) -> Change {
        self.require(self.state == State::Queued && self.cancel_requested_at.is_none())?;
        self.enter(State::Dispatching, now);
        self.epoch += 1;
        self.waiting = None;
        self.progress = None;
        self.started_at = None;
        self.due_at = Some(now.plus_seconds(CLAIM_S));
        self.deadline_at = Some(now.plus_seconds(ASK_S));
        self.attempts.push(Attempt {
            epoch: self.epoch,
            started_at: now,
            ended_at: None,
            outcome: None,
            run_s: None,
        });
        if self.attempts.len() > ATTEMPTS_KEPT {
            self.attempts.remove(0);
        }
        Ok(())
    }

    /// dispatching → running: the gateway has taken the run of the current epoch.
    pub fn accepted(&mut self, now: Timestamp) -> Change {
        self.require(self.state == State::Dispatching)?;
        self.enter(State::Running, now);
        self.started_at = Some(now);
        self.deadline_at = Some(now.plus_seconds(QUEUE_S + i64::from(self.deadline_s())));
        (self.error, self.log_tail) = (None, None);
        self.due_at = Some(now.plus_seconds(POLL_S));
        Ok(())
    }

    /// Seconds of running that the job is given: four times the estimate, at least 15 minutes.
    pub fn deadline_s(&self) -> u32 {
        self.estimate_s.saturating_mul(4).max(900)
    }

    /// A look at a run that goes on.
    pub fn observed(&mut self, progress: Option<Progress>, now: Timestamp) -> Change {
        self.require(self.state == State::Running)?;
        self.progress = progress.or_else(|| self.progress.take());
        self.updated_at = now;
        self.due_at = Some(now.plus_seconds(POLL_S));
        Ok(())
    }

    /// The gateway did not answer: nothing is known, and the same question is asked again.
    pub fn unanswered(&mut self, now: Timestamp) -> Change {
        self.require(State::OUT.contains(&self.state))?;
        self.updated_at = now;
        let wait_s = match (self.state, self.deadline_at) {
            (State::Running, _) | (_, None) => POLL_S,
            // It has been asked since `ASK_S` before the deadline.
            (_, Some(deadline)) => {
                let asked_s = now.millis_since(deadline.plus_seconds(-ASK_S)) as i64 / 1_000;
                (asked_s / 2).clamp(UNANSWERED_S.0, UNANSWERED_S.1)
            }
        };
        self.due_at = Some(now.plus_seconds(wait_s));
        Ok(())
    }

    /// It could not be looked at: others come first, and it is looked at again ever later.
    pub fn look_later(&mut self, now: Timestamp) -> Change {
        self.require(self.due_at.is_some_and(|due_at| due_at <= now))?;
        let stood_s = now.millis_since(self.updated_at) as i64 / 1_000;
        self.due_at = Some(now.plus_seconds((stood_s / 4).clamp(UNSEEN_S.0, UNSEEN_S.1)));
        Ok(())
    }

    /// The gateway tells what the run is doing. When it is looked at next stays as it is.
    pub fn told(&mut self, progress: Progress, now: Timestamp) -> Change {
        self.require(self.state == State::Running)?;
        self.progress = Some(progress);
        self.updated_at = now;
        Ok(())
    }

    /// Keeps how long the run of the current attempt took, in seconds: as the gateway says, or else what is left of the
    /// time since it took the run when it says how long the run waited there.
    pub fn took(&mut self, queued_s: Option<f64>, run_s: Option<f64>, now: Timestamp) {
        let since = self
            .started_at
            .map(|began| now.millis_since(began) as f64 / 1_000.0);
        let rest = || Some((since? - queued_s?).max(0.0));
        let run_s = run_s.or_else(rest);
        if let Some(attempt) = self.attempts.last_mut() {
            attempt.run_s = run_s;
        }
    }

    /// dispatching, running → collecting: the run ended well; its files are to be checked.
    pub fn collect(&mut self, now: Timestamp) -> Change {
        self.require(matches!(self.state, State::Dispatching | State::Running))?;
        self.enter(State::Collecting, now);
        self.due_at = Some(now.plus_seconds(CLAIM_S));
        self.deadline_at = Some(now.plus_seconds(ASK_S));
        Ok(())
    }

    /// collecting → completed: every expected file is there.
    pub fn complete(&mut self, result: RunResult, now: Timestamp) -> Change {
        self.require(self.state == State::Collecting)?;
        self.took(None, result.run_s, now);
        self.end(State::Completed, "completed", now);
        self.hold = self.hold.map(|_| Hold::Charged);
        (self.error, self.log_tail) = (None, None);
        self.metrics = result.metrics;
        self.best = result.best;
        self.files = result.files;
        self.provenance = result.provenance;
        self.run_s = result.run_s;
        self.result_epoch = Some(self.epoch);
        Ok(())
    }

    /// A failed attempt: tried again after a while, or failed for good. Cancelled when somebody asked for it meanwhile.
    pub fn fail(&mut self, fault: RunFault, jitter: f64, now: Timestamp) -> Change {
        self.require(!self.state.has_ended() && self.kind != Kind::Batch)?;
        if self.cancel_requested_at.is_some() {
            return self.cancelled(now);
        }
        let began = self.started_at.is_some();
        let delay_s = self
            .retries
            .next(fault.category, jitter, fault.retry_after_s);
        let retry_at = delay_s.map(|delay_s| now.plus_millis((delay_s * 1_000.0) as i64));
        let error = JobError {
            category: fault.category,
            code: fault.code,
            message: fault.message,
            stage: fault
                .stage
                .or_else(|| Some(self.progress.as_ref()?.stage.clone())),
            reference: self.run_id(),
            attempts: self.attempts.len() as u32,
            retry_at,
            user_action_required: fault.category == Category::User,
            log_tail: None,
        };
        match retry_at {
            Some(until) => self.wait(error.message.clone(), until, now),
            None => {
                self.end(State::Failed, &error.message, now);
                self.faulty_at = (error.category != Category::User).then_some(now);
                let charged = error.category == Category::User && began;
                self.hold = self.hold.map(|_| {
                    if charged {
                        Hold::Charged
                    } else {
                        Hold::Refunded
                    }
                });
            }
        }
        (self.error, self.log_tail) = (Some(error), fault.log_tail);
        Ok(())
    }

    /// queued, dispatching → waiting: not its fault, and no try is used up.
    pub fn postpone(
        &mut self,
        reason: impl Into<String>,
        until: Timestamp,
        now: Timestamp,
    ) -> Change {
        self.require(matches!(
            self.state,
            State::Queued | State::Waiting | State::Dispatching
        ))?;
        if self.state == State::Dispatching {
            self.attempts.pop();
        }
        self.wait(reason.into(), until, now);
        Ok(())
    }

    /// waiting → queued: its time has come.
    pub fn wake(&mut self, now: Timestamp) -> Change {
        self.require(self.state == State::Waiting)?;
        self.enter(State::Queued, now);
        self.waiting = None;
        self.due_at = None;
        Ok(())
    }

    /// Somebody asks it to end: at once when nothing runs, else when the run has ended. Nothing changes after the end.
    pub fn request_cancel(&mut self, now: Timestamp) {
        match self.state {
            State::Queued | State::Waiting => {
                self.end(State::Cancelled, "cancelled", now);
                self.hold = self.hold.map(|_| Hold::Refunded);
            }
            State::Open => {}
            _ if self.state.has_ended() || self.cancel_requested_at.is_some() => {}
            _ => {
                self.cancel_requested_at = Some(now);
                self.updated_at = now;
                self.due_at = Some(now);
            }
        }
    }

    /// dispatching, running, collecting → cancelled: the gateway says that the run has ended.
    pub fn cancelled(&mut self, now: Timestamp) -> Change {
        self.require(!self.state.has_ended())?;
        let began = self.started_at.is_some();
        self.end(State::Cancelled, "cancelled", now);
        self.hold = self
            .hold
            .map(|_| if began { Hold::Charged } else { Hold::Refunded });
        Ok(())
    }

    /// Whether the gateway had its time to confirm the cancellation.
    pub fn cancel_is_overdue(&self, now: Timestamp) -> bool {
        self.cancel_requested_at
            .is_some_and(|at| now >= at.plus_seconds(CANCEL_S))
    }

    /// An end without the gateway's word: the next epoch shuts the run out.
    pub fn fence(&mut self) {
        self.epoch += 1;
    }

    /// failed, cancelled → queued: the one way out of an end.
    pub fn reopen(&mut self, now: Timestamp) -> Change {
        self.require(
            matches!(self.state, State::Failed | State::Cancelled)
                && self.kind != Kind::Batch
                && self.former.is_none(),
        )?;
        self.enter(State::Queued, now);
        self.epoch += 1;
        self.retries = super::Retry::default();
        self.ended_at = None;
        self.started_at = None;
        self.cancel_requested_at = None;
        (self.error, self.log_tail) = (None, None);
        self.faulty_at = None;
        self.progress = None;
        self.hold = self.hold.map(|_| Hold::Held);
        self.held_at = Some(now);
        self.due_at = None;
        Ok(())
    }

    fn wait(&mut self, reason: String, until: Timestamp, now: Timestamp) {
        let since = self
            .waiting
            .as_ref()
            .filter(|waiting| waiting.reason == reason)
            .map_or(now, |waiting| waiting.since);
        if let Some(attempt) = self
            .attempts
            .last_mut()
            .filter(|attempt| attempt.ended_at.is_none())
        {
            attempt.ended_at = Some(now);
            attempt.outcome = Some(reason.clone());
        }
        self.enter(State::Waiting, now);
        self.started_at = None;
        self.progress = None;
        self.deadline_at = None;
        self.waiting = Some(Waiting {
            reason,
            since,
            until,
        });
        self.due_at = Some(until);
    }

    fn end(&mut self, state: State, outcome: &str, now: Timestamp) {
        if let Some(attempt) = self
            .attempts
            .last_mut()
            .filter(|attempt| attempt.ended_at.is_none())
        {
            attempt.ended_at = Some(now);
            attempt.outcome = Some(outcome.to_owned());
        }
        self.enter(state, now);
        self.ended_at = Some(now);
        self.waiting = None;
        self.progress = None;
        self.deadline_at = None;
        self.due_at = None;
    }

    fn enter(&mut self, state: State, now: Timestamp) {
        self.state = state;
        self.status = state.status();
        self.updated_at = now;
    }

    fn require(&self, allowed: bool) -> Change {
        if allowed {
            Ok(())
        } else {
            Err(Refused(self.state))
        }
    }
}

/// What an accepted run gives its job.
#[derive(Clone, Debug, PartialEq)]
pub struct RunResult {
    /// Every metric of the task, present or missing.
    pub metrics: Metrics,
    /// The value it is ranked by.
    pub best: Option<super::Best>,
    /// Its files.
    pub files: Vec<ResultFile>,
    /// Engine, versions, seeds and prepared inputs.
    pub provenance: Option<Value>,
    /// Seconds of running, by the worker's clock.
    pub run_s: Option<f64>,
}

#[cfg(test)]
mod tests;
