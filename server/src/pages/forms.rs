//! Forms as browsers send them, and the pages that answer them: what is refused is shown again on the page it came
//! from.

use std::collections::HashMap;

use app::accounts::page::Outcome;
use app::shell::shell;
use app::state::AppState;
use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use hub::{Error, Result};
use leptos::prelude::provide_context;

use super::provide_asker;
use crate::api::Api;
use crate::problem::Problem;

/// What the forms need.
#[derive(Clone)]
pub struct Forms {
    /// What pages are shown with.
    pub state: AppState,
    /// What they share with the API.
    pub api: Api,
}

/// A form as it was sent.
pub struct Sent {
    parts: Parts,
    values: HashMap<String, String>,
}

impl FromRequest<Forms> for Sent {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &Forms) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let again = Request::from_parts(parts.clone(), body);
        let form = axum::Form::<HashMap<String, String>>::from_request(again, &()).await;
        let form = form.map_err(|_| Error::bad_request("body", "the form cannot be read"))?;
        Ok(Self {
            parts,
            values: form.0,
        })
    }
}

impl Sent {
    /// A field that is not to be shown again, empty when it is absent.
    pub fn take(&mut self, name: &str) -> String {
        self.values.remove(name).unwrap_or_default()
    }

    /// Nothing of it is shown again.
    pub fn clear(&mut self) {
        self.values.clear();
    }

    /// A field, empty when it is absent.
    pub fn get(&self, name: &str) -> &str {
        self.values.get(name).map_or("", String::as_str)
    }
}

impl Forms {
    /// The page at `path` as the answer to a form.
    pub async fn page(&self, path: &str, sent: Sent, mut outcome: Outcome) -> Response {
        let mut values = sent.values;
        values.retain(|name, _| name != "password" && name != "current");
        outcome.values = values.into_iter().collect();
        let mut parts = sent.parts;
        parts.method = Method::GET;
        // It was asked for by this path a moment ago.
        parts.uri = Uri::try_from(path).unwrap_or_default();
        let (state, options) = (self.state.clone(), self.state.leptos_options.clone());
        let context = move || {
            provide_context(state.clone());
            provide_asker();
            provide_context(outcome.clone());
        };
        let render =
            leptos_axum::render_app_async_with_context(context, move || shell(options.clone()));
        render(Request::from_parts(parts, Body::empty())).await
    }

    /// The page with what is wrong with the form that was sent from it.
    pub async fn refused(&self, path: &'static str, sent: Sent, refused: Error) -> Response {
        let outcome = Outcome {
            refused: Some(refused),
            ..Outcome::default()
        };
        self.page(path, sent, outcome).await
    }

    /// The page with what was done.
    pub async fn done(&self, path: &'static str, sent: Sent, done: &'static str) -> Response {
        self.page(path, sent, said(done)).await
    }
}

/// A form was taken, and this came of it.
pub fn said(done: &'static str) -> Outcome {
    Outcome {
        done: Some(done),
        ..Outcome::default()
    }
}

/// Leads the browser on, with a cookie when there is one to keep.
pub fn to(path: &str, cookie: Option<HeaderValue>) -> Response {
    let mut response =
        (StatusCode::SEE_OTHER, [(header::LOCATION, path.to_owned())]).into_response();
    response
        .headers_mut()
        .extend(cookie.map(|cookie| (header::SET_COOKIE, cookie)));
    response
}
