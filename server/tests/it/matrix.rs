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
use serde_json::{Value, json};

use crate::hub::Hub;
use crate::people::job;

use standing::{Person, Standing, maker, people};

mod others;
mod pages;
mod standing;

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
    /// The admins of the hub.
    Admin,
    /// Whoever watches over the hub: its admins, its developers, and programs with a key of theirs.
    Watcher,
    /// Whoever has the thing in the path, which nobody else knows of; `made-up` stands there, so that nobody has it.
    Nobody,
    /// Whoever has what lets in at that address, which is no account; `made-up` stands there.
    NobodyAtAll,
}

use May::*;

const API: &[(&str, &str, May)] = &[
    // Before everybody who can founds one.
    ("GET", "/organizations/own/audit", Leader),
    ("GET", "/organizations/own/shares", Leader),
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
    ("GET", "/drafts/{id}", Nobody),
    ("POST", "/drafts/{id}/submit", Nobody),
    ("GET", "/shares", Reader),
    ("POST", "/shares", WriterOfIt),
    ("DELETE", "/shares/{id}", Nobody),
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
    ("PATCH", "/organizations/own/members/{id}", Nobody),
    ("DELETE", "/organizations/own/members/{id}", Nobody),
    ("POST", "/organizations/join", Writer),
    ("GET", "/invitation", Nobody),
    ("GET", "/admin/users", Admin),
    ("GET", "/admin/users/{id}", Nobody),
    ("PUT", "/admin/users/{id}/roles", Nobody),
    ("PUT", "/admin/users/{id}/limits", Nobody),
    ("GET", "/admin/organizations", Admin),
    ("GET", "/admin/organizations/{id}", Nobody),
    ("PUT", "/admin/organizations/{id}", Nobody),
    ("GET", "/admin/models", Admin),
    ("PUT", "/admin/models/{id}", Admin),
    ("GET", "/admin/assignments", Admin),
    ("POST", "/admin/assignments", Admin),
    ("GET", "/admin/audit", Admin),
    ("GET", "/admin/errors", Watcher),
    ("GET", "/sessions", Reader),
    ("DELETE", "/sessions/{id}", Nobody),
    ("GET", "/api-keys", Reader),
    ("POST", "/api-keys", InPerson),
    ("DELETE", "/api-keys/{id}", Nobody),
    ("POST", "/callbacks/{run_id}", Everybody),
];

const FUNCTIONS: &[(&str, May)] = &[
    ("pages/read", ReaderOfIt),
    ("jobs/list", Reader),
    ("jobs/rename", WriterOfIt),
    ("jobs/cancel", WriterOfIt),
    ("jobs/retry", WriterOfIt),
    ("jobs/delete", WriterOfIt),
    ("drafts/submit", Writer),
    ("shares/create", WriterOfIt),
    ("shares/revoke", Nobody),
    ("shares/organization", WriterOfIt),
    ("batches/retry-failed", WriterOfIt),
];

/// What the status must be, or, for what is allowed, what it must not be.
#[derive(Debug)]
enum Expected {
    OneOf(&'static [u16]),
    NoneOf(&'static [u16]),
}

fn expected(may: May, standing: Standing) -> Expected {
    use Expected::*;
    use Standing::*;
    match (may, standing) {
        (Everybody, _) => NoneOf(&[404, 405, 500]),
        (NobodyAtAll, _) => OneOf(&[403, 404]),
        (_, Stranger) => OneOf(&[401]),
        (Writer, Viewer | Reading) | (InPerson | WriterOfIt, Reading) => OneOf(&[403]),
        (InPerson, RootKey) => OneOf(&[403]),
        (Admin, Root) | (Leader, Lead | Elsewhere) => NoneOf(&[401, 403, 404, 405, 500]),
        (Admin, _) => OneOf(&[404]),
        (Watcher, Root | RootKey | Developer) => NoneOf(&[401, 403, 404, 405, 500]),
        (Watcher, _) => OneOf(&[404]),
        (Leader, Viewer | Peer | Own | Reading) => OneOf(&[403]),
        (Leader, _) => OneOf(&[404]),
        (Reader | Writer | InPerson, _) => NoneOf(&[401, 405, 500]),
        // That they may change nothing is said before it is looked up.
        (WriterOfIt, Viewer) => OneOf(&[403, 404]),
        (ReaderOfIt | WriterOfIt, Outside | Elsewhere | Peer | Viewer | Developer | RootKey) => {
            OneOf(&[404])
        }
        (ReaderOfIt | WriterOfIt, Own | Lead | Root | Reading) => {
            NoneOf(&[401, 403, 404, 405, 500])
        }
        (Nobody, Viewer | Reading | RootKey) => OneOf(&[403, 404]),
        (Nobody, _) => OneOf(&[404]),
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

fn form(function: &str, id: &JobId) -> (&'static str, String) {
    match function {
        "pages/read" => (
            "application/json",
            json!({"path": format!("/jobs/{id}"), "query": ""}).to_string(),
        ),
        "jobs/list" => ("application/json", json!({"query": ""}).to_string()),
        "shares/revoke" => (
            "application/x-www-form-urlencoded",
            "id=made-up&back=%2F".to_owned(),
        ),
        "drafts/submit" => (
            "application/x-www-form-urlencoded",
            "draft=made-up&key=k&on_failed_rows=refuse".to_owned(),
        ),
        _ => (
            "application/x-www-form-urlencoded",
            format!("id={id}&name=x&back=%2F&expires=30&best=&password=&shared=false"),
        ),
    }
}

fn complain(what: &str, who: &Person, may: May, status: u16) -> Option<String> {
    let expected = expected(may, who.standing);
    let wrong = status == 429
        || match expected {
            Expected::OneOf(good) => !good.contains(&status),
            Expected::NoneOf(bad) => bad.contains(&status),
        };
    wrong.then(|| format!("{what} as {}: {status}, expected {expected:?}", who.name))
}

#[tokio::test]
async fn everybody_may_what_the_table_says() {
    let hub = Hub::start_with_accounts().await;
    let people = people(&hub).await;
    let maker = maker(&hub, &people).await;
    let mut wrong = Vec::new();
    for (method, path, may) in API {
        let (single, batch) = made(&hub, &maker).await;
        let id = if path.starts_with("/batches") {
            &batch
        } else {
            &single
        };
        let known = matches!(may, ReaderOfIt | WriterOfIt) || path.contains("/files/");
        let id_text = if known { id.as_str() } else { "made-up" };
        let full = path
            .replace("{id}", id_text)
            .replace("{name}", "made-up")
            .replace("{run_id}", "made-up:1")
            .replace("/models/made-up", "/models/chai1");
        let full = if path.ends_with("/export") {
            format!("{full}?format=json")
        } else {
            full
        };
        for (place, who) in people.iter().enumerate() {
            // Signing out ends what the other rows go on with; that it works is shown elsewhere.
            if *path == "/auth/logout" && who.standing != Standing::Stranger {
                continue;
            }
            let (media_type, text) = sent(path, id);
            let request = hub
                .request(method.parse().unwrap(), &format!("/api/v1{full}"))
                .header(header::CONTENT_TYPE, media_type)
                .header("idempotency-key", "once")
                .header(header::AUTHORIZATION, format!("Bearer {}", who.bearer));
            let request = request.body(Body::from(text)).unwrap();
            let status = status(&hub, place, request).await;
            wrong.extend(complain(&format!("{method} {path}"), who, *may, status));
        }
    }
    for (function, may) in FUNCTIONS {
        let (single, batch) = made(&hub, &maker).await;
        let id = if function.starts_with("batches") {
            &batch
        } else {
            &single
        };
        for (place, who) in people.iter().enumerate() {
            let (media_type, text) = form(function, id);
            let request = hub
                .request(Method::POST, &format!("/api/{function}"))
                .header(header::CONTENT_TYPE, media_type)
                .header(header::ACCEPT, "application/json")
                .header(header::AUTHORIZATION, format!("Bearer {}", who.bearer));
            let request = request.body(Body::from(text)).unwrap();
            let status = status(&hub, place, request).await;
            wrong.extend(complain(function, who, *may, status));
        }
    }
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

    let mut there = BTreeSet::new();
    let mut folders = vec![std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../app/src")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let text = std::fs::read_to_string(path).unwrap();
                there.extend(
                    text.split("endpoint = \"")
                        .skip(1)
                        .map(|rest| rest.split('"').next().unwrap().to_owned()),
                );
            }
        }
    }
    assert_eq!(
        FUNCTIONS
            .iter()
            .map(|(name, _)| (*name).to_owned())
            .collect::<BTreeSet<_>>(),
        there
    );
}
