//! Who asks. A handler that takes [`Signed`] is reached by nobody else; how one signs in is known here only.

use app::cookie::{self, Cookie, SameSite};
use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use hub::actor::Actor;
use hub::services::{Entered, Services};
use hub::session::{SESSION_S, Visitor};
use hub::{Error, Result};
use std::convert::Infallible;
use std::sync::Arc;

use crate::openid::{OpenId, PENDING_S, Pending};
use crate::problem::Problem;
use crate::request::{ClientAddress, network};

mod token;

/// Where sign-ins elsewhere begin and end.
const OPENID: &str = "/openid";

pub use token::Tokens;

/// How one comes in.
#[derive(Clone)]
pub enum Door {
    /// Every visitor is the local owner.
    Local,
    /// With an account.
    Accounts(Arc<Accounts>),
}

/// What it takes to know people with accounts.
pub struct Accounts {
    /// The use cases.
    pub services: Services,
    /// The tokens of sessions.
    pub tokens: Tokens,
    /// Whether browsers reach the hub by https.
    pub https: bool,
    /// Where else people can sign in.
    pub openid: Option<OpenId>,
}

/// Gives the request its actor, when there is one. A header that lets nobody in is refused; a cookie that does is as
/// good as none, since a browser sends it long after it has ended.
pub async fn identify(State(door): State<Door>, mut request: Request, next: Next) -> Response {
    let found = match &door {
        Door::Local => Ok(Some(Actor::local())),
        Door::Accounts(accounts) => accounts.actor(request.headers()).await,
    };
    match found {
        Ok(actor) => {
            if let Some(actor) = actor {
                request.extensions_mut().insert(actor);
            }
            next.run(request).await
        }
        // It is counted like any other request before it is answered.
        Err(error) => {
            request.extensions_mut().insert(TurnedAway(error));
            next.run(request).await
        }
    }
}

/// Why whoever asks is let in by nothing that they sent.
#[derive(Clone)]
struct TurnedAway(Error);

/// Answers whoever sent a header that lets nobody in.
pub async fn turn_away(request: Request, next: Next) -> Response {
    match request.extensions().get::<TurnedAway>() {
        Some(TurnedAway(error)) => Problem::from(error.clone()).into_response(),
        None => next.run(request).await,
    }
}

impl Accounts {
    async fn actor(&self, headers: &HeaderMap) -> Result<Option<Actor>> {
        if let Some(value) = headers.get(header::AUTHORIZATION) {
            let text = value.to_str().unwrap_or_default();
            let token = text
                .split_once(' ')
                .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
            let actor = match token.map(|(_, token)| token.trim()) {
                Some(token) if token.starts_with("omtx_") => {
                    self.services.actor_of_key(token).await?
                }
                Some(token) => self.actor_of_token(token).await?,
                None => None,
            };
            return actor.map(Some).ok_or(Error::Unauthenticated);
        }
        match cookie::read(headers, self.cookie_name()) {
            Some(token) => self.actor_of_token(token).await,
            None => Ok(None),
        }
    }

    async fn actor_of_token(&self, token: &str) -> Result<Option<Actor>> {
        match self.tokens.read(token) {
            Some(session) => self.services.actor_of_session(&session).await,
            None => Ok(None),
        }
    }

    /// A prefix that browsers hold to: by https only, for this host alone.
    fn cookie_name(&self) -> &'static str {
        if self.https { "__Host-omtx" } else { "omtx" }
    }

    /// The header that lets a browser keep a session.
    pub fn kept(&self, entered: &Entered) -> Result<HeaderValue> {
        self.set_cookie(&self.tokens.issue(entered)?, SESSION_S)
    }

    /// The header that makes a browser forget its session.
    pub fn forgotten(&self) -> Result<HeaderValue> {
        self.set_cookie("", 0)
    }

    fn set_cookie(&self, value: &str, seconds: i64) -> Result<HeaderValue> {
        self.cookie_of(self.cookie_name(), value, "/", seconds)
    }

    fn cookie_of(&self, name: &str, value: &str, path: &str, seconds: i64) -> Result<HeaderValue> {
        let cookie = Cookie {
            name,
            value,
            path,
            seconds,
            same_site: SameSite::Lax,
            secure: self.https,
        };
        cookie.header()
    }

    /// A prefix that browsers hold to: by https only. It is sent to a part of the hub alone, which the stricter prefix
    /// does not allow.
    fn pending_name(&self) -> &'static str {
        if self.https {
            "__Secure-omtx-openid"
        } else {
            "omtx-openid"
        }
    }

    /// The sign-in elsewhere that a browser began.
    pub fn pending(&self, headers: &HeaderMap) -> Option<Pending> {
        Pending::read(cookie::read(headers, self.pending_name())?)
    }

    /// The header that lets a browser keep the sign-in elsewhere that it began.
    pub fn pending_kept(&self, pending: &Pending) -> Result<HeaderValue> {
        self.cookie_of(self.pending_name(), &pending.cookie(), OPENID, PENDING_S)
    }

    /// The header that makes a browser forget it.
    pub fn pending_forgotten(&self) -> Result<HeaderValue> {
        self.cookie_of(self.pending_name(), "", OPENID, 0)
    }
}

/// Somebody who is signed in.
#[derive(Clone, Debug)]
pub struct Signed(pub Actor);

impl<S: Sync> FromRequestParts<S> for Signed {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let actor = parts.extensions.get::<Actor>().cloned();
        actor
            .map(Self)
            .ok_or_else(|| Problem::from(Error::Unauthenticated))
    }
}

/// Where a request comes from.
pub struct From(pub Visitor);

impl<S: Sync> FromRequestParts<S> for From {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let address = parts.extensions.get::<ClientAddress>();
        let agent = parts
            .headers
            .get(header::USER_AGENT)
            .and_then(|agent| agent.to_str().ok());
        Ok(Self(Visitor {
            address: address
                .map(|address| address.0.to_string())
                .unwrap_or_default(),
            network: address
                .map(|address| network(address.0).to_string())
                .unwrap_or_default(),
            agent: agent.unwrap_or_default().chars().take(200).collect(),
        }))
    }
}
