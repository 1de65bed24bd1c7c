//! The forms of those who look after a hub, as browsers send them.

use app::accounts::page::Outcome;
use axum::Router;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::post;
use hub::account::Role;
use hub::actor::{Actor, Owner};
use hub::admin::{Agreement, Assignment, ModelSettings};
use hub::limits::{Limits, Tier};
use hub::page::PageRequest;
use hub::services::Services;
use hub::{Error, Fault, Result};

use super::forms::{Forms, Sent, to};
use crate::session::Signed;

const HUB: &str = "/admin";

/// Every form.
pub fn routes(forms: Forms) -> Router {
    Router::new()
        .route(HUB, post(of_hub))
        .route("/admin/{place}/{id}", post(of_one))
        .with_state(forms)
}

async fn of_hub(State(forms): State<Forms>, Signed(actor): Signed, sent: Sent) -> Response {
    let services = &forms.api.services;
    let done = match sent.get("act") {
        "model" => set_model(services, &actor, &sent).await,
        "assign" => assign(services, &actor, &sent).await,
        _ => Err(Error::bad_request("act", "there is no such form")),
    };
    answer(forms, HUB, sent, done).await
}

/// A form of one person or organisation, sent to the page that it stands on.
async fn of_one(
    State(forms): State<Forms>,
    Signed(actor): Signed,
    Path((place, id)): Path<(String, String)>,
    sent: Sent,
) -> Response {
    let services = &forms.api.services;
    let done = match (place.as_str(), sent.get("act")) {
        ("users", _) => set_user(services, &actor, &id, &sent).await,
        ("organizations", "agreement") => agree(services, &actor, &id, &sent).await,
        _ => Err(Error::NotFound),
    };
    answer(forms, &format!("{HUB}/{place}/{id}"), sent, done).await
}

async fn set_user(services: &Services, actor: &Actor, id: &str, sent: &Sent) -> Result<()> {
    let id = id.parse().map_err(|_| Error::NotFound)?;
    match sent.get("act") {
        "roles" => services.set_roles(actor, &id, &roles(sent)).await,
        "limits" => services.set_limits(actor, &id, limits(sent)?).await,
        _ => Err(Error::bad_request("act", "there is no such form")),
    }
}

async fn agree(services: &Services, actor: &Actor, id: &str, sent: &Sent) -> Result<()> {
    let id = id.parse().map_err(|_| Error::NotFound)?;
    let tier = Tier::ALL
        .into_iter()
        .find(|tier| tier.name() == sent.get("tier"))
        .ok_or_else(|| Error::invalid("tier", "there is no such tier"))?;
    let limits = limits(sent)?;
    services
        .set_agreement(actor, &id, Agreement { tier, limits })
        .await
}

/// The page again, with what was done or what is wrong.
async fn answer(forms: Forms, path: &str, sent: Sent, done: Result<()>) -> Response {
    match done {
        Ok(()) => to(path, None),
        Err(refused) => {
            let refused = Some(at_fields(refused));
            let outcome = Outcome {
                refused,
                ..Outcome::default()
            };
            forms.page(path, sent, outcome).await
        }
    }
}

/// The API has limits in an object of their own, forms have not.
fn at_fields(refused: Error) -> Error {
    let Error::Invalid(faults) = refused else {
        return refused;
    };
    let plain = |fault: Fault| Fault {
        field: fault.field.trim_start_matches("limits.").to_owned(),
        ..fault
    };
    Error::Invalid(faults.into_iter().map(plain).collect())
}

async fn set_model(services: &Services, actor: &Actor, sent: &Sent) -> Result<()> {
    let model = sent.get("model").parse().map_err(|_| Error::NotFound)?;
    let hours = sent.get("hours_per_month").trim();
    let hours_per_month = match hours {
        "" => None,
        hours => Some(hours.parse().map_err(|_| {
            Error::invalid(
                "hours_per_month",
                "give a number of hours, or leave it empty",
            )
        })?),
    };
    let settings = ModelSettings {
        maintenance: Some(sent.get("maintenance").to_owned()),
        hours_per_month,
    };
    services.set_model(actor, model, settings).await
}

async fn assign(services: &Services, actor: &Actor, sent: &Sent) -> Result<()> {
    let to = sent.get("to").trim();
    let to = if to.contains('@') {
        let found = services
            .users(actor, &PageRequest::default(), Some(to))
            .await?;
        found
            .results
            .first()
            .map(|user| Owner::User(user.id.clone()))
    } else {
        to.parse().ok().map(Owner::Organization)
    };
    let to = to.ok_or_else(|| Error::invalid("to", "there is no such person or organisation"))?;
    let former_owner = sent.get("former_owner").trim();
    let all = Assignment {
        to,
        jobs: Vec::new(),
        former_owner: (!former_owner.is_empty()).then(|| former_owner.to_owned()),
    };
    services.assign(actor, all).await.map(drop)
}

fn roles(sent: &Sent) -> Vec<Role> {
    let chosen = |role: &Role| sent.get(role.name()) == "yes";
    Role::ALL.into_iter().filter(chosen).collect()
}

/// Four numbers, or none when all are empty.
fn limits(sent: &Sent) -> Result<Option<Limits>> {
    const FIELDS: [&str; 4] = ["per_day", "per_month", "running", "children"];
    if FIELDS.iter().all(|field| sent.get(field).trim().is_empty()) {
        return Ok(None);
    }
    let mut faults = Vec::new();
    let [per_day, per_month, running, children] = FIELDS.map(|field| {
        sent.get(field).trim().parse().unwrap_or_else(|_| {
            faults.push(Fault::new(
                field,
                "give a whole number from 0, or leave all four empty",
            ));
            0
        })
    });
    hub::error::check(faults)?;
    Ok(Some(Limits {
        per_day,
        per_month,
        running,
        children,
    }))
}
