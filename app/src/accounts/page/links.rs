//! The pages that links of mails lead to, and where one asks for such a link: a new password, an address that is to be
//! confirmed.

use hub::{Error, Result};
use leptos::either::Either;
use leptos::prelude::*;

use super::{EMAIL, Outcome, password};
use crate::address::Address;
use crate::served::{Page, write};

/// The token of the link that was followed, or of the form that is answered.
fn token(outcome: &Outcome, address: &Address) -> String {
    match outcome.value("token") {
        empty if empty.is_empty() => address.get("token").to_owned(),
        token => token,
    }
}

/// A new password: asking for a link, or following one.
pub fn reset(address: &Address) -> Result<Page> {
    let outcome = Outcome::taken();
    let token = token(&outcome, address);
    let form = if token.is_empty() {
        Either::Left(view! {
            <p>"A link is sent to the address; it is good for an hour."</p>
            <form class="ask" method="post" action="/reset">
                {EMAIL.shown(&outcome)}
                <p class="send"><button class="button primary">"Send the link"</button></p>
            </form>
        })
    } else {
        Either::Right(view! {
            <form class="ask" method="post" action="/reset">
                <input type="hidden" name="token" value=token />
                {password("password", "New password, at least 10 characters", "new-password").shown(&outcome)}
                <p class="send"><button class="button primary">"Take this password"</button></p>
            </form>
        })
    };
    Ok(page("A new password", &outcome, form))
}

/// Confirming an address: following a link, which changes nothing until the button is pressed, or asking for another.
pub fn verify(address: &Address) -> Result<Page> {
    let outcome = Outcome::taken();
    let token = token(&outcome, address);
    let is_void = matches!(outcome.refused, Some(Error::Conflict(_)));
    let form = if token.is_empty() || is_void {
        Either::Left(view! {
            <p>"A link is sent to the address; it is good for a day."</p>
            <form class="ask" method="post" action="/verify">
                {EMAIL.shown(&outcome)}
                <p class="send"><button class="button primary">"Send another link"</button></p>
            </form>
        })
    } else {
        Either::Right(view! {
            <p>
                "This says that the address is yours. The password shows that the account is yours too, and was not made by somebody "
                "else with your address. If you asked for none, close this page, and nothing happens."
            </p>
            <form class="ask" method="post" action="/verify">
                <input type="hidden" name="token" value=token />
                {password("password", "Password of the account", "current-password").shown(&outcome)}
                <p class="send"><button class="button primary">"Confirm the address"</button></p>
            </form>
            <p><a href="/reset">"Take a new password"</a> ", which confirms the address as well."</p>
        })
    };
    Ok(page("Your address", &outcome, form))
}

fn page(title: &'static str, outcome: &Outcome, form: impl IntoView + 'static) -> Page {
    let view = view! {
        <section class="entry">
            <h1>{title}</h1>
            {outcome.said()}
            {form.into_any()}
            <p><a href="/login">"Sign in"</a></p>
        </section>
    };
    write::still(title, view)
}
