//! Signing in elsewhere: the way there, and the way back. Both are led through by links, so that neither changes anything
//! but what the browser that goes them may do: the way there keeps all in its cookie, the way back asks for what the
//! cookie knows.

use std::collections::HashMap;

use app::address::own_path;
use axum::Router;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use hub::{Error, Result};

use super::forms::to;
use crate::api::Api;
use crate::openid::{CALLBACK, OpenId};
use crate::problem::Problem;
use crate::session::{Accounts, From};

type Values = Query<HashMap<String, String>>;

/// Both ways.
pub fn routes(api: Api) -> Router {
    Router::new()
        .route("/openid/start", get(start))
        .route(CALLBACK, get(come_back))
        .with_state(api)
}

fn there(api: &Api) -> Result<(&Accounts, &OpenId)> {
    let accounts = api.accounts()?;
    let openid = accounts.openid.as_ref().ok_or(Error::NotFound)?;
    Ok((accounts, openid))
}

async fn start(State(api): State<Api>, Query(values): Values) -> Result<Response, Problem> {
    let (accounts, openid) = there(&api)?;
    let wanted = values.get("next").map_or("/", String::as_str);
    let now = api.services.now().await?;
    let (location, pending) = openid.begin(own_path(wanted), now).await?;
    Ok(to(&location, Some(accounts.pending_kept(&pending)?)))
}

async fn come_back(
    State(api): State<Api>,
    From(visitor): From,
    headers: HeaderMap,
    Query(values): Values,
) -> Result<Response, Problem> {
    let (accounts, openid) = there(&api)?;
    let pending = accounts.pending(&headers).ok_or_else(|| {
        Error::conflict("no sign-in was begun in this browser of late; begin it anew")
    })?;
    let now = api.services.now().await?;
    let code = openid.code(&values, &pending, now).await?;
    let (services, until) = (&api.services, pending.expires_at());
    services
        .use_elsewhere(pending.secret(), until, &visitor)
        .await?;
    let identity = openid.identify(code, &pending, now).await?;
    let entered = services.sign_in_elsewhere(&identity, &visitor).await?;
    let kept = [
        (header::SET_COOKIE, accounts.kept(&entered)?),
        (header::SET_COOKIE, accounts.pending_forgotten()?),
    ];
    let mut response = to(own_path(pending.next()), None).into_response();
    response.headers_mut().extend(kept);
    Ok(response)
}
