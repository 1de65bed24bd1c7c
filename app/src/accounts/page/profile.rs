//! Who one is on one's own page: name, address, password, and the mails that one wants.

use hub::services::{Account, Post};
use leptos::either::Either;
use leptos::prelude::*;

use super::{EMAIL, Field, Outcome, password};

/// What cannot be changed, and the name.
pub fn profile(account: &Account, outcome: &Outcome) -> impl IntoView + use<> {
    let outcome = outcome.of("profile").or("name", &account.name);
    let name = Field {
        name: "name",
        label: "Name, as others in your organisation see it",
        kind: "text",
        autocomplete: "name",
    };
    view! {
        <dl class="facts">
            <div><dt>"Name"</dt><dd>{account.name.clone()}</dd></div>
            <div><dt>"E-mail"</dt><dd>{account.email.to_string()}</dd></div>
            <div><dt>"Since"</dt><dd>{account.created_at.day()}</dd></div>
        </dl>
        <section class="entry">
            <h2>"Name"</h2>
            <form class="ask" method="post" action="/account">
                <input type="hidden" name="act" value="profile" />
                {name.shown_as("own-name", &outcome)}
                <p class="send"><button class="button">"Change the name"</button></p>
            </form>
        </section>
    }
}

/// Mails beside those that one cannot do without.
pub fn notices(account: &Account, post: Post) -> impl IntoView + use<> {
    let on = account.notices.batch_ended;
    let form = if post.confirms() {
        Either::Left(view! {
            <form class="ask" method="post" action="/account">
                <input type="hidden" name="act" value="notices" />
                <label class="radio">
                    <input type="checkbox" name="batch_ended" value="on" checked=on />
                    "Mail me when a batch ends"
                </label>
                <p class="send"><button class="button">"Keep this"</button></p>
            </form>
        })
    } else {
        Either::Right(view! { <p class="help">"This hub sends no mail."</p> })
    };
    view! {
        <section class="entry">
            <h2>"Notices"</h2>
            {form}
        </section>
    }
}

/// Another address, where the hub has a way to see that it is one's own.
pub fn email(account: &Account, outcome: &Outcome, post: Post) -> impl IntoView + use<> {
    let outcome = outcome.of("email");
    let form = |outcome: &Outcome| {
        view! {
            <form class="ask" method="post" action="/account">
                <input type="hidden" name="act" value="email" />
                {EMAIL.shown_as("new-email", outcome)}
                {password("current", "Password", "current-password").shown_as("email-current", outcome)}
                <p class="send">
                    <button class="button">"Send a link there"</button>
                    <span class="help">"Nothing changes until it was followed."</span>
                </p>
            </form>
        }
    };
    let form = match (post, account.has_password) {
        (Post::None, _) => Either::Right("This hub sends no mail; ask whoever runs it."),
        (_, false) => Either::Right("It takes a password, and the account has none yet."),
        _ => Either::Left(form(&outcome)),
    };
    view! {
        <section class="entry">
            <h2>"Another e-mail address"</h2>
            {form.map_right(|words| view! { <p class="help">{words}</p> })}
        </section>
    }
}

/// Another password, or how to come to the first one.
pub fn change(account: &Account, outcome: &Outcome) -> impl IntoView + use<> {
    let outcome = outcome.of("password");
    let form = if account.has_password {
        Either::Left(view! {
            <form class="ask" method="post" action="/account">
                <input type="hidden" name="act" value="password" />
                {password("current", "Password now", "current-password").shown(&outcome)}
                {password("password", "New password, at least 10 characters", "new-password").shown(&outcome)}
                <p class="send">
                    <button class="button">"Change it"</button>
                    <span class="help">"Every other session ends."</span>
                </p>
            </form>
        })
    } else {
        Either::Right(view! {
            <p class="help">"You sign in elsewhere. To have a password too, " <a href="/reset">"ask for a link"</a> "."</p>
        })
    };
    view! {
        <section class="entry">
            <h2>"Password"</h2>
            {form}
        </section>
    }
}
