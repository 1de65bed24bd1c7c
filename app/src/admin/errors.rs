//! The page of what failed by the system's own fault, for those who watch over the hub: it shows nothing of anybody's work.

use hub::Result;
use hub::actor::Actor;
use hub::admin::SystemError;
use hub::job::Category;
use hub::services::Services;
use leptos::either::Either;
use leptos::prelude::*;

use crate::frame::Breadcrumbs;
use crate::served::{Page, write};
use crate::sheet::wide;
use crate::time;

const TITLE: &str = "System errors";

/// The page.
pub async fn page(services: &Services, actor: &Actor) -> Result<Page> {
    let errors = services.system_errors(actor).await?;
    let hub = || ("Hub".to_owned(), "/admin".to_owned());
    let above = Vec::from_iter(actor.is_admin().then(hub));
    let view = view! {
        <Breadcrumbs above=above here=TITLE />
        <h1>{TITLE}</h1>
        <p>
            "The last 100 jobs and the last 100 ligands that failed for good though nothing was wrong with them. The reference "
            "is what the logs of the hub and of its gateway know a run by. Figures for Prometheus are at " <a href="/metrics">"/metrics"</a> "."
        </p>
        {table(&errors)}
    };
    Ok(write::still(TITLE, view))
}

fn table(errors: &[SystemError]) -> impl IntoView + use<> {
    if errors.is_empty() {
        let nothing = "Nothing has failed that way.";
        return Either::Left(view! { <p class="missing">{nothing}</p> });
    }
    let rows: Vec<_> = errors.iter().map(row).collect();
    Either::Right(wide(
        TITLE,
        view! {
            <table class="rows people log">
                <thead>
                    <tr>
                        <th scope="col">"When"</th>
                        <th scope="col">"What"</th>
                        <th scope="col">"While"</th>
                        <th scope="col">"By"</th>
                        <th scope="col">"After"</th>
                        <th scope="col">"Reference"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        },
    ))
}

fn row(error: &SystemError) -> impl IntoView + use<> {
    let kind = match error.category {
        Category::Transient => "transient",
        Category::Quota => "no room",
        Category::User | Category::System => "system",
    };
    view! {
        <tr>
            <td class="name"><time datetime=error.at.to_string()>{time::exact(error.at)}</time></td>
            <td>{error.code.clone()} " (" {kind} ")"</td>
            <td>{error.stage.clone()}</td>
            <td>{error.model.title()} ", " {error.task.title()}</td>
            <td>{error.attempts} {if error.attempts == 1 { " try" } else { " tries" }}</td>
            <td><code>{error.reference.clone()}</code></td>
        </tr>
    }
}
