//! The REST API, `/api/v1`: who asks, call, answer. No rule lives here.

use axum::Router;
use axum::extract::{DefaultBodyLimit, FromRef};
use axum::routing::{delete, get, patch, post, put};
use hub::services::Services;
use tokio_util::sync::CancellationToken;

use crate::events::{self, Streams};
use crate::router::{no_such_call, wrong_method};
use crate::session::Door;

mod accounts;
mod admin;
mod batches;
mod callbacks;
mod drafts;
pub mod exports;
mod files;
mod jobs;
mod models;
mod organizations;
pub mod read;
mod shares;
mod upload;
mod usage;

/// What handlers of the API share.
#[derive(Clone)]
pub struct Api {
    /// The use cases.
    pub services: Services,
    /// How one comes in.
    pub door: Door,
    /// The secret that the gateway signs its calls with.
    pub gateway_secret: String,
    /// The streams of events that each person has open.
    pub streams: Streams,
    /// Cancelled when the server ends: open streams end then too.
    pub stopping: CancellationToken,
}

impl FromRef<Api> for Services {
    fn from_ref(api: &Api) -> Self {
        api.services.clone()
    }
}

/// Every call.
pub fn routes(api: Api) -> Router {
    Router::new()
        .route("/jobs", get(jobs::list).post(jobs::submit))
        .route(
            "/jobs/{id}",
            get(jobs::read).patch(jobs::rename).delete(jobs::delete),
        )
        .route("/jobs/{id}/cancel", post(jobs::cancel))
        .route("/jobs/{id}/retry", post(jobs::retry))
        .route(
            "/jobs/{id}/organization-share",
            put(shares::with_organization),
        )
        .route("/shares", get(shares::list).post(shares::create))
        .route("/shares/{id}", delete(shares::revoke))
        .route("/jobs/{id}/export", get(exports::of_job))
        .route("/jobs/{id}/files", get(files::list))
        .route("/jobs/{id}/files/{name}", get(files::read))
        .route("/jobs/{id}/events", get(events::of_job))
        .route("/batches", post(batches::submit))
        .route("/batches/{id}", get(batches::read))
        .route("/batches/{id}/status", get(batches::status))
        .route("/batches/{id}/children", get(batches::children))
        .route("/batches/{id}/cancel", post(batches::cancel))
        .route("/batches/{id}/retry-failed", post(batches::retry_failed))
        .route("/batches/{id}/export", get(exports::of_batch))
        .route("/batches/{id}/events", get(events::of_batch))
        .route("/events", get(events::of_list))
        .route("/preflight", post(jobs::preflight))
        .route(
            "/drafts",
            post(drafts::create).layer(DefaultBodyLimit::disable()),
        )
        .route("/drafts/{id}", get(drafts::read))
        .route("/drafts/{id}/submit", post(drafts::submit))
        .route("/tasks", get(models::tasks))
        .route("/models", get(models::list))
        .route("/targets", get(models::targets))
        .route("/me", get(models::me).patch(accounts::change))
        .route("/usage", get(usage::read))
        .route("/auth/signup", post(accounts::sign_up))
        .route("/auth/login", post(accounts::sign_in))
        .route("/auth/logout", post(accounts::sign_out))
        .route("/auth/password", post(accounts::change_password))
        .route("/organizations", post(organizations::found))
        .route(
            "/organizations/own",
            get(organizations::own).delete(organizations::end),
        )
        .route(
            "/organizations/own/invitations",
            post(organizations::invite),
        )
        .route(
            "/organizations/own/members/{id}",
            patch(organizations::set_role).delete(organizations::remove),
        )
        .route("/organizations/join", post(organizations::join))
        .route("/invitation", get(organizations::invitation))
        .route("/organizations/own/shares", get(shares::of_organization))
        .route("/organizations/own/audit", get(admin::organization_audit))
        .route("/admin/users", get(admin::users))
        .route("/admin/users/{id}", get(admin::user))
        .route("/admin/users/{id}/roles", put(admin::set_roles))
        .route("/admin/users/{id}/limits", put(admin::set_limits))
        .route("/admin/organizations", get(admin::organizations))
        .route(
            "/admin/organizations/{id}",
            get(admin::organization).put(admin::set_agreement),
        )
        .route("/admin/models", get(admin::models))
        .route("/admin/models/{id}", put(admin::set_model))
        .route(
            "/admin/assignments",
            get(admin::unassigned).post(admin::assign),
        )
        .route("/admin/errors", get(admin::system_errors))
        .route("/admin/audit", get(admin::audit))
        .route("/sessions", get(accounts::sessions))
        .route("/sessions/{id}", delete(accounts::end_session))
        .route("/api-keys", get(accounts::keys).post(accounts::create_key))
        .route("/api-keys/{id}", delete(accounts::remove_key))
        .route("/callbacks/{run_id}", post(callbacks::receive))
        .fallback(no_such_call)
        .method_not_allowed_fallback(wrong_method)
        .with_state(api)
}
