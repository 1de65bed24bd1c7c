//! What lists read of a job: no sequences, values or logs.

use serde::Deserialize;

use super::{Best, Former, Job, JobError, Kind, Progress, ResultFile, State, Status, Waiting};
use crate::actor::Owner;
use crate::batch::BatchState;
use crate::id::JobId;
use crate::model::Model;
use crate::task::Task;
use crate::time::Timestamp;

/// Some fields of [`Job`], once: as a type of their own, as their names, and as they are taken from a whole job.
macro_rules! summary {
    ($($(#[$old:meta])* $field:ident: $type:ty),* $(,)?) => {
        /// A job as lists read it: fields of [`Job`], each with its meaning there. It cannot be written, since it is not
        /// the whole.
        #[derive(Clone, Debug, PartialEq, Deserialize)]
        #[serde(deny_unknown_fields)]
        #[expect(missing_docs, reason = "the fields are those of `Job`")]
        pub struct JobSummary {
            $($(#[$old])* pub $field: $type,)*
        }

        impl JobSummary {
            /// The names of its fields, for whoever reads no others.
            pub const FIELDS: &[&str] = &[$(stringify!($field)),*];
        }

        impl From<&Job> for JobSummary {
            fn from(job: &Job) -> Self {
                Self {
                    $($field: job.$field.clone(),)*
                }
            }
        }
    };
}

summary! {
    id: JobId,
    kind: Kind,
    task: Task,
    model: Model,
    name: String,
    owner: Owner,
    former: Option<Former>,
    batch_id: Option<JobId>,
    index: Option<u32>,
    state: State,
    status: Status,
    waiting: Option<Waiting>,
    cancel_requested_at: Option<Timestamp>,
    created_at: Timestamp,
    updated_at: Timestamp,
    started_at: Option<Timestamp>,
    ended_at: Option<Timestamp>,
    progress: Option<Progress>,
    error: Option<JobError>,
    best: Option<Best>,
    #[serde(default)]
    files: Vec<ResultFile>,
    batch: Option<BatchState>,
    #[serde(default)]
    searched: Vec<String>,
}
