//! Rolling up: what a batch's children sum up to is written to their parent, by one server at a time. The children are
//! the truth; the packed rows and the summary are made of them, and made again wherever they differ.

use std::collections::BTreeSet;

use super::batches::{RECORDS, SWEEP_S};
use super::leases::Duty;
use super::store::{self, Committed, Stored, job_key, rows_key};
use super::{Services, children::Sort};
use crate::batch::{BatchRow, Counts, PackedRows, ROWS_PER_RECORD, RunTimes, common_wait};
use crate::error::Result;
use crate::id::JobId;
use crate::job::{Best, Job, State, Status};
use crate::metric;
use crate::ports::documents::{Collection, Cursor, Direction, Expect, Query, Write};
use crate::task::Task;
use crate::time::Timestamp;

/// How far a change may be committed after the time it was stamped with, in seconds: children changed within this time
/// before the last roll-up are looked at again.
const LATE_S: i64 = 10;
/// How often a batch is rolled up anew: when somebody was quicker, and for every five of its twenty records.
const ROUNDS: usize = 8;
/// Ended children that the mean run time is taken over.
const RECENT: usize = 20;
/// Ended children below which no time left is given.
const FEWEST: u32 = 3;

impl Services {
    /// Rolls a batch up, if this server leads it; whether it does. Whoever does not lead asks again: the one who does need
    /// not hear of what changed elsewhere.
    pub async fn roll_up(&self, id: &JobId) -> Result<bool> {
        if !self.leads(&Duty::RollUp(id.clone())).await? {
            return Ok(false);
        }
        for _ in 0..ROUNDS {
            let Some(batch) = self.store.get::<Job>(job_key(id)).await? else {
                return Ok(true);
            };
            // Half-written children sum up to nothing; whoever writes them rolls up in the end.
            if batch
                .value
                .batch
                .as_ref()
                .is_none_or(|state| !state.sealed || state.reopening.is_some())
                || self.rolled_up(batch).await?
            {
                return Ok(true);
            }
        }
        Ok(true)
    }

    /// Rolls up once; `false` when somebody else changed the batch meanwhile, or more records changed than one commit takes.
    async fn rolled_up(&self, mut batch: Stored<Job>) -> Result<bool> {
        let now = self.store.now().await?;
        let counts = self.counted(&batch.value.id).await?;
        let mut rows = self.rows(&batch.value).await?.to_vec();
        let Some(state) = batch.value.batch.clone() else {
            return Ok(true);
        };
        let since = state.rolled_up_to.plus_seconds(-LATE_S);
        let (mut changed, mut began) = self.refresh(&batch.value, &mut rows, Some(since)).await?;
        if Counts::of(rows.iter().map(|row| row.status)) != counts {
            // Something was missed, or moved between the count and the reading: only all of it can tell.
            let (further, first) = self.refresh(&batch.value, &mut rows, None).await?;
            changed.extend(further);
            began = first;
        }
        let mut writes = packed(&batch.value.id, &rows, &changed)?;
        if writes.len() > RECORDS {
            writes.truncate(RECORDS);
            if let Some(state) = batch.value.batch.as_mut() {
                state.rows_version += 1;
            }
            writes.push(batch.replaced()?);
            self.store.commit(writes).await.map(drop)?;
            return Ok(false);
        }
        let before = batch.value.clone();
        summarize(&mut batch.value, &rows, began);
        if let Some(state) = batch.value.batch.as_mut() {
            state.rolled_up_to = now;
            state.rows_version += u32::from(!writes.is_empty());
        }
        if writes.is_empty()
            && same_for_readers(&before, &batch.value)
            && batch.value.due_at > Some(now)
        {
            return Ok(true);
        }
        batch.value.due_at = (!batch.value.state.has_ended()).then(|| now.plus_seconds(SWEEP_S));
        if !same_for_readers(&before, &batch.value) || !writes.is_empty() {
            batch.value.updated_at = now;
        }
        writes.push(batch.replaced()?);
        if batch.value.state.has_ended() && !before.state.has_ended() {
            writes.extend(self.end_posted(&batch.value, now).await?);
        }
        if let Committed::Conflict(_) = self.store.commit(writes).await? {
            return Ok(false);
        }
        if let Some(state) = &batch.value.batch {
            self.remember_rows(&batch.value.id, state.rows_version, rows)
                .await;
        }
        self.announce(&before, &batch.value);
        Ok(true)
    }

    /// How many children stand where, by the children themselves.
    async fn counted(&self, batch: &JobId) -> Result<Counts> {
        let mut counts = Counts::default();
        for state in State::ALL {
            let query = Query::new(
                Collection::Children,
                "index",
                Direction::Ascending,
                1_000_000,
            )
            .equal("batch_id", batch.as_str())
            .equal("state", state.name());
            let found = self.store.count(&query).await?;
            match state.status() {
                Status::Pending => counts.pending += found,
                Status::Running => counts.running += found,
                Status::Completed | Status::PartiallyCompleted => counts.completed += found,
                Status::Failed => counts.failed += found,
                Status::Cancelled => counts.cancelled += found,
            }
        }
        Ok(counts)
    }

    /// Puts the children that changed since a time, or all, into the rows; the indexes of the rows that differ, and when the
    /// first of these children was begun.
    async fn refresh(
        &self,
        batch: &Job,
        rows: &mut Vec<BatchRow>,
        since: Option<Timestamp>,
    ) -> Result<(Vec<u32>, Option<Timestamp>)> {
        let (mut changed, mut began) = (Vec::new(), None::<Timestamp>);
        let mut after = None;
        loop {
            let query = Query::new(
                Collection::Children,
                "updated_at",
                Direction::Ascending,
                500,
            )
            .equal("batch_id", batch.id.as_str())
            .after(after);
            let query = match since {
                Some(since) => query.from(since.to_string()),
                None => query,
            };
            let found = self.store.query::<Job>(&query).await?;
            let starts = found.iter().filter_map(|child| child.value.started_at);
            began = starts.chain(began).min();
            for row in found.iter().filter_map(|child| BatchRow::of(&child.value)) {
                let place = rows.partition_point(|other| other.index < row.index);
                match rows.get_mut(place) {
                    Some(there) if *there == row => continue,
                    Some(there) if there.index == row.index => *there = row.clone(),
                    _ => rows.insert(place, row.clone()),
                }
                changed.push(row.index);
            }
            if found.len() < 500 {
                return Ok((changed, began));
            }
            after = found.last().map(|last| Cursor {
                value: last.value.updated_at.to_string().into(),
                id: last.key.id.clone(),
            });
        }
    }
}

/// Writes of the packed records that hold changed rows.
pub(super) fn packed(batch: &JobId, rows: &[BatchRow], changed: &[u32]) -> Result<Vec<Write>> {
    let records: BTreeSet<u32> = changed
        .iter()
        .map(|index| index / ROWS_PER_RECORD)
        .collect();
    records
        .into_iter()
        .map(|record| {
            let range = record * ROWS_PER_RECORD..(record + 1) * ROWS_PER_RECORD;
            let from = rows.partition_point(|row| row.index < range.start);
            let to = rows.partition_point(|row| row.index < range.end);
            store::put(
                rows_key(batch, record),
                &PackedRows {
                    rows: rows[from..to].to_vec(),
                },
                Expect::Any,
            )
        })
        .collect()
}

/// What the rows sum up to. `began` is when the first of the children that were looked at was begun.
pub(super) fn summarize(batch: &mut Job, rows: &[BatchRow], began: Option<Timestamp>) {
    let counts = Counts::of(rows.iter().map(|row| row.status));
    let times: Vec<f64> = rows
        .iter()
        .filter(|row| row.status == Status::Completed)
        .filter_map(|row| row.run_s)
        .collect();
    if let Some(state) = batch.batch.as_mut() {
        state.counts = counts;
        state.timings = run_times(&times);
        state.recent_run_s = recent(rows, counts);
        state.waiting = common_wait(rows.iter());
    }
    batch.best = best(batch.task, rows.iter());
    batch.status = counts.status();
    // When a batch of the former system started is for its record to say.
    if batch.former.is_none() {
        batch.started_at = batch.started_at.into_iter().chain(began).min();
    }
    if batch.status.has_ended() {
        batch.state = match batch.status {
            Status::Failed => State::Failed,
            Status::Cancelled => State::Cancelled,
            _ => State::Completed,
        };
        batch.ended_at = batch
            .ended_at
            .or_else(|| rows.iter().filter_map(|row| row.ended_at).max());
        batch.dispatchable = None;
    } else {
        batch.state = State::Open;
        batch.ended_at = None;
    }
}

fn run_times(times: &[f64]) -> Option<RunTimes> {
    let fastest_s = times.iter().copied().min_by(f64::total_cmp)?;
    let slowest_s = times.iter().copied().max_by(f64::total_cmp)?;
    Some(RunTimes {
        fastest_s,
        mean_s: times.iter().sum::<f64>() / times.len() as f64,
        slowest_s,
    })
}

/// Mean run time of the children that ended last.
fn recent(rows: &[BatchRow], counts: Counts) -> Option<f64> {
    if counts.ended() < FEWEST {
        return None;
    }
    let mut ended: Vec<_> = rows
        .iter()
        .filter_map(|row| Some((row.ended_at?, row.run_s?)))
        .collect();
    ended.sort_unstable_by_key(|(at, _)| std::cmp::Reverse(*at));
    ended.truncate(RECENT);
    (!ended.is_empty())
        .then(|| ended.iter().map(|(_, run_s)| run_s).sum::<f64>() / ended.len() as f64)
}

/// The best value of the metric that the task is ranked by.
pub(super) fn best<'a>(task: Task, rows: impl Iterator<Item = &'a BatchRow>) -> Option<Best> {
    let kind = metric::of_task(task).first()?;
    let sort = Sort::parse(task, kind.key, false).ok()?;
    let row = rows
        .filter(|row| row.values.contains_key(kind.key))
        .min_by(|a, b| sort.compare(a, b))?;
    Some(Best {
        metric: kind.key.to_owned(),
        value: *row.values.get(kind.key)?,
        unverified: row.unverified.contains(kind.key),
    })
}

/// Whether a reader of the batch would see the same.
fn same_for_readers(before: &Job, after: &Job) -> bool {
    let seen = |job: &Job| {
        let state = job.batch.as_ref().map(|state| {
            (
                state.counts,
                state.timings,
                state.recent_run_s,
                state.waiting.clone(),
            )
        });
        (
            job.status,
            job.state,
            job.best.clone(),
            job.started_at,
            job.ended_at,
            job.dispatchable,
            state,
        )
    };
    seen(before) == seen(after)
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    #[test]
    fn recent_run_times_are_those_of_the_last_twenty() {
        let row = |index: u32| BatchRow {
            index,
            id: format!("b-{index:05}").parse().unwrap(),
            name: "a".to_owned(),
            smiles: "C".to_owned(),
            status: Status::Completed,
            values: BTreeMap::new(),
            unverified: BTreeSet::new(),
            run_s: Some(f64::from(index)),
            ended_at: Some(Timestamp::from_micros(i64::from(index))),
            note: None,
        };
        let rows: Vec<_> = (0..40).map(row).collect();
        let mean = |rows: &[BatchRow]| recent(rows, Counts::of(rows.iter().map(|row| row.status)));
        assert_eq!(mean(&rows), Some(29.5));
        assert_eq!(mean(&rows[..2]), None);
    }
}
