//! One row of My Results. It is made of what the row of the list carries and nothing else.

use hub::job::{Kind, Status};
use hub::list::JobRow;
use hub::time::Timestamp;
use leptos::prelude::*;

use super::api::Opened;
use crate::address::Address;
use crate::{number, status, time};

/// Columns of the list.
pub const COLUMNS: &str = "8";

/// The address of a job's own page.
pub fn href(job: &JobRow) -> String {
    match job.kind {
        Kind::Batch => format!("/batches/{}", job.id),
        Kind::Single | Kind::Child => format!("/jobs/{}", job.id),
    }
}

/// A row, and under it the first children when it is a batch that is opened.
pub fn row(
    job: &JobRow,
    opened: Option<&Opened>,
    address: &Address,
    now: Timestamp,
) -> impl IntoView + use<> {
    let opened = opened.filter(|opened| opened.id == job.id);
    let link = href(job);
    view! {
        <tr data-row=job.id.to_string()>
            <td class="name">
                {(job.kind == Kind::Batch).then(|| twist(job, opened.is_some(), address))}
                <a href=link data-open="">{job.name.clone()}</a>
            </td>
            <td class="task">
                {job.task.title()} " " <small>{job.model.title()} {job.owner.as_ref().map(|owner| format!(" · {owner}"))} {job.former_owner.as_ref().map(|owner| format!(" · formerly of {owner}"))}</small>
            </td>
            <td class="state">{status::of_job(job)} {job.batch.as_ref().map(progress)}</td>
            <td class="num best">{best(job)}</td>
            <td class="files">{files(job)}</td>
            <td class="when">{time::time(job.created_at, now)}</td>
            <td class="num took">{took(job, now)}</td>
            <td class="acts">{acts(job)}</td>
        </tr>
        {opened.map(|opened| children(job, opened))}
    }
}

/// Opens and closes a batch in place.
fn twist(job: &JobRow, is_open: bool, address: &Address) -> impl IntoView + use<> {
    let open = if is_open {
        String::new()
    } else {
        job.id.to_string()
    };
    let label = if is_open {
        "Close the batch"
    } else {
        "Show the first ligands"
    };
    let href = address.clone().with("open", open).href();
    // The router then leaves the page where it stands.
    let stay = leptos::attr::custom::custom_attribute("noscroll", "");
    view! { <a {..stay} class="twist" class:open=is_open href=href title=label aria-label=label></a> }
}

fn progress(batch: &hub::batch::BatchProgress) -> impl IntoView + use<> {
    let text = format!(
        "{} of {}",
        number::grouped(batch.ended()),
        number::grouped(batch.total)
    );
    let left = batch
        .seconds_left
        .map(|seconds| format!("{} left", hub::estimate::words(seconds as u32)));
    view! { <span class="count" title=left>{text}</span> {status::bar(batch)} }
}

fn best(job: &JobRow) -> impl IntoView + use<> {
    let (text, title, missing) = match &job.best {
        Some(best) => (
            number::best(best),
            format!("{} {}", best.value, best.unit),
            false,
        ),
        None => match job.status {
            Status::Completed | Status::PartiallyCompleted => (
                "preview unavailable".to_owned(),
                "the result has no value that can be shown here".to_owned(),
                true,
            ),
            Status::Pending | Status::Running => {
                (number::MISSING.to_owned(), "no value yet".to_owned(), true)
            }
            Status::Failed => (
                number::MISSING.to_owned(),
                "it failed before there was a value".to_owned(),
                true,
            ),
            Status::Cancelled => (
                number::MISSING.to_owned(),
                "it was cancelled before there was a value".to_owned(),
                true,
            ),
        },
    };
    view! { <span class:missing=missing title=title>{text}</span> }
}

fn files(job: &JobRow) -> impl IntoView + use<> {
    let files = (job.file_count > 0).then(|| number::count(job.file_count, "file"));
    view! {
        {job.has_structure.then(|| view! { <abbr title="There is a structure">"3D"</abbr> })}
        <small>{files}</small>
    }
}

fn took(job: &JobRow, now: Timestamp) -> impl IntoView + use<> {
    let running = job
        .started_at
        .filter(|_| job.ended_at.is_none())
        .map(|at| now.millis_since(at) as f64 / 1_000.0);
    let (text, title) = match (job.duration_s, running) {
        (Some(seconds), _) => (number::duration(seconds), None),
        (None, Some(seconds)) => (
            number::duration(seconds.floor().max(10.0)),
            Some("still running"),
        ),
        (None, None) if job.former_id.is_some() => (
            number::MISSING.to_owned(),
            Some("nobody knows how long it took"),
        ),
        (None, None) => (number::MISSING.to_owned(), Some("it has not started")),
    };
    view! { <span class:missing=job.started_at.is_none() title=title>{text}</span> }
}

/// What can be done about a job; the buttons belong to the one form of the page.
fn acts(job: &JobRow) -> impl IntoView + use<> {
    let id = job.id.to_string();
    let ended = job.status.has_ended();
    let failed = matches!(
        job.status,
        Status::Failed | Status::Cancelled | Status::PartiallyCompleted
    ) && job.former_id.is_none();
    view! {
        {(!ended && !job.cancelling)
            .then(|| view! { <a href=format!("/jobs/{id}/cancel")>"Cancel"</a> })}
        {(failed && job.kind == Kind::Batch)
            .then(|| view! { <a href=format!("/batches/{id}/retry-failed")>"Retry"</a> })}
        {(failed && job.kind != Kind::Batch)
            .then(|| {
                view! {
                    <button form="acts" formaction="/api/jobs/retry" name="id" value=id.clone()>
                        "Retry"
                    </button>
                }
            })}
        {ended.then(|| view! { <a href=format!("/jobs/{id}/delete")>"Delete"</a> })}
    }
}

/// The first children of an opened batch.
fn children(batch: &JobRow, opened: &Opened) -> impl IntoView + use<> {
    let rows = opened.children.as_ref().map(|page| {
        let rows: Vec<_> = page
            .results
            .iter()
            .map(|child| {
                let value = batch
                    .best
                    .as_ref()
                    .and_then(|best| Some((child.values.get(&best.metric)?, &best.unit)));
                let doubted = batch
                    .best
                    .as_ref()
                    .is_some_and(|best| child.unverified.contains(&best.metric));
                let value = value.map_or(number::MISSING.to_owned(), |(value, unit)| {
                    number::measured(*value, unit, doubted)
                });
                view! {
                    <li>
                        <a href=format!("/jobs/{}", child.id)>{child.name.clone()}</a>
                        <code title=child.smiles.clone()>{child.smiles.clone()}</code>
                        {status::of_child(child)}
                        <span class="num">{value}</span>
                    </li>
                }
            })
            .collect();
        let all = format!("All {}", number::count(page.total_results, "ligand"));
        view! {
            <ol class="opened">{rows}</ol>
            <a href=href(batch)>{all}</a>
        }
    });
    let missing = rows
        .is_none()
        .then(|| view! { <p class="missing">"preview unavailable"</p> });
    view! {
        <tr class="children">
            <td colspan=COLUMNS>{rows} {missing}</td>
        </tr>
    }
}
