//! In the browser: the answer has long been sent, and a title is set as a text.

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
