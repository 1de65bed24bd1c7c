//! Who watches is woken when something changes on this server. A wake-up says only what to read again: the store has the
//! state, and whoever sleeps through a wake-up reads it at their next turn.

use std::sync::Arc;

use tokio::sync::{Notify, broadcast};

use crate::actor::Owner;
use crate::id::JobId;
use crate::job::Job;

/// Something was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What.
    pub id: JobId,
    /// Whose it is.
    pub owner: Owner,
    /// The batch of a child.
    pub batch_id: Option<JobId>,
}

/// What changes on this server.
#[derive(Clone)]
pub struct Changes {
    written: broadcast::Sender<Change>,
    work: Arc<Notify>,
}

impl Default for Changes {
    fn default() -> Self {
        Self {
            written: broadcast::channel(1_024).0,
            work: Arc::default(),
        }
    }
}

impl Changes {
    /// Everything that is written from now on.
    pub fn subscribe(&self) -> broadcast::Receiver<Change> {
        self.written.subscribe()
    }

    /// Resolves when there may be something to dispatch: a job was accepted, or a slot was freed.
    pub async fn work(&self) {
        self.work.notified().await;
    }

    pub(super) fn job_written(&self, job: &Job) {
        let change = Change {
            id: job.id.clone(),
            owner: job.owner.clone(),
            batch_id: job.batch_id.clone(),
        };
        // Nobody watching is no failure.
        let _ = self.written.send(change);
    }

    pub(super) fn work_appeared(&self) {
        self.work.notify_one();
    }
}
