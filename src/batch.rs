//! A batch: what its children sum up to, and the packed rows that its page and its exports are made of.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::id::JobId;
use crate::job::{Job, Progress, State, Status};
use crate::time::Timestamp;

/// Children of a batch at most.
pub const MAX_CHILDREN: usize = 10_000;
/// Children in one packed record.
pub const ROWS_PER_RECORD: u32 = 500;

/// How many children stand where.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Queued or waiting.
    pub pending: u32,
    /// Dispatching, running or collecting.
    pub running: u32,
    /// Ended well.
    pub completed: u32,
    /// Ended badly.
    pub failed: u32,
    /// Ended because somebody asked.
    pub cancelled: u32,
}

impl Counts {
    /// Counts children by what is shown for them.
    pub fn of(statuses: impl IntoIterator<Item = Status>) -> Self {
        let mut counts = Self::default();
        for status in statuses {
            match status {
                Status::Pending => counts.pending += 1,
                Status::Running => counts.running += 1,
                Status::Completed | Status::PartiallyCompleted => counts.completed += 1,
                Status::Failed => counts.failed += 1,
                Status::Cancelled => counts.cancelled += 1,
            }
        }
        counts
    }

    /// Children that have ended.
    pub const fn ended(self) -> u32 {
        self.completed + self.failed + self.cancelled
    }

    /// All children.
    pub const fn total(self) -> u32 {
        self.pending + self.running + self.ended()
    }

    /// The status of the whole: unfinished is running once a child has started; ended all alike is that word; some
    /// completed and some not is partially completed; failed and cancelled mixed is failed.
    pub const fn status(self) -> Status {
        if self.pending + self.running > 0 {
            if self.running + self.completed + self.failed > 0 {
                Status::Running
            } else {
                Status::Pending
            }
        } else if self.completed > 0 {
            if self.failed + self.cancelled > 0 {
                Status::PartiallyCompleted
            } else {
                Status::Completed
            }
        } else if self.failed > 0 {
            Status::Failed
        } else {
            Status::Cancelled
        }
    }
}

/// What only a batch has.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BatchState {
    /// Children it has when it is whole.
    pub total: u32,
    /// Whether all children are written; before that none is dispatched.
    pub sealed: bool,
    /// Where the children stand, as last summed up.
    pub counts: Counts,
    /// Run times of the children that completed, in seconds.
    pub timings: Option<RunTimes>,
    /// Mean run time of the last 20 ended children in seconds, none before 3 ended.
    pub recent_run_s: Option<f64>,
    /// What the children that have not ended wait for, when all do and for the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting: Option<String>,
    /// Names of the columns that came with the ligands, in their order.
    pub columns: Vec<String>,
    /// Changes of children up to here are in the packed rows.
    pub rolled_up_to: Timestamp,
    /// Raised with every change of the packed rows.
    pub rows_version: u32,
    /// A retry of children that is being written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reopening: Option<Reopening>,
}

/// Units that were taken for children which are being reopened. Each commit that reopens some lowers it by as many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reopening {
    /// When they were taken. Only children that had ended before are reopened.
    pub held_at: Timestamp,
    /// Units that no child has yet.
    pub units: u32,
}

/// Run times in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunTimes {
    /// The shortest.
    pub fastest_s: f64,
    /// The mean.
    pub mean_s: f64,
    /// The longest.
    pub slowest_s: f64,
}

/// How far a batch has come, as it is shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BatchProgress {
    /// All children.
    pub total: u32,
    /// Queued or waiting.
    pub pending: u32,
    /// Begun and not ended.
    pub running: u32,
    /// Ended well.
    pub completed: u32,
    /// Ended badly.
    pub failed: u32,
    /// Ended because somebody asked.
    pub cancelled: u32,
    /// Ended children in percent of all.
    pub finished_percent: f64,
    /// Completed children in percent of the ended; none before one has ended.
    pub success_percent: Option<f64>,
    /// Seconds left, none before 3 children have ended.
    pub seconds_left: Option<f64>,
    /// What the children that have not ended wait for, when all do and for the same.
    #[serde(default)]
    pub waiting: Option<String>,
}

impl BatchProgress {
    /// Children that have ended.
    pub const fn ended(&self) -> u32 {
        self.completed + self.failed + self.cancelled
    }
}

impl From<&BatchState> for BatchProgress {
    fn from(batch: &BatchState) -> Self {
        let counts = batch.counts;
        let remaining = counts.pending + counts.running;
        let percent = |part: u32, whole: u32| f64::from(part) * 100.0 / f64::from(whole);
        Self {
            total: batch.total,
            pending: counts.pending,
            running: counts.running,
            completed: counts.completed,
            failed: counts.failed,
            cancelled: counts.cancelled,
            finished_percent: if batch.total == 0 {
                0.0
            } else {
                percent(counts.ended(), batch.total)
            },
            success_percent: (counts.ended() > 0)
                .then(|| percent(counts.completed, counts.ended())),
            seconds_left: batch
                .recent_run_s
                .filter(|_| remaining > 0)
                .map(|run_s| run_s * f64::from(remaining) / f64::from(counts.running.max(1))),
            waiting: batch.waiting.clone(),
        }
    }
}

/// A child as the batch page reads it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BatchRow {
    /// Its place in the batch, from 0.
    pub index: u32,
    /// Its id.
    pub id: JobId,
    /// The ligand's name, or the job's where no ligand is known.
    pub name: String,
    /// The ligand's SMILES, as it was given; empty where no ligand is known.
    pub smiles: String,
    /// Where it stands.
    pub status: Status,
    /// Values by metric; what is not here is missing.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub values: BTreeMap<String, f64>,
    /// Metrics whose values nobody vouches for.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub unverified: BTreeSet<String>,
    /// Seconds that its run took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_s: Option<f64>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    /// Why it failed or waits, also while it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl BatchRow {
    /// The row of a child; `None` for a job that has no place in a batch.
    pub fn of(child: &Job) -> Option<Self> {
        let ligand = child.input.ligand();
        let progress = child.progress.as_ref();
        let waiting = child.waiting.as_ref().map(|waiting| waiting.reason.clone());
        let note = match child.state {
            State::Failed => child.error.as_ref().map(|error| error.message.clone()),
            State::Running => progress.and_then(Progress::wait).map(str::to_owned),
            _ => waiting,
        };
        Some(Self {
            index: child.index?,
            id: child.id.clone(),
            name: ligand.map_or(&child.name, |ligand| &ligand.name).clone(),
            smiles: ligand.map_or_else(String::new, |ligand| ligand.smiles.clone()),
            status: child.status,
            values: child
                .metrics
                .iter()
                .filter_map(|(key, metric)| Some((key.clone(), metric.value?)))
                .collect(),
            unverified: child
                .metrics
                .iter()
                .filter(|(_, metric)| metric.unverified.is_some())
                .map(|(key, _)| key.clone())
                .collect(),
            run_s: child.run_s,
            ended_at: child.ended_at,
            note,
        })
    }

    /// What it waits for, also while it runs.
    pub fn waits_for(&self) -> Option<&str> {
        self.note.as_deref().filter(|_| !self.status.has_ended())
    }
}

/// What the rows that have not ended wait for, when all do and for the same.
pub fn common_wait<'a>(rows: impl Iterator<Item = &'a BatchRow>) -> Option<String> {
    let mut waits = rows
        .filter(|row| !row.status.has_ended())
        .map(BatchRow::waits_for);
    let first = waits.next()??;
    waits
        .all(|wait| wait == Some(first))
        .then(|| first.to_owned())
}

/// Up to [`ROWS_PER_RECORD`] rows of a batch, in order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PackedRows {
    /// The rows.
    pub rows: Vec<BatchRow>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(pending: u32, running: u32, completed: u32, failed: u32, cancelled: u32) -> Counts {
        Counts {
            pending,
            running,
            completed,
            failed,
            cancelled,
        }
    }

    #[test]
    fn the_status_of_the_whole() {
        for (counts, status) in [
            (counts(3, 0, 0, 0, 0), Status::Pending),
            (counts(2, 1, 0, 0, 0), Status::Running),
            (counts(2, 0, 0, 1, 0), Status::Running),
            (counts(2, 0, 0, 0, 1), Status::Pending),
            (counts(0, 0, 3, 0, 0), Status::Completed),
            (counts(0, 0, 2, 1, 0), Status::PartiallyCompleted),
            (counts(0, 0, 2, 0, 1), Status::PartiallyCompleted),
            (counts(0, 0, 0, 3, 0), Status::Failed),
            (counts(0, 0, 0, 2, 1), Status::Failed),
            (counts(0, 0, 0, 0, 3), Status::Cancelled),
        ] {
            assert_eq!(counts.status(), status, "{counts:?}");
        }
    }

    #[test]
    fn time_left_is_recent_run_time_by_what_remains_over_what_runs() {
        let mut batch = BatchState {
            total: 20,
            sealed: true,
            counts: counts(10, 2, 7, 1, 0),
            timings: None,
            recent_run_s: Some(30.0),
            waiting: None,
            columns: Vec::new(),
            rolled_up_to: Timestamp::default(),
            rows_version: 0,
            reopening: None,
        };
        let progress = BatchProgress::from(&batch);
        assert_eq!(progress.seconds_left, Some(180.0));
        assert_eq!(progress.finished_percent, 40.0);
        assert_eq!(progress.success_percent, Some(87.5));
        batch.recent_run_s = None;
        assert_eq!(BatchProgress::from(&batch).seconds_left, None);
    }

    #[test]
    fn a_batch_waits_when_all_of_its_unended_children_wait_for_the_same() {
        use Status::{Completed, Failed, Pending, Running};
        let wait = |children: &[(Status, Option<&str>)]| {
            let rows = children
                .iter()
                .zip(0..)
                .map(|((status, note), index)| BatchRow {
                    index,
                    id: format!("b-{index:05}").parse().unwrap(),
                    name: "a".to_owned(),
                    smiles: "C".to_owned(),
                    status: *status,
                    values: BTreeMap::new(),
                    unverified: BTreeSet::new(),
                    run_s: None,
                    ended_at: None,
                    note: note.map(str::to_owned),
                });
            common_wait(rows.collect::<Vec<_>>().iter())
        };
        let (one, other) = (Some("the alignment"), Some("room"));
        assert_eq!(wait(&[(Pending, one), (Running, one)]).as_deref(), one);
        let ended = [(Failed, other), (Pending, one), (Completed, None)];
        assert_eq!(wait(&ended).as_deref(), one);
        assert_eq!(wait(&[(Pending, one), (Pending, other)]), None);
        assert_eq!(wait(&[(Pending, one), (Running, None)]), None);
        assert_eq!(wait(&[(Running, None), (Pending, one)]), None);
        assert_eq!(wait(&[(Failed, one)]), None);
        assert_eq!(wait(&[]), None);
    }
}
