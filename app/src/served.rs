//! Pages that the server writes in full: what is read once, and forms. The browser sets their HTML and adds what needs a
//! hand on the spot: the word on what is typed, and fresh HTML when the job of the page moves. It carries none of their
//! views. My Results is not among them, since it is what people look at all day.

#![expect(
    missing_docs,
    reason = "the fields that Leptos makes of parameters cannot be documented"
)]

mod patch;
pub mod typing;

#[cfg(feature = "ssr")]
pub mod write;

use leptos::either::Either;
use leptos::html::Div;
use leptos::prelude::*;
use leptos_router::hooks::use_location;
use serde::{Deserialize, Serialize};

use crate::codec::Json;
use crate::error::{AppError, Fault};
use crate::fetch::Reads;
use crate::frame::PageTitle;
use crate::live;

/// A page in full.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Page {
    /// The title of the tab.
    pub title: String,
    /// What stands in it. Only the server makes it, from views that escape what they are given.
    pub html: String,
    /// The stream of events that tells when it is to be read again; none when nothing will change.
    pub events: Option<String>,
    /// How it stands, said when it changes to those who cannot see it.
    pub said: String,
}

/// The page at an address.
#[server(prefix = "/api", endpoint = "pages/read", input = Json, output = Json, client = Reads)]
pub async fn read_page(path: String, query: String) -> Result<Page, AppError> {
    let (services, actor) = crate::state::visitor()?;
    crate::state::answer(write::page(&services, actor.as_ref(), &path, &query).await)
}

/// Shows the page at the address that is open.
#[component]
pub fn Served() -> impl IntoView {
    let location = use_location();
    let (path, search) = (location.pathname, location.search);
    // The address changes a moment before this page gives way to My Results, which is none of its own.
    let address = Memo::new(move |old: Option<&(String, String)>| match old {
        Some(old) if path.with(|path| path == "/") => old.clone(),
        _ => (path.get(), search.get()),
    });
    // What stands there, and where: a look again that comes to nothing for the moment leaves it as it is.
    let kept = StoredValue::new(None::<((String, String), Page)>);
    let page = Resource::new(
        move || address.get(),
        move |at| async move {
            let answer = read_page(at.0.clone(), at.1.clone()).await;
            let old = kept.try_get_value().flatten().filter(|old| old.0 == at);
            match (answer, old) {
                (Err(error), Some((_, old))) if error.passes() => Ok(old),
                (answer, _) => answer,
            }
        },
    );
    let fetching = live::awaits(move || address.track(), move || page.track());
    let events = Memo::new(move |_| page.with(|page| page.as_ref()?.as_ref().ok()?.events.clone()));
    let spoken = RwSignal::new(String::new());
    let speak = live::at_most_every(10_000, move || {
        spoken.set(
            page.get_untracked()
                .and_then(Result::ok)
                .map(|page| page.said)
                .unwrap_or_default(),
        );
    });
    let read_again = live::at_most_every(2_000, move || {
        page.refetch();
        speak();
    });
    let read_again = live::when_seen(read_again);
    live::watch(move || events.get(), move |_| read_again());
    let body = NodeRef::<Div>::new();
    let first = StoredValue::new(None);
    let set = StoredValue::new(None);
    Effect::new(move |_| {
        let (Some(Ok(page)), Some(body)) = (page.get(), body.get()) else {
            return;
        };
        kept.set_value(Some((address.get_untracked(), page.clone())));
        // What came with the document, or was set a moment ago, is there already.
        let already = set.try_update_value(|set| set.replace(page.html.clone()));
        if already
            .flatten()
            .is_some_and(|already| already != page.html)
        {
            patch::patch(&body, &page.html);
        }
    });
    let shown = move |page: Result<Page, AppError>| match page {
        Ok(page) => {
            let html = first.try_update_value(|first| first.get_or_insert(page.html).clone());
            Either::Left(view! {
                <PageTitle text=page.title />
                <div node_ref=body inner_html=html></div>
            })
        }
        Err(error) => Either::Right(view! { <Fault error /> }),
    };
    view! {
        <p class="visually-hidden" aria-live="polite">{spoken}</p>
        <div class:stale=fetching on:input=typing::look on:submit=typing::say_checking>
            <Transition fallback=|| ()>{move || page.get().map(shown)}</Transition>
        </div>
    }
}
