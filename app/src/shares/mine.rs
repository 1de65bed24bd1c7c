//! My links: how each stands, how often it was looked at, and its end.

use hub::Result;
use hub::actor::Actor;
use hub::services::Services;
use hub::share::{ShareRow, ShareState};
use hub::time::Timestamp;
use leptos::either::Either;
use leptos::prelude::*;

use crate::frame::Breadcrumbs;
use crate::served::{Page, write};
use crate::{number, time};

/// The page of my links.
pub async fn page(services: &Services, actor: &Actor) -> Result<Page> {
    let (shares, now) = (services.shares(actor).await?, services.now().await?);
    let view = view! {
        <Breadcrumbs above=Vec::new() here="My links" />
        <header class="head">
            <h1>"My links"</h1>
        </header>
        {table(&shares, now)}
    };
    Ok(write::still("My links", view))
}

fn table(shares: &[ShareRow], now: Timestamp) -> impl IntoView + use<> {
    if shares.is_empty() {
        return Either::Left(view! {
            <section class="empty">
                <p>"You have shared nothing by a link. The page of each job and batch has a button for it."</p>
            </section>
        });
    }
    let rows: Vec<_> = shares.iter().map(|share| row(share, now)).collect();
    Either::Right(view! {
        <div class="wide" tabindex="0" role="group" aria-label="My links">
            <table class="rows links">
                <thead>
                    <tr>
                        <th scope="col">"Result"</th>
                        <th scope="col">"Link"</th>
                        <th scope="col">"Made"</th>
                        <th scope="col">"Ends"</th>
                        <th scope="col" class="num">"Views"</th>
                        <th scope="col"><span class="visually-hidden">"Actions"</span></th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    })
}

fn row(share: &ShareRow, now: Timestamp) -> impl IntoView + use<> {
    let result = match &share.name {
        Some(name) => {
            let href = format!("/jobs/{}", share.job_id);
            Either::Left(view! { <a href=href>{name.clone()}</a> })
        }
        None => Either::Right("(deleted)"),
    };
    let mut state = share.state.title().to_owned();
    if share.has_password {
        state.push_str(", with a password");
    }
    if let Some(selected) = share.selected {
        state.push_str(&format!(", {} only", number::count(selected, "ligand")));
    }
    let ends = share
        .expires_at
        .map_or_else(|| "never".to_owned(), time::exact);
    let revoke = (share.state == ShareState::Open).then(|| {
        let id = share.id.to_string();
        view! {
            <details class="menu revoke">
                <summary class="button">"Revoke"</summary>
                <form method="post" action="/api/shares/revoke">
                    <p>"Nobody can open this link any more, for good."</p>
                    <button class="button danger" name="id" value=id>"Revoke the link"</button>
                </form>
            </details>
        }
    });
    view! {
        <tr data-share=share.id.to_string()>
            <td class="name">{result}</td>
            <td>{state}</td>
            <td>{time::time(share.created_at, now)}</td>
            <td>{ends}</td>
            <td class="num">{share.views.to_string()}</td>
            <td class="acts">{revoke}</td>
        </tr>
    }
}
