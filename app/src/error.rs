//! The product's one error as server functions answer it and pages show it.

use crate::codec::JsonText;
use crate::side;
use hub::Error;
use leptos::prelude::*;
use leptos::server_fn::error::{FromServerFnError, ServerFnErrorErr};
use serde::{Deserialize, Serialize};

/// The name of a request, shown with every error and written in every line of the log. The server gives it as context.
#[derive(Clone, Debug)]
pub struct RequestId(pub String);

/// An error with the name of the request it belongs to.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AppError {
    /// What went wrong.
    pub error: Error,
    /// What to name when asking for help; empty when the request never reached the hub.
    pub reference: String,
}

impl AppError {
    /// Whether it may be gone when it is tried again.
    pub fn passes(&self) -> bool {
        matches!(self.error, Error::Conflict(_) | Error::Unavailable { .. })
    }
}

impl FromServerFnError for AppError {
    type Encoder = JsonText;

    fn from_server_fn_error(value: ServerFnErrorErr) -> Self {
        side::unheard(value)
    }
}

/// An error where a page or a part of one should be: what happened, what to name, and a way on.
#[component]
pub fn Fault(
    /// What went wrong.
    error: AppError,
) -> impl IntoView {
    let missing = matches!(error.error, Error::NotFound);
    let stranger = matches!(error.error, Error::Unauthenticated);
    // Whoever loads a page anew without being signed in is led to sign in, and back.
    let again = if stranger { "Sign in" } else { "Reload" };
    // Nobody comes to a page without having been signed in.
    let title = if stranger {
        "You are not signed in any more"
    } else {
        error.error.title()
    };
    let message = error.error.advice();
    view! {
        <section class="fault" role="alert">
            <h1>{title}</h1>
            <p>{message}</p>
            {(!error.reference.is_empty() && !missing).then(|| view! { <Reference reference=error.reference.clone() /> })}
            <p class="ways">
                {(!missing).then(|| view! { <a class="button" href="" rel="external">{again}</a> })}
                <a href="/">"My Results"</a>
            </p>
        </section>
    }
}

/// A name that can be copied, for asking for help.
#[component]
pub fn Reference(
    /// The name.
    reference: String,
) -> impl IntoView {
    view! {
        <p class="reference">
            "Reference " <code>{reference.clone()}</code> " "
            <button type="button" class="quiet needs-script" data-copy=reference>"Copy"</button>
        </p>
    }
}
