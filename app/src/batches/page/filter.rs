//! What of a batch's table is shown: one form that needs no script.

use hub::job::Status;
use hub::list::JobRow;
use hub::metric::{self, MetricKind};
use leptos::prelude::*;

use super::columns::Column;
use crate::address::Address;

/// The line above the table.
pub fn bar(batch: &JobRow, address: &Address) -> impl IntoView + use<> {
    let path = address.path().to_owned();
    let held = address.get("children_status").to_owned();
    let statuses: Vec<_> = [Status::Pending, Status::Running, Status::Completed, Status::Failed, Status::Cancelled]
        .into_iter()
        .map(|status| view! { <option value=status.name() selected=held == status.name()>{status.title()}</option> })
        .collect();
    let shown = Column::chosen(batch, address);
    let bounds = |kind: &'static MetricKind| {
        [
            (format!("{}_min", kind.key), "from", kind),
            (format!("{}_max", kind.key), "to", kind),
        ]
    };
    let ranges: Vec<_> = metric::of_task(batch.task)
        .iter()
        .map(|kind| (shown.contains(&Column::Metric(kind)), bounds(kind)))
        .filter(|(is_shown, bounds)| *is_shown || bounds.iter().any(|(name, ..)| !address.get(name).is_empty()))
        .flat_map(|(_, bounds)| bounds)
        .map(|(name, word, kind)| {
            let (value, label) = (address.get(&name).to_owned(), format!("{}, {word}", kind.title()));
            view! { <input class="bound" type="number" step="any" name=name value=value placeholder=format!("{} {word}", kind.label) aria-label=label /> }
        })
        .collect();
    let filtered = is_filtered(address);
    let cleared = address.clone().only(&["sort", "columns"]).href();
    view! {
        <details class="fold filters table-filters" open=filtered>
            <summary>"Filter and columns"</summary>
            <div class="groups">
            <form method="get" action=path.clone()>
                {address.clone().only(&["sort", "columns"]).hidden()}
                <input type="search" name="search" value=address.get("search").to_owned() placeholder="Name or SMILES" aria-label="Name or SMILES" />
                <select name="children_status" aria-label="Status">
                    <option value="">"Any status"</option>
                    {statuses}
                </select>
                {ranges}
                <button class="button">"Filter"</button>
                {filtered.then(|| view! { <a class="chip" href=cleared>"Clear"</a> })}
            </form>
            {chooser(batch, address, path)}
            </div>
        </details>
    }
}

/// Whether only some of the ligands are asked for.
pub fn is_filtered(address: &Address) -> bool {
    let of_all = ["sort", "columns", "page_token", "children_limit"];
    let mut names = address.pairs().iter().map(|(name, _)| name.as_str());
    names.any(|name| !of_all.contains(&name))
}

/// The columns, to be ticked.
fn chooser(batch: &JobRow, address: &Address, path: String) -> impl IntoView + use<> {
    let chosen = Column::chosen(batch, address);
    let boxes: Vec<_> = Column::all(batch)
        .map(|column| {
            view! {
                <label>
                    <input type="checkbox" name="columns" value=column.key() checked=chosen.contains(&column) />
                    {column.title()}
                </label>
            }
        })
        .collect();
    view! {
        <details class="menu columns">
            <summary class="button">"Columns"</summary>
            <form method="get" action=path>
                {address.clone().without(&["columns"]).hidden()}
                {boxes}
                <button class="button">"Show"</button>
            </form>
        </details>
    }
}
