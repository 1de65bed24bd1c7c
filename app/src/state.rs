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

/// Lets a use case's answer leave.
pub fn answer<T>(result: hub::Result<T>) -> Result<T, AppError> {
    result.map_err(told)
}

/// The error as it leaves: with its reference and its status, and its cause is logged, here and nowhere else.
pub fn told(error: Error) -> AppError {
    let reference = use_context::<RequestId>()
        .map(|id| id.0)
        .unwrap_or_default();
    log(&error, &reference);
    set_status(error.status());
    AppError { error, reference }
}

/// Writes down why something failed, by the reference that its reader is told: what is ours to mend as an error, what may
/// mend itself as a warning, and what is the reader's own not at all.
pub fn log(error: &Error, reference: &str) {
    let code = error.code();
    match error {
        Error::Internal { cause } => tracing::error!(reference, code, ?cause, "{error}"),
        Error::Unavailable { cause, .. } => tracing::warn!(reference, code, ?cause, "{error}"),
        _ => {}
    }
}
