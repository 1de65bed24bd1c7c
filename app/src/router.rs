//! The addresses that are pages. It knows My Results only; what stands at every other is found on the server, in
//! `served::write`. Every page is sent whole, with its data and its status.

use leptos::prelude::*;
use leptos_meta::provide_meta_context;
use leptos_router::components::{FlatRoutes, Route, Router};
use leptos_router::{SsrMode, path};

use crate::frame::{Frame, NotFound};
use crate::jobs::list::ListPage;
use crate::served::Served;

/// All pages in their frame.
#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    view! {
        <Router>
            <Frame>
                <FlatRoutes fallback=NotFound>
                    <Route path=path!("/") view=ListPage ssr=SsrMode::Async />
                    <Route path=path!("/login") view=Served ssr=SsrMode::Async />
                    <Route path=path!("/signup") view=Served ssr=SsrMode::Async />
                    <Route path=path!("/reset") view=Served ssr=SsrMode::Async />
                    <Route path=path!("/verify") view=Served ssr=SsrMode::Async />
                    <Route path=path!("/organization") view=Served ssr=SsrMode::Async />
                    <Route path=path!("/organization/:place") view=Served ssr=SsrMode::Async />
                    <Route path=path!("/admin") view=Served ssr=SsrMode::Async />
                    <Route path=path!("/admin/:place") view=Served ssr=SsrMode::Async />
                    <Route path=path!("/admin/:place/:id") view=Served ssr=SsrMode::Async />
                    <Route path=path!("/join") view=Served ssr=SsrMode::Async />
                    <Route path=path!("/account") view=Served ssr=SsrMode::Async />
                    <Route path=path!("/new") view=Served ssr=SsrMode::Async />
                    <Route path=path!("/new/:task") view=Served ssr=SsrMode::Async />
                    <Route path=path!("/jobs/:id") view=Served ssr=SsrMode::Async />
                    <Route path=path!("/jobs/:id/:act") view=Served ssr=SsrMode::Async />
                    <Route path=path!("/shares") view=Served ssr=SsrMode::Async />
                    <Route path=path!("/batches/:id") view=Served ssr=SsrMode::Async />
                    <Route path=path!("/batches/:id/retry-failed") view=Served ssr=SsrMode::Async />
                    <Route path=path!("/usage") view=Served ssr=SsrMode::Async />
                </FlatRoutes>
            </Frame>
        </Router>
    }
}
