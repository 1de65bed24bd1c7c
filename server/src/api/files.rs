//! Files of a result: what there is, and the signed address of each.

use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use hub::Error;
use hub::id::JobId;
use hub::job::ResultFile;
use hub::services::Services;
use serde::Serialize;

use super::jobs::Answer;
use super::read::{Id, Query};
use crate::problem::Problem;
use crate::session::Signed;

/// A list that needs no pages.
#[derive(Serialize)]
pub struct Results<T> {
    /// Everything there is.
    pub results: Vec<T>,
}

/// `GET /jobs/{id}/files`
pub async fn list(
    State(services): State<Services>,
    Signed(actor): Signed,
    Id(id): Id<JobId>,
) -> Answer<Results<ResultFile>> {
    Ok(axum::Json(Results {
        results: services.job(&actor, &id).await?.files,
    }))
}

/// `GET /jobs/{id}/files/{name}`: saved with `save=true`, else shown.
pub async fn read(
    State(services): State<Services>,
    Signed(actor): Signed,
    Path((id, name)): Path<(String, String)>,
    query: Query,
) -> Result<(StatusCode, [(header::HeaderName, String); 1]), Problem> {
    let id: JobId = id.parse().map_err(|_| Error::NotFound)?;
    let address = services
        .file_url(&actor, &id, &name, query.flag("save")?)
        .await?;
    Ok((StatusCode::FOUND, [(header::LOCATION, address)]))
}
