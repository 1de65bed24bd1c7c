//! Signed addresses, version 4: the signature is made out anew from the request that came, and looked at with the key.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use data_encoding::HEXLOWER;
use hub::time::Timestamp;
use percent_encoding::percent_decode_str;
use sha2::{Digest, Sha256};

use super::interface::content;
use super::{BUCKET, FarStorage, Object, Refusal, key, refusal};

/// Most seconds that an address may hold.
const MAX_SECONDS: i64 = 604_800;
/// Seconds that the clock of who signs may be ahead.
const AHEAD_S: i64 = 900;

pub async fn answer(State(far): State<FarStorage>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let answered = match head.method {
        Method::GET | Method::HEAD => get(&far, &head.uri, &head.headers),
        Method::PUT => put(&far, &head.uri, &head.headers, body).await,
        _ => Err(refusal(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed")),
    };
    answered.unwrap_or_else(told)
}

/// A no, as the XML API tells it.
fn told(refused: Refusal) -> Response {
    let Refusal { status, words } = refused;
    let xml = format!("<?xml version='1.0' encoding='UTF-8'?><Error><Code>{words}</Code></Error>");
    let media_type = [(header::CONTENT_TYPE, "application/xml; charset=UTF-8")];
    (status, media_type, xml).into_response()
}

fn get(far: &FarStorage, uri: &Uri, headers: &HeaderMap) -> Result<Response, Refusal> {
    let parameters = verify(far, "GET", uri, headers)?;
    far.permit("storage.objects.get")?;
    let object = far.object(name(uri)?);
    let object = object.ok_or_else(|| refusal(StatusCode::NOT_FOUND, "NoSuchKey"))?;
    let mut answer = content(&object, headers);
    if answer.status().is_success() {
        for (parameter, name) in [
            ("response-content-type", header::CONTENT_TYPE),
            ("response-content-disposition", header::CONTENT_DISPOSITION),
        ] {
            if let Some(value) = parameters.get(parameter) {
                let value = HeaderValue::try_from(value).unwrap();
                answer.headers_mut().insert(name, value);
            }
        }
    }
    Ok(answer)
}

async fn put(
    far: &FarStorage,
    uri: &Uri,
    headers: &HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    verify(far, "PUT", uri, headers)?;
    far.permit("storage.objects.create")?;
    let content = axum::body::to_bytes(body, usize::MAX).await;
    let content = content.map_err(|_| refusal(StatusCode::BAD_REQUEST, "IncompleteBody"))?;
    let text = |value: &HeaderValue| value.to_str().unwrap().to_owned();
    let metadata = headers.iter().filter_map(|(name, value)| {
        let name = name.as_str().strip_prefix("x-goog-meta-")?;
        Some((name.to_owned(), text(value)))
    });
    let object = Object {
        content,
        media_type: headers
            .get(header::CONTENT_TYPE)
            .map(text)
            .unwrap_or_default(),
        metadata: metadata.collect(),
        generation: 0,
    };
    let only_new = headers
        .get("x-goog-if-generation-match")
        .is_some_and(|generation| generation == "0");
    let kept = far.keep(name(uri)?, object, only_new);
    kept.map(|_| StatusCode::OK.into_response())
        .map_err(|_| refusal(StatusCode::PRECONDITION_FAILED, "PreconditionFailed"))
}

/// The name of the file that an address is of.
fn name(uri: &Uri) -> Result<&str, Refusal> {
    let name = uri
        .path()
        .strip_prefix('/')
        .and_then(|path| path.strip_prefix(BUCKET)?.strip_prefix('/'));
    name.ok_or_else(|| refusal(StatusCode::NOT_FOUND, "NoSuchBucket"))
}

/// The parameters of an address that was signed for this request and still holds.
fn verify(
    far: &FarStorage,
    method: &str,
    uri: &Uri,
    headers: &HeaderMap,
) -> Result<BTreeMap<String, String>, Refusal> {
    let refused = |code| move || refusal(StatusCode::FORBIDDEN, code);
    let malformed = || {
        refusal(
            StatusCode::BAD_REQUEST,
            "AuthenticationQueryParametersError",
        )
    };
    let mut raw: Vec<_> = uri.query().unwrap_or_default().split('&').collect();
    raw.sort_unstable();
    let parameters: BTreeMap<_, _> = raw
        .iter()
        .filter_map(|pair| {
            let (name, value) = pair.split_once('=')?;
            let value = percent_decode_str(value).decode_utf8().ok()?;
            Some((name.to_owned(), value.into_owned()))
        })
        .collect();
    let parameter = |name: &str| parameters.get(name).map(String::as_str);
    let signature = parameter("X-Goog-Signature").ok_or_else(refused("AccessDenied"))?;
    let time = parameter("X-Goog-Date").ok_or_else(malformed)?;
    let scope = format!("{}/auto/storage/goog4_request", &time[..8]);
    let credential = format!("{}/{scope}", key::EMAIL);
    if parameter("X-Goog-Algorithm") != Some("GOOG4-RSA-SHA256")
        || parameter("X-Goog-Credential") != Some(&credential)
    {
        return Err(malformed());
    }
    let signed_at = seconds(time).ok_or_else(malformed)?;
    let holds: i64 = parameter("X-Goog-Expires")
        .and_then(|seconds| seconds.parse().ok())
        .filter(|seconds| (1..=MAX_SECONDS).contains(seconds))
        .ok_or_else(malformed)?;
    if far.now() >= signed_at + holds || signed_at > far.now() + AHEAD_S {
        return Err(refusal(StatusCode::BAD_REQUEST, "ExpiredToken"));
    }
    let names = parameter("X-Goog-SignedHeaders").ok_or_else(malformed)?;
    let mut lines = String::new();
    for name in names.split(';') {
        let value = headers
            .get(name)
            .ok_or_else(refused("MalformedSecurityHeader"))?;
        lines.push_str(&format!("{name}:{}\n", value.to_str().unwrap().trim()));
    }
    let unsigned =
        |name: &str| name.starts_with("x-goog-") && !names.split(';').any(|signed| signed == name);
    if headers.keys().any(|name| unsigned(name.as_str())) {
        return Err(refusal(StatusCode::FORBIDDEN, "MalformedSecurityHeader"));
    }
    raw.retain(|pair| !pair.starts_with("X-Goog-Signature="));
    let (path, query) = (uri.path(), raw.join("&"));
    let request = format!("{method}\n{path}\n{query}\n{lines}\n{names}\nUNSIGNED-PAYLOAD");
    let hash = HEXLOWER.encode(&Sha256::digest(request));
    let text = format!("GOOG4-RSA-SHA256\n{time}\n{scope}\n{hash}");
    let signature = HEXLOWER
        .decode(signature.as_bytes())
        .map_err(|_| malformed())?;
    if far.0.key.signed(text.as_bytes(), &signature) {
        Ok(parameters)
    } else {
        Err(refusal(StatusCode::FORBIDDEN, "SignatureDoesNotMatch"))
    }
}

/// Seconds since 1970 of a time like `20260504T102030Z`.
fn seconds(time: &str) -> Option<i64> {
    let (date, rest) = time.split_once('T')?;
    let (year, month, day) = (date.get(..4)?, date.get(4..6)?, date.get(6..)?);
    let (hour, minute, second) = (rest.get(..2)?, rest.get(2..4)?, rest.get(4..6)?);
    let time = format!("{year}-{month}-{day}T{hour}:{minute}:{second}Z");
    Some(time.parse::<Timestamp>().ok()?.as_seconds())
}
