//! Lists of links, one's own and an organisation's: how each stands, how often it was looked at, and its end.

use hub::Result;
use hub::actor::Actor;
use hub::services::Services;
use hub::share::{ShareRow, ShareState};
use hub::time::Timestamp;
use leptos::either::Either;
use leptos::prelude::*;

use crate::frame::Breadcrumbs;
use crate::served::{Page, write};
use crate::sheet::wide;
use crate::{number, time};

/// Where a list of links stands, and what it says when there is none.
struct List {
    title: &'static str,
    path: &'static str,
    /// Whether it says who made each.
    of_others: bool,
    empty: &'static str,
}

const MINE: List = List {
    title: "My links",
    path: "/shares",
    of_others: false,
    empty: "You have shared nothing by a link. The page of each job and batch has a button for it.",
};

const OF_ORGANIZATION: List = List {
    title: "Links of the organisation",
    path: "/organization/links",
    of_others: true,
    empty: "Nothing that was made in the organisation is shown by a link.",
};

/// The page of my links.
pub async fn page(services: &Services, actor: &Actor) -> Result<Page> {
    let shares = services.shares(actor).await?;
    shown(services, &MINE, Vec::new(), &shares).await
}

/// The page of all links to work of the actor's organisation, for its admins.
pub async fn of_organization(services: &Services, actor: &Actor) -> Result<Page> {
    let shares = services.organization_shares(actor).await?;
    let above = vec![("Organisation".to_owned(), "/organization".to_owned())];
    shown(services, &OF_ORGANIZATION, above, &shares).await
}

async fn shown(
    services: &Services,
    list: &List,
    above: Vec<(String, String)>,
    shares: &[ShareRow],
) -> Result<Page> {
    let now = services.now().await?;
    let view = view! {
        <Breadcrumbs above=above here=list.title />
        <header class="head">
            <h1>{list.title}</h1>
        </header>
        {table(list, shares, now)}
    };
    Ok(write::still(list.title, view))
}

fn table(list: &List, shares: &[ShareRow], now: Timestamp) -> impl IntoView + use<> {
    if shares.is_empty() {
        return Either::Left(view! { <section class="empty"><p>{list.empty}</p></section> });
    }
    let rows: Vec<_> = shares.iter().map(|share| row(list, share, now)).collect();
    let by = list.of_others.then(|| view! { <th scope="col">"By"</th> });
    Either::Right(wide(
        list.title,
        view! {
            <table class="rows people links">
                <thead>
                    <tr>
                        <th scope="col">"Result"</th>
                        {by}
                        <th scope="col">"Link"</th>
                        <th scope="col">"Made"</th>
                        <th scope="col">"Ends"</th>
                        <th scope="col" class="num">"Views"</th>
                        <th scope="col"><span class="visually-hidden">"Actions"</span></th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        },
    ))
}

fn row(list: &List, share: &ShareRow, now: Timestamp) -> impl IntoView + use<> {
    let result = match &share.name {
        Some(name) => {
            let href = format!("/jobs/{}", share.job_id);
            Either::Left(view! { <a href=href>{name.clone()}</a> })
        }
        None if share.state == ShareState::Open => Either::Right("(no longer yours)"),
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
        .revoked_at
        .or(share.expires_at)
        .map_or_else(|| "never".to_owned(), time::exact);
    let is_over = matches!(share.state, ShareState::Revoked | ShareState::Expired);
    let revoke = (share.state == ShareState::Open).then(|| {
        let id = share.id.to_string();
        view! {
            <details class="menu revoke">
                <summary class="button">"Revoke"</summary>
                <form method="post" action="/api/shares/revoke">
                    <p>"Nobody can open this link any more, for good."</p>
                    <input type="hidden" name="back" value=list.path />
                    <button class="button danger" name="id" value=id>"Revoke the link"</button>
                </form>
            </details>
        }
    });
    view! {
        <tr data-share=share.id.to_string()>
            <td class="name">{result}</td>
            {list.of_others.then(|| view! { <td>{share.shared_by.clone()}</td> })}
            <td>{state}</td>
            <td>{time::time(share.created_at, now)}</td>
            <td data-verb=if is_over { "ended" } else { "ends" }>{ends}</td>
            <td class="num" data-unit=if share.views == 1 { "view" } else { "views" }>{share.views.to_string()}</td>
            <td class="acts">{revoke}</td>
        </tr>
    }
}
