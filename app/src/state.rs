//! What the server shares with pages and server functions, and its end of every server function: who asks, and how the
//! answer leaves.

use axum::extract::FromRef;
use hub::Error;
use hub::actor::Actor;
use hub::services::Services;
use leptos::config::LeptosOptions;
use leptos::prelude::use_context;

use crate::error::{AppError, RequestId};
use crate::side::set_status;

/// The router's state; reaches pages and server functions as context.
#[derive(Clone)]
pub struct AppState {
    /// Names and places of the built bundle.
    pub leptos_options: LeptosOptions,
    /// The use cases.
    pub services: Services,
}

impl FromRef<AppState> for LeptosOptions {
    fn from_ref(state: &AppState) -> Self {
        state.leptos_options.clone()
    }
}

/// The use cases and who asks, as the server gave them to this request.
pub fn asker() -> Result<(Services, Actor), AppError> {
    let (services, actor) = visitor()?;
    match actor {
        Some(actor) => Ok((services, actor)),
        None => answer(Err(Error::Unauthenticated)),
    }
}

/// The use cases, and who asks when somebody is signed in.
pub fn visitor() -> Result<(Services, Option<Actor>), AppError> {
    match use_context::<AppState>() {
        Some(state) => Ok((state.services, use_context())),
        None => answer(Err(Error::internal(
            "no use cases in the context of this request",
        ))),
    }
}

/// Lets a use case's answer leave: an error gets its reference and its status, and its cause is logged, here and
/// nowhere else.
pub fn answer<T>(result: hub::Result<T>) -> Result<T, AppError> {
    result.map_err(|error| {
        let reference = use_context::<RequestId>()
            .map(|id| id.0)
            .unwrap_or_default();
        match &error {
            Error::Internal { cause } => tracing::error!(%reference, ?cause, "the hub failed"),
            Error::Unavailable { message, cause } => {
                tracing::warn!(%reference, ?cause, "{message}")
            }
            _ => {}
        }
        set_status(error.status());
        AppError { error, reference }
    })
}
