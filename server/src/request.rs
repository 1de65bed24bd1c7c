//! What happens to every request before and after whoever answers it: its reference, its log line, its own address
//! checked, panics and slowness caught. It knows no route but where a body is expected to take long.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use app::RequestId;
use axum::extract::{Request, State};
use axum::http::header::{self, HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::FutureExt;

use crate::api::read::wants_page;
use crate::problem::{self, Problem};

mod client;
mod origin;
mod rate;

pub use client::{ClientAddress, network};
pub use origin::{Addresses, Origin, check_host, check_origin, is_loopback};
pub use rate::{Rates, limit_rate};

/// The header that carries a request's reference.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

const PATIENCE: Duration = Duration::from_secs(60);
/// Ten megabytes over a slow line.
const PATIENCE_FOR_UPLOADS: Duration = Duration::from_secs(600);

const SECURITY_HEADERS: [(HeaderName, &str); 6] = [
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    // Browsers heed it only where they came by https.
    (
        header::STRICT_TRANSPORT_SECURITY,
        "max-age=63072000; includeSubDomains",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "same-origin"),
    // Pages have one of their own, which lets their scripts run.
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
];

/// Gives the request its reference, logs it in one line, and tells the reference in whatever is answered.
pub async fn observe(mut request: Request, next: Next) -> Response {
    let reference = hub::id::random_text();
    let method = request.method().clone();
    let path = without_tokens(request.uri().path());
    request
        .extensions_mut()
        .insert(RequestId(reference.clone()));
    let as_page = wants_page(request.headers());
    let started = tokio::time::Instant::now();
    let answer = AssertUnwindSafe(next.run(request)).catch_unwind().await;
    let answer = answer.unwrap_or_else(|panic| Problem::of_panic(panic.as_ref()).into_response());
    let mut response = problem::complete(answer, &reference, as_page);
    let ms = started.elapsed().as_secs_f64() * 1_000.0;
    let headers = response.headers_mut();
    for (name, value) in [
        (REQUEST_ID, reference.clone()),
        (SERVER_TIMING, format!("total;dur={ms:.1}")),
    ] {
        headers.extend(HeaderValue::try_from(value).ok().map(|value| (name, value)));
    }
    let status = response.status().as_u16();
    tracing::info!(reference, %method, path, status, ms = (ms * 10.0).round() / 10.0, "request");
    response
}

/// A path as it may be logged: whoever reads a log must not be let in by it. The token of a link is left out, wherever
/// something that can be one stands.
fn without_tokens(path: &str) -> String {
    const TOKEN: usize = 43;
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    let is_token = |part: &str| part.len() == TOKEN && part.bytes().all(letter);
    let of_link = path.starts_with("/s/");
    let parts = path.split('/').enumerate().map(|(place, part)| {
        if is_token(part) || (of_link && place == 2) {
            "…"
        } else {
            part
        }
    });
    parts.collect::<Vec<_>>().join("/")
}

const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

/// Tells browsers to be strict, and caches to keep nothing unless the answer says otherwise.
pub async fn harden(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in SECURITY_HEADERS {
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("private, no-store"));
    response
}

/// Gives up on an answer that does not begin in time; a stream that has begun is left alone.
pub async fn limit_time(request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let uploads = path.starts_with("/files/") || path == "/api/v1/drafts";
    let patience = if uploads {
        PATIENCE_FOR_UPLOADS
    } else {
        PATIENCE
    };
    match tokio::time::timeout(patience, next.run(request)).await {
        Ok(response) => response,
        Err(_) => {
            let seconds = patience.as_secs();
            let message = format!(
                "this took longer than {seconds} s and was given up; try again in a moment"
            );
            Problem::from(hub::Error::unavailable(
                message,
                format!("no answer within {seconds} s"),
            ))
            .into_response()
        }
    }
}

/// Answers only at the hub's own addresses, and changes something only for its own pages.
pub async fn check_addresses(
    State(own): State<Addresses>,
    request: Request,
    next: Next,
) -> Response {
    match check_host(&own, &request).and_then(|host| check_origin(&own, &host, &request)) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::without_tokens;

    #[test]
    fn no_token_of_a_link_is_logged() {
        let token = "aB3-_".repeat(9)[..43].to_owned();
        for (path, logged) in [
            (format!("/s/{token}"), "/s/…"),
            (
                format!("/s/{token}/files/poses.sdf"),
                "/s/…/files/poses.sdf",
            ),
            (format!("/s/{}", &token[..20]), "/s/…"),
            (format!("//s/{token}"), "//s/…"),
            (format!("/%73/{token}/x"), "/%73/…/x"),
            ("/jobs/abc".to_owned(), "/jobs/abc"),
            ("/".to_owned(), "/"),
        ] {
            assert_eq!(without_tokens(&path), logged);
        }
    }
}
