//! What the server shares with pages and server functions.

use axum::extract::FromRef;
use hub::services::Services;
use leptos::config::LeptosOptions;

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
