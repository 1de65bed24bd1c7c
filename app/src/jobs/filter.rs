//! The filters of My Results: links and one small form, so that all of it works from the address alone.

use hub::job::Status;
use hub::model::Model;
use hub::task::Task;
use leptos::prelude::*;

use super::api::Link;
use crate::address::Address;

/// The bar above the list.
pub fn bar(address: &Address, chips: &[Link]) -> impl IntoView + use<> {
    let statuses = Status::ALL
        .into_iter()
        .map(|status| toggle(address, "status", status.name(), status.title()));
    let models = Model::ALL
        .into_iter()
        .map(|model| toggle(address, "model", model.name(), model.title()));
    let tasks = Task::ALL
        .into_iter()
        .map(|task| toggle(address, "task", task.name(), task.title()));
    let (statuses, models, tasks): (Vec<_>, Vec<_>, Vec<_>) =
        (statuses.collect(), models.collect(), tasks.collect());
    let held: Vec<_> = chips
        .iter()
        .map(|chip| {
            let title = format!("Take away the filter {}", chip.label);
            view! { <a class="chip on" href=chip.href.clone() title=title>{chip.label.clone()} <span aria-hidden="true">" ×"</span></a> }
        })
        .collect();
    let clear = (chips.len() > 1).then(|| view! { <a class="chip" href="/">"Clear all"</a> });
    view! {
        <details class="fold filters">
            <summary>"Filter"</summary>
            <div class="groups">
                <div role="group" aria-label="Status">{statuses}</div>
                <details class="menu">
                    <summary>"Model"</summary>
                    <div role="group" aria-label="Model">{models}</div>
                </details>
                <details class="menu">
                    <summary>"Task"</summary>
                    <div role="group" aria-label="Task">{tasks}</div>
                </details>
                <details class="menu">
                    <summary>"Submitted"</summary>
                    {dates(address)}
                </details>
            </div>
        </details>
        <p class="held">{held} {clear}</p>
    }
}

fn toggle(
    address: &Address,
    name: &str,
    value: &str,
    title: &'static str,
) -> impl IntoView + use<> {
    let on = address.all(name).any(|held| held == value);
    let href = address.clone().toggled(name, value).href();
    view! { <a class="chip" class:on=on aria-current=on.then_some("true") href=href>{title}</a> }
}

fn dates(address: &Address) -> impl IntoView + use<> {
    let (from, to) = (
        address.get("date_from").to_owned(),
        address.get("date_to").to_owned(),
    );
    view! {
        <form method="get" action="/" class="dates">
            {address.clone().without(&["date_from", "date_to"]).hidden()}
            <label>"From" <input type="date" name="date_from" value=from /></label>
            <label>"To" <input type="date" name="date_to" value=to /></label>
            <button class="button">"Filter"</button>
        </form>
    }
}
