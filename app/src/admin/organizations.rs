//! Organisations, as admins read them and set what was agreed on.

use hub::actor::Actor;
use hub::admin::OrganizationRow;
use hub::limits::Tier;
use hub::services::Services;
use hub::{Error, Result};
use leptos::prelude::*;

use super::{crumbs, limits, pages, request};
use crate::accounts::page::Outcome;
use crate::address::Address;
use crate::number;
use crate::served::{Page, write};

/// All of them, newest first.
pub async fn list(services: &Services, actor: &Actor, address: &Address) -> Result<Page> {
    let found = services.organizations(actor, &request(address)?).await?;
    let empty = found
        .results
        .is_empty()
        .then(|| view! { <p class="missing">"There is no organisation yet."</p> });
    let rows: Vec<_> = found.results.iter().map(row).collect();
    let view = view! {
        {crumbs(&[], "Organisations")}
        <h1>"Organisations"</h1>
        {empty}
        <table class="rows people">
            <caption class="visually-hidden">"Organisations"</caption>
            <thead>
                <tr>
                    <th scope="col">"Name"</th>
                    <th scope="col">"Tier"</th>
                    <th scope="col">"Limits"</th>
                    <th scope="col">"Since"</th>
                </tr>
            </thead>
            <tbody>{rows}</tbody>
        </table>
        {pages(address, found.next_page_token)}
    };
    Ok(write::still("Organisations", view))
}

fn row(organization: &OrganizationRow) -> impl IntoView + use<> {
    let href = format!("/admin/organizations/{}", organization.id);
    let limits = match organization.limits {
        Some(_) => "set for it",
        None => "the tier's",
    };
    view! {
        <tr>
            <td class="name"><a href=href>{organization.name.clone()}</a></td>
            <td>{organization.tier.name()}</td>
            <td>{limits}</td>
            <td>{organization.created_at.day()}</td>
        </tr>
    }
}

/// One of them.
pub async fn one(services: &Services, actor: &Actor, id: &str) -> Result<Page> {
    let id = id.parse().map_err(|_| Error::NotFound)?;
    let outcome = Outcome::taken();
    let (organization, usage) = services.any_organization(actor, &id).await?;
    let tiers: Vec<_> = Tier::ALL
        .into_iter()
        .map(|tier| {
            let words = format!(
                "{}: {} a day",
                tier.name(),
                number::count(tier.limits().per_day, "unit")
            );
            view! { <option value=tier.name() selected=tier == organization.tier>{words}</option> }
        })
        .collect();
    let owner = format!("/admin/users/{}", organization.owner);
    let title = organization.name.clone();
    let view = view! {
        {crumbs(&[("Organisations", "/admin/organizations")], &title)}
        <h1>{title.clone()}</h1>
        {outcome.said()}
        <p>
            "Founded on " {organization.created_at.day()} "; " <a href=owner>"its owner"</a> ". Its id is "
            <code>{organization.id.to_string()}</code> "."
        </p>
        <section>
            <h2>"Used"</h2>
            {limits::used(&usage)}
        </section>
        <section class="entry">
            <h2>"What was agreed on"</h2>
            <form class="ask" method="post" action=format!("/admin/organizations/{id}")>
                <input type="hidden" name="act" value="agreement" />
                <div>
                    <label for="tier">"Tier"</label>
                    <select id="tier" name="tier">{tiers}</select>
                </div>
                {limits::fields(organization.limits, &outcome)}
                <p class="send"><button class="button">"Set it"</button></p>
            </form>
        </section>
    };
    Ok(write::still(title, view))
}
