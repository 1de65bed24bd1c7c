//! People with accounts, as admins read them and set what they may do.

use hub::account::Role;
use hub::actor::Actor;
use hub::admin::UserRow;
use hub::services::Services;
use hub::time::Timestamp;
use hub::{Error, Result};
use leptos::either::Either;
use leptos::prelude::*;

use super::{crumbs, limits, pages, request};
use crate::accounts::page::Outcome;
use crate::address::Address;
use crate::served::{Page, write};
use crate::sheet::{Fact, facts};
use crate::time;

/// Everybody, newest first.
pub async fn list(services: &Services, actor: &Actor, address: &Address) -> Result<Page> {
    let email = Some(address.get("email")).filter(|email| !email.is_empty());
    let found = services.users(actor, &request(address)?, email).await?;
    let now = services.now().await?;
    let empty = found.results.is_empty().then(|| {
        let said = match email {
            Some(email) => format!("Nobody has an account with the address {email}."),
            None => "Nobody has an account yet.".to_owned(),
        };
        view! { <p class="missing">{said}</p> }
    });
    let rows: Vec<_> = found.results.iter().map(|user| row(user, now)).collect();
    let view = view! {
        {crumbs(&[], "People")}
        <h1>"People"</h1>
        <form class="ask entry" method="get" action="/admin/users">
            <div>
                <label for="email">"E-mail"</label>
                <input id="email" name="email" type="email" value=email.map(str::to_owned) autocomplete="off" />
            </div>
            <p class="send"><button class="button">"Find"</button></p>
        </form>
        {empty}
        <table class="rows people">
            <caption class="visually-hidden">"People"</caption>
            <thead>
                <tr>
                    <th scope="col">"E-mail"</th>
                    <th scope="col">"Name"</th>
                    <th scope="col">"Roles"</th>
                    <th scope="col">"Since"</th>
                    <th scope="col">"Signed in"</th>
                </tr>
            </thead>
            <tbody>{rows}</tbody>
        </table>
        {pages(address, found.next_page_token)}
    };
    Ok(write::still("People", view))
}

fn roles(user: &UserRow) -> String {
    let roles: Vec<_> = user.roles.iter().map(|role| role.name()).collect();
    roles.join(", ")
}

fn row(user: &UserRow, now: Timestamp) -> impl IntoView + use<> {
    let href = format!("/admin/users/{}", user.id);
    let last = user.last_sign_in_at.map_or(Either::Left("never"), |at| {
        Either::Right(time::time(at, now))
    });
    view! {
        <tr>
            <td class="name"><a href=href>{user.email.to_string()}</a></td>
            <td>{user.name.clone()}</td>
            <td>{roles(user)}</td>
            <td>{user.created_at.day()}</td>
            <td>{last}</td>
        </tr>
    }
}

/// One of them.
pub async fn one(services: &Services, actor: &Actor, id: &str) -> Result<Page> {
    let id = id.parse().map_err(|_| Error::NotFound)?;
    let outcome = Outcome::taken();
    let (user, usage) = services.user(actor, &id).await?;
    let now = services.now().await?;
    let action = format!("/admin/users/{id}");
    let membership = user.membership.as_ref().map(|membership| {
        let href = format!("/admin/organizations/{}", membership.organization);
        let role = membership.role.name();
        view! { <p>"A member of " <a href=href>"an organisation"</a> ", as " {role} ". What they make counts against its limits."</p> }
    });
    let last = user
        .last_sign_in_at
        .map_or_else(|| "never".to_owned(), |at| time::ago(at, now));
    let known = [
        Fact::new("Name", user.name.clone()),
        Fact::new(
            "Address confirmed",
            if user.verified { "yes" } else { "no" },
        ),
        Fact::new("Since", user.created_at.day()),
        Fact::new("Signed in", last),
    ];
    let title = user.email.to_string();
    let view = view! {
        {crumbs(&[("People", "/admin/users")], &title)}
        <h1>{title.clone()}</h1>
        {outcome.said()}
        {facts(&known, "facts")}
        {membership}
        <section>
            <h2>"Used for themselves"</h2>
            {limits::used(&usage)}
        </section>
        <section class="entry">
            <h2>"Roles"</h2>
            <form class="ask" method="post" action=action.clone()>
                <input type="hidden" name="act" value="roles" />
                {role(&user, Role::Developer, "developer: reads system errors and metrics")}
                {role(&user, Role::Admin, "admin: everything on this hub; what they do is written down")}
                <p class="send"><button class="button">"Set roles"</button></p>
            </form>
        </section>
        <section class="entry">
            <h2>"Limits"</h2>
            <form class="ask" method="post" action=action>
                <input type="hidden" name="act" value="limits" />
                {limits::fields(user.limits, &outcome)}
                <p class="send"><button class="button">"Set limits"</button></p>
            </form>
        </section>
    };
    Ok(write::still(title, view))
}

fn role(user: &UserRow, role: Role, words: &'static str) -> impl IntoView + use<> {
    let has = user.roles.contains(&role);
    view! {
        <label class="check">
            <input type="checkbox" name=role.name() value="yes" checked=has />
            " "
            {words}
        </label>
    }
}
