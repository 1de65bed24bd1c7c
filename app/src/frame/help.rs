//! The keys, in a dialog.

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::HtmlDialogElement;

use super::keyboard;

const KEYS: [(&str, &str); 7] = [
    ("/", "Search"),
    ("j", "Next row"),
    ("k", "Row before"),
    ("Enter", "Open the row"),
    ("n", "New"),
    ("← →", "Pose before, next pose, in the 3D view"),
    ("?", "These keys"),
];

/// Lists all keys; shown by [`show`].
#[component]
pub fn Help() -> impl IntoView {
    let keys: Vec<_> = KEYS
        .into_iter()
        .map(|(key, does)| view! { <div><dt><kbd>{key}</kbd></dt><dd>{does}</dd></div> })
        .collect();
    let (on, set_on) = signal(true);
    Effect::new(move |_| set_on.set(keyboard::are_on()));
    view! {
        <dialog id="help" aria-labelledby="help-title">
            <h2 id="help-title">"Keyboard"</h2>
            <dl class="keys">{keys}</dl>
            <p>
                <label>
                    <input type="checkbox" prop:checked=on on:change=move |event| keyboard::switch(event_target_checked(&event)) />
                    " Keys of one letter or sign work"
                </label>
            </p>
            <form method="dialog">
                <button class="button">"Close"</button>
            </form>
        </dialog>
    }
}

/// Opens the dialog, in a browser that has one.
pub fn show() {
    let dialog = document()
        .get_element_by_id("help")
        .and_then(|element| element.dyn_into::<HtmlDialogElement>().ok());
    if let Some(dialog) = dialog.filter(|dialog| !dialog.open()) {
        // Refused only when it is open already.
        let _ = dialog.show_modal();
    }
}
