//! The forms of an organisation, as browsers send them.

use app::accounts::page::Outcome;
use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::post;
use hub::Error;
use hub::organization::MemberRole;

use super::accounts::{Forms, Sent, to};
use crate::problem::Problem;
use crate::session::Signed;

const PAGE: &str = "/organization";

/// Every form.
pub fn routes(forms: Forms) -> Router {
    Router::new()
        .route(PAGE, post(found))
        .route("/organization/invite", post(invite))
        .route("/organization/role", post(set_role))
        .route("/organization/remove", post(remove))
        .route("/join", post(join))
        .with_state(forms)
}

async fn found(State(forms): State<Forms>, Signed(actor): Signed, sent: Sent) -> Response {
    match forms.api.services.found(&actor, sent.get("name")).await {
        Ok(_) => to(PAGE, None),
        Err(refused) => forms.refused(PAGE, sent, refused).await,
    }
}

async fn invite(
    State(forms): State<Forms>,
    Signed(actor): Signed,
    sent: Sent,
) -> Result<Response, Problem> {
    let made = async {
        let role = role(&sent)?;
        let (token, _) = forms.api.services.invite(&actor, role).await?;
        let hub = forms.api.accounts()?.tokens.issuer();
        hub::Result::Ok(format!("{hub}/join?token={token}"))
    };
    Ok(match made.await {
        Ok(link) => {
            let outcome = Outcome {
                secret: Some(link),
                ..Outcome::default()
            };
            forms.page(PAGE, sent, outcome).await
        }
        Err(refused) => forms.refused(PAGE, sent, refused).await,
    })
}

async fn set_role(
    State(forms): State<Forms>,
    Signed(actor): Signed,
    sent: Sent,
) -> Result<Response, Problem> {
    let id = sent.get("id").parse().map_err(|_| Error::NotFound)?;
    let given = async { forms.api.services.set_role(&actor, &id, role(&sent)?).await };
    Ok(match given.await {
        Ok(()) => to(PAGE, None),
        Err(refused) => forms.refused(PAGE, sent, refused).await,
    })
}

async fn remove(
    State(forms): State<Forms>,
    Signed(actor): Signed,
    sent: Sent,
) -> Result<Response, Problem> {
    let id = sent.get("id").parse().map_err(|_| Error::NotFound)?;
    Ok(match forms.api.services.remove_member(&actor, &id).await {
        Ok(()) => to(PAGE, None),
        Err(refused) => forms.refused(PAGE, sent, refused).await,
    })
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
