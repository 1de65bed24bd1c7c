//! The document of readers: complete without script, with what chat programs show of a link in its head.

use leptos::config::LeptosOptions;
use leptos::html::meta;
use leptos::prelude::*;

use super::card::Card;
use crate::shell::Bundle;
use crate::text::escaped;

/// The addresses that a head names.
pub struct Link {
    /// The link itself, with scheme and host.
    pub url: String,
    /// The preview image, with scheme and host.
    pub image: String,
}

/// A page for readers of a link, whose scripts carry the number that its header names. What chat programs show is said only of a link that leads somewhere.
pub fn document<V: IntoView>(
    options: &LeptosOptions,
    nonce: &str,
    title: &str,
    card: Option<(&Card, &Link)>,
    content: impl FnOnce() -> V,
) -> String {
    let bundle = Bundle::of(options);
    let title = format!("{title} · OMTX-Hub");
    Owner::new().with(|| {
        view! {
            <!DOCTYPE html>
            <html lang="en">
                <head>
                    <meta charset="utf-8" />
                    <meta name="viewport" content="width=device-width, initial-scale=1" />
                    <meta name="color-scheme" content="light dark" />
                    <meta name="robots" content="noindex, nofollow" />
                    <title>{escaped(&title)}</title>
                    {card.map(|(card, link)| told(card, link))}
                    <link rel="icon" href="/favicon.svg" type="image/svg+xml" />
                    <link rel="stylesheet" href=bundle.css.as_str() />
                    <script type="module" src="/start.js" nonce=nonce.to_owned()></script>
                </head>
                <body>
                    <a class="skip" href="#content">"Skip to the content"</a>
                    <header class="top">
                        <span class="brand">"OMTX-Hub"</span>
                    </header>
                    <main id="content" tabindex="-1">{content()}</main>
                    <footer class="foot">
                        <span>"OMTX-Hub " {env!("CARGO_PKG_VERSION")}</span>
                    </footer>
                </body>
            </html>
        }
        .into_view()
        .to_html()
    })
}

/// What chat programs show (Open Graph, and Twitter's own names).
fn told(card: &Card, link: &Link) -> impl IntoView + use<> {
    let (title, line) = (card.title.clone(), card.line());
    let alt = format!("{title}: {line}");
    let named = [
        ("description", line.clone()),
        ("twitter:card", "summary_large_image".to_owned()),
        ("twitter:title", title.clone()),
        ("twitter:description", line.clone()),
        ("twitter:image", link.image.clone()),
    ];
    let properties = [
        ("og:type", "website".to_owned()),
        ("og:site_name", "OMTX-Hub".to_owned()),
        ("og:title", title),
        ("og:description", line),
        ("og:url", link.url.clone()),
        ("og:image", link.image.clone()),
        ("og:image:type", "image/png".to_owned()),
        ("og:image:width", "1200".to_owned()),
        ("og:image:height", "630".to_owned()),
        ("og:image:alt", alt),
    ];
    let named = named.map(|(name, content)| view! { <meta name=name content=content /> });
    let properties =
        properties.map(|(name, content)| meta().attr("property", name).content(content));
    view! { {named.into_iter().collect_view()} {properties.into_iter().collect_view()} }
}
