//! Every address of the hub, and what each request passes on its way there.

use app::state::AppState;
use axum::Router;
use axum::http::StatusCode;
use axum::middleware;
use axum::routing::{any, get};
use hub::services::Services;
use leptos::config::LeptosOptions;

use crate::api::{self, Api};
use crate::health::{self, Watch};
use crate::pages::forms::Forms;
use crate::problem::Problem;
use crate::request::{self, Addresses, Rates};
use crate::shares::{self, Readers};
use crate::{pages, session};

/// What the router is made of.
pub struct Parts {
    /// The use cases.
    pub services: Services,
    /// What the API needs beside them.
    pub api: Api,
    /// Names and places of the built bundle.
    pub leptos_options: LeptosOptions,
    /// Where the hub is reached.
    pub addresses: Addresses,
    /// Who asked how often.
    pub rates: Rates,
    /// What is told of the hub to those who watch over it.
    pub watch: Watch,
    /// The signed addresses of files, when the hub itself keeps them.
    pub files: Router,
}

/// The whole hub as one service.
pub fn router(parts: Parts) -> Router {
    let state = AppState {
        leptos_options: parts.leptos_options,
        services: parts.services,
    };
    let readers = Readers {
        services: state.services.clone(),
        leptos_options: state.leptos_options.clone(),
        public: parts.addresses.public.to_string(),
    };
    let forms = Forms {
        state: state.clone(),
        api: parts.api.clone(),
    };
    let door = parts.api.door.clone();
    Router::new()
        .merge(pages::routes(&state))
        .merge(pages::forms(forms))
        .merge(pages::openid::routes(parts.api.clone()))
        .nest("/s", shares::routes(readers))
        .nest("/api/v1", api::routes(parts.api))
        .route("/api/{*rest}", any(no_such_call))
        .route("/healthz", get(async || "alive"))
        .merge(health::routes(parts.watch))
        .merge(parts.files)
        .method_not_allowed_fallback(wrong_method)
        .layer(middleware::from_fn(session::turn_away))
        .layer(middleware::from_fn_with_state(
            parts.rates,
            request::limit_rate,
        ))
        .layer(middleware::from_fn_with_state(door, session::identify))
        .layer(middleware::from_fn_with_state(
            parts.addresses,
            request::check_addresses,
        ))
        .layer(middleware::from_fn(request::limit_time))
        .layer(middleware::from_fn(request::observe))
        .layer(middleware::from_fn(request::harden))
}

/// There is no call of that name.
pub async fn no_such_call() -> Problem {
    Problem::from(hub::Error::NotFound)
}

/// There is such a call, but not by this method; `Allow` says by which.
pub async fn wrong_method() -> Problem {
    let message = "this address does not take that method; the header Allow names those it takes";
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method-not-allowed",
        message,
    )
}
