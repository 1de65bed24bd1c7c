//! New HTML into a page that is open: only what differs is touched, so that focus, selection, open parts and a 3D view
//! stay as they are. What has no counterpart at its place is exchanged.

use leptos::prelude::document;
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlTemplateElement, Node};

/// Makes the content of `place` what `html` says.
pub fn patch(place: &Element, html: &str) {
    let template = document().create_element("template").ok();
    let Some(template) =
        template.and_then(|template| template.dyn_into::<HtmlTemplateElement>().ok())
    else {
        return;
    };
    template.set_inner_html(html);
    children(place, &template.content());
}

fn children(old: &Node, new: &Node) {
    let (mut here, mut there) = (old.first_child(), new.first_child());
    while here.is_some() || there.is_some() {
        let (next_here, next_there) = (
            here.as_ref().and_then(Node::next_sibling),
            there.as_ref().and_then(Node::next_sibling),
        );
        // Nodes of one document can only be refused where they would hold themselves, which these do not.
        let _ = match (&here, &there) {
            (Some(here), Some(there)) if is_counterpart(here, there) => {
                one(here, there);
                Ok(())
            }
            (Some(here), Some(there)) => old.replace_child(there, here).map(drop),
            (Some(here), None) => old.remove_child(here).map(drop),
            (None, Some(there)) => old.append_child(there).map(drop),
            (None, None) => Ok(()),
        };
        (here, there) = (next_here, next_there);
    }
}

fn is_counterpart(here: &Node, there: &Node) -> bool {
    here.node_type() == there.node_type() && here.node_name() == there.node_name()
}

fn one(here: &Node, there: &Node) {
    match (here.dyn_ref::<Element>(), there.dyn_ref::<Element>()) {
        (Some(here), Some(there)) => {
            attributes(here, there);
            if !is_kept(here) {
                children(here, there);
            }
        }
        _ if here.node_value() != there.node_value() => {
            here.set_node_value(there.node_value().as_deref())
        }
        _ => {}
    }
}

/// Whether something else fills it: the 3D view.
fn is_kept(element: &Element) -> bool {
    element.has_attribute("data-kept")
}

fn attributes(here: &Element, there: &Element) {
    for name in names(there) {
        let value = there.get_attribute(&name);
        if let Some(value) = value.filter(|value| here.get_attribute(&name).as_ref() != Some(value))
        {
            // A name that the parser took is a name.
            let _ = here.set_attribute(&name, &value);
        }
    }
    // Whether a part is open is for whoever reads to say.
    for name in names(here)
        .into_iter()
        .filter(|name| name != "open" && !there.has_attribute(name))
    {
        let _ = here.remove_attribute(&name);
    }
}

fn names(element: &Element) -> Vec<String> {
    element
        .get_attribute_names()
        .iter()
        .filter_map(|name| name.as_string())
        .collect()
}
