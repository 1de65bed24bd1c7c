//! The hub at a glance, for its admins: the models, work without an owner, and where to look further.

use hub::Result;
use hub::actor::Actor;
use hub::admin::ModelRow;
use hub::services::Services;
use leptos::either::Either;
use leptos::prelude::*;

use crate::accounts::page::Outcome;
use crate::frame::Breadcrumbs;
use crate::new::page::field::{described, fault};
use crate::number;
use crate::served::{Page, write};

/// The models, and what else there is to look after.
pub async fn page(services: &Services, actor: &Actor) -> Result<Page> {
    let outcome = Outcome::taken();
    let models = services.model_settings(actor).await?;
    let unassigned = services.unassigned(actor).await?;
    let models: Vec<_> = models.iter().map(|row| model(row, &outcome)).collect();
    let people = (!actor.owner.is_local()).then(|| {
        view! {
            <a class="button" href="/admin/users">"People"</a>
            <a class="button" href="/admin/organizations">"Organisations"</a>
        }
    });
    let view = view! {
        <Breadcrumbs above=Vec::new() here="Hub" />
        <header class="head">
            <h1>"Hub"</h1>
            <div class="tools">
                {people}
                <a class="button" href="/?scope=all">"All jobs"</a>
                <a class="button" href="/admin/audit">"Audit log"</a>
                <a class="button" href="/admin/errors">"System errors"</a>
            </div>
        </header>
        {outcome.said()}
        <p>
            "A model in maintenance takes no work: jobs for it are accepted, wait, and start by themselves when it is back. "
            "So do jobs of a model whose hours of the month are used up to less than one."
        </p>
        {models}
        {(unassigned > 0).then(|| assign(unassigned, &outcome))}
    };
    Ok(write::still("Hub", view))
}

fn model(row: &ModelRow, outcome: &Outcome) -> impl IntoView + use<> {
    let name = row.id.name();
    // What was refused is shown again at the model that it was for.
    let refused = outcome.value("model") == name && outcome.refused.is_some();
    let (maintenance, hours) = if refused {
        (
            outcome.value("maintenance"),
            outcome.value("hours_per_month"),
        )
    } else {
        let hours = row.settings.hours_per_month;
        (
            row.settings.maintenance.clone().unwrap_or_default(),
            hours.map(|hours| hours.to_string()).unwrap_or_default(),
        )
    };
    let field = |field: &'static str, label: &'static str, kind, value: String| {
        let id = format!("{name}-{field}");
        let wrong = refused.then(|| outcome.faults().at(field)).flatten();
        view! {
            <div>
                <label for=id.clone()>{label}</label>
                <input
                    id=id.clone()
                    name=field
                    type=kind
                    min="0"
                    step="any"
                    maxlength="200"
                    value=value
                    aria-invalid=wrong.is_some().then_some("true")
                    aria-describedby=described(&id, &wrong)
                />
                {fault(&id, wrong)}
            </div>
        }
    };
    let state = match &row.reason {
        None => Either::Left("takes work"),
        Some(reason) => Either::Right(reason.clone()),
    };
    let used = format!(
        "{} used this month",
        number::with_unit((row.hours_this_month * 10.0).round() / 10.0, "h")
    );
    view! {
        <section class="abreast">
            <h2>{row.id.title()}</h2>
            <p class="help">{state} " · " {used}</p>
            <form class="ask" method="post" action="/admin">
                <input type="hidden" name="act" value="model" />
                <input type="hidden" name="model" value=name />
                {field("maintenance", "In maintenance, because (empty: it is not)", "text", maintenance)}
                {field("hours_per_month", "Hours a month (empty: any)", "number", hours)}
                <p class="send"><button class="button">{format!("Set {}", row.id.title())}</button></p>
            </form>
        </section>
    }
}

fn assign(unassigned: u32, outcome: &Outcome) -> impl IntoView + use<> {
    let wrong = outcome.faults().at("to");
    view! {
        <section class="entry">
            <h2>"Work without an owner"</h2>
            <p>
                {number::count(unassigned, "job")}
                " came from the former system without an owner. Nobody but admins sees them until they are given to somebody."
            </p>
            <form class="ask" method="post" action="/admin">
                <input type="hidden" name="act" value="assign" />
                <div>
                    <label for="to">"To (an e-mail address, or the id of an organisation)"</label>
                    <input
                        id="to"
                        name="to"
                        value=outcome.value("to")
                        required
                        autocomplete="off"
                        aria-invalid=wrong.is_some().then_some("true")
                        aria-describedby=described("to", &wrong)
                    />
                    {fault("to", wrong)}
                </div>
                <div>
                    <label for="former_owner">"Only what was of (as the former system called them; empty: all)"</label>
                    <input id="former_owner" name="former_owner" value=outcome.value("former_owner") autocomplete="off" />
                </div>
                <p class="send"><button class="button">"Give them"</button></p>
            </form>
        </section>
    }
}
