//! Lives of a job: what a person does, and what becomes of the runs, when nothing else goes wrong.

use futures::FutureExt;
use hub::Error;
use hub::id::JobId;
use hub::job::{Job, State};
use hub::services::{BatchRequest, IdempotencyKey, JobRequest};
use serde_json::{Value, json};

use crate::faulty::Effects;
use crate::invariants::{Broken, Expected, check, check_deleted};
use crate::stores::Store;
use crate::world::{Verdict, World};

/// A life, from the submission on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// One job, whose first run fails for a moment.
    Single,
    /// Three ligands, of which one's first run fails for a moment.
    Screen,
    /// Three ligands; the person cancels the rest when one has ended.
    Cancelled,
    /// Three ligands; two cannot be done as they are, and the person has them run again.
    Retried,
    /// Three ligands, deleted when they have ended.
    Deleted,
}

impl Life {
    /// Lives it once with what goes wrong on the way, and looks at what is left.
    pub async fn live(self, store: Store, effects: Effects) -> Result<(), Broken> {
        let mut world = World::open(store, effects).await;
        match self {
            Self::Single => single(&mut world).await,
            Self::Screen => screen(&mut world).await,
            Self::Cancelled => cancelled(&mut world).await,
            Self::Retried => retried(&mut world).await,
            Self::Deleted => deleted(&mut world).await,
        }
    }
}

async fn single(world: &mut World) -> Result<(), Broken> {
    world.verdict = |run| {
        if run.ends_with(":1") {
            Verdict::Fails("transient")
        } else {
            Verdict::Succeeds
        }
    };
    let key = IdempotencyKey::new("one").unwrap();
    let submitted = world.insist(move |services, actor| {
        let key = key.clone();
        async move { services.submit_job(&actor, job(), Some(key)).await }.boxed()
    });
    let id = submitted.await?.job.id;
    world.until_ended(&id).await?;
    let expected = Expected {
        completed: 1,
        cancelled: 0,
        charged: 1,
        begun: 2,
    };
    check(world, &id, expected).await
}

async fn screen(world: &mut World) -> Result<(), Broken> {
    world.verdict = |run| {
        if run.ends_with("-00001:1") {
            Verdict::Fails("transient")
        } else {
            Verdict::Succeeds
        }
    };
    let id = submit(world).await?;
    world.until_ended(&id).await?;
    let expected = Expected {
        completed: 3,
        cancelled: 0,
        charged: 3,
        begun: 4,
    };
    check(world, &id, expected).await
}

async fn cancelled(world: &mut World) -> Result<(), Broken> {
    world.verdict = |run| {
        if run.contains("-00000:") {
            Verdict::Succeeds
        } else {
            Verdict::GoesOn
        }
    };
    let id = submit(world).await?;
    let is_under_way = |_: &Job, children: &[Job]| {
        let states: Vec<_> = children.iter().map(|child| child.state).collect();
        states == [State::Completed, State::Running, State::Running]
    };
    world
        .until("what is queued is dispatched", is_under_way, &id)
        .await?;
    let batch = id.clone();
    let asked = world.insist(move |services, actor| {
        let batch = batch.clone();
        async move { services.cancel(&actor, &batch).await }.boxed()
    });
    asked.await?;
    world.until_ended(&id).await?;
    let expected = Expected {
        completed: 1,
        cancelled: 2,
        charged: 3,
        begun: 3,
    };
    check(world, &id, expected).await
}

async fn retried(world: &mut World) -> Result<(), Broken> {
    world.verdict = |run| {
        if run.ends_with("-00001:1") || run.ends_with("-00002:1") {
            Verdict::Fails("user")
        } else {
            Verdict::Succeeds
        }
    };
    let id = submit(world).await?;
    world.until_ended(&id).await?;
    let batch = id.clone();
    let asked = world.insist(move |services, actor| {
        let batch = batch.clone();
        async move { services.retry_failed(&actor, &batch, false).await }.boxed()
    });
    asked.await?;
    world.until_ended(&id).await?;
    let expected = Expected {
        completed: 3,
        cancelled: 0,
        charged: 5,
        begun: 5,
    };
    check(world, &id, expected).await
}

async fn deleted(world: &mut World) -> Result<(), Broken> {
    let id = submit(world).await?;
    world.until_ended(&id).await?;
    let batch = id.clone();
    let asked = world.insist(move |services, actor| {
        let batch = batch.clone();
        let delete = async move {
            match services.delete(&actor, &batch).await {
                // It was done, and the answer was lost.
                Err(Error::NotFound) => Ok(()),
                answer => answer,
            }
        };
        delete.boxed()
    });
    asked.await?;
    world.a_month().await;
    check_deleted(world, &id, 3).await
}

/// The screen of three, accepted.
async fn submit(world: &mut World) -> Result<JobId, Broken> {
    let key = IdempotencyKey::new("one").unwrap();
    let submitted = world.insist(move |services, actor| {
        let key = key.clone();
        async move { services.submit_batch(&actor, batch(), Some(key)).await }.boxed()
    });
    Ok(submitted.await?.job.id)
}

fn read<T: serde::de::DeserializeOwned>(body: Value) -> T {
    serde_json::from_value(body).unwrap()
}

fn job() -> JobRequest {
    let ligand = json!({"name": "ethanol", "smiles": "CCO"});
    read(json!({"task": "docking", "input": {"target": {"named": "ABL1"}, "ligand": ligand}}))
}

fn batch() -> BatchRequest {
    let ligands = ["CO", "CCO", "CCCO"].map(|smiles| json!({"name": smiles, "smiles": smiles}));
    read(json!({"task": "docking", "target": {"named": "ABL1"}, "ligands": ligands}))
}
