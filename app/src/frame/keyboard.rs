//! Keys that work on every page. Rows are found as they stand in the page: whatever has `data-row`, with its link.

use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::hooks::use_navigate;
use wasm_bindgen::JsCast;
use web_sys::HtmlElement;

use super::help;

/// Hears keys from now on. Does nothing on the server.
pub fn listen() {
    let navigate = use_navigate();
    Effect::new(move |_| {
        let navigate = navigate.clone();
        let handle = window_event_listener(leptos::ev::keydown, move |event| {
            if event.ctrl_key() || event.meta_key() || event.alt_key() || is_typing() || !are_on() {
                return;
            }
            let acted = match event.key().as_str() {
                "/" => focus_search(),
                "j" => move_by(1),
                "k" => move_by(-1),
                "n" => {
                    navigate("/new", NavigateOptions::default());
                    true
                }
                "?" => {
                    help::show();
                    true
                }
                _ => false,
            };
            if acted {
                event.prevent_default();
            }
        });
        on_cleanup(move || handle.remove());
    });
}

/// What the browser keeps for whoever wants no such keys: those who speak to it press them without meaning to.
const OFF: &str = "omtx-keys-off";

/// Whether the keys work, which each are one letter or sign.
pub fn are_on() -> bool {
    kept().is_none_or(|kept| kept.get_item(OFF).ok().flatten().is_none())
}

/// Lets the keys work in this browser from now on, or not.
pub fn switch(on: bool) {
    // A browser that keeps nothing has them on.
    if let Some(kept) = kept() {
        let _ = match on {
            true => kept.remove_item(OFF),
            false => kept.set_item(OFF, "1"),
        };
    }
}

fn kept() -> Option<web_sys::Storage> {
    window().local_storage().ok().flatten()
}

fn is_typing() -> bool {
    let active = document().active_element();
    active.is_some_and(|element| {
        matches!(element.tag_name().as_str(), "INPUT" | "TEXTAREA" | "SELECT")
            // One that is closed may keep the focus for a moment.
            || element.closest("dialog[open]").is_ok_and(|open| open.is_some())
    })
}

fn focus(element: &web_sys::Element) -> bool {
    element
        .dyn_ref::<HtmlElement>()
        .is_some_and(|element| element.focus().is_ok())
}

fn focus_search() -> bool {
    document()
        .get_element_by_id("search")
        .is_some_and(|search| focus(&search))
}

/// Puts the focus on the link of the row that many rows further; Enter then opens it.
fn move_by(step: i32) -> bool {
    let Ok(links) = document().query_selector_all("[data-row] a[data-open]") else {
        return false;
    };
    let active = document().active_element();
    let row = active.and_then(|active| active.closest("[data-row]").ok().flatten());
    let link_at = |place| {
        links
            .get(place)
            .and_then(|link| link.dyn_into::<web_sys::Element>().ok())
    };
    let current = (0..links.length()).find(|place| {
        row.as_ref()
            .is_some_and(|row| link_at(*place).is_some_and(|link| row.contains(Some(&link))))
    });
    let next = match current {
        Some(place) => place.checked_add_signed(step),
        None => Some(0),
    };
    next.and_then(link_at).is_some_and(|link| focus(&link))
}
