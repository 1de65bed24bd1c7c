//! Single jobs and batches as one noun: list, submit, read, rename, cancel, retry, delete.

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use hub::id::JobId;
use hub::list::{JobDetail, JobRow, ListPage, ListQuery};
use hub::preflight::Preflight;
use hub::services::{JobRequest, Services, Submitted};
use serde::Deserialize;
use serde_json::Value;

use super::read::{Id, Json, Key, Query};
use crate::problem::Problem;
use crate::session::Signed;

/// An answer as JSON, or the problem.
pub type Answer<T> = Result<axum::Json<T>, Problem>;

/// Answers what was accepted with 201 and its address, a second time too.
pub fn accepted(submitted: Submitted, kind: &str) -> Response {
    let address = format!("/api/v1/{kind}/{}", submitted.job.id);
    let mut response = (StatusCode::CREATED, axum::Json(submitted.job)).into_response();
    let headers = response.headers_mut();
    headers.extend(
        HeaderValue::try_from(address)
            .ok()
            .map(|address| (header::LOCATION, address)),
    );
    if submitted.replayed {
        headers.insert("idempotency-replayed", HeaderValue::from_static("true"));
    }
    response
}

/// `GET /jobs`
pub async fn list(
    State(services): State<Services>,
    Signed(actor): Signed,
    Query(pairs): Query,
) -> Answer<ListPage> {
    Ok(axum::Json(
        services
            .list(&actor, &ListQuery::from_query(&pairs)?)
            .await?,
    ))
}

/// `POST /jobs`
pub async fn submit(
    State(services): State<Services>,
    Signed(actor): Signed,
    Key(key): Key,
    Json(request): Json<JobRequest>,
) -> Result<Response, Problem> {
    Ok(accepted(
        services.submit_job(&actor, request, key).await?,
        "jobs",
    ))
}

/// `POST /preflight`
pub async fn preflight(
    State(services): State<Services>,
    Signed(actor): Signed,
    Json(body): Json<Value>,
) -> Answer<Preflight> {
    Ok(axum::Json(services.preflight(&actor, body).await?))
}

/// `GET /jobs/{id}`
pub async fn read(
    State(services): State<Services>,
    Signed(actor): Signed,
    Id(id): Id<JobId>,
) -> Answer<JobDetail> {
    Ok(axum::Json(services.job(&actor, &id).await?))
}

/// What of a job can be changed.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rename {
    name: String,
}

/// `PATCH /jobs/{id}`
pub async fn rename(
    State(services): State<Services>,
    Signed(actor): Signed,
    Id(id): Id<JobId>,
    Json(change): Json<Rename>,
) -> Answer<JobRow> {
    Ok(axum::Json(
        services.rename(&actor, &id, &change.name).await?,
    ))
}

/// `POST /jobs/{id}/cancel`
pub async fn cancel(
    State(services): State<Services>,
    Signed(actor): Signed,
    Id(id): Id<JobId>,
) -> Answer<JobRow> {
    Ok(axum::Json(services.cancel(&actor, &id).await?))
}

/// `POST /jobs/{id}/retry`
pub async fn retry(
    State(services): State<Services>,
    Signed(actor): Signed,
    Id(id): Id<JobId>,
) -> Answer<JobRow> {
    Ok(axum::Json(services.retry(&actor, &id).await?))
}

/// `DELETE /jobs/{id}`
pub async fn delete(
    State(services): State<Services>,
    Signed(actor): Signed,
    Id(id): Id<JobId>,
) -> Result<StatusCode, Problem> {
    services.delete(&actor, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}
