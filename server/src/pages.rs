//! The pages and the files they need: Leptos' routes with what they find in their context, and the built bundle.

use app::shell::shell;
use app::state::AppState;
use app::{App, RequestId};
use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use hub::actor::Actor;
use leptos::prelude::{provide_context, use_context};
use leptos_axum::{LeptosRoutes, generate_route_list};
use tower_http::services::ServeDir;

pub mod accounts;
pub mod admin;
pub mod forms;
pub mod openid;
pub mod organizations;

use forms::Forms;

/// Bytes of a form at most.
const MAX_FORM: usize = 64 * 1024;

/// Pages and server functions; what is neither is a file of the bundle; what is none of them is a page that says so.
pub fn routes(state: &AppState) -> Router {
    let options = state.leptos_options.clone();
    let files = ServeDir::new(options.site_root.as_ref())
        .append_index_html_on_directories(false)
        .precompressed_br();
    let page = move || shell(options.clone());
    let context = {
        let state = state.clone();
        move || {
            provide_context(state.clone());
            provide_asker();
        }
    };
    let missing = get(leptos_axum::render_app_async_with_context(
        context,
        page.clone(),
    ));
    let files = Router::new()
        .fallback_service(files.fallback(missing.layer(middleware::map_response(say_missing))))
        .layer(middleware::from_fn(keep));
    Router::new()
        .leptos_routes_with_context(state, generate_route_list(App), provide_asker, page)
        .route_layer(middleware::from_fn(ask_to_sign_in))
        .fallback_service(files)
        .with_state(state.clone())
}

/// Every form.
pub fn forms(forms: Forms) -> Router {
    Router::new()
        .merge(accounts::routes(forms.clone()))
        .merge(organizations::routes(forms.clone()))
        .merge(admin::routes(forms))
        .layer(DefaultBodyLimit::max(MAX_FORM))
}

/// Gives pages and server functions who asks and the name of the request.
fn provide_asker() {
    let Some(parts) = use_context::<Parts>() else {
        return;
    };
    if let Some(actor) = parts.extensions.get::<Actor>() {
        provide_context(actor.clone());
    }
    if let Some(id) = parts.extensions.get::<RequestId>() {
        provide_context(id.clone());
    }
}

/// Pages for everybody.
const OPEN: [&str; 4] = ["/login", "/signup", "/reset", "/verify"];

/// Leads whoever opens a page without being signed in to the page where one signs in, and from there back.
async fn ask_to_sign_in(request: Request, next: Next) -> Response {
    let uri = request.uri();
    let is_page = request.method() == Method::GET && !OPEN.contains(&uri.path());
    if !is_page || request.extensions().get::<Actor>().is_some() {
        return next.run(request).await;
    }
    let wanted = uri.path_and_query().map_or("/", |wanted| wanted.as_str());
    let wanted = hub::search::query_string(&[("next".to_owned(), wanted.to_owned())]);
    (
        StatusCode::SEE_OTHER,
        [(header::LOCATION, format!("/login?{wanted}"))],
    )
        .into_response()
}

async fn say_missing(mut response: Response) -> Response {
    if response.status() == StatusCode::OK {
        *response.status_mut() = StatusCode::NOT_FOUND;
    }
    response
}

/// Lets browsers keep files of the bundle: for good when the name changes with the content, else as long as the server
/// says that nothing changed.
async fn keep(request: Request, next: Next) -> Response {
    let forever = is_hashed(request.uri().path());
    let mut response = next.run(request).await;
    if response.status().is_success() || response.status() == StatusCode::NOT_MODIFIED {
        let value = if forever {
            "public, max-age=31536000, immutable"
        } else {
            "no-cache"
        };
        response
            .headers_mut()
            .insert(header::CACHE_CONTROL, HeaderValue::from_static(value));
    }
    response
}

/// Whether a file's name holds the hash of its content, as the build writes it: `/pkg/<name>.<hash>.<ending>`.
fn is_hashed(path: &str) -> bool {
    let mut parts = path.rsplit('/').next().unwrap_or_default().rsplit('.');
    let hash = parts.nth(1).unwrap_or_default();
    let named = parts.next().is_some();
    path.starts_with("/pkg/")
        && named
        && hash.len() >= 8
        && hash
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::is_hashed;

    #[test]
    fn only_names_with_a_hash_are_kept_for_good() {
        assert!(is_hashed("/pkg/omtx-hub.a1B2c3D4e5.wasm"));
        for path in [
            "/pkg/omtx-hub.js",
            "/pkg/omtx-hub_bg.wasm",
            "/vendor/molstar.a1B2c3D4e5.js",
            "/",
            "/pkg/",
        ] {
            assert!(!is_hashed(path), "{path}");
        }
    }
}
