//! Every address of the API, every server function and every file of a job, asked for by everybody: one table says who
//! may. An address that is in no row fails the test, and so does a row that is no address.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Method, Request, header};
use hub::actor::Actor;
use hub::id::JobId;
use hub::services::{BatchRequest, JobRequest};
use leptos::server_fn::axum::server_fn_paths;
use serde_json::{Value, json};

use crate::hub::Hub;
use crate::people::job;

use standing::{Person, Standing, maker, people};
use things::World;

mod others;
mod pages;
mod scope;
mod standing;
mod things;

/// Who may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum May {
    /// Everybody, signed in or not; the call has its own way to know whom it serves.
    Everybody,
    /// Whoever is signed in reads, each their own.
    Reader,
    /// Whoever is signed in and may change something.
    Writer,
    /// Whoever is signed in themselves, a viewer too, and not by a key.
    InPerson,
    /// Whoever may read the job or batch in the path.
    ReaderOfIt,
    /// Whoever may change it.
    WriterOfIt,
    /// The admins of one's organisation.
    Leader,
    /// The admins of the organisation whose member is in the path.
    LeaderOfIt,
    /// Whoever the thing in the path belongs to, and nobody else, reads it.
    OwnerReads,
    /// The same, changes it.
    OwnerChanges,
    /// The same, and the admins of the organisation.
    OwnerOrLeader,
    /// The admins of the hub.
    Admin,
    /// Whoever watches over the hub: its admins, its developers, and programs with a key of theirs.
    Watcher,
    /// Nobody: what is in the path is made up.
    Nobody,
    /// Whoever has what lets in at that address, which is no account; `made-up` stands there.
    NobodyAtAll,
}

use May::*;

const API: &[(&str, &str, May)] = &[
    // Before everybody who can founds one.
    ("GET", "/organizations/own/audit", Leader),
    ("GET", "/organizations/own/shares", Leader),
    ("PATCH", "/organizations/own/members/{id}", LeaderOfIt),
    ("DELETE", "/organizations/own/members/{id}", LeaderOfIt),
    ("GET", "/jobs", Reader),
    ("POST", "/jobs", Writer),
    ("GET", "/jobs/{id}", ReaderOfIt),
    ("PATCH", "/jobs/{id}", WriterOfIt),
    ("DELETE", "/jobs/{id}", WriterOfIt),
    ("POST", "/jobs/{id}/cancel", WriterOfIt),
    ("POST", "/jobs/{id}/retry", WriterOfIt),
    ("PUT", "/jobs/{id}/organization-share", WriterOfIt),
    ("GET", "/jobs/{id}/export", ReaderOfIt),
    ("GET", "/jobs/{id}/files", ReaderOfIt),
    ("GET", "/jobs/{id}/files/{name}", Nobody),
    ("GET", "/jobs/{id}/events", ReaderOfIt),
    ("POST", "/batches", Writer),
    ("GET", "/batches/{id}", ReaderOfIt),
    ("GET", "/batches/{id}/status", ReaderOfIt),
    ("GET", "/batches/{id}/children", ReaderOfIt),
    ("POST", "/batches/{id}/cancel", WriterOfIt),
    ("POST", "/batches/{id}/retry-failed", WriterOfIt),
    ("GET", "/batches/{id}/export", ReaderOfIt),
    ("GET", "/batches/{id}/events", ReaderOfIt),
    ("GET", "/events", Reader),
    ("POST", "/preflight", Reader),
    ("POST", "/drafts", Writer),
    ("GET", "/drafts/{id}", OwnerReads),
    ("POST", "/drafts/{id}/submit", OwnerChanges),
    ("GET", "/shares", Reader),
    ("POST", "/shares", WriterOfIt),
    ("DELETE", "/shares/{id}", OwnerOrLeader),
    ("GET", "/tasks", Reader),
    ("GET", "/models", Reader),
    ("GET", "/targets", Reader),
    ("GET", "/me", Reader),
    ("PATCH", "/me", InPerson),
    ("GET", "/usage", Reader),
    ("POST", "/auth/signup", Everybody),
    ("POST", "/auth/login", Everybody),
    ("POST", "/auth/logout", Reader),
    ("POST", "/auth/password", InPerson),
    ("POST", "/organizations", Writer),
    ("GET", "/organizations/own", Reader),
    ("DELETE", "/organizations/own", Writer),
    ("POST", "/organizations/own/invitations", Writer),
    ("POST", "/organizations/join", Writer),
    ("GET", "/invitation", Nobody),
    ("GET", "/admin/users", Admin),
    ("GET", "/admin/users/{id}", Admin),
    ("PUT", "/admin/users/{id}/roles", Admin),
    ("PUT", "/admin/users/{id}/limits", Admin),
    ("GET", "/admin/organizations", Admin),
    ("GET", "/admin/organizations/{id}", Admin),
    ("PUT", "/admin/organizations/{id}", Admin),
    ("GET", "/admin/models", Admin),
    ("PUT", "/admin/models/{id}", Admin),
    ("GET", "/admin/assignments", Admin),
    ("POST", "/admin/assignments", Admin),
    ("GET", "/admin/audit", Admin),
    ("GET", "/admin/errors", Watcher),
    ("GET", "/sessions", Reader),
    ("DELETE", "/sessions/{id}", OwnerChanges),
    ("GET", "/api-keys", Reader),
    ("POST", "/api-keys", InPerson),
    ("DELETE", "/api-keys/{id}", OwnerChanges),
    ("POST", "/callbacks/{run_id}", Everybody),
];

const FUNCTIONS: &[(&str, May)] = &[
    ("pages/read", ReaderOfIt),
    ("jobs/list", Reader),
    ("jobs/rename", WriterOfIt),
    ("jobs/cancel", WriterOfIt),
    ("jobs/retry", WriterOfIt),
    ("jobs/delete", WriterOfIt),
    ("drafts/submit", OwnerChanges),
    ("shares/create", WriterOfIt),
    ("shares/revoke", OwnerOrLeader),
    ("shares/organization", WriterOfIt),
    ("batches/retry-failed", WriterOfIt),
];

/// What the status must be, or, for what is allowed, what it must not be.
#[derive(Debug)]
enum Expected {
    OneOf(&'static [u16]),
    NoneOf(&'static [u16]),
}

/// What is allowed is answered by anything but these.
const ALLOWED: Expected = Expected::NoneOf(&[401, 403, 404, 405, 500]);

fn expected(may: May, standing: Standing, shown: bool) -> Expected {
    use Expected::*;
    use Standing::*;
    match (may, standing) {
        (Everybody, _) => NoneOf(&[404, 405, 500]),
        (NobodyAtAll, _) => OneOf(&[403, 404]),
        (_, Stranger) => OneOf(&[401]),
        (Writer, Viewer | Reading) | (InPerson | WriterOfIt, Reading) => OneOf(&[403]),
        (InPerson, RootKey) => OneOf(&[403]),
        (Admin, Root) | (Leader, Lead | Elsewhere) | (LeaderOfIt, Lead) => ALLOWED,
        (OwnerReads, Own | Reading) | (OwnerChanges, Own) | (OwnerOrLeader, Own | Lead) => ALLOWED,
        (Admin, _) => OneOf(&[404]),
        (Watcher, Root | RootKey | Developer) => ALLOWED,
        (Watcher, _) => OneOf(&[404]),
        (Leader | LeaderOfIt, Viewer | Peer | Own | Reading) => OneOf(&[403]),
        (Leader, _) => OneOf(&[404]),
        (Reader | Writer | InPerson, _) => NoneOf(&[401, 405, 500]),
        // A colleague's work that is shown is read, and not changed.
        (ReaderOfIt, Peer | Viewer) if shown => ALLOWED,
        (WriterOfIt, Peer) if shown => OneOf(&[403]),
        // That they may change nothing is said before it is looked up.
        (WriterOfIt, Viewer) => OneOf(&[403, 404]),
        (ReaderOfIt | WriterOfIt, Outside | Elsewhere | Peer | Viewer | Developer | RootKey) => {
            OneOf(&[404])
        }
        (ReaderOfIt | WriterOfIt, Own | Lead | Root | Reading) => ALLOWED,
        (_, Viewer | Reading | RootKey) => OneOf(&[403, 404]),
        (Nobody | LeaderOfIt | OwnerReads | OwnerChanges | OwnerOrLeader, _) => OneOf(&[404]),
    }
}

/// A job and a batch that nobody has looked at yet, past the limit of submissions a minute.
async fn made(hub: &Hub, maker: &Actor) -> (JobId, JobId) {
    let request: JobRequest = serde_json::from_value(job("marked")).unwrap();
    let single = hub.services.submit_job(maker, request, None).await.unwrap();
    let request: BatchRequest =
        serde_json::from_value(json!({"task": "docking", "target": {"named": "ABL1"},
        "ligands": [{"name": "ethanol", "smiles": "CCO"}], "parameters": {"exhaustiveness": 1}}))
        .unwrap();
    let batch = hub
        .services
        .submit_batch(maker, request, None)
        .await
        .unwrap();
    (single.job.id, batch.job.id)
}

/// Asks from an address of one's own, since whoever is not signed in is counted by it.
async fn status(hub: &Hub, place: usize, request: Request<Body>) -> u16 {
    let mut request = request;
    let address = SocketAddr::from(([192, 0, 2, place as u8], 4_711));
    request.extensions_mut().insert(ConnectInfo(address));
    hub.status(request).await
}

/// What a call is sent with: as little as it takes to come to the question who may.
fn body(path: &str, id: &JobId) -> Value {
    match path {
        "/jobs" => job("submitted"),
        "/batches" => screen(),
        "/jobs/{id}" => json!({"name": "renamed"}),
        "/jobs/{id}/organization-share" => json!({"shared": false}),
        "/organizations" | "/organizations/own" => json!({"name": "Another"}),
        "/organizations/own/invitations" | "/organizations/own/members/{id}" => {
            json!({"role": "viewer"})
        }
        "/organizations/join" => json!({"token": "made-up"}),
        "/auth/password" => json!({"current": "not it", "password": "another-good-one"}),
        "/api-keys" => json!({"name": "another", "scope": "read"}),
        "/shares" => json!({"job_id": id}),
        "/admin/users/{id}/roles" => json!({"roles": []}),
        "/admin/users/{id}/limits" => json!({"limits": null}),
        "/admin/organizations/{id}" => json!({"tier": "pro"}),
        "/admin/models/{id}" => json!({"maintenance": ""}),
        "/admin/assignments" => json!({"to": "user:made-up"}),
        _ => json!({}),
    }
}

/// A batch of one ligand.
fn screen() -> Value {
    json!({"task": "docking", "target": {"named": "ABL1"}, "ligands": [{"name": "ethanol", "smiles": "CCO"}],
        "parameters": {"exhaustiveness": 1}})
}

/// A call as it is sent: drafts are forms.
fn sent(path: &str, id: &JobId) -> (&'static str, String) {
    match path {
        "/drafts" => (
            "multipart/form-data; boundary=parting",
            "--parting--\r\n".to_owned(),
        ),
        _ => ("application/json", body(path, id).to_string()),
    }
}

fn form(function: &str, id: &str) -> (&'static str, String) {
    match function {
        "pages/read" => (
            "application/json",
            json!({"path": format!("/jobs/{id}"), "query": ""}).to_string(),
        ),
        "jobs/list" => ("application/json", json!({"query": ""}).to_string()),
        "shares/revoke" => (
            "application/x-www-form-urlencoded",
            format!("id={id}&back=%2F"),
        ),
        "drafts/submit" => (
            "application/x-www-form-urlencoded",
            format!("draft={id}&key=k&on_failed_rows=refuse"),
        ),
        _ => (
            "application/x-www-form-urlencoded",
            format!("id={id}&name=x&back=%2F&expires=30&best=&password=&shared=false"),
        ),
    }
}

fn complain(what: &str, who: &Person, may: May, status: u16) -> Option<String> {
    complain_of(what, who, expected(may, who.standing, false), status)
}

fn complain_of(what: &str, who: &Person, expected: Expected, status: u16) -> Option<String> {
    let wrong = status == 429
        || match expected {
            Expected::OneOf(good) => !good.contains(&status),
            Expected::NoneOf(bad) => bad.contains(&status),
        };
    wrong.then(|| format!("{what} as {}: {status}, expected {expected:?}", who.name))
}

/// A call: its method, where it goes, its name in the table, and who may.
type Call = (&'static str, String, &'static str, May);

fn of_api() -> impl Iterator<Item = Call> {
    let call = |(method, path, may): &(_, &'static str, _)| {
        (*method, format!("/api/v1{path}"), *path, *may)
    };
    API.iter().map(call)
}

fn of_pages() -> impl Iterator<Item = Call> {
    let call = |(name, may): &(&'static str, _)| ("POST", format!("/api/{name}"), *name, *may);
    FUNCTIONS.iter().map(call)
}

/// Makes every call as everybody; what was answered otherwise than the table says. When the maker's work is shown to their
/// organisation, only calls for work are made.
async fn called_by_everybody(calls: impl Iterator<Item = Call>, shown: bool) -> Vec<String> {
    let hub = Hub::start_with_accounts().await;
    let world = World::new(&hub).await;
    let of_work = |may: &May| matches!(may, ReaderOfIt | WriterOfIt);
    let mut wrong = Vec::new();
    for (method, full, path, may) in calls {
        if shown && !of_work(&may) {
            continue;
        }
        let (single, batch) = made(&hub, &world.maker).await;
        let work = match path.trim_start_matches('/').starts_with("batches") {
            true => &batch,
            false => &single,
        };
        if shown {
            let show = hub
                .services
                .share_with_organization(&world.maker, work, true);
            show.await.unwrap();
        }
        let mut there = None;
        for (place, who) in world.people.iter().enumerate() {
            // Signing out ends what the other rows go on with; that it works is shown elsewhere.
            if path == "/auth/logout" && who.standing != Standing::Stranger {
                continue;
            }
            let id = match there.take() {
                Some(id) => id,
                None if of_work(&may) || path.contains("/files/") => work.to_string(),
                None => world.thing(&hub, &format!("{full}/")).await,
            };
            let (media_type, text) = match full.starts_with("/api/v1") {
                true => sent(path, work),
                false => form(path, &id),
            };
            let address = full
                .replace("{id}", &id)
                .replace("{name}", "made-up")
                .replace("{run_id}", "made-up:1")
                .replace("/export", "/export?format=json");
            let request = hub
                .request(method.parse().unwrap(), &address)
                .header(header::CONTENT_TYPE, media_type)
                .header(header::ACCEPT, "application/json")
                .header("idempotency-key", "once")
                .header(header::AUTHORIZATION, format!("Bearer {}", who.bearer));
            let request = request.body(Body::from(text)).unwrap();
            let status = status(&hub, place, request).await;
            let expected = expected(may, who.standing, shown);
            wrong.extend(complain_of(
                &format!("{method} {path}"),
                who,
                expected,
                status,
            ));
            // Whoever may has ended it.
            there = Some(id).filter(|_| !(200..400).contains(&status));
        }
    }
    wrong
}

#[tokio::test]
async fn everybody_may_what_the_table_says() {
    let wrong = called_by_everybody(of_api(), false).await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn everybody_may_by_pages_what_the_table_says() {
    let wrong = called_by_everybody(of_pages(), false).await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn what_is_shown_is_read_by_colleagues_and_changed_by_its_maker() {
    let wrong = called_by_everybody(of_api().chain(of_pages()), true).await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The methods and paths that a source file routes, as it writes them.
fn routed(source: &str) -> BTreeSet<(String, String)> {
    let mut routed = BTreeSet::new();
    for part in source.split(".route(").skip(1) {
        let path = part.split('"').nth(1).unwrap().to_owned();
        let call = part
            .split(".fallback")
            .next()
            .unwrap()
            .split(path.as_str())
            .nth(1)
            .unwrap();
        for method in ["get", "post", "put", "patch", "delete"] {
            if call.contains(&format!(" {method}(")) || call.contains(&format!(".{method}(")) {
                routed.insert((method.to_uppercase(), path.clone()));
            }
        }
    }
    routed
}

#[test]
fn every_address_has_a_row() {
    let there = routed(include_str!("../../src/api.rs"));
    assert!(there.len() > 40, "{there:?}");
    let rows = API
        .iter()
        .map(|(method, path, _)| ((*method).to_owned(), (*path).to_owned()));
    assert_eq!(rows.collect::<BTreeSet<_>>(), there);

    let there = server_fn_paths().map(|(path, _)| path.trim_start_matches("/api/").to_owned());
    let rows = FUNCTIONS.iter().map(|(name, _)| (*name).to_owned());
    assert_eq!(rows.collect::<BTreeSet<_>>(), there.collect());
}
