//! The forms of accounts.

use app::accounts::page::Outcome;
use app::address::own_path;
use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::post;
use hub::account::Notices;
use hub::services::{AccountChange, Confirmed, NewKey, SignUp, SignedUp};
use hub::session::KeyScope;
use hub::{Error, Result};

use super::forms::{Forms, Sent, said, to};
use crate::problem::Problem;
use crate::session::{From, Signed};

/// The page of one's account. All of its forms are sent there, so that the page that answers one stands at its address.
const ACCOUNT: &str = "/account";

/// Every form.
pub fn routes(forms: Forms) -> Router {
    Router::new()
        .route("/login", post(sign_in))
        .route("/signup", post(sign_up))
        .route("/logout", post(sign_out))
        .route("/reset", post(reset))
        .route("/verify", post(verify))
        .route(ACCOUNT, post(account))
        .with_state(forms)
}

async fn sign_in(
    State(forms): State<Forms>,
    From(visitor): From,
    mut sent: Sent,
) -> Result<Response, Problem> {
    let password = sent.take("password");
    let entered = async {
        let accounts = forms.api.accounts()?;
        let entered = forms
            .api
            .services
            .sign_in(sent.get("email"), password, &visitor)
            .await?;
        accounts.kept(&entered)
    };
    match entered.await {
        Ok(cookie) => Ok(to(own_path(sent.get("next")), Some(cookie))),
        Err(refused) => Ok(forms.refused("/login", sent, refused).await),
    }
}

async fn sign_up(
    State(forms): State<Forms>,
    From(visitor): From,
    mut sent: Sent,
) -> Result<Response, Problem> {
    let password = sent.take("password");
    let services = &forms.api.services;
    let entered = async {
        let accounts = forms.api.accounts()?;
        let form = SignUp {
            email: sent.get("email").to_owned(),
            password: password.clone(),
            name: sent.get("name").to_owned(),
        };
        match services.sign_up(form, &visitor).await? {
            SignedUp::Told => Ok(None),
            SignedUp::Made(_) => {
                let email = sent.get("email");
                let entered = services.sign_in(email, password, &visitor).await?;
                accounts.kept(&entered).map(Some)
            }
        }
    };
    match entered.await {
        Ok(Some(cookie)) => Ok(to("/", Some(cookie))),
        Ok(None) => Ok(forms.done("/signup", sent, LOOK).await),
        Err(refused) => Ok(forms.refused("/signup", sent, refused).await),
    }
}

/// What whoever asked for an account is told, whether or not there was one.
const LOOK: &str = "Look in your mail: what was sent to the address says how to go on.";
/// The same for whoever asked for another link.
const ON_ITS_WAY: &str = "If the address has an account that waits for it, a link is on its way.";

/// Confirms an address by a link, or asks for another link.
async fn verify(
    State(forms): State<Forms>,
    From(visitor): From,
    mut sent: Sent,
) -> Result<Response, Problem> {
    let accounts = forms.api.accounts()?;
    let services = &forms.api.services;
    if sent.get("token").is_empty() {
        let asked = services.request_confirmation(sent.get("email"), &visitor);
        return Ok(match asked.await {
            Ok(()) => forms.done("/verify", sent, ON_ITS_WAY).await,
            Err(refused) => forms.refused("/verify", sent, refused).await,
        });
    }
    let password = sent.take("password");
    let confirmed = services.confirm_address(sent.get("token"), password, &visitor);
    Ok(match confirmed.await {
        Ok(Confirmed::Entered(entered)) => to("/", Some(accounts.kept(&entered)?)),
        Ok(Confirmed::Moved) => to(ACCOUNT, None),
        Err(refused) => forms.refused("/verify", sent, refused).await,
    })
}

async fn sign_out(State(forms): State<Forms>, Signed(actor): Signed) -> Result<Response, Problem> {
    let forgotten = forms.api.accounts()?.forgotten()?;
    forms.api.services.sign_out(&actor).await?;
    Ok(to("/login", Some(forgotten)))
}

async fn reset(
    State(forms): State<Forms>,
    From(visitor): From,
    mut sent: Sent,
) -> Result<Response, Problem> {
    forms.api.accounts()?;
    let services = &forms.api.services;
    if sent.get("token").is_empty() {
        let asked = services.request_reset(sent.get("email"), &visitor);
        return Ok(match asked.await {
            Ok(()) => {
                forms
                    .done(
                        "/reset",
                        sent,
                        "If the address has an account, a link to a new password is on its way.",
                    )
                    .await
            }
            Err(refused) => forms.refused("/reset", sent, refused).await,
        });
    }
    let password = sent.take("password");
    Ok(
        match services
            .reset_password(sent.get("token"), password, &visitor)
            .await
        {
            Ok(()) => {
                sent.clear();
                forms
                    .done("/login", sent, "The password is changed. Sign in with it.")
                    .await
            }
            Err(refused) => forms.refused("/reset", sent, refused).await,
        },
    )
}

async fn account(
    State(forms): State<Forms>,
    Signed(actor): Signed,
    From(visitor): From,
    mut sent: Sent,
) -> Result<Response, Problem> {
    let services = &forms.api.services;
    let outcome = match sent.get("act") {
        "password" => {
            let (current, new) = (sent.take("current"), sent.take("password"));
            let changed = services
                .change_password(&actor, current, new, &visitor)
                .await;
            changed.map(|()| said("The password is changed; every other session has ended."))
        }
        "profile" => {
            let change = AccountChange {
                name: Some(sent.get("name").to_owned()),
                notices: None,
            };
            let changed = services.change_account(&actor, change).await;
            changed.map(|()| said("Your name is changed."))
        }
        "notices" => {
            let notices = Notices {
                batch_ended: sent.get("batch_ended") == "on",
            };
            let change = AccountChange {
                name: None,
                notices: Some(notices),
            };
            let changed = services.change_account(&actor, change).await;
            changed.map(|()| said("That is noted."))
        }
        "email" => {
            let current = sent.take("current");
            let asked = services.request_move(&actor, current, sent.get("email"), &visitor);
            asked.await.map(|()| {
                said("A mail is on its way to the new address; it says how to go on. Until then nothing changes.")
            })
        }
        "key" => match wanted_key(&sent) {
            Ok(wanted) => services.create_key(&actor, wanted).await.map(|made| {
                sent.clear();
                Outcome {
                    secret: made.key,
                    ..Outcome::default()
                }
            }),
            Err(refused) => Err(refused),
        },
        "remove-key" => {
            let id = sent.get("id").parse().map_err(|_| Error::NotFound)?;
            services.remove_key(&actor, &id).await?;
            return Ok(to(ACCOUNT, None));
        }
        "end-session" => {
            let id = sent.get("id").parse().map_err(|_| Error::NotFound)?;
            services.end_session(&actor, &id).await?;
            return Ok(to(ACCOUNT, None));
        }
        _ => return Err(Error::bad_request("act", "there is no such form").into()),
    };
    Ok(match outcome {
        Ok(outcome) => forms.page(ACCOUNT, sent, outcome).await,
        Err(refused) => forms.refused(ACCOUNT, sent, refused).await,
    })
}

fn wanted_key(sent: &Sent) -> Result<NewKey> {
    let days =
        match sent.get("days") {
            "" => None,
            days => Some(days.parse().map_err(|_| {
                Error::invalid("expires_in_days", "choose for how many days it holds")
            })?),
        };
    Ok(NewKey {
        name: sent.get("name").to_owned(),
        scope: if sent.get("scope") == "write" {
            KeyScope::Write
        } else {
            KeyScope::Read
        },
        expires_in_days: days,
    })
}
