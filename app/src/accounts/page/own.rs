//! One's own account: who one is, keys of programs, sessions.

use hub::actor::Actor;
use hub::services::{KeyRow, Services, SessionRow};
use hub::session::KeyScope;
use hub::time::Timestamp;
use hub::{Error, Result};
use leptos::either::Either;
use leptos::prelude::*;

use super::{Field, Outcome, profile};
use crate::frame::Breadcrumbs;
use crate::served::{Page, write};
use crate::sheet::heads;
use crate::time;

/// One's own account.
pub async fn account(services: &Services, actor: &Actor) -> Result<Page> {
    let outcome = Outcome::taken();
    let account = services
        .account(actor)
        .await?
        .ok_or_else(|| Error::conflict("This hub runs on one machine, without accounts."))?;
    let (keys, sessions) = (services.keys(actor).await?, services.sessions(actor).await?);
    let now = services.now().await?;
    let post = services.settings().post;
    let view = view! {
        <Breadcrumbs above=Vec::new() here="Account" />
        <header class="head">
            <h1>"Account"</h1>
            <div class="tools">
                <a class="button" href="/organization">"Organisation"</a>
                <a class="button" href="/usage">"Usage"</a>
                <a class="button" href="/shares">"Links"</a>
                {watched(actor).map(|(title, href)| view! { <a class="button" href=href>{title}</a> })}
                <form method="post" action="/logout"><button class="button">"Sign out"</button></form>
            </div>
        </header>
        {outcome.said()}
        {made(&outcome)}
        {profile::profile(&account, &outcome)}
        {profile::notices(&account, post)}
        {profile::email(&account, &outcome, post)}
        {profile::change(&account, &outcome)}
        {key_table(&keys, &outcome, now)}
        {session_table(&sessions, now)}
    };
    Ok(write::still("Account", view))
}

/// Where those begin who look after the hub, or watch over it.
fn watched(actor: &Actor) -> Option<(&'static str, &'static str)> {
    if actor.is_admin() {
        return Some(("Hub", "/admin"));
    }
    let watches = actor.watches().is_ok();
    watches.then_some(("System errors", "/admin/errors"))
}

/// The text of a key that was just made.
fn made(outcome: &Outcome) -> impl IntoView + use<> {
    outcome.secret.clone().map(|key| {
        view! {
            <div class="notice done" role="status">
                <p>"This key is shown this once. Keep it where programs find it and people do not:"</p>
                <p>
                    <code>{key.clone()}</code> " "
                    <button type="button" class="quiet needs-script" data-copy=key>"Copy"</button>
                </p>
            </div>
        }
    })
}

fn key_table(keys: &[KeyRow], outcome: &Outcome, now: Timestamp) -> impl IntoView + use<> {
    let row = |key: &KeyRow| {
        let scope = match key.scope {
            KeyScope::Read => "read",
            KeyScope::Write => "read and write",
        };
        view! {
            <tr>
                <td class="name">{key.name.clone()}</td>
                <td>{scope}</td>
                <td>{key.expires_at.map_or("for good".to_owned(), |at| format!("until {}", at.day()))}</td>
                <td>{key.last_used_at.map_or(Either::Left("not used yet"), |at| Either::Right(time::ago(at, now)))}</td>
                <td class="acts">
                    <form method="post" action="/account">
                        <input type="hidden" name="act" value="remove-key" />
                        <button name="id" value=key.id.to_string()>"Remove"</button>
                    </form>
                </td>
            </tr>
        }
    };
    let rows: Vec<_> = keys.iter().map(row).collect();
    let outcome = outcome.of("key");
    let table = (!keys.is_empty()).then(|| {
        view! {
            <table class="rows people">
                <caption class="visually-hidden">"Keys"</caption>
                {heads(&["Name", "May", "Holds", "Used last"])}
                <tbody>{rows}</tbody>
            </table>
        }
    });
    let name = Field {
        name: "name",
        label: "Name of a new key",
        kind: "text",
        autocomplete: "off",
    };
    view! {
        <section>
            <h2>"Keys of programs"</h2>
            <p class="help">"A program sends its key as " <code>"Authorization: Bearer omtx_…"</code></p>
            {table}
            <form class="ask entry" method="post" action="/account">
                <input type="hidden" name="act" value="key" />
                {name.shown(&outcome)}
                <div>
                    <label for="scope">"It may"</label>
                    <select id="scope" name="scope">
                        <option value="read">"read"</option>
                        <option value="write">"read and write"</option>
                    </select>
                </div>
                <div>
                    <label for="days">"It holds for"</label>
                    <select id="days" name="days">
                        <option value="30">"30 days"</option>
                        <option value="365">"a year"</option>
                        <option value="">"good"</option>
                    </select>
                </div>
                <p class="send"><button class="button">"Make a key"</button></p>
            </form>
        </section>
    }
}

fn session_table(sessions: &[SessionRow], now: Timestamp) -> impl IntoView + use<> {
    let row = |session: &SessionRow| {
        let end = (!session.current).then(|| {
            view! {
                <form method="post" action="/account">
                    <input type="hidden" name="act" value="end-session" />
                    <button name="id" value=session.id.to_string()>"End"</button>
                </form>
            }
        });
        view! {
            <tr>
                <td class="name">{session.agent.clone()}</td>
                <td>{session.address.clone()}</td>
                <td>{time::ago(session.created_at, now)}</td>
                <td class="acts">{session.current.then_some("this one")} {end}</td>
            </tr>
        }
    };
    let rows: Vec<_> = sessions.iter().map(row).collect();
    view! {
        <section>
            <h2>"Sessions"</h2>
            <table class="rows people">
                <caption class="visually-hidden">"Sessions"</caption>
                {heads(&["Program", "Address", "Since"])}
                <tbody>{rows}</tbody>
            </table>
        </section>
    }
}
