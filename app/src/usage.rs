//! The page of what was used of the limits, and what a unit is.

use hub::Result;
use hub::actor::{Actor, Owner};
use hub::services::Services;
use hub::usage::{Period, Usage};
use leptos::prelude::*;

use crate::frame::Breadcrumbs;
use crate::number;
use crate::served::{Page, write};
use crate::time;

/// What was used, and what is left.
pub async fn page(services: &Services, actor: &Actor) -> Result<Page> {
    let usage = services.usage(actor).await?;
    let shared = matches!(actor.owner, Owner::Organization(_));
    Ok(write::still("Usage", shown(&usage, shared)))
}

fn shown(usage: &Usage, shared: bool) -> impl IntoView + use<> {
    let limits = usage.limits;
    let (day, month) = (
        limits.map(|limits| limits.per_day),
        limits.map(|limits| limits.per_month),
    );
    let children = match limits {
        Some(limits) => format!(
            "One batch has at most {}.",
            number::count(limits.children, "ligand")
        ),
        None => "This hub runs on one machine: there are no limits.".to_owned(),
    };
    view! {
        <Breadcrumbs above=Vec::new() here="Usage" />
        <h1>"Usage"</h1>
        {shared.then(|| view! { <p>"The members of your organisation use these limits together."</p> })}
        <p>
            {children}
            {usage.last_at.map(|at| view! { " The last submission was on " <time datetime=at.to_string()>{time::exact(at)}</time> "." })}
        </p>
        {period("Today", "usage-day", &usage.day, day)}
        {period("This month", "usage-month", &usage.month, month)}
        <section class="usage">
            <h2 id="usage-running">"Running now"</h2>
            {bar("usage-running", usage.running.now, usage.running.limit)}
            <p class="help">"What is more than that waits, and starts by itself."</p>
        </section>
        <section class="usage">
            <h2>"What counts"</h2>
            <p>
                "One unit is one single job, or one ligand of a batch. It is taken when the job is accepted, on that day in UTC. "
                "Trying again what the hub tries again by itself takes none; a retry that you ask for is a new unit."
            </p>
            <p>
                "A unit is charged when the job completes, when it fails by a fault of its input after it has begun, or when it is "
                "cancelled while it runs. It is given back when the job fails by no fault of yours, or ends before it has begun."
            </p>
        </section>
    }
}

fn period(
    title: &'static str,
    id: &'static str,
    period: &Period,
    limit: Option<u32>,
) -> impl IntoView + use<> {
    let units = period.units;
    let tail = limit.map(|_| {
        let at = period.resets_at;
        view! { " The count begins anew on " <time datetime=at.to_string()>{at.day()}</time> ", 00:00 UTC." }
    });
    let kept = |units: i64| number::grouped(u32::try_from(units).unwrap_or_default());
    let parts = format!(
        "{} charged, {} of jobs that have not ended, {} given back. Runs took {}.",
        kept(units.charged),
        kept(units.held),
        kept(units.refunded),
        number::with_unit((units.run_ms as f64 / 360_000.0).round() / 10.0, "h")
    );
    view! {
        <section class="usage">
            <h2 id=id>{title}</h2>
            {bar(id, units.counted(), limit)}
            <p class="help">{parts} {tail}</p>
        </section>
    }
}

/// A number of units, beside a bar when there is a limit to it.
fn bar(id: &'static str, used: u32, limit: Option<u32>) -> impl IntoView + use<> {
    let said = match limit {
        Some(limit) => format!(
            "{} of {}; {} left",
            number::grouped(used),
            number::count(limit, "unit"),
            number::grouped(limit.saturating_sub(used))
        ),
        None => number::count(used, "unit"),
    };
    let meter = limit.map(|limit| {
        // A bar of nothing is full.
        let (value, max) = if limit == 0 {
            (1, 1)
        } else {
            (used.min(limit), limit)
        };
        view! { <meter min="0" max=max.to_string() value=value.to_string() aria-labelledby=id>{said.clone()}</meter> }
    });
    view! { <p class="amount">{meter} <span>{said}</span></p> }
}
