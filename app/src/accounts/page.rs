//! The pages of accounts. Their forms are sent to the addresses that they stand at and work without script; a form that
//! was refused is shown again with what is wrong at its fields.

mod own;

use hub::Result;
use leptos::either::Either;
use leptos::prelude::*;

use crate::address::Address;
use crate::new::page::field::{Faults, described, fault};
use crate::served::{Page, write};
use crate::side::set_status;

pub use own::account;

/// What became of the form that was sent to a page; given as context to the page that answers it.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// What was filled in, without passwords.
    pub values: Vec<(String, String)>,
    /// Why it was refused.
    pub refused: Option<hub::Error>,
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
        let wrong = outcome.faults().at(self.name);
        let value = if self.kind == "password" {
            String::new()
        } else {
            outcome.value(self.name)
        };
        view! {
            <div>
                <label for=self.name>{self.label}</label>
                <input
                    id=self.name
                    name=self.name
                    type=self.kind
                    value=value
                    autocomplete=self.autocomplete
                    required
                    aria-invalid=wrong.is_some().then_some("true")
                    aria-describedby=described(self.name, &wrong)
                />
                {fault(self.name, wrong)}
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
pub fn sign_in(address: &Address) -> Result<Page> {
    let outcome = Outcome::taken();
    let next = match outcome.value("next") {
        empty if empty.is_empty() => address.get("next").to_owned(),
        next => next,
    };
    let view = view! {
        <section class="entry">
            <h1>"Sign in"</h1>
            <p>"OMTX-Hub docks ligands for you, one at a time or thousands, and ranks what comes out."</p>
            {outcome.said()}
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

/// Making an account.
pub fn sign_up() -> Result<Page> {
    let outcome = Outcome::taken();
    let name = Field {
        name: "name",
        label: "Name, as others in your organisation see it",
        kind: "text",
        autocomplete: "name",
    };
    let view = view! {
        <section class="entry">
            <h1>"Make an account"</h1>
            {outcome.said()}
            <form class="ask" method="post" action="/signup">
                {EMAIL.shown(&outcome)}
                {name.shown(&outcome)}
                {password("password", "Password, at least 10 characters", "new-password").shown(&outcome)}
                <p class="send"><button class="button primary">"Make the account"</button></p>
            </form>
            <p><a href="/login">"I have an account"</a></p>
        </section>
    };
    Ok(write::still("Make an account", view))
}

/// A new password: asking for a link, or following one.
pub fn reset(address: &Address) -> Result<Page> {
    let outcome = Outcome::taken();
    let token = match outcome.value("token") {
        empty if empty.is_empty() => address.get("token").to_owned(),
        token => token,
    };
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
    let view = view! {
        <section class="entry">
            <h1>"A new password"</h1>
            {outcome.said()}
            {form}
            <p><a href="/login">"Sign in"</a></p>
        </section>
    };
    Ok(write::still("A new password", view))
}
