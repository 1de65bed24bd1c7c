//! What can be asked for, who does it, into what, and who asks.

use axum::extract::State;
use hub::actor::Owner;
use hub::id::UserId;
use hub::model::{Model, ModelCard, TargetOffer};
use hub::services::{Account, Services};
use hub::task::Task;
use serde::Serialize;

use super::files::Results;
use super::jobs::Answer;
use crate::session::Signed;

/// A task and the models that do it.
#[derive(Serialize)]
pub struct TaskCard {
    name: Task,
    title: &'static str,
    summary: &'static str,
    models: Vec<Model>,
}

/// `GET /tasks`
pub async fn tasks(_: Signed) -> Answer<Results<TaskCard>> {
    let card = |task: Task| TaskCard {
        name: task,
        title: task.title(),
        summary: task.summary(),
        models: task.models().collect(),
    };
    Ok(axum::Json(Results {
        results: Task::ALL.map(card).into(),
    }))
}

/// `GET /models`
pub async fn list(
    State(services): State<Services>,
    Signed(actor): Signed,
) -> Answer<Results<ModelCard>> {
    Ok(axum::Json(Results {
        results: services.models(&actor).await?,
    }))
}

/// `GET /targets`
pub async fn targets(
    State(services): State<Services>,
    Signed(actor): Signed,
) -> Answer<Results<TargetOffer>> {
    Ok(axum::Json(Results {
        results: services.targets(&actor).await?,
    }))
}

/// Who asks.
#[derive(Serialize)]
pub struct Me {
    user_id: UserId,
    owner: Owner,
    account: Option<Account>,
}

/// `GET /me`
pub async fn me(State(services): State<Services>, Signed(actor): Signed) -> Answer<Me> {
    Ok(axum::Json(Me {
        account: services.account(&actor).await?,
        user_id: actor.user,
        owner: actor.owner,
    }))
}
