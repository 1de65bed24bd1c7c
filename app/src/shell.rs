//! The HTML around every page, and the names of the built files that it asks for.

use std::sync::OnceLock;

use axum::http::{HeaderValue, header};
use leptos::config::LeptosOptions;
use leptos::nonce::use_nonce;
use leptos::prelude::*;
use leptos_axum::ResponseOptions;
use leptos_meta::MetaTags;

use crate::router::App;

/// What a page may load and run: this server's files, and the scripts that carry the number of this one answer, with
/// what these load themselves.
pub fn policy(nonce: &str) -> String {
    format!(
        "default-src 'none'; script-src 'nonce-{nonce}' 'strict-dynamic' 'wasm-unsafe-eval'; style-src 'self'; \
         img-src 'self' data: blob:; connect-src 'self'; worker-src 'self' blob:; form-action 'self'; base-uri 'none'; \
         frame-ancestors 'none'"
    )
}

/// The number of this answer, which its header names too.
fn vouched() -> Option<String> {
    let nonce = use_nonce()?.to_string();
    if let (Some(options), Ok(value)) = (
        use_context::<ResponseOptions>(),
        HeaderValue::try_from(policy(&nonce)),
    ) {
        options.insert_header(header::CONTENT_SECURITY_POLICY, value);
    }
    Some(nonce)
}

/// The document of every page.
pub fn shell(options: LeptosOptions) -> impl IntoView {
    let bundle = Bundle::of(&options);
    let nonce = vouched();
    view! {
        <!DOCTYPE html>
        <html lang="en" data-who=crate::side::who()>
            <head>
                <meta charset="utf-8" />
                <meta name="viewport" content="width=device-width, initial-scale=1" />
                <meta name="color-scheme" content="light dark" />
                <link rel="icon" href="/favicon.svg" type="image/svg+xml" />
                <link rel="stylesheet" href=bundle.css.as_str() />
                <link rel="modulepreload" href=bundle.js.as_str() nonce=nonce.clone() />
                <link rel="preload" href=bundle.wasm.as_str() r#as="fetch" r#type="application/wasm" crossorigin="" />
                <script
                    type="module"
                    src="/start.js"
                    data-js=bundle.js.as_str()
                    data-wasm=bundle.wasm.as_str()
                    nonce=nonce
                ></script>
                <MetaTags />
            </head>
            <body>
                <App />
            </body>
        </html>
    }
}

/// Where the built files of the browser lie.
pub(crate) struct Bundle {
    js: String,
    wasm: String,
    pub css: String,
}

impl Bundle {
    /// Reads the hashes beside the executable, once.
    pub fn of(options: &LeptosOptions) -> &'static Self {
        static BUNDLE: OnceLock<Bundle> = OnceLock::new();
        BUNDLE.get_or_init(|| {
            let hashes = if options.hash_files {
                read_hashes(&options.hash_file)
            } else {
                String::new()
            };
            let path = |ending: &str| {
                let (folder, name) = (&options.site_pkg_dir, &options.output_name);
                match hashes
                    .lines()
                    .find_map(|line| line.strip_prefix(ending)?.strip_prefix(':'))
                {
                    Some(hash) => format!("/{folder}/{name}.{}.{ending}", hash.trim()),
                    None => format!("/{folder}/{name}.{ending}"),
                }
            };
            Self {
                js: path("js"),
                wasm: path("wasm"),
                css: path("css"),
            }
        })
    }
}

fn read_hashes(name: &str) -> String {
    let beside = std::env::current_exe().map(|executable| executable.with_file_name(name));
    beside.and_then(std::fs::read_to_string).unwrap_or_else(|cause| {
        tracing::error!(?cause, "the names of the built files cannot be read; pages will have no style and no script");
        String::new()
    })
}
