//! What failed by the system's own fault, for those who watch over the hub.

use std::cmp::Reverse;

use serde::Deserialize;

use crate::actor::Actor;
use crate::admin::SystemError;
use crate::error::Result;
use crate::job::{Category, JobError, State};
use crate::model::Model;
use crate::ports::documents::{Collection, Direction, Query};
use crate::services::Services;
use crate::task::Task;
use crate::time::Timestamp;

/// Failed jobs, and failed ligands, of each model that are looked at: the newest.
const LOOKED_AT: u32 = 100;

/// As much as is read of a job that failed.
#[derive(Deserialize)]
struct Failed {
    task: Task,
    ended_at: Option<Timestamp>,
    error: Option<JobError>,
}

impl Services {
    /// Of the last 100 jobs and the last 100 ligands of each model that failed, those with which nothing was wrong, the
    /// newest failure first.
    pub async fn system_errors(&self, actor: &Actor) -> Result<Vec<SystemError>> {
        actor.watches()?;
        let mut errors = Vec::new();
        for model in Model::ALL {
            for collection in [Collection::Jobs, Collection::Children] {
                let (order, newest) = ("created_at", Direction::Descending);
                let query = Query::new(collection, order, newest, LOOKED_AT)
                    .equal("model", model.name())
                    .equal("state", State::Failed.name());
                let failed = self.store.query::<Failed>(&query).await?;
                errors.extend(failed.into_iter().filter_map(|job| error(model, job.value)));
            }
        }
        errors.sort_by_key(|error| Reverse(error.at));
        Ok(errors)
    }
}

fn error(model: Model, failed: Failed) -> Option<SystemError> {
    let said = failed.error?;
    (said.category != Category::User).then_some(SystemError {
        at: failed.ended_at?,
        reference: said.reference,
        task: failed.task,
        model,
        category: said.category,
        code: said.code,
        stage: said.stage,
        attempts: said.attempts,
    })
}
