//! Exports of a job or a batch, streamed as they are made.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use futures::TryStreamExt;
use hub::Error;
use hub::id::JobId;
use hub::services::{Export, ExportFormat, Services};

use super::read::{Id, Query};
use crate::attachment::attachment;
use crate::problem::Problem;
use crate::session::Signed;

/// `GET /jobs/{id}/export?format=`
pub async fn of_job(
    State(services): State<Services>,
    Signed(actor): Signed,
    Id(id): Id<JobId>,
    query: Query,
) -> Result<Response, Problem> {
    Ok(stream(
        services
            .export(&actor, &id, format(&query)?, selection(&query)?)
            .await?,
    ))
}

/// `GET /batches/{id}/export?format=&selection=`
pub async fn of_batch(
    State(services): State<Services>,
    Signed(actor): Signed,
    Id(id): Id<JobId>,
    query: Query,
) -> Result<Response, Problem> {
    let batch = services.batch(&actor, &id).await?.row.id;
    Ok(stream(
        services
            .export(&actor, &batch, format(&query)?, selection(&query)?)
            .await?,
    ))
}

/// A table when nothing else is asked.
pub fn format(query: &Query) -> Result<ExportFormat, Error> {
    ExportFormat::parse(query.get("format").unwrap_or("csv"))
}

/// Places of children, `0,3,17`; all when absent.
fn selection(query: &Query) -> Result<Option<Vec<u32>>, Error> {
    let Some(text) = query.get("selection") else {
        return Ok(None);
    };
    let faulty = || {
        Error::bad_request(
            "selection",
            "selection must be places of children, like 0,3,17",
        )
    };
    text.split(',')
        .map(|place| place.trim().parse().map_err(|_| faulty()))
        .collect::<Result<_, _>>()
        .map(Some)
}

/// Answers a file as it comes.
pub fn stream(export: Export) -> Response {
    let name = export.file_name.clone();
    let content = export.content.inspect_err(move |failed| {
        // The status has gone out: a download that ends early is all that the reader sees.
        tracing::error!(file = name, cause = %failed, "an export broke off");
    });
    let mut response = Body::from_stream(content).into_response();
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static(export.media_type),
    );
    let saved_as = HeaderValue::try_from(attachment(&export.file_name))
        .unwrap_or(HeaderValue::from_static("attachment"));
    headers.insert(header::CONTENT_DISPOSITION, saved_as);
    response
}
