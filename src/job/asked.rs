//! What makes a job: who asks for what.

use super::{Input, Job, Kind, Parameters, Retry, SCHEMA, State, belonging::shelf};
use crate::actor::Owner;
use crate::id::{JobId, UserId};
use crate::metric::Metrics;
use crate::model::Model;
use crate::task::Task;
use crate::time::Timestamp;

/// What is known of a job before anything became of it; each field as in [`Job`].
#[derive(Clone, Debug)]
pub struct Asked {
    /// Its id.
    pub id: JobId,
    /// What kind of record it is.
    pub kind: Kind,
    /// What is asked.
    pub task: Task,
    /// Who does it.
    pub model: Model,
    /// Whose it is.
    pub owner: Owner,
    /// Who asked.
    pub created_by: UserId,
    /// What was asked.
    pub input: Input,
    /// How.
    pub parameters: Option<Parameters>,
    /// When it was accepted.
    pub created_at: Timestamp,
}

impl From<Asked> for Job {
    /// The job as it begins, without a name: queued, or open for children when it is a batch.
    fn from(asked: Asked) -> Self {
        let state = match asked.kind {
            Kind::Batch => State::Open,
            Kind::Single | Kind::Child => State::Queued,
        };
        Self {
            schema: SCHEMA,
            id: asked.id,
            kind: asked.kind,
            task: asked.task,
            model: asked.model,
            name: String::new(),
            shelf: shelf(&asked.owner, &asked.created_by),
            owner: asked.owner,
            created_by: asked.created_by,
            home: None,
            shared: None,
            shared_shelf: None,
            former: None,
            source_id: None,
            batch_id: None,
            index: None,
            state,
            status: state.status(),
            epoch: 0,
            retries: Retry::default(),
            waiting: None,
            due_at: None,
            cancel_requested_at: None,
            created_at: asked.created_at,
            updated_at: asked.created_at,
            started_at: None,
            ended_at: None,
            deadline_at: None,
            progress: None,
            error: None,
            faulty_at: None,
            log_tail: None,
            attempts: Vec::new(),
            hold: None,
            held_at: None,
            input: asked.input,
            parameters: asked.parameters,
            estimate_s: 0,
            run_s: None,
            metrics: Metrics::new(),
            best: None,
            files: Vec::new(),
            result_epoch: None,
            provenance: None,
            batch: None,
            dispatchable: None,
            searched: Vec::new(),
            terms: Vec::new(),
        }
    }
}
