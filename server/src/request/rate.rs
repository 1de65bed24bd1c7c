//! How often somebody may ask: by who they are, or, while nobody is signed in, by where they ask from. What is spent is
//! limited elsewhere; this keeps one client from crowding out the others.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;

use app::{AppError, RequestId};
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use hub::Error;
use hub::actor::Actor;
use hub::id::UserId;

use super::client::{ClientAddress, client_address, network, peer};
use crate::api::read::wants_page;
use crate::problem::Problem;

/// Submissions a minute.
const SUBMIT: NonZeroU32 = NonZeroU32::new(10).expect("not zero");
/// Pages of lists, and inputs that are looked at, a minute.
const LIST: NonZeroU32 = NonZeroU32::new(60).expect("not zero");
/// All other requests a minute.
const READ: NonZeroU32 = NonZeroU32::new(180).expect("not zero");
/// Clients that are remembered of one kind; those who asked for nothing lately are forgotten first.
const REMEMBERED: usize = 50_000;

/// Who asked how often.
#[derive(Clone)]
pub struct Rates(Arc<Limiters>);

struct Limiters {
    submit: DefaultKeyedRateLimiter<Client>,
    list: DefaultKeyedRateLimiter<Client>,
    read: DefaultKeyedRateLimiter<Client>,
    trusted_proxies: usize,
}

/// Whose requests are counted together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Client {
    User(UserId),
    Address(IpAddr),
    /// Everybody for whom there is no more room to be remembered.
    Crowd,
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Submit,
    List,
    Read,
}

impl Rates {
    /// Nobody has asked for anything yet. So many proxies of the operator's stand before the hub.
    pub fn new(trusted_proxies: usize) -> Self {
        let limiter = |most| RateLimiter::hashmap(Quota::per_minute(most));
        Self(Arc::new(Limiters {
            submit: limiter(SUBMIT),
            list: limiter(LIST),
            read: limiter(READ),
            trusted_proxies,
        }))
    }

    /// Counts a request; when it is one too many, the seconds until it is not.
    fn count(&self, kind: Kind, client: &Client) -> Result<(), u64> {
        let limiter = match kind {
            Kind::Submit => &self.0.submit,
            Kind::List => &self.0.list,
            Kind::Read => &self.0.read,
        };
        if limiter.len() >= REMEMBERED {
            limiter.retain_recent();
            limiter.shrink_to_fit();
        }
        let client = if limiter.len() < REMEMBERED {
            client
        } else {
            &Client::Crowd
        };
        limiter.check_key(client).map_err(|early| {
            let wait = early.wait_time_from(DefaultClock::default().now());
            wait.as_secs() + 1
        })
    }
}

/// Refuses whoever asks too often, and says when to ask again; tells the rest of the hub where the request comes from.
/// The owner of a hub without accounts, which answers one machine alone, may ask as often as they like.
pub async fn limit_rate(State(rates): State<Rates>, mut request: Request, next: Next) -> Response {
    let peer = peer(request.extensions());
    let address = client_address(request.headers(), peer, rates.0.trusted_proxies);
    request.extensions_mut().insert(ClientAddress(address));
    if let Some(actor) = request.extensions_mut().get_mut::<Actor>() {
        actor.address = address.to_string();
    }
    let client = match request.extensions().get::<Actor>() {
        Some(actor) if actor.owner.is_local() => return next.run(request).await,
        Some(actor) => Client::User(actor.user.clone()),
        None => Client::Address(network(address)),
    };
    let Some(kind) = kind(request.method(), request.uri().path()) else {
        return next.run(request).await;
    };
    match rates.count(kind, &client) {
        Ok(()) => next.run(request).await,
        Err(wait_s) => too_often(kind, wait_s, &request),
    }
}

/// Whether it is a page that asks by a server function, which reads errors in its own way.
fn by_page(request: &Request) -> bool {
    let path = request.uri().path();
    path.starts_with("/api/") && !path.starts_with("/api/v1/")
}

/// What is asked for. Files, and calls of the gateway, are as many as runs and pages need.
fn kind(method: &Method, path: &str) -> Option<Kind> {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let writes = method == Method::POST;
    match parts.as_slice() {
        ["healthz"] | ["files" | "pkg" | "vendor", ..] | ["api", "v1", "callbacks", ..] => None,
        ["api", "v1", "jobs" | "batches"]
        | ["api", "v1", "drafts", _, "submit"]
        | ["api", "drafts", "submit"]
            if writes =>
        {
            Some(Kind::Submit)
        }
        ["api", "v1", "drafts" | "preflight"] if writes => Some(Kind::List),
        [] | ["api", "v1", "jobs"] | ["api", "v1", "batches", _, "children"] => Some(Kind::List),
        ["api", "jobs", "list"] => Some(Kind::List),
        ["api", ..] => Some(Kind::Read),
        // Files of the bundle that every page loads.
        [file] if file.contains('.') => None,
        _ => Some(Kind::Read),
    }
}

fn too_often(kind: Kind, wait_s: u64, request: &Request) -> Response {
    let (what, most, hint) = match kind {
        Kind::Submit => ("submissions", SUBMIT, "; many ligands go into one batch"),
        Kind::List => ("lists and inputs", LIST, ""),
        Kind::Read => ("requests", READ, ""),
    };
    let message =
        format!("these are more than {most} {what} a minute; ask again in {wait_s} s{hint}");
    let status = StatusCode::TOO_MANY_REQUESTS;
    let mut response = if by_page(request) && !wants_page(request.headers()) {
        let reference = request.extensions().get::<RequestId>();
        let error = AppError {
            error: Error::Conflict(message),
            reference: reference.map(|id| id.0.clone()).unwrap_or_default(),
        };
        (status, axum::Json(error)).into_response()
    } else {
        Problem::new(status, "too-many-requests", message).into_response()
    };
    response
        .headers_mut()
        .insert(header::RETRY_AFTER, HeaderValue::from(wait_s));
    response
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::extract::ConnectInfo;
    use axum::middleware::{from_fn, from_fn_with_state};
    use axum::{Extension, Router};
    use hub::actor::Owner;
    use std::net::SocketAddr;
    use tower::ServiceExt;

    use super::*;
    use crate::request::observe;

    fn signed_in(name: &str) -> Actor {
        let mut actor = Actor::local();
        actor.user = name.parse().unwrap();
        actor.owner = Owner::User(actor.user.clone());
        actor
    }

    /// A router that answers everything, for whoever is signed in.
    fn router(rates: &Rates, actor: Option<Actor>) -> Router {
        let router = Router::new()
            .fallback(async || "there")
            .layer(from_fn_with_state(rates.clone(), limit_rate));
        match actor {
            Some(actor) => router.layer(Extension(actor)),
            None => router,
        }
        .layer(from_fn(observe))
    }

    async fn ask(router: &Router, method: Method, path: &str, from: &str) -> Response {
        let mut request = axum::http::Request::builder()
            .method(method)
            .uri(path)
            .header("x-forwarded-for", "203.0.113.77")
            .body(Body::empty())
            .unwrap();
        let address = SocketAddr::new(from.parse().unwrap(), 4711);
        request.extensions_mut().insert(ConnectInfo(address));
        router.clone().oneshot(request).await.unwrap()
    }

    /// How many of so many requests are answered.
    async fn answered(router: &Router, method: Method, path: &str, times: usize) -> usize {
        let mut answered = 0;
        for _ in 0..times {
            let response = ask(router, method.clone(), path, "192.0.2.1").await;
            answered += usize::from(response.status().is_success());
        }
        answered
    }

    #[tokio::test]
    async fn each_kind_has_its_own_limit() {
        let rates = Rates::new(0);
        let router = router(&rates, Some(signed_in("ada")));
        let jobs = "/api/v1/jobs";
        assert_eq!(answered(&router, Method::POST, jobs, 12).await, 10);
        assert_eq!(answered(&router, Method::GET, jobs, 63).await, 60);
        let (usage, page) = ("/api/v1/usage", "/usage");
        assert_eq!(answered(&router, Method::GET, "/", 1).await, 0, "a list");
        assert_eq!(answered(&router, Method::GET, usage, 100).await, 100);
        assert_eq!(answered(&router, Method::GET, page, 84).await, 80);
        for path in ["/pkg/a.wasm", "/files/a", "/api/v1/callbacks/a", "/healthz"] {
            assert_eq!(answered(&router, Method::GET, path, 200).await, 200);
        }
    }

    #[tokio::test]
    async fn whoever_asks_too_often_is_told_when_to_ask_again() {
        let router = router(&Rates::new(0), Some(signed_in("ada")));
        let path = "/api/v1/batches";
        assert_eq!(answered(&router, Method::POST, path, 10).await, 10);
        let refused = ask(&router, Method::POST, path, "192.0.2.1").await;
        assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
        let headers = refused.headers();
        assert_eq!(headers[header::CONTENT_TYPE], "application/problem+json");
        let wait_s: u64 = headers[header::RETRY_AFTER]
            .to_str()
            .unwrap()
            .parse()
            .unwrap();
        assert!((1..=7).contains(&wait_s), "{wait_s}");
    }

    #[tokio::test]
    async fn a_page_reads_why_it_was_refused() {
        let router = router(&Rates::new(0), Some(signed_in("ada")));
        let path = "/api/jobs/list";
        assert_eq!(answered(&router, Method::POST, path, 61).await, 60);
        let refused = ask(&router, Method::POST, path, "192.0.2.1").await;
        let wait = refused.headers().contains_key(header::RETRY_AFTER);
        let status = refused.status();
        let body = axum::body::to_bytes(refused.into_body(), 10_000).await;
        let told: AppError = serde_json::from_slice(&body.unwrap()).unwrap();
        assert!(wait && status == StatusCode::TOO_MANY_REQUESTS && told.passes());
        assert!(!told.reference.is_empty());
        assert!(told.error.to_string().contains("60 lists"), "{told:?}");
    }

    #[tokio::test]
    async fn one_is_not_refused_for_another() {
        let rates = Rates::new(0);
        for name in ["ada", "grace"] {
            let router = router(&rates, Some(signed_in(name)));
            let path = "/api/v1/drafts/d/submit";
            assert_eq!(answered(&router, Method::POST, path, 11).await, 10);
        }
        let router = router(&rates, None);
        for (from, other) in [
            ("192.0.2.1", "192.0.2.2"),
            ("2001:db8::1", "2001:db8:0:1::1"),
        ] {
            for _ in 0..10 {
                let answer = ask(&router, Method::POST, "/api/v1/jobs", from).await;
                assert_eq!(answer.status(), StatusCode::OK);
            }
            let answer = ask(&router, Method::POST, "/api/v1/jobs", from).await;
            assert_eq!(answer.status(), StatusCode::TOO_MANY_REQUESTS);
            let answer = ask(&router, Method::POST, "/api/v1/jobs", other).await;
            assert_eq!(answer.status(), StatusCode::OK);
        }
        let neighbour = ask(&router, Method::POST, "/api/v1/jobs", "2001:db8::2").await;
        assert_eq!(neighbour.status(), StatusCode::TOO_MANY_REQUESTS);
    }

    #[tokio::test]
    async fn behind_a_proxy_it_is_the_address_before_it() {
        let router = router(&Rates::new(1), None);
        let mut statuses = Vec::new();
        for place in 0..11 {
            let from = format!("192.0.2.{place}");
            let answer = ask(&router, Method::POST, "/api/v1/jobs", &from).await;
            statuses.push(answer.status().as_u16());
        }
        assert_eq!((statuses[9], statuses[10]), (200, 429));
    }

    #[tokio::test]
    async fn the_local_owner_may_ask_as_often_as_they_like() {
        let router = router(&Rates::new(0), Some(Actor::local()));
        let path = "/api/v1/jobs";
        assert_eq!(answered(&router, Method::POST, path, 500).await, 500);
    }

    #[test]
    fn no_more_clients_are_remembered_than_there_is_room_for() {
        let rates = Rates::new(0);
        let client = |place: u32| Client::Address(IpAddr::from(place.to_be_bytes()));
        for place in 0..REMEMBERED as u32 {
            assert_eq!(rates.count(Kind::Submit, &client(place)), Ok(()));
        }
        let late = (0..20).filter(|place| {
            let late = client(REMEMBERED as u32 + place);
            rates.count(Kind::Submit, &late).is_ok()
        });
        assert!(late.count() <= 12, "they share one place");
        assert!(rates.0.submit.len() <= REMEMBERED + 1);
    }
}
