//! What answers under `/s`: the pages and files of links, to whoever has one. It knows no actor, only tokens, and answers
//! every token that lets nobody in alike.

use app::address::Address;
use app::cookie::{self, Cookie, SameSite};
use app::shares::card::Card;
use app::shares::document::{Link, document};
use app::shares::page;
use app::shell::policy;
use axum::Router;
use axum::extract::{Form, Path, Request, State};
use axum::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use axum::http::{Method, StatusCode, Uri};
use axum::middleware::{self, Next};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use hub::id::{JobId, random_text};
use hub::services::{Opened, Pass, Services, Shared};
use hub::share::is_bot;
use hub::{Error, Result};
use leptos::config::LeptosOptions;
use leptos::prelude::IntoView;
use serde::Deserialize;

use crate::api::exports::{format, stream};
use crate::api::read::Query;
use crate::problem::Problem;
use crate::router::wrong_method;

mod preview;

const ROBOTS: HeaderName = HeaderName::from_static("x-robots-tag");
/// The cookie of a reader who knew the password.
const PASS: &str = "pass";

/// What handlers of links share.
#[derive(Clone)]
pub struct Readers {
    /// The use cases.
    pub services: Services,
    /// Names and places of the built bundle.
    pub leptos_options: LeptosOptions,
    /// Scheme and host that a link begins with.
    pub public: String,
}

/// Every address of a link.
pub fn routes(readers: Readers) -> Router {
    Router::new()
        .route("/{token}", get(whole))
        .route("/{token}/unlock", post(unlock))
        .route("/{token}/preview.png", get(image))
        .route("/{token}/export", get(export))
        .route("/{token}/files/{name}", get(file))
        .route("/{token}/jobs/{id}", get(child))
        .route("/{token}/jobs/{id}/files/{name}", get(file_of_child))
        .fallback(nowhere)
        .method_not_allowed_fallback(wrong_method)
        .layer(middleware::from_fn_with_state(readers.clone(), guard))
        .with_state(readers)
}

/// Tells robots to keep nothing of it, whatever is answered. No address of a link has an escape: what has one is not
/// even read.
async fn guard(State(readers): State<Readers>, request: Request, next: Next) -> Response {
    let mut response = if request.uri().path().contains('%') {
        nowhere(State(readers)).await
    } else {
        next.run(request).await
    };
    response
        .headers_mut()
        .insert(ROBOTS, HeaderValue::from_static("noindex, nofollow"));
    response
}

/// `GET /s/{token}`: the job or batch.
async fn whole(
    State(readers): State<Readers>,
    Path(token): Path<String>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let answer = async {
        let Opened::Shown(shared) = readers.open(&token, &headers).await? else {
            return Ok(readers.ask_for_password(&token, None));
        };
        let address = Address::new(base(&token), uri.query().unwrap_or_default());
        let content = page::shared(&readers.services, &shared, &address).await?;
        let card = page::card(&readers.services, &shared).await?;
        if method == Method::GET && !is_bot(text_of(&headers, header::USER_AGENT)) {
            // Whoever reads is not to wait for a count that cannot be kept.
            if let Err(failed) = readers.services.count_view(&shared).await {
                tracing::warn!(cause = ?failed, share = %shared.share.id, "a view was not counted");
            }
        }
        Ok(readers.show(&token, &shared, &content, &card))
    };
    readers.told(answer.await)
}

/// `GET /s/{token}/jobs/{id}`: one ligand of a batch.
async fn child(
    State(readers): State<Readers>,
    Path((token, id)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    let answer = async {
        let Opened::Shown(shared) = readers.open(&token, &headers).await? else {
            return Ok(readers.ask_for_password(&token, None));
        };
        let address = Address::new(base(&token), "");
        let content = page::job(&readers.services, &shared, &job_id(&id)?, &address).await?;
        let card = page::card(&readers.services, &shared).await?;
        Ok(readers.show(&token, &shared, &content, &card))
    };
    readers.told(answer.await)
}

/// What the form of a link with a password sends.
#[derive(Deserialize)]
struct Unlock {
    #[serde(default)]
    password: String,
}

/// `POST /s/{token}/unlock`: leads on to the page with a pass, or asks again.
async fn unlock(
    State(readers): State<Readers>,
    Path(token): Path<String>,
    Form(form): Form<Unlock>,
) -> Response {
    let answer = async {
        match readers.services.unlock_share(&token, form.password).await {
            Ok(pass) => {
                let cookie = readers.cookie(&token, &pass);
                let to = HeaderValue::try_from(base(&token)).map_err(Error::internal)?;
                let headers = [(header::LOCATION, to), (header::SET_COOKIE, cookie?)];
                Ok((StatusCode::SEE_OTHER, headers).into_response())
            }
            Err(refused @ (Error::Forbidden(_) | Error::LimitReached { .. })) => {
                Ok(readers.ask_for_password(&token, Some(&refused)))
            }
            Err(failed) => Err(failed),
        }
    };
    readers.told(answer.await)
}

/// `GET /s/{token}/preview.png`: what chat programs show.
async fn image(
    State(readers): State<Readers>,
    Path(token): Path<String>,
    headers: HeaderMap,
) -> Response {
    let answer = async {
        let card = match readers.open(&token, &headers).await? {
            Opened::Shown(shared) => page::card(&readers.services, &shared).await?,
            Opened::Locked => Card::locked(),
        };
        let drawn = tokio::task::spawn_blocking(move || preview::png(&card));
        let png = drawn.await.map_err(Error::internal)??;
        let kind = HeaderValue::from_static("image/png");
        Ok(([(header::CONTENT_TYPE, kind)], png).into_response())
    };
    readers.told(answer.await)
}

/// `GET /s/{token}/export?format=`
async fn export(
    State(readers): State<Readers>,
    Path(token): Path<String>,
    query: Query,
    headers: HeaderMap,
) -> Response {
    let answer = async {
        let shared = readers.unlocked(&token, &headers).await?;
        let export = readers.services.shared_export(&shared, format(&query)?);
        Ok(stream(export.await?))
    };
    readers.told(answer.await)
}

/// `GET /s/{token}/files/{name}`: a file of the shared job.
async fn file(
    State(readers): State<Readers>,
    Path((token, name)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    let answer = async {
        let shared = readers.unlocked(&token, &headers).await?;
        let file = readers
            .services
            .shared_file(&shared, &shared.share.job_id, &name);
        Ok(stream(file.await?))
    };
    readers.told(answer.await)
}

/// `GET /s/{token}/jobs/{id}/files/{name}`: a file of one ligand of a batch.
async fn file_of_child(
    State(readers): State<Readers>,
    Path((token, id, name)): Path<(String, String, String)>,
    headers: HeaderMap,
) -> Response {
    let answer = async {
        let shared = readers.unlocked(&token, &headers).await?;
        let id = job_id(&id)?;
        let file = readers.services.shared_file(&shared, &id, &name);
        Ok(stream(file.await?))
    };
    readers.told(answer.await)
}

async fn nowhere(State(readers): State<Readers>) -> Response {
    readers.told(Err(Error::NotFound))
}

impl Readers {
    async fn open(&self, token: &str, headers: &HeaderMap) -> Result<Opened> {
        let pass = cookie::read(headers, PASS);
        self.services.open_share(token, pass).await
    }

    /// What is shared, for what cannot ask for a password itself.
    async fn unlocked(&self, token: &str, headers: &HeaderMap) -> Result<Box<Shared>> {
        match self.open(token, headers).await? {
            Opened::Shown(shared) => Ok(shared),
            Opened::Locked => Err(Error::forbidden(
                "this link has a password: open its page first",
            )),
        }
    }

    /// The pass as a cookie of this link alone.
    fn cookie(&self, token: &str, pass: &Pass) -> Result<HeaderValue> {
        let cookie = Cookie {
            name: PASS,
            value: &pass.text,
            path: &base(token),
            seconds: pass.seconds,
            same_site: SameSite::Lax,
            secure: self.public.starts_with("https:"),
        };
        cookie.header()
    }

    fn link(&self, token: &str) -> Link {
        let url = format!("{}{}", self.public, base(token));
        Link {
            image: format!("{url}/preview.png"),
            url,
        }
    }

    fn show(&self, token: &str, shared: &Shared, content: &page::Content, card: &Card) -> Response {
        let title = match content {
            page::Content::Batch(batch, _) => &batch.row.name,
            page::Content::Job(job) => &job.row.name,
        };
        let link = self.link(token);
        let shown = || page::shown(shared, content);
        self.page(StatusCode::OK, title, Some((card, &link)), shown)
    }

    fn page<V: IntoView>(
        &self,
        status: StatusCode,
        title: &str,
        told: Option<(&Card, &Link)>,
        content: impl FnOnce() -> V,
    ) -> Response {
        let nonce = random_text();
        let page = document(&self.leptos_options, &nonce, title, told, content);
        let mut response = (status, Html(page)).into_response();
        let policy = HeaderValue::try_from(policy(&nonce));
        let headers = response.headers_mut();
        headers.extend(
            policy
                .ok()
                .map(|policy| (header::CONTENT_SECURITY_POLICY, policy)),
        );
        response
    }

    /// The form of a link with a password; with a status of its own when what was sent was refused.
    fn ask_for_password(&self, token: &str, refused: Option<&Error>) -> Response {
        let status = refused.and_then(|refused| StatusCode::from_u16(refused.status()).ok());
        let status = status.unwrap_or(StatusCode::OK);
        let refused = refused.map(Error::to_string);
        let (card, link) = (Card::locked(), self.link(token));
        let form = || page::locked(&base(token), refused);
        let told = Some((&card, &link));
        self.page(status, &card.title, told, form)
    }

    /// The answer, or the one page that says that nothing is there.
    fn told(&self, answer: Result<Response>) -> Response {
        match answer {
            Ok(response) => response,
            Err(Error::NotFound) => {
                self.page(StatusCode::NOT_FOUND, "Not found", None, page::nowhere)
            }
            Err(failed) => Problem::from(failed).into_response(),
        }
    }
}

fn base(token: &str) -> String {
    format!("/s/{token}")
}

fn job_id(text: &str) -> Result<JobId> {
    text.parse().map_err(|_| Error::NotFound)
}

fn text_of(headers: &HeaderMap, name: HeaderName) -> &str {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
}
