//! What stands around every page: the top bar, the way to the content, notices, help for the keyboard, the foot.

mod help;
mod keyboard;
mod notice;
mod title;

use leptos::either::EitherOf3;
use leptos::prelude::*;
use leptos_router::hooks::use_location;

pub use notice::Notice;
pub use title::PageTitle;

use crate::address::Address;
use crate::error::AppError;
use crate::side;

/// The frame of every page.
#[component]
pub fn Frame(
    /// The page.
    children: Children,
) -> impl IntoView {
    keyboard::listen();
    view! {
        <a class="skip" href="#content" rel="external">"Skip to the content"</a>
        <header class="top">
            <a class="brand" href="/">"OMTX-Hub"</a>
            {(!side::who().is_empty()).then(|| view! { <Search /> })}
            <nav aria-label="Main">
                {who()}
            </nav>
        </header>
        <Notice />
        <main id="content" tabindex="-1">{children()}</main>
        <footer class="foot">
            <span>"OMTX-Hub " {env!("CARGO_PKG_VERSION")}</span>
            {(!side::who().is_empty()).then(|| view! { <a href="/shares">"Links"</a> })}
            <button type="button" class="quiet needs-script" on:click=move |_| help::show()>"Keyboard"</button>
        </footer>
        <help::Help />
    }
}

/// Who one is here, and what that lets one do.
fn who() -> impl IntoView {
    let new = || view! { <a class="button primary" href="/new">"New"</a> };
    match side::who().as_str() {
        "local" => EitherOf3::A(view! {
            {new()}
            <a class="account" href="/admin" title="This hub runs on one machine, without accounts">"local owner"</a>
        }),
        "account" => {
            EitherOf3::B(view! { {new()} <a class="account" href="/account">"Account"</a> })
        }
        _ => EitherOf3::C(view! { <a class="account" href="/login">"Sign in"</a> }),
    }
}

/// The search line, which is also the filter line of My Results: there it keeps the filters that hold.
#[component]
fn Search() -> impl IntoView {
    let location = use_location();
    let address = move || {
        let listed = location.pathname.get() == "/";
        let query = if listed {
            location.search.get()
        } else {
            String::new()
        };
        Address::new("/", &query).without(&["page_token", "page", "open"])
    };
    let address = Memo::new(move |_| address());
    let kept = move || address.get().without(&["search"]).hidden();
    view! {
        <form class="search" action="/" method="get" role="search">
            {kept}
            <input
                id="search"
                type="search"
                name="search"
                value=move || address.get().get("search").to_owned()
                prop:value=move || address.get().get("search").to_owned()
                aria-label="Search My Results"
                placeholder="Search: imatinib status:failed after:2026-05"
                autocomplete="off"
                maxlength="300"
            />
        </form>
    }
}

/// The way back up.
#[component]
pub fn Breadcrumbs(
    /// Places above this one: title and address.
    #[prop(into)]
    above: Vec<(String, String)>,
    /// The title of this place.
    #[prop(into)]
    here: String,
) -> impl IntoView {
    let above: Vec<_> = above
        .into_iter()
        .map(|(title, href)| view! { <li><a href=href>{title}</a></li> })
        .collect();
    view! {
        <nav class="crumbs" aria-label="Breadcrumb">
            <ol>
                <li><a href="/">"My Results"</a></li>
                {above}
                <li aria-current="page">{here}</li>
            </ol>
        </nav>
    }
}

/// What stands at an address that leads nowhere.
#[component]
pub fn NotFound() -> impl IntoView {
    side::set_status(404);
    view! {
        <PageTitle text="Not found" />
        <crate::error::Fault error=AppError { error: hub::Error::NotFound, reference: String::new() } />
    }
}
