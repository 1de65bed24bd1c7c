//! Accounts for programs: signing up, in and out, passwords, sessions, keys.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use hub::id::{KeyId, SessionId, UserId};
use hub::services::{AccountChange, KeyRow, NewKey, SessionRow, SignUp, SignedUp};
use hub::session::SESSION_S;
use hub::{Error, Result};
use serde::{Deserialize, Serialize};

use super::Api;
use super::files::Results;
use super::jobs::Answer;
use super::read::{Id, Json};
use crate::problem::Problem;
use crate::session::{Accounts, Door, From, Signed};

impl Api {
    /// What it takes to have accounts.
    pub fn accounts(&self) -> Result<&Accounts> {
        match &self.door {
            Door::Accounts(accounts) => Ok(accounts),
            Door::Local => Err(Error::conflict(
                "this hub runs on one machine, without accounts",
            )),
        }
    }
}

/// Who was made, or what to do next.
#[derive(Serialize)]
#[serde(untagged)]
pub enum Answered {
    /// There is an account.
    Made {
        /// Its id.
        user_id: UserId,
    },
    /// A mail says how to go on.
    Told {
        /// In words.
        message: &'static str,
    },
}

/// `POST /auth/signup`
pub async fn sign_up(
    State(api): State<Api>,
    From(visitor): From,
    Json(form): Json<SignUp>,
) -> Result<(StatusCode, axum::Json<Answered>), Problem> {
    api.accounts()?;
    let (status, answered) = match api.services.sign_up(form, &visitor).await? {
        SignedUp::Made(user_id) => (StatusCode::CREATED, Answered::Made { user_id }),
        SignedUp::Told => {
            let message = "look in your mail: what was sent to the address says how to go on";
            (StatusCode::ACCEPTED, Answered::Told { message })
        }
    };
    Ok((status, axum::Json(answered)))
}

/// `PATCH /me`: the name, and which mails are wanted.
pub async fn change(
    State(api): State<Api>,
    Signed(actor): Signed,
    Json(change): Json<AccountChange>,
) -> Result<StatusCode, Problem> {
    api.services.change_account(&actor, change).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Address and password.
#[derive(Deserialize)]
pub struct Credentials {
    email: String,
    password: String,
}

/// A token for `Authorization: Bearer`.
#[derive(Serialize)]
pub struct Token {
    access_token: String,
    token_type: &'static str,
    expires_in: i64,
}

/// `POST /auth/login`
pub async fn sign_in(
    State(api): State<Api>,
    From(visitor): From,
    Json(given): Json<Credentials>,
) -> Answer<Token> {
    let accounts = api.accounts()?;
    let entered = api
        .services
        .sign_in(&given.email, given.password, &visitor)
        .await?;
    Ok(axum::Json(Token {
        access_token: accounts.tokens.issue(&entered)?,
        token_type: "Bearer",
        expires_in: SESSION_S,
    }))
}

/// `POST /auth/logout`
pub async fn sign_out(State(api): State<Api>, Signed(actor): Signed) -> Result<Response, Problem> {
    let forgotten = api.accounts()?.forgotten()?;
    api.services.sign_out(&actor).await?;
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, forgotten)]).into_response())
}

/// The password now and the next one.
#[derive(Deserialize)]
pub struct Change {
    current: String,
    password: String,
}

/// `POST /auth/password`
pub async fn change_password(
    State(api): State<Api>,
    Signed(actor): Signed,
    From(visitor): From,
    Json(change): Json<Change>,
) -> Result<StatusCode, Problem> {
    api.services
        .change_password(&actor, change.current, change.password, &visitor)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /sessions`
pub async fn sessions(
    State(api): State<Api>,
    Signed(actor): Signed,
) -> Answer<Results<SessionRow>> {
    Ok(axum::Json(Results {
        results: api.services.sessions(&actor).await?,
    }))
}

/// `DELETE /sessions/{id}`
pub async fn end_session(
    State(api): State<Api>,
    Signed(actor): Signed,
    Id(id): Id<SessionId>,
) -> Result<StatusCode, Problem> {
    api.services.end_session(&actor, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /api-keys`
pub async fn keys(State(api): State<Api>, Signed(actor): Signed) -> Answer<Results<KeyRow>> {
    Ok(axum::Json(Results {
        results: api.services.keys(&actor).await?,
    }))
}

/// `POST /api-keys`: the one answer that has the key's text.
pub async fn create_key(
    State(api): State<Api>,
    Signed(actor): Signed,
    Json(asked): Json<NewKey>,
) -> Result<(StatusCode, axum::Json<KeyRow>), Problem> {
    Ok((
        StatusCode::CREATED,
        axum::Json(api.services.create_key(&actor, asked).await?),
    ))
}

/// `DELETE /api-keys/{id}`
pub async fn remove_key(
    State(api): State<Api>,
    Signed(actor): Signed,
    Id(id): Id<KeyId>,
) -> Result<StatusCode, Problem> {
    api.services.remove_key(&actor, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}
