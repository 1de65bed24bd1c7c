//! The pages of those who look after a hub. The server writes them all.

pub mod audit;
pub mod errors;
pub mod hub;
pub mod limits;
pub mod organizations;
pub mod users;

use ::hub::Result;
use ::hub::page::PageRequest;
use leptos::prelude::*;

use crate::address::Address;
use crate::frame::Breadcrumbs;

/// The page of a list that an address asks for.
fn request(address: &Address) -> Result<PageRequest> {
    PageRequest::from_query(address.pairs())
}

/// The way up from a page of the admins.
fn crumbs(above: &[(&str, &str)], here: &str) -> impl IntoView + use<> {
    let hub = ("Hub", "/admin");
    let above: Vec<_> = [hub]
        .iter()
        .chain(above)
        .map(|(title, href)| ((*title).to_owned(), (*href).to_owned()))
        .collect();
    view! { <Breadcrumbs above=above here=here.to_owned() /> }
}

/// The way to the next page, and back to the first.
fn pages(address: &Address, next: Option<String>) -> impl IntoView + use<> {
    let first = address.clone().without(&["page_token"]);
    let is_first = *address == first;
    let first = (!is_first).then(|| view! { <a href=first.href() rel="first">"First"</a> });
    let next = next.map(|token| {
        let href = address.clone().with("page_token", token).href();
        view! { <a href=href rel="next">"Next"</a> }
    });
    let there = first.is_some() || next.is_some();
    there.then(|| {
        view! {
            <nav class="pages" aria-label="Pages">
                <span>{first} {next}</span>
            </nav>
        }
    })
}
