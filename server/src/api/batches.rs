//! Batches: submit, read, follow, their children, cancel and retry.

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use hub::Error;
use hub::batch::BatchProgress;
use hub::id::JobId;
use hub::job::Status;
use hub::list::{ChildrenPage, ChildrenQuery, JobDetail, JobRow, RetryPlan};
use hub::services::{BatchRequest, Services};
use hub::time::Timestamp;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::jobs::{Answer, accepted};
use super::read::{Id, Json, Key, Query};
use crate::problem::Problem;
use crate::session::Signed;

/// `POST /batches`
pub async fn submit(
    State(services): State<Services>,
    Signed(actor): Signed,
    Key(key): Key,
    Json(request): Json<BatchRequest>,
) -> Result<Response, Problem> {
    Ok(accepted(
        services.submit_batch(&actor, request, key).await?,
        "batches",
    ))
}

/// `GET /batches/{id}`
pub async fn read(
    State(services): State<Services>,
    Signed(actor): Signed,
    Id(id): Id<JobId>,
) -> Answer<JobDetail> {
    Ok(axum::Json(services.batch(&actor, &id).await?))
}

/// What of a batch changes while it runs.
#[derive(Serialize)]
struct BatchStatus {
    id: JobId,
    status: Status,
    cancelling: bool,
    updated_at: Timestamp,
    batch: Option<BatchProgress>,
}

/// `GET /batches/{id}/status`: small, and 304 to whoever has it already.
pub async fn status(
    State(services): State<Services>,
    Signed(actor): Signed,
    Id(id): Id<JobId>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let JobRow {
        id,
        status,
        cancelling,
        updated_at,
        batch,
        ..
    } = services.batch(&actor, &id).await?.row;
    let body = BatchStatus {
        id,
        status,
        cancelling,
        updated_at,
        batch,
    };
    with_etag(&headers, &body)
}

fn with_etag(headers: &HeaderMap, body: &impl Serialize) -> Result<Response, Problem> {
    let text = serde_json::to_string(body).map_err(Error::internal)?;
    let digest = data_encoding::HEXLOWER.encode(&Sha256::digest(&text)[..16]);
    let etag = format!("\"{digest}\"");
    let known = headers
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok());
    let is_known = known
        .flat_map(|value| value.split(','))
        .any(|tag| tag.trim().trim_start_matches("W/") == etag);
    let mut response = if is_known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        text.into_response()
    };
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("private, no-cache"),
    );
    headers.extend(
        HeaderValue::try_from(etag)
            .ok()
            .map(|etag| (header::ETAG, etag)),
    );
    Ok(response)
}

/// `GET /batches/{id}/children`
pub async fn children(
    State(services): State<Services>,
    Signed(actor): Signed,
    Id(id): Id<JobId>,
    Query(pairs): Query,
) -> Answer<ChildrenPage> {
    Ok(axum::Json(
        services
            .children(&actor, &id, &ChildrenQuery::from_query(&pairs)?)
            .await?,
    ))
}

/// `POST /batches/{id}/cancel`
pub async fn cancel(
    State(services): State<Services>,
    Signed(actor): Signed,
    Id(id): Id<JobId>,
) -> Answer<JobRow> {
    let batch = services.batch(&actor, &id).await?.row.id;
    Ok(axum::Json(services.cancel(&actor, &batch).await?))
}

/// `POST /batches/{id}/retry-failed`
pub async fn retry_failed(
    State(services): State<Services>,
    Signed(actor): Signed,
    Id(id): Id<JobId>,
    query: Query,
) -> Answer<RetryPlan> {
    Ok(axum::Json(
        services
            .retry_failed(&actor, &id, query.flag("dry_run")?)
            .await?,
    ))
}
