//! The pages of an organisation. Like those of accounts they are forms that work without script.

use hub::actor::Actor;
use hub::organization::MemberRole;
use hub::services::{Member, OrganizationView, Services};
use hub::{Error, Result};
use leptos::either::Either;
use leptos::prelude::*;

use crate::accounts::page::{Field, Outcome};
use crate::address::Address;
use crate::frame::Breadcrumbs;
use crate::served::{Page, write};
use crate::sheet::heads;
use crate::side::set_status;

/// One's organisation, or how to come to one.
pub async fn organization(services: &Services, actor: &Actor) -> Result<Page> {
    if actor.owner.is_local() {
        let message = "This hub runs on one machine, without organisations.";
        return Err(Error::conflict(message));
    }
    let outcome = Outcome::taken();
    let view = match services.organization(actor).await? {
        Some(organization) => Either::Left(own(&organization, actor, &outcome)),
        None => Either::Right(none(&outcome)),
    };
    Ok(write::still("Organisation", view))
}

fn none(outcome: &Outcome) -> impl IntoView + use<> {
    let name = Field {
        name: "name",
        label: "Name of the organisation",
        kind: "text",
        autocomplete: "organization",
    };
    view! {
        <Breadcrumbs above=Vec::new() here="Organisation" />
        <section class="entry">
            <h1>"Organisation"</h1>
            <p>
                "People of an organisation share its limits, and what they choose to show each other. To join one, follow the link "
                "that one of its admins sends you."
            </p>
            {outcome.said()}
            <form class="ask" method="post" action="/organization">
                <input type="hidden" name="act" value="found" />
                {name.shown(outcome)}
                <p class="send"><button class="button">"Found it"</button></p>
            </form>
        </section>
    }
}

fn own(organization: &OrganizationView, actor: &Actor, outcome: &Outcome) -> impl IntoView + use<> {
    let leads = organization.role >= MemberRole::Admin;
    let count = organization.members.len();
    view! {
        <Breadcrumbs above=Vec::new() here="Organisation" />
        <header class="head">
            <h1>{organization.name.clone()}</h1>
            <div class="tools">
                <a class="button" href="/?scope=organization">"What is shown to all"</a>
                <a class="button" href="/usage">"Usage"</a>
                {leads
                    .then(|| {
                        view! {
                            <a class="button" href="/organization/links">"Links"</a>
                            <a class="button" href="/organization/audit">"Audit log"</a>
                        }
                    })}
            </div>
        </header>
        {outcome.said()}
        {link(outcome)}
        <dl class="facts">
            <div><dt>"You are its"</dt><dd>{organization.role.name()}</dd></div>
            <div><dt>"Members"</dt><dd>{count}</dd></div>
            <div><dt>"Tier"</dt><dd>{organization.tier.name()}</dd></div>
        </dl>
        {members(organization, actor)}
        {leads.then(|| invite(organization.role))}
        {(organization.role == MemberRole::Owner).then(|| ending(outcome))}
    }
}

/// The end of the organisation, for its owner.
fn ending(outcome: &Outcome) -> impl IntoView + use<> {
    let name = Field {
        name: "ending",
        label: "Name of the organisation, to say that you mean it",
        kind: "text",
        autocomplete: "off",
    };
    view! {
        <section class="entry">
            <h2>"End the organisation"</h2>
            <p>"This is possible when nobody else is in it and its jobs and batches are deleted."</p>
            <form class="ask" method="post" action="/organization">
                <input type="hidden" name="act" value="end" />
                {name.shown(outcome)}
                <p class="send"><button class="button">"End it"</button></p>
            </form>
        </section>
    }
}

/// The link that was just made.
fn link(outcome: &Outcome) -> impl IntoView + use<> {
    outcome.secret.clone().map(|link| {
        view! {
            <div class="notice done" role="status">
                <p>"This link lets one person in within a week. It is shown this once; send it to them:"</p>
                <p>
                    <code>{link.clone()}</code> " "
                    <button type="button" class="quiet needs-script" data-copy=link>"Copy"</button>
                </p>
            </div>
        }
    })
}

fn members(organization: &OrganizationView, actor: &Actor) -> impl IntoView + use<> {
    let own = organization.role;
    let rows: Vec<_> = organization
        .members
        .iter()
        .map(|member| row(member, own, member.id == actor.user))
        .collect();
    view! {
        <section>
            <h2>"Members"</h2>
            <table class="rows people">
                <caption class="visually-hidden">"Members"</caption>
                {heads(&["Name", "E-mail", "Role", "Since"])}
                <tbody>{rows}</tbody>
            </table>
        </section>
    }
}

fn row(member: &Member, own: MemberRole, is_self: bool) -> impl IntoView + use<> {
    let cares =
        own >= MemberRole::Admin && !is_self && (member.role < own || own == MemberRole::Owner);
    let id = member.id.to_string();
    let role = if cares {
        let options: Vec<_> = MemberRole::ALL
            .into_iter()
            .filter(|role| *role < own || own == MemberRole::Owner)
            .map(|role| view! { <option value=role.name() selected=role == member.role>{role.name()}</option> })
            .collect();
        Either::Left(view! {
            <form method="post" action="/organization">
                <input type="hidden" name="act" value="role" />
                <select name="role" aria-label=format!("Role of {}", member.name)>{options}</select>
                " "
                <button class="quiet" name="id" value=id.clone()>"Give"</button>
            </form>
        })
    } else {
        Either::Right(member.role.name())
    };
    let leaves = is_self && member.role != MemberRole::Owner;
    let out = (cares || leaves).then(|| {
        view! {
            <form method="post" action="/organization">
                <input type="hidden" name="act" value="remove" />
                <button name="id" value=id>{if is_self { "Leave" } else { "Remove" }}</button>
            </form>
        }
    });
    view! {
        <tr>
            <td class="name">{member.name.clone()}</td>
            <td>{member.email.to_string()}</td>
            <td>{role}</td>
            <td>{member.since.day()}</td>
            <td class="acts">{out}</td>
        </tr>
    }
}

fn invite(own: MemberRole) -> impl IntoView {
    let options: Vec<_> = [
        (MemberRole::Member, "member: submits, and shows own work"),
        (MemberRole::Viewer, "viewer: reads what is shown to all"),
        (MemberRole::Admin, "admin: cares for members too"),
    ]
    .into_iter()
    .filter(|(role, _)| *role < own)
    .map(|(role, words)| view! { <option value=role.name()>{words}</option> })
    .collect();
    view! {
        <section class="entry">
            <h2>"Let somebody in"</h2>
            <form class="ask" method="post" action="/organization">
                <input type="hidden" name="act" value="invite" />
                <div>
                    <label for="role">"As"</label>
                    <select id="role" name="role">{options}</select>
                </div>
                <p class="send"><button class="button">"Make a link"</button></p>
            </form>
        </section>
    }
}

/// Whatever is wrong with a link, its reader is told the same.
fn nowhere() -> Page {
    set_status(404);
    let view = view! {
        <section class="entry">
            <h1>"This link lets nobody in"</h1>
            <p>
                "It was followed already, its week is over, or whoever made it may not let people in any more. Ask an admin of the "
                "organisation for another one."
            </p>
            <p><a href="/organization">"My organisation"</a></p>
        </section>
    };
    write::still("This link lets nobody in", view)
}

/// What a role lets somebody do, before they have it.
const fn what_joining_means(role: MemberRole) -> &'static str {
    match role {
        MemberRole::Viewer => {
            "You would be a viewer: you read what is shown to the organisation, and change nothing."
        }
        MemberRole::Member => {
            "You would be a member: what you make from then on belongs to the organisation, is seen by its admins, and counts \
             against its limits."
        }
        MemberRole::Admin | MemberRole::Owner => {
            "You would be an admin: you see all that is made in the organisation and care for its members. What you make from \
             then on belongs to it and counts against its limits."
        }
    }
}

/// Where a link leads.
pub async fn join(services: &Services, address: &Address) -> Result<Page> {
    let outcome = Outcome::taken();
    let token = match outcome.value("token") {
        empty if empty.is_empty() => address.get("token").to_owned(),
        token => token,
    };
    let invitation = match services.invitation(&token).await {
        Err(Error::NotFound) => return Ok(nowhere()),
        found => found?,
    };
    let title = format!("Join {}?", invitation.organization);
    let view = view! {
        <section class="entry">
            <h1>{title.clone()}</h1>
            {outcome.said()}
            <p>{what_joining_means(invitation.role)} " What you made before stays yours alone."</p>
            <form method="post" action="/join">
                <input type="hidden" name="token" value=token />
                <button class="button primary">"Join"</button>
            </form>
        </section>
    };
    Ok(write::still(title, view))
}
