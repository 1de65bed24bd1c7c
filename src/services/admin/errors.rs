//! What failed by the system's own fault, for those who watch over the hub.

use std::cmp::Reverse;

use serde::Deserialize;

use crate::actor::Actor;
use crate::admin::SystemError;
use crate::error::Result;
use crate::job::JobError;
use crate::model::Model;
use crate::ports::documents::{Collection, Direction, Query};
use crate::services::Services;
use crate::services::store::Part;
use crate::task::Task;
use crate::time::Timestamp;

/// Failed jobs, and failed ligands, that are shown: the newest.
const SHOWN: u32 = 100;

/// As much as is read of a job that failed.
#[derive(Deserialize)]
struct Failed {
    task: Task,
    model: Model,
    faulty_at: Timestamp,
    error: Option<JobError>,
}

impl Part for Failed {
    const FIELDS: &'static [&'static str] = &["task", "model", "faulty_at", "error"];
}

impl Services {
    /// The last 100 jobs and the last 100 ligands that failed though nothing was wrong with them, the newest failure first.
    pub async fn system_errors(&self, actor: &Actor) -> Result<Vec<SystemError>> {
        actor.watches()?;
        let mut errors = Vec::new();
        for collection in [Collection::Jobs, Collection::Children] {
            let query = Query::new(collection, "faulty_at", Direction::Descending, SHOWN);
            let failed = self.store.parts::<Failed>(query).await?;
            errors.extend(failed.into_iter().filter_map(|job| error(job.value)));
        }
        errors.sort_by_key(|error| Reverse(error.at));
        Ok(errors)
    }
}

fn error(failed: Failed) -> Option<SystemError> {
    let said = failed.error?;
    Some(SystemError {
        at: failed.faulty_at,
        reference: said.reference,
        task: failed.task,
        model: failed.model,
        category: said.category,
        code: said.code,
        stage: said.stage,
        attempts: said.attempts,
    })
}
