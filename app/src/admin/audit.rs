//! The pages of the audit log: of the hub, and of an organisation.

use hub::Result;
use hub::actor::Actor;
use hub::audit::Line;
use hub::services::{Listing, Services};
use leptos::either::Either;
use leptos::prelude::*;

use super::{crumbs, pages, request};
use crate::address::Address;
use crate::frame::Breadcrumbs;
use crate::served::{Page, write};
use crate::time;

/// What happened on the hub.
pub async fn of_hub(services: &Services, actor: &Actor, address: &Address) -> Result<Page> {
    let lines = services.audit(actor, &request(address)?).await?;
    let view = view! {
        {crumbs(&[], "Audit log")}
        <h1>"Audit log"</h1>
        {log(lines, address)}
    };
    Ok(write::still("Audit log", view))
}

/// What happened in the actor's organisation.
pub async fn of_organization(
    services: &Services,
    actor: &Actor,
    address: &Address,
) -> Result<Page> {
    let lines = services
        .organization_audit(actor, &request(address)?)
        .await?;
    let above = vec![("Organisation".to_owned(), "/organization".to_owned())];
    let view = view! {
        <Breadcrumbs above=above here="Audit log" />
        <h1>"Audit log"</h1>
        <p>"Who signed in, and who did what to members, limits, links and results of the organisation."</p>
        {log(lines, address)}
    };
    Ok(write::still("Audit log", view))
}

fn log(lines: Listing<Line>, address: &Address) -> impl IntoView + use<> {
    if lines.results.is_empty() {
        return Either::Left(view! { <p class="missing">"Nothing has happened yet."</p> });
    }
    let rows: Vec<_> = lines.results.iter().map(row).collect();
    Either::Right(view! {
        <table class="rows people log">
            <caption class="visually-hidden">"What was done"</caption>
            <thead>
                <tr>
                    <th scope="col">"When"</th>
                    <th scope="col">"Who"</th>
                    <th scope="col">"Did what"</th>
                    <th scope="col">"To what"</th>
                    <th scope="col">"From"</th>
                </tr>
            </thead>
            <tbody>{rows}</tbody>
        </table>
        {pages(address, lines.next_page_token)}
    })
}

fn row(line: &Line) -> impl IntoView + use<> {
    view! {
        <tr>
            <td class="name"><time datetime=line.at.to_string()>{time::exact(line.at)}</time></td>
            <td>{line.name.clone()}</td>
            <td>{line.act.title()}</td>
            <td title=line.owner.to_string()>{line.to.clone()}</td>
            <td>{line.address.clone()}</td>
        </tr>
    }
}
