//! What happens while somebody fills a form that the server wrote. Elements are found by their ids.

use hub::ligand_table;
use leptos::ev::{Event, SubmitEvent};
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlButtonElement, HtmlTextAreaElement};

use crate::number;

/// The field that ligands are pasted into.
pub const LIGANDS: &str = "ligands";
/// Where it is said what is in it.
pub const LIGANDS_SAID: &str = "ligands-said";
/// The button that sends a form to be looked at.
pub const CHECK: &str = "check";
/// Faults that are named while somebody types.
const SHOWN: usize = 3;

/// Looks at pasted ligands by the same rules as the server.
pub fn look(event: Event) {
    let area = event
        .target()
        .and_then(|target| target.dyn_into::<HtmlTextAreaElement>().ok());
    if let Some(area) = area.filter(|area| area.id() == LIGANDS)
        && let Some(place) = document().get_element_by_id(LIGANDS_SAID)
    {
        place.set_text_content(Some(&said_of(&area.value())));
    }
}

/// Says on the button that rows are being looked at, until the answer comes or the page is come back to.
pub fn say_checking(event: SubmitEvent) {
    let form = event
        .target()
        .and_then(|target| target.dyn_into::<Element>().ok());
    let button = form.and_then(|form| form.query_selector(&format!("#{CHECK}")).ok().flatten());
    let Some(button) = button.and_then(|button| button.dyn_into::<HtmlButtonElement>().ok()) else {
        return;
    };
    let usual = button.text_content();
    button.set_text_content(Some("Checking…"));
    button.set_disabled(true);
    window_event_listener_untyped("pageshow", move |_| {
        button.set_text_content(usual.as_deref());
        button.set_disabled(false);
    });
}

/// What can be said of a text without a chemist: how many rows, and which cannot be read.
fn said_of(text: &str) -> String {
    if text.trim().is_empty() {
        return String::new();
    }
    let table = match ligand_table::read(text.as_bytes(), None, None) {
        Ok(table) => table,
        Err(fault) => return fault.message,
    };
    let mut said = format!(
        "{}, read as {}.",
        number::count(table.rows.len() as u32, "ligand"),
        table.format.title()
    );
    for fault in table.faults.iter().take(SHOWN) {
        said.push_str(&format!(" Line {}: {}.", fault.line, fault.message));
    }
    let more = table.faults.len().saturating_sub(SHOWN);
    if more > 0 {
        said.push_str(&format!(" And {more} more."));
    }
    said
}

#[cfg(test)]
mod tests {
    use super::said_of;

    #[test]
    fn rows_that_cannot_be_read_are_named_while_typing() {
        assert_eq!(said_of(" \n"), "");
        assert_eq!(
            said_of("CCO ethanol\nCCN amine"),
            "2 ligands, read as SMILES list."
        );
        assert!(said_of("CCO ethanol\nC1CC broken").contains("Line 2: "));
    }
}
