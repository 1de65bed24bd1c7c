//! Drafts: an input uploaded by a form or a program, looked at before it is submitted.

use axum::extract::multipart::MultipartRejection;
use axum::extract::{Multipart, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use hub::draft::DraftView;
use hub::id::DraftId;
use hub::services::{OnFailedRows, Services};
use hub::{Error, Fault};
use serde::Deserialize;

use super::jobs::{Answer, accepted};
use super::read::{Id, Json, Key, wants_page};
use super::upload;
use crate::problem::Problem;
use crate::session::Signed;

/// `POST /drafts`: a browser's form is shown again with what is said of it; a program reads it at once, and a file that
/// is too large is an error for it.
pub async fn create(
    State(services): State<Services>,
    Signed(actor): Signed,
    headers: HeaderMap,
    form: Result<Multipart, MultipartRejection>,
) -> Result<Response, Problem> {
    let no_form = |_| {
        Error::bad_request(
            "body",
            "send the draft as a form, multipart/form-data with its boundary",
        )
    };
    let read = upload::read(form.map_err(no_form)?).await?;
    if wants_page(&headers) {
        let id = services.create_draft(&actor, read.upload).await?;
        return Ok((
            StatusCode::SEE_OTHER,
            [(header::LOCATION, format!("/new/docking?draft={id}"))],
        )
            .into_response());
    }
    hub::error::check(
        read.too_large
            .iter()
            .map(|field| Fault::new(*field, upload::TOO_LARGE))
            .collect(),
    )?;
    let id = services.create_draft(&actor, read.upload).await?;
    let address = [(header::LOCATION, format!("/api/v1/drafts/{id}"))];
    Ok((
        StatusCode::CREATED,
        address,
        axum::Json(services.draft(&actor, &id).await?),
    )
        .into_response())
}

/// `GET /drafts/{id}`
pub async fn read(
    State(services): State<Services>,
    Signed(actor): Signed,
    Id(id): Id<DraftId>,
) -> Answer<DraftView> {
    Ok(axum::Json(services.draft(&actor, &id).await?))
}

/// How a draft is submitted.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Submission {
    #[serde(default)]
    on_failed_rows: OnFailedRows,
}

/// `POST /drafts/{id}/submit`
pub async fn submit(
    State(services): State<Services>,
    Signed(actor): Signed,
    Id(id): Id<DraftId>,
    Key(key): Key,
    Json(submission): Json<Submission>,
) -> Result<Response, Problem> {
    let missing = || {
        Error::bad_request(
            "Idempotency-Key",
            "give the header Idempotency-Key; the draft names one for you",
        )
    };
    let key = key.ok_or_else(missing)?;
    let submitted = services
        .submit_draft(&actor, &id, key, submission.on_failed_rows)
        .await?;
    Ok(accepted(submitted, "jobs"))
}
