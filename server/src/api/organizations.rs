//! The actor's organisation: founding, letting in, roles, leaving.

use axum::extract::State;
use axum::http::StatusCode;
use hub::id::{OrganizationId, UserId};
use hub::organization::MemberRole;
use hub::services::{InvitationView, OrganizationView};
use hub::time::Timestamp;
use hub::{Error, Result};
use serde::{Deserialize, Serialize};

use super::Api;
use super::jobs::Answer;
use super::read::{Id, Json, Query};
use crate::problem::Problem;
use crate::session::Signed;

/// What an organisation is to be called, or is called.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Founding {
    name: String,
}

/// The organisation that was founded or joined.
#[derive(Serialize)]
pub struct Named {
    id: OrganizationId,
}

/// `POST /organizations`
pub async fn found(
    State(api): State<Api>,
    Signed(actor): Signed,
    Json(founding): Json<Founding>,
) -> Result<(StatusCode, axum::Json<Named>), Problem> {
    let id = api.services.found(&actor, &founding.name).await?;
    Ok((StatusCode::CREATED, axum::Json(Named { id })))
}

/// `GET /organizations/own`
pub async fn own(State(api): State<Api>, Signed(actor): Signed) -> Answer<OrganizationView> {
    let organization = api.services.organization(&actor).await?;
    Ok(axum::Json(organization.ok_or(Error::NotFound)?))
}

/// `DELETE /organizations/own`: its name must be said.
pub async fn end(
    State(api): State<Api>,
    Signed(actor): Signed,
    Json(ending): Json<Founding>,
) -> Result<StatusCode, Problem> {
    api.services.end_organization(&actor, &ending.name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Whom a link is for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inviting {
    role: MemberRole,
}

/// A link for one person; the one answer that has it.
#[derive(Serialize)]
pub struct Invited {
    url: String,
    expires_at: Timestamp,
}

/// `POST /organizations/own/invitations`
pub async fn invite(
    State(api): State<Api>,
    Signed(actor): Signed,
    Json(inviting): Json<Inviting>,
) -> Result<(StatusCode, axum::Json<Invited>), Problem> {
    let (token, expires_at) = api.services.invite(&actor, inviting.role).await?;
    let url = format!("{}/join?token={token}", api.accounts()?.tokens.issuer());
    Ok((StatusCode::CREATED, axum::Json(Invited { url, expires_at })))
}

/// `GET /invitation?token=`: where a link leads.
pub async fn invitation(State(api): State<Api>, _: Signed, query: Query) -> Answer<InvitationView> {
    let token = query.get("token").unwrap_or_default();
    Ok(axum::Json(api.services.invitation(token).await?))
}

/// A link that is followed.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Joining {
    token: String,
}

/// `POST /organizations/join`
pub async fn join(
    State(api): State<Api>,
    Signed(actor): Signed,
    Json(joining): Json<Joining>,
) -> Answer<Named> {
    let id = api.services.join(&actor, &joining.token).await?;
    Ok(axum::Json(Named { id }))
}

/// `PATCH /organizations/own/members/{id}`
pub async fn set_role(
    State(api): State<Api>,
    Signed(actor): Signed,
    Id(member): Id<UserId>,
    Json(given): Json<Inviting>,
) -> Result<StatusCode, Problem> {
    api.services.set_role(&actor, &member, given.role).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /organizations/own/members/{id}`
pub async fn remove(
    State(api): State<Api>,
    Signed(actor): Signed,
    Id(member): Id<UserId>,
) -> Result<StatusCode, Problem> {
    api.services.remove_member(&actor, &member).await?;
    Ok(StatusCode::NO_CONTENT)
}
