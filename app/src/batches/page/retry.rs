//! Before failed ligands run again: how many, and how long it will take.

use hub::Result;
use hub::actor::Actor;
use hub::list::{JobRow, RetryPlan};
use hub::services::Services;
use leptos::either::Either;
use leptos::prelude::*;

use crate::frame::Breadcrumbs;
use crate::jobs::page::read;
use crate::number;
use crate::served::{Page, write};

/// Asks before failed ligands run again.
pub async fn page(services: &Services, actor: &Actor, id: &str) -> Result<Page> {
    let id = read::id(id)?;
    let batch = services.batch(actor, &id).await?.row;
    let plan = services.retry_failed(actor, &id, true).await?;
    Ok(write::still(
        format!("Retry: {}", batch.name),
        question(&batch, &plan),
    ))
}

fn question(row: &JobRow, plan: &RetryPlan) -> impl IntoView + use<> {
    let (name, own) = (row.name.clone(), format!("/batches/{}", row.id));
    if plan.children == 0 {
        return Either::Left(view! {
            <Breadcrumbs above=vec![(name.clone(), own.clone())] here="Retry failed" />
            <section class="confirm">
                <h1>"There is nothing to retry"</h1>
                <p>{format!("No ligand of “{name}” has failed or was cancelled.")}</p>
                <p><a href=own>"Back to the batch"</a></p>
            </section>
        });
    }
    let ligands = number::count(plan.children, "ligand");
    let cost = match plan.cost_usd {
        Some(cost) if cost > 0.0 => format!("It costs about {cost:.2} US dollars."),
        Some(_) => "It costs nothing.".to_owned(),
        None => "What it costs is not known.".to_owned(),
    };
    let time = hub::estimate::words(plan.seconds);
    Either::Right(view! {
        <Breadcrumbs above=vec![(name.clone(), own.clone())] here="Retry failed" />
        <section class="confirm">
            <h1>{format!("Run {ligands} of “{name}” again?")}</h1>
            <p>
                "These are the ligands that failed or were cancelled. They keep their places. It takes " {time}
                " of one slot. " {cost}
            </p>
            <form method="post" action="/api/batches/retry-failed">
                <input type="hidden" name="id" value=row.id.to_string() />
                <button class="button primary">{format!("Retry {ligands}")}</button>
                <a class="button" href=own>"Leave them"</a>
            </form>
        </section>
    })
}
