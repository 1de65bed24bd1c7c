//! The page on which a link is made: what it will show first, then the link, once.

use axum::http::header::SET_COOKIE;
use axum::http::request::Parts;
use hub::actor::Actor;
use hub::job::SharedWithOrganization;
use hub::list::{ChildrenQuery, JobDetail, JobRow, MAX_CHILDREN_PER_PAGE};
use hub::services::Services;
use hub::share::{MAX_PASSWORD, MIN_PASSWORD, ShareRequest, USUAL_DAYS};
use hub::{Error, Result};
use leptos::prelude::*;
use leptos_axum::ResponseOptions;

use crate::cookie::{self, Cookie, SameSite};
use crate::frame::Breadcrumbs;
use crate::jobs::page::read;
use crate::jobs::row::href;
use crate::number;
use crate::served::{Page, write};
use crate::time;

/// The cookie that carries a new link from the form to the page that shows it, and is taken back there.
const MADE: &str = "made-link";
/// Seconds that it takes at most.
const MADE_S: i64 = 60;
/// How long a link may hold: days and words.
const CHOICES: [(&str, &str); 6] = [
    ("1", "1 day"),
    ("7", "7 days"),
    ("30", "30 days"),
    ("90", "90 days"),
    ("365", "1 year"),
    ("never", "until it is revoked"),
];

/// The form as it is sent.
pub struct Form {
    /// What to show.
    pub id: String,
    /// Days, or `never`.
    pub expires: String,
    /// How many of the best ligands only; all when empty.
    pub best: String,
    /// The password; none when empty.
    pub password: String,
}

/// The page of the form.
pub async fn page(services: &Services, actor: &Actor, id: &str) -> Result<Page> {
    let id = read::id(id)?;
    let job = services.job(actor, &id).await?;
    let shown = services.organization_share(actor, &id).await?;
    let told = services.told_name(actor).await?;
    let made = take_made(&format!("/jobs/{id}/share"));
    let of_organization = actor.member.is_some() && job.row.batch_id.is_none();
    let organization = of_organization.then(|| organization(&job.row, shown));
    let own = href(&job.row);
    let view = view! {
        <Breadcrumbs above=vec![(job.row.name.clone(), own)] here="Share" />
        <section class="confirm share">
            <h1>{format!("Share “{}”", job.row.name)}</h1>
            {made.map(link)}
            {what(&job, &told)}
            {form(&job.row)}
            {organization}
            <p><a href="/shares">"All my links"</a></p>
        </section>
    };
    Ok(write::still(format!("Share: {}", job.row.name), view))
}

/// What will be seen, before anybody sees it.
fn what(job: &JobDetail, told: &str) -> impl IntoView + use<> {
    let subject = match &job.row.batch {
        Some(batch) => format!(
            "this batch with its {}, or with the best of them that you ask for below",
            number::count(batch.total, "ligand")
        ),
        None => "this job".to_owned(),
    };
    let target = job
        .input
        .target()
        .map(|target| format!(", the target {}", target.title()))
        .unwrap_or_default();
    view! {
        <p>{format!("Whoever has the link sees {subject}, as it stands then:")}</p>
        <ul>
            <li>"its name and its inputs: names and SMILES of ligands, columns that came with them" {target}</li>
            <li>"scores, poses and how they were made"</li>
            <li>"files of the result, to be downloaded, without the log of the run"</li>
            <li>{format!("who shared it: “{told}”")}</li>
        </ul>
        <p>"Nobody sees your e-mail address or any other job, and nobody can change anything."</p>
    }
}

fn form(job: &JobRow) -> impl IntoView + use<> {
    let usual = USUAL_DAYS.to_string();
    let choices: Vec<_> = CHOICES
        .iter()
        .map(|(value, words)| view! { <option value=*value selected=*value == usual>{*words}</option> })
        .collect();
    let total = job.batch.as_ref().map_or(0, |batch| batch.total);
    let best = (total > 1).then(|| {
        view! {
            <fieldset>
                <label for="best">"Only the best so many ligands; all when empty"</label>
                <input id="best" type="number" name="best" min="1" max=total.min(MAX_CHILDREN_PER_PAGE).to_string() />
            </fieldset>
        }
    });
    view! {
        <form class="ask" method="post" action="/api/shares/create" autocomplete="off">
            <input type="hidden" name="id" value=job.id.to_string() />
            <fieldset>
                <label for="expires">"The link holds for"</label>
                <select id="expires" name="expires">{choices}</select>
            </fieldset>
            {best}
            <fieldset>
                <label for="password">{format!("Password; none when empty, else {MIN_PASSWORD} characters or more")}</label>
                <input
                    id="password"
                    type="password"
                    name="password"
                    minlength=MIN_PASSWORD.to_string()
                    maxlength=MAX_PASSWORD.to_string()
                    autocomplete="new-password"
                />
            </fieldset>
            <div class="send">
                <button class="button primary">"Make a link"</button>
                <a class="button" href=href(job)>"Back"</a>
            </div>
        </form>
    }
}

/// The link, told once.
fn link(url: String) -> impl IntoView {
    view! {
        <div class="notice done" role="status">
            <p>"This is the link. It is shown only now: copy it."</p>
            <p>
                <code class="long" id="link">{url.clone()}</code> " "
                <button type="button" class="button needs-script" data-copy=url>"Copy"</button>
            </p>
        </div>
    }
}

fn organization(job: &JobRow, shown: Option<SharedWithOrganization>) -> impl IntoView + use<> {
    let (said, verb, next) = match &shown {
        Some(shown) => (
            format!("Your organisation sees it since {}.", time::exact(shown.at)),
            "Make it private",
            "false",
        ),
        None => (
            "It is private: of your organisation only you and its admins see it.".to_owned(),
            "Share with the organisation",
            "true",
        ),
    };
    view! {
        <h2>"Your organisation"</h2>
        <p>{said}</p>
        <form method="post" action="/api/shares/organization">
            <input type="hidden" name="id" value=job.id.to_string() />
            <button class="button" name="shared" value=next>{verb}</button>
        </form>
    }
}

/// Makes the link that a form asks for and leads back to the form's page, which shows it.
pub async fn create(services: &Services, actor: &Actor, form: Form) -> Result<()> {
    let id = read::id(&form.id)?;
    let expires_in_days = match form.expires.as_str() {
        "never" => None,
        days => Some(
            days.parse()
                .map_err(|_| Error::invalid("expires", "choose how long the link holds"))?,
        ),
    };
    let request = ShareRequest {
        selection: match form.best.trim() {
            "" => None,
            best => Some(best_of(services, actor, &id, best).await?),
        },
        job_id: id.clone(),
        expires_in_days,
        password: Some(form.password).filter(|password| !password.is_empty()),
    };
    let made = services.create_share(actor, request).await?;
    let back = format!("/jobs/{id}/share");
    set_cookie(&back, &made.url, MADE_S, made.url.starts_with("https:"));
    leptos_axum::redirect(&back);
    Ok(())
}

/// The best ligands of a batch, as many as one page of children holds at most.
async fn best_of(
    services: &Services,
    actor: &Actor,
    id: &hub::id::JobId,
    best: &str,
) -> Result<Vec<hub::id::JobId>> {
    let limit = best
        .parse()
        .ok()
        .filter(|best| (1..=MAX_CHILDREN_PER_PAGE).contains(best));
    let limit = limit.ok_or_else(|| {
        Error::invalid(
            "best",
            format!(
                "say how many ligands, 1 to {MAX_CHILDREN_PER_PAGE}, or leave it empty to share all"
            ),
        )
    })?;
    let query = ChildrenQuery {
        limit,
        ..ChildrenQuery::default()
    };
    let rows = services.children(actor, id, &query).await?.results;
    Ok(rows.into_iter().map(|row| row.id).collect())
}

/// The link that was just made, taken out of its cookie.
fn take_made(path: &str) -> Option<String> {
    let parts = use_context::<Parts>()?;
    let made = cookie::read(&parts.headers, MADE)?.to_owned();
    set_cookie(path, "", 0, made.starts_with("https:"));
    Some(made)
}

fn set_cookie(path: &str, value: &str, seconds: i64, secure: bool) {
    let cookie = Cookie {
        name: MADE,
        value,
        path,
        seconds,
        same_site: SameSite::Strict,
        secure,
    };
    if let (Some(options), Ok(cookie)) = (use_context::<ResponseOptions>(), cookie.header()) {
        options.append_header(SET_COOKIE, cookie);
    }
}
