//! On the server: there is an answer to shape, and a title is written into a document.

use axum::http::{Method, StatusCode, header::ACCEPT, request::Parts};
use hub::Error;
use hub::actor::Actor;
use leptos::prelude::use_context;
use leptos::server_fn::error::ServerFnErrorErr;
use leptos_axum::ResponseOptions;

use crate::error::AppError;
use crate::state::told;

/// What is wrong with a call that never came to its server function.
pub fn unheard(value: ServerFnErrorErr) -> AppError {
    use ServerFnErrorErr::{Args, Deserialization, MissingArg};
    told(match value {
        Args(cause) | MissingArg(cause) | Deserialization(cause) => {
            Error::bad_request("body", cause)
        }
        other => Error::internal(other.to_string()),
    })
}

/// Gives the answer this status. A form that was sent without script keeps its redirect to where it came from.
pub fn set_status(status: u16) {
    let from_plain_form = use_context::<Parts>().is_some_and(|parts| {
        let accepts = parts
            .headers
            .get(ACCEPT)
            .and_then(|accept| accept.to_str().ok())
            .unwrap_or_default();
        parts.method == Method::POST && accepts.contains("text/html")
    });
    if let Some(options) = use_context::<ResponseOptions>().filter(|_| !from_plain_form)
        && let Ok(status) = StatusCode::from_u16(status)
    {
        options.set_status(status);
    }
}

/// The text with what would end the title escaped: Leptos 0.8 writes it as it is.
pub fn title_text(text: String) -> String {
    crate::text::escaped(&text)
}

/// Who asks: `local` for the one owner of this machine, `account` for somebody who is signed in, else nothing.
pub fn who() -> String {
    let who = use_context::<Actor>().map(|actor| {
        if actor.owner.is_local() {
            "local"
        } else {
            "account"
        }
    });
    who.unwrap_or_default().to_owned()
}
