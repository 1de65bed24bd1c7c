//! The page of one job: the answer first, then the picture, then everything that led to it.

pub mod confirm;
mod detail;
pub mod part;
pub mod place;
pub mod read;

use hub::Result;
use hub::actor::Actor;
use hub::job::Status;
use hub::list::JobRow;
use hub::services::Services;
use hub::time::Timestamp;
use leptos::prelude::*;

use crate::frame::Breadcrumbs;
use crate::served::{Page, write};
use crate::{sheet, status, time};
use part::rename;
use read::{JobData, Neighbour};

/// The page of one job.
pub async fn page(services: &Services, actor: &Actor, id: &str) -> Result<Page> {
    let data = read::job(services, actor, id).await?;
    let title = status::tab_title(&data.row);
    let events = Some(format!("/api/v1/jobs/{}/events", data.row.id));
    Ok(Page {
        events,
        said: title.clone(),
        ..write::still(title, shown(&data))
    })
}

fn shown(data: &JobData) -> impl IntoView + use<> {
    let job = &data.row;
    let above = data
        .batch
        .iter()
        .map(|batch| (batch.name.clone(), format!("/batches/{}", batch.id)));
    let above: Vec<_> = above.collect();
    view! {
        <Breadcrumbs above here=job.name.clone() />
        <header class="head">
            <h1>{job.name.clone()}</h1>
            {status::of_job(job)}
            {acts(job)}
            {beside(data)}
        </header>
        {result(data)}
    }
}

/// What came out and what led to it, as everybody sees it who sees the job.
pub fn result(data: &JobData) -> impl IntoView + use<> {
    let job = &data.row;
    view! {
        {standing(job, data.now)}
        {detail::answer(&data.measures)}
        {(job.status == Status::Completed && job.has_poses()).then(|| detail::picture(job, &data.place))}
        {data.grids.iter().map(sheet::grid).collect_view()}
        {data.sheets.iter().map(sheet::sheet).collect_view()}
    }
}

/// The children before and after.
fn beside(data: &JobData) -> impl IntoView + use<> {
    let link = |job: &Option<Neighbour>, rel: &'static str, sign: &'static str| {
        job.as_ref().map(|job| {
            view! { <a href=format!("/jobs/{}", job.id) rel=rel title=job.name.clone()>{sign}</a> }
        })
    };
    let any = data.before.is_some() || data.after.is_some();
    let (before, after) = (
        link(&data.before, "prev", "← Previous"),
        link(&data.after, "next", "Next →"),
    );
    any.then(
        || view! { <nav class="beside" aria-label="Ligands of the batch">{before} {after}</nav> },
    )
}

fn acts(job: &JobRow) -> impl IntoView + use<> {
    let id = job.id.to_string();
    let (ended, alone) = (job.status.has_ended(), job.batch_id.is_none());
    let again = matches!(job.status, Status::Failed | Status::Cancelled) && job.former_id.is_none();
    view! {
        <div class="tools">
            {again
                .then(|| {
                    view! {
                        <form method="post" action="/api/jobs/retry">
                            <button class="button" name="id" value=id.clone()>"Retry"</button>
                        </form>
                    }
                })}
            {(!ended && !job.cancelling)
                .then(|| view! { <a class="button" href=format!("/jobs/{id}/cancel")>"Cancel"</a> })}
            {(job.file_count > 0)
                .then(|| {
                    let everything = format!("/api/v1/jobs/{id}/export?format=zip");
                    view! {
                        <a class="button" href=everything rel="external" download="" title="Every file, the table and the exact input">
                            "Everything (zip)"
                        </a>
                    }
                })}
            <a class="button" href=format!("/jobs/{id}/share")>"Share"</a>
            {rename(job)}
            {(ended && alone).then(|| view! { <a class="button" href=format!("/jobs/{id}/delete")>"Delete"</a> })}
        </div>
    }
}

/// What goes on now, or why it does not.
fn standing(job: &JobRow, now: Timestamp) -> impl IntoView + use<> {
    let waiting = job
        .waiting
        .as_ref()
        .filter(|_| !job.status.has_ended())
        .map(|waiting| {
            let (since, until) = (time::ago(waiting.since, now), time::exact(waiting.until));
            view! {
                <div class="notice wait" role="status">
                    <p><b>{status::sentence(&waiting.reason)}</b></p>
                    <p>"It began to wait " {since} "; it is tried again at " {until} "."</p>
                </div>
            }
        });
    let progress = job.progress.as_ref().filter(|_| job.status == Status::Running).map(|progress| {
        let percent = progress.fraction.map(|fraction| format!("{:.0}\u{202f}%", fraction * 100.0));
        view! {
            <p class="stage">
                {progress.stage.clone()} " "
                <progress max="1" aria-label="This stage" value=progress.fraction.map(|fraction| fraction.to_string())></progress> " " {percent}
            </p>
        }
    });
    let failed = job
        .error
        .as_ref()
        .filter(|_| job.status == Status::Failed)
        .map(|error| detail::failure(error, job.former_id.is_some()));
    view! { {waiting} {progress} {failed} }
}
