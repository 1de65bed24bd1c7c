//! In the browser: the answer has long been sent, and a title is set as a text.

use hub::Error;
use leptos::server_fn::error::ServerFnErrorErr;

use crate::error::AppError;

/// What became of a call that no server function answered. The texts of the library stay out of the page.
pub fn unheard(value: ServerFnErrorErr) -> AppError {
    let error = match value {
        ServerFnErrorErr::Request(cause) => Error::unavailable(
            "The hub does not answer. Check the connection; nothing was changed.",
            cause,
        ),
        other => Error::internal(other.to_string()),
    };
    AppError {
        error,
        reference: String::new(),
    }
}

/// Does nothing: the answer has a status already.
pub fn set_status(_status: u16) {}

/// The text as it is.
pub fn title_text(text: String) -> String {
    text
}

/// Who asks, as the document says that came from the server.
pub fn who() -> String {
    let root = leptos::prelude::document().document_element();
    root.and_then(|root| root.get_attribute("data-who"))
        .unwrap_or_default()
}
