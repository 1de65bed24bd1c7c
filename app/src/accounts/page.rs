//! The pages of accounts. Their forms are sent to the addresses that they stand at and work without script; a form that
//! was refused is shown again with what is wrong at its fields.

mod links;
mod own;
mod profile;

use hub::search::query_string;
use hub::services::Services;
use hub::{Error, Result};
use leptos::either::Either;
use leptos::prelude::*;

use crate::address::Address;
use crate::new::page::field::{Faults, described, fault};
use crate::served::{Page, write};
use crate::side::set_status;

pub use links::{reset, verify};
pub use own::account;

/// What became of the form that was sent to a page; given as context to the page that answers it.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// What was filled in, without passwords.
    pub values: Vec<(String, String)>,
    /// Why it was refused.
    pub refused: Option<Error>,
    /// What was done, in words.
    pub done: Option<&'static str>,
    /// The text of a key or link that was made, shown this once.
    pub secret: Option<String>,
}

impl Outcome {
    /// The outcome of the form that is answered, and its status on the answer.
    pub(crate) fn taken() -> Self {
        let outcome = use_context::<Self>().unwrap_or_default();
        if let Some(refused) = &outcome.refused {
            set_status(refused.status());
        }
        outcome
    }

    pub(crate) fn value(&self, name: &str) -> String {
        let found = self.values.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.clone()).unwrap_or_default()
    }

    /// The same when it is that of one of several forms on a page, else that of none.
    pub(crate) fn of(&self, act: &str) -> Self {
        if self.value("act") == act {
            self.clone()
        } else {
            Self::default()
        }
    }

    /// With what stands in a field that was not sent.
    pub(crate) fn or(mut self, name: &str, value: &str) -> Self {
        if self.values.iter().all(|(known, _)| known != name) {
            self.values.push((name.to_owned(), value.to_owned()));
        }
        self
    }

    pub(crate) fn faults(&self) -> Faults {
        Faults(
            self.refused
                .as_ref()
                .map(|error| error.faults().to_vec())
                .unwrap_or_default(),
        )
    }

    /// What is wrong with no field in particular, or what was done.
    pub(crate) fn said(&self) -> impl IntoView + use<> {
        match &self.refused {
            Some(error) if error.faults().is_empty() => Some(Either::Left(
                view! { <div class="notice failed" role="alert"><p>{error.to_string()}</p></div> },
            )),
            _ => self.done.map(|done| {
                Either::Right(view! { <div class="notice done" role="status"><p>{done}</p></div> })
            }),
        }
    }
}

/// A field with its label; its fault is told beside it.
pub(crate) struct Field {
    pub name: &'static str,
    pub label: &'static str,
    pub kind: &'static str,
    /// What browsers and password managers fill in.
    pub autocomplete: &'static str,
}

impl Field {
    pub fn shown(self, outcome: &Outcome) -> impl IntoView + use<> {
        let id = self.name;
        self.shown_as(id, outcome)
    }

    /// With an id of its own, where another form of the page has a field of that name.
    pub fn shown_as(self, id: &'static str, outcome: &Outcome) -> impl IntoView + use<> {
        let wrong = outcome.faults().at(self.name);
        let value = if self.kind == "password" {
            String::new()
        } else {
            outcome.value(self.name)
        };
        view! {
            <div>
                <label for=id>{self.label}</label>
                <input
                    id=id
                    name=self.name
                    type=self.kind
                    value=value
                    autocomplete=self.autocomplete
                    required
                    aria-invalid=wrong.is_some().then_some("true")
                    aria-describedby=described(id, &wrong)
                />
                {fault(id, wrong)}
            </div>
        }
    }
}

const EMAIL: Field = Field {
    name: "email",
    label: "E-mail",
    kind: "email",
    autocomplete: "username",
};

fn password(name: &'static str, label: &'static str, autocomplete: &'static str) -> Field {
    Field {
        name,
        label,
        kind: "password",
        autocomplete,
    }
}

/// Signing in, and what the hub is for those who do not know.
pub fn sign_in(services: &Services, address: &Address) -> Result<Page> {
    let outcome = Outcome::taken();
    // The one thing that is forbidden here: to come in with an address that is not confirmed.
    let unconfirmed = matches!(outcome.refused, Some(Error::Forbidden(_)));
    let next = match outcome.value("next") {
        empty if empty.is_empty() => address.get("next").to_owned(),
        next => next,
    };
    let elsewhere = services.settings().elsewhere.clone();
    let elsewhere = elsewhere.map(|there| sign_in_elsewhere(&there, &next));
    let view = view! {
        <section class="entry">
            <h1>"Sign in"</h1>
            <p>"OMTX-Hub docks ligands for you, one at a time or thousands, and ranks what comes out."</p>
            {outcome.said()}
            {unconfirmed.then(|| another_link(outcome.value("email")))}
            {elsewhere}
            <form class="ask" method="post" action="/login">
                <input type="hidden" name="next" value=next />
                {EMAIL.shown(&outcome)}
                {password("password", "Password", "current-password").shown(&outcome)}
                <p class="send"><button class="button primary">"Sign in"</button></p>
            </form>
            <p><a href="/signup">"Make an account"</a> " · " <a href="/reset">"I forgot my password"</a></p>
        </section>
    };
    Ok(write::still("Sign in", view))
}

/// The way to another service, which leads back.
fn sign_in_elsewhere(there: &str, next: &str) -> impl IntoView + use<> {
    let way = query_string(&[("next".to_owned(), next.to_owned())]);
    view! {
        <p>
            <a class="button" rel="external" href=format!("/openid/start?{way}")>{format!("Sign in with {there}")}</a>
        </p>
    }
}

/// For whoever has lost the link that confirms the address.
fn another_link(email: String) -> impl IntoView + use<> {
    view! {
        <form method="post" action="/verify">
            <input type="hidden" name="email" value=email />
            <p><button class="button">"Send another link"</button></p>
        </form>
    }
}

/// Making an account.
pub fn sign_up() -> Result<Page> {
    let outcome = Outcome::taken();
    let name = Field {
        name: "name",
        label: "Name, as others in your organisation see it",
        kind: "text",
        autocomplete: "name",
    };
    let form = outcome.done.is_none().then(|| {
        view! {
            <form class="ask" method="post" action="/signup">
                {EMAIL.shown(&outcome)}
                {name.shown(&outcome)}
                {password("password", "Password, at least 10 characters", "new-password").shown(&outcome)}
                <p class="send"><button class="button primary">"Make the account"</button></p>
            </form>
        }
    });
    let view = view! {
        <section class="entry">
            <h1>"Make an account"</h1>
            {outcome.said()}
            {form}
            <p><a href="/login">"I have an account"</a></p>
        </section>
    };
    Ok(write::still("Make an account", view))
}
