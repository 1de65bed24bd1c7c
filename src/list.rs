//! My Results: the rows of the list, its pages, and a job in full.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::actor::Owner;
use crate::batch::{BatchProgress, BatchRow, RunTimes};
use crate::id::JobId;
use crate::input::{Input, Parameters};
use crate::job::{
    Attempt, Best, Job, JobError, JobSummary, Kind, Progress, ResultFile, Status, Waiting,
};
use crate::metric::{self, Better, Metrics};
use crate::model::Model;
use crate::page::PageRequest;
use crate::search::Filters;
use crate::task::Task;
use crate::time::Timestamp;

mod query;

pub use query::MAX_CHILDREN_PER_PAGE;

/// Counts are exact up to here.
pub const COUNTED_TO: u32 = 10_000;

/// What of the list is asked for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ListQuery {
    /// Which jobs.
    pub filters: Filters,
    /// Oldest first instead of newest first.
    pub oldest_first: bool,
    /// Which page.
    pub page: PageRequest,
}

/// A value with its unit and direction, for a cell.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BestValue {
    /// The metric.
    pub metric: String,
    /// Its value as written.
    pub value: f64,
    /// Its unit.
    pub unit: String,
    /// Which end is the good one.
    pub better: Better,
    /// Whether nobody vouches for it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unverified: bool,
}

impl BestValue {
    /// A value with what is known of its metric.
    pub fn of(best: &Best) -> Option<Self> {
        let kind = metric::named(&best.metric)?;
        Some(Self {
            metric: best.metric.clone(),
            value: best.value,
            unit: kind.unit.to_owned(),
            better: kind.better,
            unverified: best.unverified,
        })
    }
}

/// A job or batch as a row shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JobRow {
    /// Its id.
    pub id: JobId,
    /// What kind of record it is.
    pub kind: Kind,
    /// What was asked.
    pub task: Task,
    /// Who does it.
    pub model: Model,
    /// Its name.
    pub name: String,
    /// Where it stands.
    pub status: Status,
    /// Why it waits.
    pub waiting: Option<Waiting>,
    /// Whether somebody asked it to end and it has not yet.
    pub cancelling: bool,
    /// What its run is doing.
    pub progress: Option<Progress>,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// When it was last written.
    pub updated_at: Timestamp,
    /// When it started.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// Seconds from start to end; none before the end.
    pub duration_s: Option<f64>,
    /// The best value, with its unit.
    pub best: Option<BestValue>,
    /// Whether there is a structure to look at.
    pub has_structure: bool,
    /// Whether there are values to read.
    pub has_results: bool,
    /// How many files there are.
    pub file_count: u32,
    /// Why it failed or waits to be tried again.
    pub error: Option<JobError>,
    /// The batch of a child.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch_id: Option<JobId>,
    /// The place of a child in its batch, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<u32>,
    /// How far a batch has come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<BatchProgress>,
    /// Whose it is, on a list of everybody's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<Owner>,
    /// Whose it was in the former system, on a list of everybody's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub former_owner: Option<String>,
    /// Its id in the former system, when it came from there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub former_id: Option<String>,
}

impl JobRow {
    /// Whether there are poses of it to look at in 3D and to save: what the former system docked is in files of its own.
    pub fn has_poses(&self) -> bool {
        self.task == Task::Docking && self.has_structure && self.former_id.is_none()
    }
}

impl From<JobSummary> for JobRow {
    fn from(job: JobSummary) -> Self {
        let best = job.best.as_ref().and_then(BestValue::of);
        let is_pose = |file: &ResultFile| matches!(file.kind.as_str(), "poses" | "structure");
        Self {
            id: job.id,
            kind: job.kind,
            task: job.task,
            model: job.model,
            name: job.name,
            status: job.status,
            waiting: job.waiting,
            cancelling: job.state.is_cancelling(job.cancel_requested_at),
            progress: job.progress,
            created_at: job.created_at,
            updated_at: job.updated_at,
            started_at: job.started_at,
            ended_at: job.ended_at,
            duration_s: job
                .started_at
                .zip(job.ended_at)
                .map(|(started, ended)| ended.millis_since(started) as f64 / 1_000.0),
            has_structure: job.files.iter().any(is_pose)
                || (job.kind == Kind::Batch && best.is_some()),
            has_results: best.is_some(),
            best,
            file_count: job.files.len() as u32,
            error: job.error,
            batch_id: job.batch_id,
            index: job.index,
            batch: job.batch.as_ref().map(BatchProgress::from),
            owner: None,
            former_owner: None,
            former_id: job.former.map(|former| former.id),
        }
    }
}

impl From<&Job> for JobRow {
    fn from(job: &Job) -> Self {
        JobSummary::from(job).into()
    }
}

/// A page of the list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ListPage {
    /// The rows, in order.
    pub results: Vec<JobRow>,
    /// The page after, when there is one.
    pub next_page_token: Option<String>,
    /// The page before, when there is one.
    pub prev_page_token: Option<String>,
    /// Whether there is a page after.
    pub has_more: bool,
    /// Whether the search stopped before the end of the store: `next_page_token` then searches further.
    pub search_incomplete: bool,
    /// Where the page stands among all.
    pub pagination: Pagination,
}

/// Where a page stands among all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pagination {
    /// This page, from 1.
    pub page: u32,
    /// Rows on a page.
    pub per_page: u32,
    /// Pages in all, a lower bound as `total_results` is.
    pub total_pages: u32,
    /// Rows in all, exact up to [`COUNTED_TO`].
    pub total_results: u32,
    /// Whether there are more than `total_results`.
    pub total_is_lower_bound: bool,
    /// Whether there is a page after.
    pub has_next: bool,
    /// Whether there is a page before.
    pub has_prev: bool,
}

/// A job or batch in full.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JobDetail {
    /// What its row shows; its error here with the end of the log.
    #[serde(flatten)]
    pub row: JobRow,
    /// What was asked; a child's with the target of its batch.
    pub input: Input,
    /// How; absent for what came from the former system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameters: Option<Parameters>,
    /// Seconds of one slot that it was expected to take.
    pub estimate_s: u32,
    /// The job that this one repeats.
    pub source_id: Option<JobId>,
    /// Every metric of the task, present or missing.
    pub metrics: Metrics,
    /// Its files.
    pub files: Vec<ResultFile>,
    /// Every try, oldest first.
    pub attempts: Vec<Attempt>,
    /// Engine, versions, seeds and prepared inputs, as the worker wrote them.
    pub provenance: Option<Value>,
    /// Run times of a batch's children.
    pub timings: Option<RunTimes>,
    /// Names of the columns that came with a batch's ligands.
    pub columns: Vec<String>,
}

/// What of a batch's children is asked for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ChildrenQuery {
    /// Rows on a page, 1 to 500.
    pub limit: u32,
    /// Only these statuses; all when empty.
    pub status: Vec<Status>,
    /// Only names or SMILES with this text, whatever the case.
    pub text: String,
    /// Bounds by metric: least and most, both inclusive. A missing value never passes.
    pub ranges: Vec<(String, Option<f64>, Option<f64>)>,
    /// `index`, `name`, `status`, `run_s` or a metric; ranked by the first metric, good end first, when empty.
    pub sort: String,
    /// Against the sort's own direction (good end first for a metric, else smallest first).
    pub reversed: bool,
    /// Rows that are passed over: all of a batch lies in memory, so that places are exact.
    pub offset: u32,
}

/// A page of a batch's children.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChildrenPage {
    /// The rows, in order.
    pub results: Vec<BatchRow>,
    /// Children that pass the filters.
    pub total_results: u32,
    /// Rows that were passed over.
    pub offset: u32,
    /// What to ask for the page after, when there is one.
    pub next_page_token: Option<String>,
    /// What to ask for the page before, when there is one.
    pub prev_page_token: Option<String>,
}

/// What a retry of a batch's failed children would be.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RetryPlan {
    /// How many children.
    pub children: u32,
    /// Hours of GPU.
    pub gpu_hours: f64,
    /// US dollars, when the price is known.
    pub cost_usd: Option<f64>,
    /// Seconds of slots.
    pub seconds: u32,
}
