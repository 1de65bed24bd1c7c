//! What is told to those who watch over the hub: whether it may get traffic, and how its parts stand.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use hub::health::{Health, Part, Standing};
use hub::services::Services;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::gateway::{self, Gateway};
use crate::metrics;

/// How long a part may take to answer.
const PATIENCE: Duration = Duration::from_secs(3);

/// What is looked at.
#[derive(Clone)]
pub struct Watch {
    /// The use cases.
    pub services: Services,
    /// The client of the gateway, which knows whether it asks.
    pub gateway: Arc<Gateway>,
    /// `development` or `production`.
    pub environment: &'static str,
    /// Cancelled when the server ends.
    pub stopping: CancellationToken,
}

/// Their addresses.
pub fn routes(watch: Watch) -> Router {
    Router::new()
        .route("/metrics", get(metrics::read))
        .route("/readyz", get(ready))
        .route("/health", get(health))
        .with_state(watch)
}

/// `GET /readyz`: whether requests can be answered.
async fn ready(State(watch): State<Watch>) -> (StatusCode, &'static str) {
    if watch.stopping.is_cancelled() {
        return (StatusCode::SERVICE_UNAVAILABLE, "ending");
    }
    match timeout(PATIENCE, watch.services.database_health()).await {
        Ok((_, Some(_))) => (StatusCode::OK, "ready"),
        _ => (
            StatusCode::SERVICE_UNAVAILABLE,
            "the database does not answer",
        ),
    }
}

/// `GET /health`: how each part stands; 503 when nothing can be done.
async fn health(State(watch): State<Watch>) -> (StatusCode, Json<Health>) {
    let services = &watch.services;
    let (database, storage, compute) = tokio::join!(
        timeout(PATIENCE, services.database_health()),
        timeout(PATIENCE, services.storage_health()),
        timeout(PATIENCE, services.compute_health()),
    );
    let (database, time) = database.unwrap_or_else(|_| (late(Standing::Unhealthy), None));
    let storage = storage.unwrap_or_else(|_| late(Standing::Unhealthy));
    let mut compute = compute.unwrap_or_else(|_| late(Standing::Degraded));
    if let gateway::Standing::Open(rest) = watch.gateway.standing() {
        compute.status = compute.status.max(Standing::Degraded);
        let seconds = rest.as_secs() + 1;
        compute.message = format!("{}; it is asked again in {seconds} s", compute.message);
    }
    let parts = BTreeMap::from([
        ("database", database),
        ("storage", storage),
        ("compute", compute),
    ]);
    let worst = parts.values().map(|part| part.status).max();
    let status = worst.unwrap_or(Standing::Unhealthy);
    let code = match status {
        Standing::Unhealthy => StatusCode::SERVICE_UNAVAILABLE,
        Standing::Healthy | Standing::Degraded => StatusCode::OK,
    };
    let health = Health {
        status,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        environment: watch.environment.to_owned(),
        time,
        services: parts,
    };
    (code, Json(health))
}

fn late(status: Standing) -> Part {
    Part {
        status,
        message: format!("it did not answer within {} s", PATIENCE.as_secs()),
    }
}
