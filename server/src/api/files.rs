//! Files of a result: what there is, and the signed address of each.

use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use hub::Error;
use hub::id::JobId;
use hub::job::ResultFile;
use hub::services::Services;
use serde::Serialize;

use super::exports::stream;
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

/// `GET /jobs/{id}/files/{name}`: where it is read, to be saved with `save=true`, else to be shown. With `content=true` the
/// file itself, for scripts of pages: they may ask no other site, and the file store may be one.
pub async fn read(
    State(services): State<Services>,
    Signed(actor): Signed,
    Path((id, name)): Path<(String, String)>,
    query: Query,
) -> Result<Response, Problem> {
    let id: JobId = id.parse().map_err(|_| Error::NotFound)?;
    let save = query.flag("save")?;
    if query.flag("content")? {
        return Ok(stream(services.file(&actor, &id, &name).await?));
    }
    let address = services.file_url(&actor, &id, &name, save).await?;
    Ok((StatusCode::FOUND, [(header::LOCATION, address)]).into_response())
}
