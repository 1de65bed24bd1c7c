//! The title of the browser's tab.

use leptos::prelude::*;
use leptos_meta::Title;

use crate::side::title_text;

/// Sets the title of the tab, with the product's name after it. A page whose title changes renders it anew.
#[component]
pub fn PageTitle(
    /// The title of the page.
    #[prop(into)]
    text: String,
) -> impl IntoView {
    view! { <Title text=title_text(format!("{text} · OMTX-Hub")) /> }
}
