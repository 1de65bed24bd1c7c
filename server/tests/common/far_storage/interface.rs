//! The JSON API.

use std::collections::{BTreeMap, HashMap};

use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Path, Query, State};
use axum::http::header::{self, HeaderMap};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{BUCKET, FarStorage, Object, Refusal, Upload, refusal};

/// Files on a page of a list.
const PAGE: usize = 3;
/// Pieces but the last are a multiple of this.
const PIECE_BYTES: usize = 256 * 1024;

type Parameters = Query<HashMap<String, String>>;
type Answer = Result<Response, Refusal>;

pub fn routes() -> Router<FarStorage> {
    Router::new()
        .route("/storage/v1/b/{bucket}/iam/testPermissions", get(check))
        .route("/storage/v1/b/{bucket}/o", get(list))
        .route(
            "/storage/v1/b/{bucket}/o/{object}",
            get(read).delete(delete),
        )
        .route("/upload/storage/v1/b/{bucket}/o", post(put).put(piece))
        .layer(DefaultBodyLimit::disable())
}

/// What is said of a file that is put.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct About {
    name: String,
    content_type: String,
    #[serde(default)]
    metadata: BTreeMap<String, String>,
}

impl FarStorage {
    /// Lets in who asks for the account.
    fn admit(&self, headers: &HeaderMap, bucket: &str) -> Result<(), Refusal> {
        let token = headers.get(header::AUTHORIZATION);
        let token = token.and_then(|token| token.to_str().ok()?.strip_prefix("Bearer "));
        if !token.is_some_and(|token| self.0.key.admits(token)) {
            return Err(refusal(StatusCode::UNAUTHORIZED, "Invalid Credentials"));
        }
        if bucket != BUCKET || self.held().is_gone {
            let words = "The specified bucket does not exist.";
            return Err(refusal(StatusCode::NOT_FOUND, words));
        }
        Ok(())
    }

    fn found(&self, name: &str) -> Result<Object, Refusal> {
        let object = self.object(name);
        // Who may not list may not learn that there is none.
        if object.is_none() {
            self.permit("storage.objects.list")?;
        }
        let words = format!("No such object: {BUCKET}/{name}");
        object.ok_or_else(|| refusal(StatusCode::NOT_FOUND, &words))
    }
}

fn told(name: &str, object: &Object) -> Value {
    json!({
        "kind": "storage#object",
        "name": name,
        "bucket": BUCKET,
        "size": object.content.len().to_string(),
        "generation": object.generation.to_string(),
        "contentType": object.media_type,
        "metadata": object.metadata,
    })
}

async fn check(
    State(far): State<FarStorage>,
    Path(bucket): Path<String>,
    headers: HeaderMap,
    Query(asked): Query<Vec<(String, String)>>,
) -> Answer {
    far.admit(&headers, &bucket)?;
    let denied = far.held().denied.clone();
    let asked = asked.into_iter().map(|(_, permission)| permission);
    let held: Vec<_> = asked
        .filter(|permission| !denied.contains(&permission.as_str()))
        .collect();
    // An empty list is left out.
    Ok(if held.is_empty() {
        Json(json!({})).into_response()
    } else {
        Json(json!({ "permissions": held })).into_response()
    })
}

async fn list(
    State(far): State<FarStorage>,
    Path(bucket): Path<String>,
    headers: HeaderMap,
    Query(asked): Parameters,
) -> Answer {
    far.admit(&headers, &bucket)?;
    far.permit("storage.objects.list")?;
    let prefix = asked.get("prefix").cloned().unwrap_or_default();
    let after = match asked.get("pageToken") {
        Some(token) => {
            let after = token.strip_prefix("after=&+/");
            after.ok_or_else(|| refusal(StatusCode::BAD_REQUEST, "Invalid page token"))?
        }
        None => "",
    };
    let held = far.held();
    let below = held
        .objects
        .iter()
        .filter(|(name, _)| name.starts_with(&prefix) && name.as_str() > after);
    let mut page: Vec<_> = below.take(PAGE + 1).collect();
    let mut answer = json!({ "kind": "storage#objects" });
    if page.len() > PAGE {
        page.truncate(PAGE);
        answer["nextPageToken"] = format!("after=&+/{}", page[PAGE - 1].0).into();
    }
    if !page.is_empty() {
        answer["items"] = page
            .into_iter()
            .map(|(name, object)| told(name, object))
            .collect();
    }
    Ok(Json(answer).into_response())
}

async fn read(
    State(far): State<FarStorage>,
    Path((bucket, name)): Path<(String, String)>,
    headers: HeaderMap,
    Query(asked): Parameters,
) -> Answer {
    far.admit(&headers, &bucket)?;
    far.permit("storage.objects.get")?;
    let object = far.found(&name)?;
    if asked
        .get("generation")
        .is_some_and(|generation| *generation != object.generation.to_string())
    {
        let words = format!("No such object: {BUCKET}/{name}");
        return Err(refusal(StatusCode::NOT_FOUND, &words));
    }
    if asked.get("alt").map(String::as_str) == Some("media") {
        Ok(content(&object, &headers))
    } else {
        Ok(Json(told(&name, &object)).into_response())
    }
}

/// A file's content, or the part of it that is asked for.
pub fn content(object: &Object, headers: &HeaderMap) -> Response {
    let size = object.content.len();
    let mut answer = Response::builder()
        .header("x-goog-generation", object.generation)
        .header(header::CONTENT_TYPE, &object.media_type)
        .header(header::ACCEPT_RANGES, "bytes");
    let range = headers.get(header::RANGE).map(|range| {
        let range = range.to_str().unwrap().strip_prefix("bytes=").unwrap();
        let (first, last) = range.split_once('-').unwrap();
        match (first.parse::<usize>(), last.parse::<usize>()) {
            (Ok(first), Ok(last)) => first..size.min(last + 1),
            (Ok(first), Err(_)) => first..size,
            (Err(_), Ok(length)) => size.saturating_sub(length)..size,
            _ => panic!("{range} is no range"),
        }
    });
    let Some(range) = range else {
        return answer.body(Body::from(object.content.clone())).unwrap();
    };
    if range.start >= size {
        let words = "The requested range cannot be satisfied.";
        return refusal(StatusCode::RANGE_NOT_SATISFIABLE, words).into_response();
    }
    let said = format!("bytes {}-{}/{size}", range.start, range.end - 1);
    answer = answer
        .status(StatusCode::PARTIAL_CONTENT)
        .header(header::CONTENT_RANGE, said);
    answer
        .body(Body::from(object.content.slice(range)))
        .unwrap()
}

async fn delete(
    State(far): State<FarStorage>,
    Path((bucket, name)): Path<(String, String)>,
    headers: HeaderMap,
) -> Answer {
    far.admit(&headers, &bucket)?;
    far.permit("storage.objects.delete")?;
    far.found(&name)?;
    far.held().objects.remove(&name);
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn put(
    State(far): State<FarStorage>,
    Path(bucket): Path<String>,
    headers: HeaderMap,
    Query(asked): Parameters,
    body: Bytes,
) -> Answer {
    far.admit(&headers, &bucket)?;
    far.permit("storage.objects.create")?;
    let only_new = asked.get("ifGenerationMatch").map(String::as_str) == Some("0");
    if asked["uploadType"] == "resumable" {
        return begin(&far, &body, only_new);
    }
    let (about, media_type, content) = parts(&headers, &body);
    let about: About = serde_json::from_slice(&about).unwrap();
    assert_eq!(about.content_type, media_type);
    let object = Object {
        content,
        media_type,
        metadata: about.metadata,
        generation: 0,
    };
    let kept = far.keep(&about.name, object, only_new)?;
    Ok(Json(told(&about.name, &kept)).into_response())
}

/// What is said of a file, its media type, and its content, of a body of both.
fn parts(headers: &HeaderMap, body: &Bytes) -> (Bytes, String, Bytes) {
    let media_type = headers[header::CONTENT_TYPE].to_str().unwrap();
    let boundary = media_type
        .strip_prefix("multipart/related; boundary=")
        .unwrap();
    let find = |text: &str, from: usize| {
        let mut windows = body[from..].windows(text.len());
        from + windows
            .position(|window| window == text.as_bytes())
            .unwrap()
    };
    let about = find("\r\n\r\n", 0) + 4;
    let second = find(&format!("\r\n--{boundary}\r\n"), about);
    let content = find("\r\n\r\n", second + 4) + 4;
    let header = std::str::from_utf8(&body[second + 2..content]).unwrap();
    let (_, media_type) = header.split_once("Content-Type: ").unwrap();
    let end = format!("\r\n--{boundary}--\r\n");
    assert!(body.ends_with(end.as_bytes()));
    (
        body.slice(about..second),
        media_type.trim().to_owned(),
        body.slice(content..body.len() - end.len()),
    )
}

fn begin(far: &FarStorage, body: &Bytes, only_new: bool) -> Answer {
    let about: About = serde_json::from_slice(body).unwrap();
    let mut held = far.held();
    if only_new && held.objects.contains_key(&about.name) {
        return Err(refusal(StatusCode::PRECONDITION_FAILED, "It is there."));
    }
    let id = format!("upload-{}", held.uploads.len());
    let session = format!(
        "{}/upload/storage/v1/b/{BUCKET}/o?uploadType=resumable&upload_id={id}",
        far.0.address
    );
    let upload = Upload {
        name: about.name,
        media_type: about.content_type,
        metadata: about.metadata,
        only_new,
        content: Vec::new(),
        done: false,
    };
    held.uploads.insert(id, upload);
    Ok([(header::LOCATION, session)].into_response())
}

async fn piece(
    State(far): State<FarStorage>,
    Query(asked): Parameters,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    let range = headers[header::CONTENT_RANGE].to_str().unwrap();
    let (range, total) = range
        .strip_prefix("bytes ")
        .and_then(|range| range.split_once('/'))
        .unwrap();
    let total: usize = total.parse().unwrap();
    let finished = {
        let mut held = far.held();
        let Some(upload) = held.uploads.get_mut(&asked["upload_id"]) else {
            return Err(refusal(StatusCode::GONE, "There is no such upload."));
        };
        if let Some((first, _)) = range.split_once('-')
            && !upload.done
        {
            let first: usize = first.parse().unwrap();
            if first != upload.content.len() {
                return Err(refusal(StatusCode::BAD_REQUEST, "Invalid request."));
            }
            // Whole units are kept of a piece that is not the last.
            let rest = body.len() % PIECE_BYTES;
            let kept = if first + body.len() == total {
                body.len()
            } else {
                body.len() - rest
            };
            upload.content.extend_from_slice(&body[..kept]);
        }
        if upload.content.len() < total {
            let mut answer = StatusCode::PERMANENT_REDIRECT.into_response();
            if let Some(last) = upload.content.len().checked_sub(1) {
                let range = HeaderValue::try_from(format!("bytes=0-{last}")).unwrap();
                answer.headers_mut().insert(header::RANGE, range);
            }
            return Ok(answer);
        }
        let object = Object {
            content: std::mem::take(&mut upload.content).into(),
            media_type: upload.media_type.clone(),
            metadata: upload.metadata.clone(),
            generation: 0,
        };
        upload.done = true;
        (upload.name.clone(), object, upload.only_new)
    };
    let (name, object, only_new) = finished;
    let kept = far.keep(&name, object, only_new)?;
    Ok(Json(told(&name, &kept)).into_response())
}
