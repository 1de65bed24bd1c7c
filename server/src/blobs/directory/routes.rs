//! What answers signed addresses: reading, whole or in part, and one PUT of the whole file.

use std::ops::Range;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{DefaultBodyLimit, Path, Query, Request, State};
use axum::http::header::{self, HeaderMap, HeaderValue};
use axum::http::{StatusCode, response};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures::StreamExt;
use hub::ports::Blobs;
use hub::ports::blobs::BlobsError;
use serde_json::json;
use tempfile::NamedTempFile;
use tokio::io::AsyncWriteExt;

use super::signature::{Access, NotHonoured, SignedQuery, Verb};
use super::{Directory, fault};
use crate::attachment::attachment;
use crate::blobs::path::BlobPath;

/// Largest file that is taken.
const MAX_PUT_BYTES: u64 = 1024 * 1024 * 1024;

/// `GET`, `HEAD` and `PUT` of `/files/{path}`. No limit of the body's size may stand before it.
pub fn routes<S: Clone + Send + Sync + 'static>(directory: Arc<Directory>) -> Router<S> {
    Router::new()
        .route("/files/{*path}", get(answer).put(take))
        .layer(DefaultBodyLimit::disable())
        .with_state(directory)
}

type SignedAddress = Result<Query<SignedQuery>, QueryRejection>;

async fn answer(
    State(directory): State<Arc<Directory>>,
    Path(path): Path<String>,
    query: SignedAddress,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (path, access) = directory.admit(Verb::Get, &path, query)?;
    let blob = directory
        .head(path.as_str())
        .await?
        .ok_or_else(|| path.not_found())?;
    let size = blob.size_bytes;
    let asked = headers
        .get(header::RANGE)
        .and_then(|range| range.to_str().ok());
    let response = described(&access).header(header::ACCEPT_RANGES, "bytes");
    let (response, range) = match asked.map_or(Asked::Whole, |range| Asked::parse(range, size)) {
        Asked::Whole => (response, 0..size),
        Asked::Part(range) => {
            let part = format!("bytes {}-{}/{size}", range.start, range.end - 1);
            (
                response
                    .status(StatusCode::PARTIAL_CONTENT)
                    .header(header::CONTENT_RANGE, part),
                range,
            )
        }
        Asked::Nothing => {
            let response = response.status(StatusCode::RANGE_NOT_SATISFIABLE);
            (
                response.header(header::CONTENT_RANGE, format!("bytes */{size}")),
                0..0,
            )
        }
    };
    let response = response.header(header::CONTENT_LENGTH, range.end - range.start);
    let content = directory.get(path.as_str(), Some(range)).await?;
    response
        .body(Body::from_stream(content))
        .map_err(|error| Problem::from(BlobsError::Refused(error.into())))
}

/// The headers that keep a file from doing anything in our name, and its name and type.
fn described(access: &Access) -> response::Builder {
    let disposition = access
        .save_as
        .as_deref()
        .map_or_else(|| "inline".to_owned(), attachment);
    Response::builder()
        .header(
            header::CONTENT_TYPE,
            access
                .media_type
                .as_deref()
                .unwrap_or("application/octet-stream"),
        )
        .header(header::CONTENT_DISPOSITION, disposition)
        .header(header::X_CONTENT_TYPE_OPTIONS, "nosniff")
        .header(header::CACHE_CONTROL, "private, no-store")
        .header(header::CONTENT_SECURITY_POLICY, "sandbox")
}

/// What a `Range` header asks of a file.
#[derive(Debug, PartialEq, Eq)]
enum Asked {
    /// All of it: no range, or one that we do not know.
    Whole,
    /// Some of it.
    Part(Range<u64>),
    /// What it does not have.
    Nothing,
}

impl Asked {
    fn parse(header: &str, size: u64) -> Self {
        let bounds = header
            .strip_prefix("bytes=")
            .and_then(|range| range.split_once('-'));
        let number = |text: &str| {
            if text.is_empty() {
                Ok(None)
            } else {
                text.trim().parse::<u64>().map(Some)
            }
        };
        match bounds.map(|(first, last)| (number(first), number(last))) {
            Some((Ok(Some(first)), Ok(last))) if last.is_none_or(|last| first <= last) => {
                let end = last.map_or(size, |last| size.min(last.saturating_add(1)));
                if first < size {
                    Self::Part(first..end)
                } else {
                    Self::Nothing
                }
            }
            Some((Ok(None), Ok(Some(length)))) if length > 0 && size > 0 => {
                Self::Part(size.saturating_sub(length)..size)
            }
            Some((Ok(None), Ok(Some(_)))) => Self::Nothing,
            _ => Self::Whole,
        }
    }
}

async fn take(
    State(directory): State<Arc<Directory>>,
    Path(path): Path<String>,
    query: SignedAddress,
    request: Request,
) -> Result<StatusCode, Problem> {
    let (path, _) = directory.admit(Verb::Put, &path, query)?;
    let declared = request
        .headers()
        .get(header::CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse().ok());
    if declared.is_some_and(|length: u64| length > MAX_PUT_BYTES) {
        return Err(Problem::too_large());
    }
    let file = receive(directory.incoming().await?, request.into_body(), declared).await?;
    directory.keep(&path, file).await?;
    Ok(StatusCode::CREATED)
}

/// Writes a body to a file, which is gone again when the body does not come whole.
async fn receive(
    file: NamedTempFile,
    body: Body,
    declared: Option<u64>,
) -> Result<NamedTempFile, Problem> {
    let (file, place) = file.into_parts();
    let mut file = tokio::fs::File::from_std(file);
    let mut body = body.into_data_stream();
    let mut received = 0;
    while let Some(chunk) = body.next().await {
        let chunk = chunk.map_err(|_| Problem::cut_short())?;
        received += chunk.len() as u64;
        if received > MAX_PUT_BYTES {
            return Err(Problem::too_large());
        }
        file.write_all(&chunk).await.map_err(fault)?;
    }
    if declared.is_some_and(|declared| declared != received) {
        return Err(Problem::cut_short());
    }
    file.flush().await.map_err(fault)?;
    Ok(NamedTempFile::from_parts(file.into_std().await, place))
}

impl Directory {
    /// The file that a signed address is of and what it allows there.
    fn admit(
        &self,
        verb: Verb,
        path: &str,
        query: SignedAddress,
    ) -> Result<(BlobPath, Access), Problem> {
        let path = BlobPath::new(path).map_err(|_| NotHonoured::Forged)?;
        let Query(query) = query.map_err(|_| NotHonoured::Forged)?;
        let access = self.signer.honour(verb, &path, query, self.clock.now())?;
        Ok((path, access))
    }
}

/// Why a request was not done, as problem+json.
struct Problem {
    status: StatusCode,
    detail: String,
}

impl Problem {
    fn too_large() -> Self {
        let detail = format!("a file has at most {MAX_PUT_BYTES} bytes");
        Self {
            status: StatusCode::PAYLOAD_TOO_LARGE,
            detail,
        }
    }

    fn cut_short() -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            detail: "the file did not come whole; nothing was stored".to_owned(),
        }
    }
}

impl From<NotHonoured> for Problem {
    fn from(why: NotHonoured) -> Self {
        Self {
            status: StatusCode::FORBIDDEN,
            detail: why.to_string(),
        }
    }
}

impl From<BlobsError> for Problem {
    fn from(error: BlobsError) -> Self {
        let status = match &error {
            BlobsError::Exists(_) => StatusCode::PRECONDITION_FAILED,
            BlobsError::NotFound(_) => StatusCode::NOT_FOUND,
            BlobsError::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            BlobsError::Refused(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        if let BlobsError::Unavailable(cause) | BlobsError::Refused(cause) = &error {
            tracing::error!(cause, "{error}");
        }
        let detail = match error {
            BlobsError::NotFound(path) => format!("{path} does not exist"),
            error => error.to_string(),
        };
        Self { status, detail }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let title = self.status.canonical_reason().unwrap_or_default();
        let problem = json!({"type": "about:blank", "title": title, "status": self.status.as_u16(), "detail": self.detail});
        let mut response = (self.status, problem.to_string()).into_response();
        let media_type = HeaderValue::from_static("application/problem+json");
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, media_type);
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_http_has_them() {
        for (header, asked) in [
            ("bytes=0-0", Asked::Part(0..1)),
            ("bytes=2-", Asked::Part(2..10)),
            ("bytes=2-99", Asked::Part(2..10)),
            ("bytes=-3", Asked::Part(7..10)),
            ("bytes=-30", Asked::Part(0..10)),
            ("bytes=10-", Asked::Nothing),
            ("bytes=-0", Asked::Nothing),
            ("bytes=5-2", Asked::Whole),
            ("bytes=0-1,3-4", Asked::Whole),
            ("bytes=-", Asked::Whole),
            ("lines=1-2", Asked::Whole),
        ] {
            assert_eq!(Asked::parse(header, 10), asked, "{header}");
        }
        assert_eq!(Asked::parse("bytes=0-", 0), Asked::Nothing);
        assert_eq!(Asked::parse("bytes=-5", 0), Asked::Nothing);
    }
}
