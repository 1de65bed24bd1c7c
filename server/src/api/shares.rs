//! Links that show a result, and what one's organisation sees.

use axum::extract::State;
use axum::http::StatusCode;
use hub::id::{JobId, ShareId};
use hub::job::SharedWithOrganization;
use hub::services::Services;
use hub::share::{NewShare, ShareRequest, ShareRow};
use serde::{Deserialize, Serialize};

use super::files::Results;
use super::jobs::Answer;
use super::read::{Id, Json};
use crate::problem::Problem;
use crate::session::Signed;

/// `POST /shares`
pub async fn create(
    State(services): State<Services>,
    Signed(actor): Signed,
    Json(request): Json<ShareRequest>,
) -> Result<(StatusCode, axum::Json<NewShare>), Problem> {
    let made = services.create_share(&actor, request).await?;
    Ok((StatusCode::CREATED, axum::Json(made)))
}

/// `GET /shares`
pub async fn list(
    State(services): State<Services>,
    Signed(actor): Signed,
) -> Answer<Results<ShareRow>> {
    Ok(axum::Json(Results {
        results: services.shares(&actor).await?,
    }))
}

/// `GET /organizations/own/shares`: whoever made them, for the admins of the organisation.
pub async fn of_organization(
    State(services): State<Services>,
    Signed(actor): Signed,
) -> Answer<Results<ShareRow>> {
    Ok(axum::Json(Results {
        results: services.organization_shares(&actor).await?,
    }))
}

/// `DELETE /shares/{id}`
pub async fn revoke(
    State(services): State<Services>,
    Signed(actor): Signed,
    Id(id): Id<ShareId>,
) -> Result<StatusCode, Problem> {
    services.revoke_share(&actor, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Whether one's organisation sees a job.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrganizationShare {
    shared: bool,
}

/// How a job stands with one's organisation.
#[derive(Serialize)]
pub struct Shown {
    shared: bool,
    #[serde(flatten)]
    by: Option<SharedWithOrganization>,
}

/// `PUT /jobs/{id}/organization-share`
pub async fn with_organization(
    State(services): State<Services>,
    Signed(actor): Signed,
    Id(id): Id<JobId>,
    Json(wanted): Json<OrganizationShare>,
) -> Answer<Shown> {
    let by = services
        .share_with_organization(&actor, &id, wanted.shared)
        .await?;
    Ok(axum::Json(Shown {
        shared: by.is_some(),
        by,
    }))
}
