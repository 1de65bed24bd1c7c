//! What handlers read of a request, each part a parameter's type, with faults in the API's own words.

use std::str::FromStr;

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hub::actor::Actor;
use hub::services::IdempotencyKey;
use hub::{Error, Fault};
use serde::de::DeserializeOwned;
use serde_json::error::Category;

use crate::problem::Problem;

/// Bytes of a JSON body at most.
const MAX_BODY: usize = 16 * 1024 * 1024;
/// The same of whoever is not signed in, and has no more to say than who they are.
const MAX_OF_STRANGERS: usize = 64 * 1024;

/// Values in a JSON body at most: 10,000 ligands with 48 further columns each. A value of a few bytes takes hundreds in
/// memory.
const MAX_VALUES: usize = 500_000;

/// The header that makes a submission one submission.
pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// A JSON body. Text that is no JSON is a malformed request (400, with the place); JSON of another shape is an input
/// that cannot be accepted (422, with the field).
pub struct Json<T>(pub T);

impl<T: DeserializeOwned, S: Sync> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            let message = "send the body as application/json";
            return Err(Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported-media-type",
                message,
            ));
        }
        let signed_in = request.extensions().get::<Actor>().is_some();
        let most = if signed_in {
            MAX_BODY
        } else {
            MAX_OF_STRANGERS
        };
        let body = whole_body(request, most).await?;
        if values(&body) > MAX_VALUES {
            let message = "the body has more than the 500,000 values that are taken";
            return Err(Error::TooLarge(message.to_owned()).into());
        }
        Ok(Self(parse(&body)?))
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let text = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let kind = text
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json"))
}

/// The body, when it has no more bytes than `most`.
pub async fn whole_body(request: Request, most: usize) -> Result<Bytes, Problem> {
    match Limited::new(request.into_body(), most).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(failed) if failed.is::<LengthLimitError>() => {
            let most = match most / 1024 {
                kilobytes if kilobytes < 1024 => format!("{kilobytes} kB"),
                kilobytes => format!("{} MB", kilobytes / 1024),
            };
            let message = format!("the body is larger than the {most} that are taken");
            Err(Error::TooLarge(message).into())
        }
        Err(_) => Err(Error::bad_request("body", "the body ended before it was complete").into()),
    }
}

/// How many lists, maps and members a JSON text holds, counted without reading them.
fn values(body: &[u8]) -> usize {
    let (mut count, mut quoted, mut escaped) = (0, false, false);
    for byte in body {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = quoted,
            b'"' => quoted = !quoted,
            b'[' | b'{' | b',' if !quoted => count += 1,
            _ => {}
        }
    }
    count
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Error> {
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|failed| {
        let path = failed.path().to_string();
        let cause = failed.into_inner();
        match cause.classify() {
            Category::Data => {
                let field = if path == "." { "body".to_owned() } else { path };
                Error::Invalid(vec![Fault::new(field, without_place(&cause))])
            }
            _ => not_json(&cause),
        }
    })?;
    deserializer.end().map_err(|cause| not_json(&cause))?;
    Ok(value)
}

fn not_json(cause: &serde_json::Error) -> Error {
    let (line, column) = (cause.line(), cause.column());
    Error::bad_request(
        "body",
        format!(
            "the body is not JSON: {} (line {line}, column {column})",
            without_place(cause)
        ),
    )
}

/// The library's words without the place, which it appends.
fn without_place(cause: &serde_json::Error) -> String {
    let text = cause.to_string();
    let place = format!(" at line {} column {}", cause.line(), cause.column());
    text.strip_suffix(&place).map(str::to_owned).unwrap_or(text)
}

/// The id in the path. What cannot be an id is the id of nothing.
pub struct Id<T>(pub T);

impl<T: FromStr + Send, S: Send + Sync> FromRequestParts<S> for Id<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let missing = || Problem::from(Error::NotFound);
        let Path(id) = Path::<String>::from_request_parts(parts, state)
            .await
            .map_err(|_| missing())?;
        id.parse().map(Self).map_err(|_| missing())
    }
}

/// The parameters of the query, decoded, in their order.
pub struct Query(pub Vec<(String, String)>);

impl<S: Sync> FromRequestParts<S> for Query {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Ok(Self(pairs(parts.uri.query().unwrap_or_default())?))
    }
}

impl Query {
    /// The last value of a parameter; an empty one counts as absent.
    pub fn get(&self, name: &str) -> Option<&str> {
        let value = self
            .0
            .iter()
            .rev()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.trim());
        value.filter(|value| !value.is_empty())
    }

    /// A parameter that is `true` or `false`; `false` when absent.
    pub fn flag(&self, name: &str) -> Result<bool, Error> {
        match self.get(name) {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(_) => Err(Error::bad_request(
                name,
                format!("{name} must be true or false"),
            )),
        }
    }
}

fn pairs(query: &str) -> Result<Vec<(String, String)>, Error> {
    let parts = query.split('&').filter(|part| !part.is_empty());
    parts
        .map(|part| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            let broken = || {
                Error::bad_request(
                    "query",
                    "the query has a broken percent escape, or is not UTF-8",
                )
            };
            Ok((
                decoded(name).ok_or_else(broken)?,
                decoded(value).ok_or_else(broken)?,
            ))
        })
        .collect()
}

fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
                (digit(rest.next())? * 16 + digit(rest.next())?) as u8
            }
            other => other,
        });
    }
    String::from_utf8(bytes)
        .ok()
        .filter(|text| !text.contains('\0'))
}

/// The idempotency key, when one is given.
pub struct Key(pub Option<IdempotencyKey>);

impl<S: Sync> FromRequestParts<S> for Key {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let Some(value) = parts.headers.get(IDEMPOTENCY_KEY) else {
            return Ok(Self(None));
        };
        // What is no visible text is refused by the key's own rule.
        Ok(Self(Some(IdempotencyKey::new(
            value.to_str().unwrap_or_default(),
        )?)))
    }
}

/// Whether whoever asks wants a page rather than JSON.
pub fn wants_page(headers: &HeaderMap) -> bool {
    headers
        .get(header::ACCEPT)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|accept| accept.contains("text/html"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_decoded_or_refused() {
        let read = |query| {
            pairs(query).map(|pairs| {
                pairs
                    .into_iter()
                    .flat_map(|(a, b)| [a, b])
                    .collect::<Vec<_>>()
            })
        };
        assert_eq!(
            read("search=a+b%2Bc&x&=y&&").unwrap(),
            ["search", "a b+c", "x", "", "", "y"]
        );
        for query in ["a=%", "a=%4", "a=%zz", "a=%+1", "a=%ff", "a=%00"] {
            assert_eq!(read(query).unwrap_err().status(), 400, "{query}");
        }
    }

    #[test]
    fn values_are_counted_outside_of_text() {
        for (text, count) in [
            ("7", 0),
            ("[1,2,3]", 3),
            (r#"{"a": "[,{", "b": {"c\\": [1, "\",\\"]}}"#, 5),
        ] {
            assert_eq!(values(text.as_bytes()), count, "{text}");
        }
    }

    #[test]
    fn json_is_refused_at_its_place() {
        #[derive(Debug, serde::Deserialize)]
        #[expect(dead_code, reason = "only its reading is looked at")]
        struct Body {
            ligands: Vec<Row>,
        }
        #[derive(Debug, serde::Deserialize)]
        #[expect(dead_code, reason = "only its reading is looked at")]
        struct Row {
            smiles: String,
        }
        let fault = |text: &str| {
            let error = parse::<Body>(text.as_bytes()).unwrap_err();
            (
                error.status(),
                error.faults()[0].field.clone(),
                error.faults()[0].message.clone(),
            )
        };
        let (status, field, message) = fault("{\"ligands\": [\n{\"smiles\": \"C\"},,]}");
        assert_eq!((status, field.as_str()), (400, "body"));
        assert!(message.contains("line 2, column 17"), "{message}");
        let (status, field, message) = fault(r#"{"ligands": [{"smiles": "C"}, {"smiles": 7}]}"#);
        assert_eq!((status, field.as_str()), (422, "ligands[1].smiles"));
        assert_eq!(message, "invalid type: integer `7`, expected a string");
        assert_eq!(fault("[]").0, 422);
        assert_eq!(fault(r#"{"ligands": []} x"#).0, 400);
        assert_eq!(fault("").0, 400);
    }
}
