//! Errors as the API tells them: `application/problem+json` (RFC 9457).

use std::any::Any;
use std::time::{Duration, SystemTime};

use app::text::escaped;
use axum::body::Body;
use axum::http::header::{self, InvalidHeaderValue};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use hub::Error;
use hub::time::Timestamp;
use serde_json::{Map, Value, json};

/// Seconds after which it makes sense to ask again what did not answer.
const RETRY_AFTER_S: &str = "5";

/// What the page of a problem may load: its style, and the picture of the tab.
const PAGE_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

/// Something that went wrong, as it is told. Completed by [`complete`], which knows the request's reference.
#[derive(Clone, Debug)]
pub struct Problem(Box<Told>);

#[derive(Clone, Debug)]
struct Told {
    status: StatusCode,
    code: &'static str,
    title: &'static str,
    detail: String,
    more: Map<String, Value>,
    /// What a use case said, when it is told for one.
    error: Option<Error>,
    /// When it makes sense to ask again.
    retry_at: Option<Timestamp>,
}

impl Problem {
    /// A problem that no use case knows of: `code` is the end of its `type`.
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self(Box::new(Told {
            status,
            code,
            title: title(code),
            detail: detail.into(),
            more: Map::new(),
            error: None,
            retry_at: None,
        }))
    }

    /// A panic is a fault of ours.
    pub fn of_panic(panic: &(dyn Any + Send)) -> Self {
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
        Self::from(Error::internal(format!(
            "panic: {}",
            text.unwrap_or_else(|| "of unknown kind".into())
        )))
    }

    fn body(&self, reference: &str) -> String {
        let mut body = json!({
            "type": format!("/docs/problems/{}", self.0.code),
            "title": self.0.title,
            "status": self.0.status.as_u16(),
            "detail": self.0.detail,
            "reference": reference,
            "errors": self.0.error.as_ref().map_or(&[][..], Error::faults),
        });
        if let Some(body) = body.as_object_mut() {
            body.extend(self.0.more.clone());
        }
        body.to_string()
    }
}

impl Problem {
    /// For a browser that was led here by a link or a form.
    fn page(&self, reference: &str) -> String {
        let advice = self.0.error.as_ref().map(Error::advice);
        let detail = advice.as_ref().unwrap_or(&self.0.detail);
        let (title, detail) = (escaped(self.0.title), escaped(detail));
        let (way, on) = match self.0.status {
            StatusCode::UNAUTHORIZED => ("/login", "Sign in"),
            _ => ("/", "My Results"),
        };
        format!(
            "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" \
             content=\"width=device-width\"><title>{title} · OMTX-Hub</title><link rel=\"icon\" href=\"/favicon.svg\">\
             <link rel=\"stylesheet\" href=\"/problem.css\"><main><h1>{title}</h1><p>{detail}</p>\
             <p>Reference <code>{reference}</code></p><p><a href=\"{way}\">{on}</a></p></main></html>"
        )
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let status =
            StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut problem = Self::new(status, error.code(), error.to_string());
        problem.0.title = error.title();
        if let Error::LimitReached {
            remaining,
            resets_at,
            ..
        } = &error
        {
            problem.0.more.insert("remaining".into(), json!(remaining));
            problem.0.more.insert("resets_at".into(), json!(resets_at));
            problem.0.retry_at = Some(*resets_at);
        }
        problem.0.error = Some(error);
        problem
    }
}

impl IntoResponse for Problem {
    /// Without a body: [`complete`] writes it.
    fn into_response(self) -> Response {
        let mut response = self.0.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// Writes the problem that an answer carries, if it carries one, with the reference of the request, and logs its cause.
/// Whoever asked for a page gets a small one.
pub fn complete(mut response: Response, reference: &str, as_page: bool) -> Response {
    let Some(problem) = response.extensions_mut().remove::<Problem>() else {
        return response;
    };
    if let Some(error) = &problem.0.error {
        app::state::log(error, reference);
    }
    let (media_type, body) = if as_page {
        ("text/html; charset=utf-8", problem.page(reference))
    } else {
        ("application/problem+json", problem.body(reference))
    };
    *response.body_mut() = Body::from(body);
    let headers = response.headers_mut();
    headers.remove(header::CONTENT_LENGTH);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    if as_page {
        headers.insert(header::CONTENT_SECURITY_POLICY, PAGE_POLICY);
    }
    if problem.0.status == StatusCode::SERVICE_UNAVAILABLE {
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_S));
    }
    if let Some(Ok(at)) = problem.0.retry_at.map(http_date) {
        headers.insert(header::RETRY_AFTER, at);
    }
    response
}

/// A time as headers say it, to the second that follows.
fn http_date(at: Timestamp) -> Result<HeaderValue, InvalidHeaderValue> {
    let seconds = u64::try_from(at.as_seconds() + 1).unwrap_or_default();
    let at = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    HeaderValue::try_from(httpdate::fmt_http_date(at))
}

/// The title of a problem that no use case knows of.
fn title(code: &str) -> &'static str {
    match code {
        "too-many-requests" => "Too many requests",
        "misdirected" => "Wrong host",
        "cross-site" => "Another site's request",
        "method-not-allowed" => "Method not allowed",
        "unsupported-media-type" => "Media type not supported",
        _ => "This is not possible",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_tells_the_problem_and_runs_nothing_of_it() {
        let problem = Problem::from(Error::invalid(
            "name",
            "<script>alert(1)</script> & \"more\"",
        ));
        let page = problem.page("r1");
        assert!(
            page.contains("&lt;script&gt;alert(1)&lt;/script&gt; &amp; \"more\""),
            "{page}"
        );
        assert!(page.contains("r1") && !page.contains("<script"), "{page}");
    }

    #[test]
    fn a_limit_says_when_to_come_back() {
        let problem = Problem::from(Error::LimitReached {
            message: "no more today".into(),
            remaining: 0,
            resets_at: "2026-11-25T00:00:00Z".parse().unwrap(),
        });
        let answer = complete(problem.into_response(), "r1", false);
        assert_eq!(
            answer.headers()[header::RETRY_AFTER],
            "Wed, 25 Nov 2026 00:00:01 GMT"
        );
    }

    #[test]
    fn a_cause_is_kept_from_the_reader() {
        let problem = Problem::from(Error::internal("the disk at /secret is full"));
        assert!(format!("{:?}", problem.0.error).contains("/secret"));
        assert!(!problem.body("r1").contains("/secret") && !problem.page("r1").contains("/secret"));
    }
}
