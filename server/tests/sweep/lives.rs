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
    /// One job with a receptor of its own, which cannot be done through nobody's fault.
    Failed,
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
            Self::Failed => failed(&mut world).await,
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
    let id = submit_job(world, job()).await?;
    world.until_ended(&id).await?;
    let expected = Expected {
        completed: 1,
        charged: 1,
        begun: 2,
        ..Expected::default()
    };
    check(world, &id, expected).await
}

async fn failed(world: &mut World) -> Result<(), Broken> {
    world.verdict = |_| Verdict::Fails("system");
    let id = submit_job(world, job_with_receptor()).await?;
    world.until_ended(&id).await?;
    let expected = Expected {
        failed: 1,
        refunded: 1,
        begun: 3,
        ..Expected::default()
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
        charged: 3,
        begun: 4,
        ..Expected::default()
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
        ..Expected::default()
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
        charged: 5,
        begun: 5,
        ..Expected::default()
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

/// A job, accepted.
async fn submit_job(world: &mut World, job: JobRequest) -> Result<JobId, Broken> {
    let key = IdempotencyKey::new("one").unwrap();
    let submitted = world.insist(move |services, actor| {
        let (key, job) = (key.clone(), job.clone());
        async move { services.submit_job(&actor, job, Some(key)).await }.boxed()
    });
    Ok(submitted.await?.job.id)
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

fn job_with_receptor() -> JobRequest {
    let atom = "ATOM      1  CA  ALA A   1       1.000   2.000   3.000  1.00  0.00     0.000 C\n";
    let receptor = json!({"name": "mine", "format": "pdbqt", "text": atom});
    let target = json!({"receptor": receptor, "box": {"center": [1, 2, 3], "size": [20, 20, 20]}});
    let ligand = json!({"name": "ethanol", "smiles": "CCO"});
    read(json!({"task": "docking", "input": {"target": target, "ligand": ligand}}))
}

fn batch() -> BatchRequest {
    let ligands = ["CO", "CCO", "CCCO"].map(|smiles| json!({"name": smiles, "smiles": smiles}));
    read(json!({"task": "docking", "target": {"named": "ABL1"}, "ligands": ligands}))
}
