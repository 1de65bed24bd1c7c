//! What those who look after the hub read and set, and the audit log.

use axum::extract::State;
use axum::http::StatusCode;
use hub::account::Role;
use hub::admin::{
    Agreement, Assigned, Assignment, ModelRow, ModelSettings, OrganizationRow, SystemError, UserRow,
};
use hub::audit::Line;
use hub::id::{OrganizationId, UserId};
use hub::limits::Limits;
use hub::model::Model;
use hub::page::PageRequest;
use hub::services::{Listing, Services};
use hub::usage::Usage;
use serde::{Deserialize, Serialize};

use super::files::Results;
use super::jobs::Answer;
use super::read::{Id, Json, Query};
use crate::problem::Problem;
use crate::session::Signed;

type Set = Result<StatusCode, Problem>;

/// Somebody or something, and what it uses.
#[derive(Serialize)]
pub struct Used<T> {
    #[serde(flatten)]
    row: T,
    usage: Usage,
}

/// `GET /admin/users`
pub async fn users(
    State(services): State<Services>,
    Signed(actor): Signed,
    query: Query,
) -> Answer<Listing<UserRow>> {
    let page = PageRequest::from_query(&query.0)?;
    let found = services.users(&actor, &page, query.get("email")).await?;
    Ok(axum::Json(found))
}

/// `GET /admin/users/{id}`
pub async fn user(
    State(services): State<Services>,
    Signed(actor): Signed,
    Id(id): Id<UserId>,
) -> Answer<Used<UserRow>> {
    let (row, usage) = services.user(&actor, &id).await?;
    Ok(axum::Json(Used { row, usage }))
}

/// Roles that somebody is to have.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Roles {
    roles: Vec<Role>,
}

/// `PUT /admin/users/{id}/roles`
pub async fn set_roles(
    State(services): State<Services>,
    Signed(actor): Signed,
    Id(id): Id<UserId>,
    Json(set): Json<Roles>,
) -> Set {
    services.set_roles(&actor, &id, &set.roles).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Limits that somebody is to have; the usual ones with `null`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetLimits {
    limits: Option<Limits>,
}

/// `PUT /admin/users/{id}/limits`
pub async fn set_limits(
    State(services): State<Services>,
    Signed(actor): Signed,
    Id(id): Id<UserId>,
    Json(set): Json<SetLimits>,
) -> Set {
    services.set_limits(&actor, &id, set.limits).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /admin/organizations`
pub async fn organizations(
    State(services): State<Services>,
    Signed(actor): Signed,
    query: Query,
) -> Answer<Listing<OrganizationRow>> {
    let page = PageRequest::from_query(&query.0)?;
    Ok(axum::Json(services.organizations(&actor, &page).await?))
}

/// `GET /admin/organizations/{id}`
pub async fn organization(
    State(services): State<Services>,
    Signed(actor): Signed,
    Id(id): Id<OrganizationId>,
) -> Answer<Used<OrganizationRow>> {
    let (row, usage) = services.any_organization(&actor, &id).await?;
    Ok(axum::Json(Used { row, usage }))
}

/// `PUT /admin/organizations/{id}`
pub async fn set_agreement(
    State(services): State<Services>,
    Signed(actor): Signed,
    Id(id): Id<OrganizationId>,
    Json(agreement): Json<Agreement>,
) -> Set {
    services.set_agreement(&actor, &id, agreement).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /admin/models`
pub async fn models(
    State(services): State<Services>,
    Signed(actor): Signed,
) -> Answer<Results<ModelRow>> {
    let results = services.model_settings(&actor).await?;
    Ok(axum::Json(Results { results }))
}

/// `PUT /admin/models/{id}`
pub async fn set_model(
    State(services): State<Services>,
    Signed(actor): Signed,
    Id(model): Id<Model>,
    Json(settings): Json<ModelSettings>,
) -> Set {
    services.set_model(&actor, model, settings).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /admin/errors`
pub async fn system_errors(
    State(services): State<Services>,
    Signed(actor): Signed,
) -> Answer<Results<SystemError>> {
    let results = services.system_errors(&actor).await?;
    Ok(axum::Json(Results { results }))
}

/// Work that has no owner.
#[derive(Serialize)]
pub struct Unassigned {
    jobs: u32,
}

/// `GET /admin/assignments`
pub async fn unassigned(
    State(services): State<Services>,
    Signed(actor): Signed,
) -> Answer<Unassigned> {
    let jobs = services.unassigned(&actor).await?;
    Ok(axum::Json(Unassigned { jobs }))
}

/// `POST /admin/assignments`
pub async fn assign(
    State(services): State<Services>,
    Signed(actor): Signed,
    Json(assignment): Json<Assignment>,
) -> Answer<Assigned> {
    Ok(axum::Json(services.assign(&actor, assignment).await?))
}

/// `GET /admin/audit`
pub async fn audit(
    State(services): State<Services>,
    Signed(actor): Signed,
    query: Query,
) -> Answer<Listing<Line>> {
    let page = PageRequest::from_query(&query.0)?;
    Ok(axum::Json(services.audit(&actor, &page).await?))
}

/// `GET /organizations/own/audit`
pub async fn organization_audit(
    State(services): State<Services>,
    Signed(actor): Signed,
    query: Query,
) -> Answer<Listing<Line>> {
    let page = PageRequest::from_query(&query.0)?;
    Ok(axum::Json(
        services.organization_audit(&actor, &page).await?,
    ))
}
