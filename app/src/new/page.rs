//! The form of a task. Docking takes one ligand or a whole file in the same form; all of it works without script.

pub mod field;
mod ligands;
mod parameters;
mod preflight;
pub mod read;
mod target;
pub mod tasks;

use hub::actor::Actor;
use hub::services::Services;
use hub::task::Task;
use hub::{Error, Result};
use leptos::either::Either;
use leptos::prelude::*;

pub use parameters::exhaustiveness_of;

use field::{Faults, line};
use read::FormData;

use super::examples::EXAMPLES;
use crate::address::Address;
use crate::frame::Breadcrumbs;
use crate::served::typing::CHECK;
use crate::served::{Page, write};

fn above() -> Vec<(String, String)> {
    vec![("New".to_owned(), "/new".to_owned())]
}

/// A task that cannot be done here, and why.
pub async fn elsewhere(services: &Services, actor: &Actor, task: &str) -> Result<Page> {
    let task: Task = task.parse().map_err(|_| Error::NotFound)?;
    let cards = read::tasks(services, actor).await?;
    let reason = cards
        .into_iter()
        .find(|card| card.task == task)
        .and_then(|card| card.reason);
    let view = view! {
        <Breadcrumbs above=above() here=task.title() />
        <section class="empty">
            <h1>{task.title()}</h1>
            <p>{task.summary()}</p>
            <p>"This cannot be submitted here:"</p>
            <p class="reason">{reason}</p>
            <p><a href="/new/docking">"Docking works here"</a></p>
        </section>
    };
    Ok(write::still(task.title(), view))
}

/// The docking form: empty, an example, or a draft, as the address says.
pub async fn docking(services: &Services, actor: &Actor, address: &Address) -> Result<Page> {
    let data = read::form(services, actor, address).await?;
    Ok(write::still("New docking", shown(&data)))
}

fn shown(data: &FormData) -> impl IntoView + use<> {
    let faults = data.checked.as_ref().map(|checked| checked.faults.clone());
    let faults = Faults(faults.unwrap_or_default());
    let examples: Vec<_> = EXAMPLES
        .iter()
        .map(|example| view! { <a class="chip" href=format!("/new/docking?example={}", example.name)>{example.title}</a> })
        .collect();
    let away = data.away.clone().map(|reason| {
        view! { <p class="notice wait">{reason} " What is submitted now waits until then."</p> }
    });
    let checked = match &data.checked {
        Some(checked) => Either::Left(preflight::preflight(checked)),
        None => Either::Right(preflight::announced()),
    };
    view! {
        <Breadcrumbs above=above() here="Docking" />
        <h1>"Screen ligands by docking"</h1>
        {away}
        <p class="examples-line">"Examples " {examples}</p>
        {summary(&faults)}
        <div class="form-page">
            {form(data, &faults)}
            <div class="aside">{checked}</div>
        </div>
    }
}

/// All faults, when there are several.
fn summary(faults: &Faults) -> impl IntoView + use<> {
    let all: Vec<_> = faults
        .0
        .iter()
        .map(|fault| view! { <li>{fault.message.clone()}</li> })
        .collect();
    (!all.is_empty()).then(|| {
        view! {
            <div class="notice failed" role="alert">
                <h2>"This cannot run yet"</h2>
                <ul>{all}</ul>
            </div>
        }
    })
}

fn form(data: &FormData, faults: &Faults) -> impl IntoView + use<> {
    let form = &data.form;
    let checked = data.checked.as_ref();
    let again = checked.is_some();
    let previous = checked
        .map(|checked| checked.id.clone())
        .unwrap_or_default();
    let label = if again { "Check again" } else { "Check" };
    view! {
        <form
            class="ask"
            method="post"
            action="/api/v1/drafts"
            enctype="multipart/form-data"
        >
            <input type="hidden" name="previous" value=previous />
            {target::target(form, faults)}
            {ligands::ligands(form, checked, faults)}
            {parameters::parameters(form, faults)}
            <div>{line("name", "Name", &form.name, "made of target and ligands when empty", faults.at("name"))}</div>
            <p class="send">
                <button class="button" class:primary=!again id=CHECK>{label}</button>
                <span class="help">"Nothing runs yet: first every row is looked at."</span>
            </p>
        </form>
    }
}
