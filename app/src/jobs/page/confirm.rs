//! What cannot be taken back is asked once, on a page of its own that says exactly what and how many.

use hub::actor::Actor;
use hub::job::Kind;
use hub::list::JobRow;
use hub::services::Services;
use hub::{Error, Result};
use leptos::prelude::*;

use super::read;
use crate::address::Address;
use crate::frame::Breadcrumbs;
use crate::jobs::row::href;
use crate::number;
use crate::served::{Page, write};

/// Asks before a job is cancelled or deleted.
pub async fn page(
    services: &Services,
    actor: &Actor,
    id: &str,
    act: &str,
    address: &Address,
) -> Result<Page> {
    let (title, verb) = match act {
        "cancel" => ("Cancel", "cancel"),
        "delete" => ("Delete", "delete"),
        _ => return Err(Error::NotFound),
    };
    let job = services.job(actor, &read::id(id)?).await?.row;
    let tab = format!("{title}: {}", job.name);
    Ok(write::still(
        tab,
        question(job, title, verb, address.get("back").to_owned()),
    ))
}

fn question(job: JobRow, title: &'static str, verb: &'static str, back: String) -> impl IntoView {
    let what = match &job.batch {
        Some(batch) => format!(
            "the batch with its {}",
            number::count(batch.total, "ligand")
        ),
        None => "this job".to_owned(),
    };
    let deletes = verb == "delete";
    let consequence = if deletes {
        format!("This removes {what} and {} for good.", files(&job))
    } else {
        format!("This ends {what}. What has completed stays; the rest can be run again later.")
    };
    let own = href(&job);
    // After a deletion there is no page of its own to go back to.
    let back = if back.is_empty() {
        if deletes { "/".to_owned() } else { own.clone() }
    } else {
        back
    };
    view! {
        <Breadcrumbs above=vec![(job.name.clone(), own.clone())] here=title />
        <section class="confirm">
            <h1>{format!("{title} “{}”?", job.name)}</h1>
            <p>{consequence}</p>
            <form method="post" action=format!("/api/jobs/{verb}")>
                <input type="hidden" name="id" value=job.id.to_string() />
                <input type="hidden" name="back" value=back />
                <button class="button danger">{if deletes { "Delete" } else { "Cancel it" }}</button>
                <a class="button" href=own>"Keep it"</a>
            </form>
        </section>
    }
}

fn files(job: &JobRow) -> String {
    match job.kind {
        Kind::Batch => "all of their files".to_owned(),
        Kind::Single | Kind::Child => number::count(job.file_count, "file"),
    }
}
