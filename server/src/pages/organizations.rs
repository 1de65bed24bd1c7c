//! The forms of an organisation, as browsers send them.

use app::accounts::page::Outcome;
use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::post;
use hub::Error;
use hub::actor::Actor;
use hub::id::UserId;
use hub::organization::MemberRole;

use super::forms::{Forms, Sent, to};
use crate::session::Signed;

const PAGE: &str = "/organization";

/// Every form.
pub fn routes(forms: Forms) -> Router {
    Router::new()
        .route(PAGE, post(organization))
        .route("/join", post(join))
        .with_state(forms)
}

async fn organization(State(forms): State<Forms>, Signed(actor): Signed, sent: Sent) -> Response {
    let services = &forms.api.services;
    let done = match sent.get("act") {
        "found" => services.found(&actor, sent.get("name")).await.map(drop),
        "invite" => return invite(forms, &actor, sent).await,
        "role" => match (member(&sent), role(&sent)) {
            (Ok(id), Ok(role)) => services.set_role(&actor, &id, role).await,
            (Err(error), _) | (_, Err(error)) => Err(error),
        },
        "remove" => match member(&sent) {
            Ok(id) => services.remove_member(&actor, &id).await,
            Err(error) => Err(error),
        },
        "end" => services.end_organization(&actor, sent.get("ending")).await,
        _ => Err(Error::bad_request("act", "there is no such form")),
    };
    match done {
        Ok(()) => to(PAGE, None),
        Err(refused) => forms.refused(PAGE, sent, refused).await,
    }
}

async fn invite(forms: Forms, actor: &Actor, sent: Sent) -> Response {
    let made = async {
        let (token, _) = forms.api.services.invite(actor, role(&sent)?).await?;
        let hub = forms.api.accounts()?.tokens.issuer();
        hub::Result::Ok(format!("{hub}/join?token={token}"))
    };
    match made.await {
        Ok(link) => {
            let outcome = Outcome {
                secret: Some(link),
                ..Outcome::default()
            };
            forms.page(PAGE, sent, outcome).await
        }
        Err(refused) => forms.refused(PAGE, sent, refused).await,
    }
}

fn member(sent: &Sent) -> hub::Result<UserId> {
    sent.get("id").parse().map_err(|_| Error::NotFound)
}

async fn join(State(forms): State<Forms>, Signed(actor): Signed, sent: Sent) -> Response {
    match forms.api.services.join(&actor, sent.get("token")).await {
        Ok(_) => to(PAGE, None),
        Err(refused) => forms.refused("/join", sent, refused).await,
    }
}

fn role(sent: &Sent) -> hub::Result<MemberRole> {
    let named = MemberRole::ALL
        .into_iter()
        .find(|role| role.name() == sent.get("role"));
    named.ok_or_else(|| Error::invalid("role", "there is no such role"))
}
