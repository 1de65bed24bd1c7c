//! What a batch sums up to.

use hub::batch::BatchProgress;
use hub::job::Waiting;
use hub::list::JobRow;
use hub::time::Timestamp;
use leptos::prelude::*;

use crate::jobs::page::part::rename;
use crate::sheet::{self, Fact};
use crate::{number, status, time};

/// Progress, and the facts of the whole.
pub fn summary(row: &JobRow, common: &[Fact], now: Timestamp) -> impl IntoView + use<> {
    view! {
        {row.batch.as_ref().map(progress)}
        {waiting(row, now)}
        {sheet::facts(&facts(row, common, now), "facts band")}
    }
}

fn progress(progress: &BatchProgress) -> impl IntoView + use<> {
    let ended = progress.ended();
    let left = match progress.seconds_left {
        Some(seconds) => Some(format!("{} left", hub::estimate::words(seconds as u32))),
        None if ended < progress.total => Some("time left is known after 3 ligands".to_owned()),
        None => None,
    };
    let well = progress
        .success_percent
        .filter(|_| progress.failed + progress.cancelled > 0);
    view! {
        <div class="progress">
            {status::bar(progress)}
            <p>
                <b>{format!("{} of {}", number::grouped(ended), number::grouped(progress.total))}</b>
                <span>{format!("{:.0}\u{202f}% done", progress.finished_percent)}</span>
                <span>{status::counts(progress)}</span>
                {well.map(|percent| view! { <span>{format!("{percent:.0}\u{202f}% of them well")}</span> })}
                {left.map(|left| view! { <span>{left}</span> })}
            </p>
        </div>
    }
}

/// What the hub waits for, or all of its ligands that have not ended.
fn waiting(row: &JobRow, now: Timestamp) -> impl IntoView + use<> {
    let since = |waiting: &Waiting| format!(" Since {}.", time::ago(waiting.since, now));
    let hub = row.waiting.as_ref();
    let children = row.batch.as_ref().and_then(|batch| batch.waiting.as_ref());
    let reason = hub.map(|waiting| &waiting.reason).or(children);
    let reason = reason.filter(|_| !row.status.has_ended() && !row.cancelling);
    let since = hub.map(since);
    reason.map(|reason| {
        view! {
            <div class="notice wait" role="status">
                <p><b>{status::sentence(reason)}</b> {since}</p>
            </div>
        }
    })
}

/// What changes while it runs, before what does not.
fn facts(row: &JobRow, common: &[Fact], now: Timestamp) -> Vec<Fact> {
    let mut facts = Vec::new();
    facts.extend(
        row.best
            .as_ref()
            .map(|best| Fact::new("Best", number::best(best))),
    );
    facts.extend_from_slice(common);
    facts.push(Fact::new("Submitted", time::ago(row.created_at, now)));
    facts.extend(
        row.duration_s
            .map(|seconds| Fact::new("Duration", number::duration(seconds))),
    );
    facts
}

/// What can be done with the whole.
pub fn tools(row: &JobRow) -> impl IntoView + use<> {
    let id = row.id.to_string();
    let ended = row.status.has_ended();
    let again = row
        .batch
        .as_ref()
        .is_some_and(|counts| counts.failed + counts.cancelled > 0)
        && row.former_id.is_none();
    let export = |format: &str| format!("/api/v1/batches/{id}/export?format={format}");
    view! {
        <div class="tools">
            <a class="button" href=export("csv") rel="external" download="">"CSV"</a>
            {row.has_poses().then(|| view! { <a class="button" href=export("sdf") rel="external" download="" title="Poses with their scores">"SDF"</a> })}
            <a class="button" href=export("zip") rel="external" download="" title="Every pose or structure, the table and the exact input">"Everything (zip)"</a>
            {again.then(|| view! { <a class="button" href=format!("/batches/{id}/retry-failed")>"Retry failed"</a> })}
            {(!ended && !row.cancelling).then(|| view! { <a class="button" href=format!("/jobs/{id}/cancel")>"Cancel"</a> })}
            <a class="button" href=format!("/jobs/{id}/share")>"Share"</a>
            {rename(row)}
            {ended.then(|| view! { <a class="button" href=format!("/jobs/{id}/delete")>"Delete"</a> })}
        </div>
    }
}
