//! Links that show a result: what their readers see, and what nobody else does.

mod password;

use axum::body::Body;
use axum::http::{Method, StatusCode, header};
use futures::future::{join, join_all};
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::hub::{Answer, Hub};
use crate::input;
use crate::lines::Lines;
use crate::people::{PASSWORD, ask, token};

/// A link to what was asked for: its id and its path.
pub async fn share(hub: &Hub, body: &Value) -> (String, String) {
    let made = hub
        .post("/api/v1/shares", body)
        .await
        .expect(StatusCode::CREATED);
    let url = made["url"].as_str().unwrap();
    let path = url
        .strip_prefix(&format!("http://{}", hub.address))
        .unwrap()
        .to_owned();
    assert_eq!(path.len(), "/s/".len() + 43, "{path}");
    (made["id"].as_str().unwrap().to_owned(), path)
}

/// A completed batch of three: its id.
pub async fn batch(hub: &Hub) -> String {
    hub.work();
    let batch = hub
        .post("/api/v1/batches", &input::batch(&["CCO", "CCCCCC", "CCCC"]))
        .await
        .expect(StatusCode::CREATED);
    let id = batch["id"].as_str().unwrap().to_owned();
    hub.until(&format!("/api/v1/batches/{id}"), |batch| {
        batch["status"] == "completed"
    })
    .await;
    id
}

/// A job that never runs: its id.
pub async fn job(hub: &Hub) -> String {
    let job = hub.post("/api/v1/jobs", &input::job("CCO")).await;
    job.expect(StatusCode::CREATED)["id"]
        .as_str()
        .unwrap()
        .to_owned()
}

/// What a browser, or a program that names itself so, is answered.
async fn visit(hub: &Hub, path: &str, user_agent: &str, cookie: &str) -> Answer {
    let request = hub
        .request(Method::GET, path)
        .header(header::ACCEPT, "text/html,*/*")
        .header(header::USER_AGENT, user_agent)
        .header(header::COOKIE, cookie);
    hub.send(request.body(Body::empty()).unwrap()).await
}

pub async fn read(hub: &Hub, path: &str) -> Answer {
    visit(hub, path, "Mozilla/5.0", "").await
}

pub fn text(answer: &Answer) -> String {
    String::from_utf8_lossy(&answer.body).into_owned()
}

/// A page without the number that every answer has of its own.
fn unnumbered(answer: &Answer) -> String {
    let page = text(answer);
    match page.split_once("nonce=\"") {
        Some((before, after)) => format!("{before}{}", after.split_once('"').unwrap().1),
        None => page,
    }
}

async fn views(hub: &Hub) -> u64 {
    let mine = hub.get("/api/v1/shares").await.expect(StatusCode::OK);
    mine["results"][0]["views"].as_u64().unwrap()
}

#[tokio::test]
async fn whatever_is_wrong_with_a_token_the_answer_is_the_same() {
    let hub = Hub::start().await;
    let id = job(&hub).await;
    let (share_id, revoked) = share(&hub, &json!({ "job_id": id })).await;
    let (_, deleted) = share(&hub, &json!({ "job_id": id })).await;
    let (_, open) = share(&hub, &json!({ "job_id": id })).await;
    assert_eq!(read(&hub, &open).await.status, 200);
    let revoke = format!("/api/v1/shares/{share_id}");
    hub.call(Method::DELETE, &revoke)
        .await
        .expect(StatusCode::NO_CONTENT);
    hub.call(Method::DELETE, &revoke)
        .await
        .expect(StatusCode::NO_CONTENT);
    hub.call(Method::DELETE, "/api/v1/shares/unknown")
        .await
        .problem(404, "not-found");
    let unknown = format!("/s/{}", "A".repeat(43));
    let missing = read(&hub, &unknown).await;
    assert_eq!(missing.status, 404);
    let mut bad: Vec<String> = vec![
        revoked.clone(),
        "/s/x".to_owned(),
        "/s/%ff".to_owned(),
        "/s/..%2f..".to_owned(),
        format!("/s/{share_id}"),
        open.to_lowercase(),
        format!("{open}A"),
        open[..open.len() - 1].to_owned(),
        format!("{open}/nothing"),
        format!("{open}/jobs/unknown"),
        format!("{open}/files/poses.sdf"),
    ];
    for part in ["/preview.png", "/export", "/files/poses.sdf", "/jobs/x"] {
        bad.push(format!("{revoked}{part}"));
    }
    hub.call(Method::POST, &format!("/api/v1/jobs/{id}/cancel"))
        .await
        .expect(StatusCode::OK);
    hub.call(Method::DELETE, &format!("/api/v1/jobs/{id}"))
        .await
        .expect(StatusCode::NO_CONTENT);
    bad.extend([deleted, open]);
    for path in bad {
        let answer = read(&hub, &path).await;
        assert_eq!(
            (answer.status, unnumbered(&answer)),
            (404, unnumbered(&missing)),
            "{path}"
        );
        assert_eq!(answer.header("x-robots-tag"), "noindex, nofollow");
    }
    let mine = hub.get("/api/v1/shares").await.expect(StatusCode::OK);
    let states: Vec<_> = mine["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|share| share["state"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(states, ["gone", "gone", "revoked"]);
}

#[tokio::test]
async fn an_expired_link_leads_nowhere() {
    let hub = Hub::start_alone().await;
    let id = job(&hub).await;
    let (_, path) = share(&hub, &json!({ "job_id": id, "expires_in_days": 1 })).await;
    hub.later(86_399);
    assert_eq!(read(&hub, &path).await.status, 200);
    hub.later(2);
    let expired = read(&hub, &path).await;
    let unknown = read(&hub, &format!("/s/{}", "A".repeat(43))).await;
    assert_eq!(
        (expired.status, unnumbered(&expired)),
        (404, unnumbered(&unknown))
    );
    let mine = hub.get("/api/v1/shares").await.expect(StatusCode::OK);
    assert_eq!(mine["results"][0]["state"], "expired");
}

#[tokio::test]
async fn people_are_counted_and_programs_are_not() {
    let hub = Hub::start_alone().await;
    let id = job(&hub).await;
    let (_, path) = share(&hub, &json!({ "job_id": id })).await;
    assert_eq!(views(&hub).await, 0);
    read(&hub, &path).await;
    assert_eq!(views(&hub).await, 1);
    for program in [
        "Slackbot-LinkExpanding 1.0",
        "facebookexternalhit/1.1",
        "Discordbot/2.0",
        "WhatsApp/2.23",
        "TelegramBot (like TwitterBot)",
        "LinkedInBot/1.0",
        "BingPreview/1.0b",
        "crawler",
    ] {
        assert_eq!(visit(&hub, &path, program, "").await.status, 200);
    }
    for part in ["/preview.png", "/export", &format!("/jobs/{id}")] {
        read(&hub, &format!("{path}{part}")).await;
    }
    hub.call(Method::HEAD, &path).await;
    assert_eq!(views(&hub).await, 1);
    join_all((0..20).map(|_| read(&hub, &path))).await;
    assert_eq!(views(&hub).await, 21);
}

#[tokio::test]
async fn a_link_that_many_look_at_can_be_revoked() {
    let hub = Hub::start_alone().await;
    let id = job(&hub).await;
    let (share_id, path) = share(&hub, &json!({ "job_id": id })).await;
    let seen_once = Notify::new();
    let look = async || {
        let answer = read(&hub, &path).await;
        seen_once.notify_one();
        answer
    };
    let revoke = async {
        seen_once.notified().await;
        hub.call(Method::DELETE, &format!("/api/v1/shares/{share_id}"))
            .await
    };
    let looking = join_all((0..200).map(|_| look()));
    let (revoked, looked) = join(revoke, looking).await;
    revoked.expect(StatusCode::NO_CONTENT);
    let seen = looked.iter().filter(|answer| answer.status == 200).count();
    assert!(seen >= 1);
    assert_eq!(views(&hub).await, seen as u64);
    assert_eq!(read(&hub, &path).await.status, 404);
}

#[tokio::test]
async fn what_cannot_be_shared_is_refused_at_its_field() {
    let hub = Hub::start_alone().await;
    let id = job(&hub).await;
    let refused = async |body: Value| {
        let answer = hub.post("/api/v1/shares", &body).await;
        answer.problem(422, "invalid")[0].0.clone()
    };
    let days = json!({ "job_id": id, "expires_in_days": 0 });
    assert_eq!(refused(days).await, "expires_in_days");
    let days = json!({ "job_id": id, "expires_in_days": 366 });
    assert_eq!(refused(days).await, "expires_in_days");
    let short = json!({ "job_id": id, "password": "short" });
    assert_eq!(refused(short).await, "password");
    let single = json!({ "job_id": id, "selection": [id] });
    assert_eq!(refused(single).await, "selection");
    let screen = hub
        .post("/api/v1/batches", &input::batch(&["CCO", "CCC"]))
        .await
        .expect(StatusCode::CREATED);
    let screen = screen["id"].as_str().unwrap();
    for (selection, field) in [
        (json!([]), "selection"),
        (json!([format!("{screen}-00000"), id]), "selection[1]"),
        (json!([format!("{screen}-00002")]), "selection[0]"),
        (json!([format!("{id}-00000")]), "selection[0]"),
    ] {
        let body = json!({ "job_id": screen, "selection": selection });
        assert_eq!(refused(body).await, field);
    }
    hub.post("/api/v1/shares", &json!({ "job_id": "unknown" }))
        .await
        .problem(404, "not-found");
    let mine = hub.get("/api/v1/shares").await.expect(StatusCode::OK);
    assert_eq!(mine["results"], json!([]));
}

#[tokio::test]
async fn without_an_organisation_nothing_is_shared_with_one() {
    let hub = Hub::start_alone().await;
    let id = job(&hub).await;
    let path = format!("/api/v1/jobs/{id}/organization-share");
    let put = async |path: &str| {
        hub.send_json(Method::PUT, path, &json!({ "shared": true }), &[])
            .await
    };
    put(&path).await.problem(409, "conflict");
    put("/api/v1/jobs/unknown/organization-share")
        .await
        .problem(404, "not-found");
}

#[tokio::test]
async fn a_form_makes_a_link_that_is_shown_once() {
    let hub = Hub::start_alone().await;
    let id = job(&hub).await;
    let form = format!("/jobs/{id}/share");
    let asked = text(&read(&hub, &form).await);
    for part in [
        "names and SMILES of ligands",
        "e-mail address",
        "who shared it: “the owner of this hub”",
        "Make a link",
    ] {
        assert!(asked.contains(part), "{part} is not in {asked}");
    }
    let request = hub
        .request(Method::POST, "/api/shares/create")
        .header(header::ACCEPT, "text/html")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    let sent = format!("id={id}&expires=7&password=");
    let answer = hub.send(request.body(sent.into()).unwrap()).await;
    assert_eq!(
        (answer.status, answer.header("location")),
        (302, form.as_str())
    );
    let cookie = answer.header("set-cookie");
    assert!(cookie.contains(&format!("Path={form};")) && cookie.contains("HttpOnly"));
    let made = cookie.split(';').next().unwrap();
    let link = made.split_once('=').unwrap().1;
    let shown = visit(&hub, &form, "Mozilla/5.0", made).await;
    assert!(text(&shown).contains(link) && shown.header("set-cookie").contains("Max-Age=0"));
    let path = link
        .strip_prefix(&format!("http://{}", hub.address))
        .unwrap();
    assert_eq!(read(&hub, path).await.status, 200);
    let mine = text(&read(&hub, "/shares").await);
    assert!(mine.contains("dock CCO") && !mine.contains(path), "{mine}");
}

#[tokio::test]
async fn no_log_line_lets_anybody_in() {
    let (lines, _logging) = Lines::heard(tracing::Level::TRACE);
    let hub = Hub::start_alone().await;
    let id = job(&hub).await;
    let (share_id, path) = share(&hub, &json!({ "job_id": id, "password": "a-long-secret" })).await;
    let token = path.strip_prefix("/s/").unwrap();
    for part in [
        "",
        "/preview.png",
        "/export",
        "/files/x",
        "/jobs/x",
        "/nothing",
    ] {
        read(&hub, &format!("{path}{part}")).await;
        read(&hub, &format!("/{path}{part}")).await;
    }
    hub.post(&format!("{path}/unlock"), &json!({})).await;
    hub.call(Method::DELETE, &path).await;
    hub.call(Method::DELETE, &format!("/api/v1/shares/{share_id}"))
        .await;
    read(&hub, &path).await;
    let logged = lines.text();
    assert!(logged.contains("/s/…/preview.png"), "{logged}");
    assert!(!logged.contains(token) && !logged.contains("a-long-secret"));
}

#[tokio::test]
async fn no_log_line_has_what_lets_somebody_into_an_account() {
    let (lines, _logging) = Lines::heard(tracing::Level::TRACE);
    let hub = Hub::start_with_accounts().await;
    let ada = token(&hub, "ada@example.org").await;
    let key = json!({ "name": "cluster", "scope": "read" });
    let key = ask(&hub, Method::POST, "/api/v1/api-keys", &ada, &key).await;
    let key = key.expect(StatusCode::CREATED)["key"].clone();
    let key = key.as_str().unwrap();
    for (name, value) in [
        (header::COOKIE, "a=b".to_owned()),
        (header::COOKIE, format!("omtx={ada}")),
        (header::AUTHORIZATION, format!("Bearer {ada}")),
        (header::AUTHORIZATION, format!("Bearer {key}")),
        (header::AUTHORIZATION, "Bearer omtx_secret-0".to_owned()),
    ] {
        for path in [
            "/reset?token=secret-1",
            "/join?token=secret-2",
            "/verify?token=secret-3",
            "/login?next=%2Fjoin%3Ftoken%3Dsecret-4",
            "/openid/callback?code=secret-5&state=secret-6",
            "/api/v1/invitation?token=secret-7",
        ] {
            let request = hub
                .request(Method::GET, path)
                .header(header::ACCEPT, "text/html")
                .header(&name, value.as_str());
            hub.send(request.body(Body::empty()).unwrap()).await;
        }
    }
    let logged = lines.text();
    for path in ["/reset", "/join", "/verify", "/login", "/api/v1/invitation"] {
        assert!(logged.contains(path), "{path} is not in {logged}");
    }
    let (_, signature) = ada.rsplit_once('.').unwrap();
    for secret in ["secret-", PASSWORD, &key[5..], signature] {
        assert!(!logged.contains(secret), "{secret} is in {logged}");
    }
}

#[tokio::test]
async fn a_link_needs_no_account_and_is_its_makers_alone() {
    let hub = Hub::start_with_accounts().await;
    let (ada, eve) = (
        token(&hub, "ada@example.org").await,
        token(&hub, "eve@example.org").await,
    );
    let made = ask(&hub, Method::POST, "/api/v1/jobs", &ada, &input::job("CCO")).await;
    let made = made.expect(StatusCode::CREATED);
    let wanted = json!({ "job_id": made["id"] });
    hub.post("/api/v1/shares", &wanted)
        .await
        .problem(401, "unauthenticated");
    ask(&hub, Method::POST, "/api/v1/shares", &eve, &wanted)
        .await
        .problem(404, "not-found");
    let link = ask(&hub, Method::POST, "/api/v1/shares", &ada, &wanted).await;
    let link = link.expect(StatusCode::CREATED);
    let url = link["url"].as_str().unwrap();
    let path = url.split_once(&hub.address.to_string()).unwrap().1;
    let shown = read(&hub, path).await;
    let page = text(&shown);
    assert_eq!(shown.status, 200, "{page}");
    assert!(
        page.contains("dock CCO") && !page.contains("@example.org"),
        "{page}"
    );
    let of_eve = ask(&hub, Method::GET, "/api/v1/shares", &eve, &Value::Null).await;
    assert_eq!(of_eve.expect(StatusCode::OK)["results"], json!([]));
    let revoke = format!("/api/v1/shares/{}", link["id"].as_str().unwrap());
    ask(&hub, Method::DELETE, &revoke, &eve, &Value::Null)
        .await
        .problem(404, "not-found");
    assert_eq!(read(&hub, path).await.status, 200);
    ask(&hub, Method::DELETE, &revoke, &ada, &Value::Null)
        .await
        .expect(StatusCode::NO_CONTENT);
    assert_eq!(read(&hub, path).await.status, 404);
}

#[tokio::test]
async fn a_member_shows_a_job_to_the_organisation_and_no_longer() {
    let hub = Hub::start_with_accounts().await;
    let ada = token(&hub, "ada@example.org").await;
    let lab = json!({ "name": "Structural biology" });
    ask(&hub, Method::POST, "/api/v1/organizations", &ada, &lab)
        .await
        .expect(StatusCode::CREATED);
    let made = ask(&hub, Method::POST, "/api/v1/jobs", &ada, &input::job("CCO")).await;
    let id = made.expect(StatusCode::CREATED)["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let path = format!("/api/v1/jobs/{id}/organization-share");
    let show = async |shared: bool| {
        let body = json!({ "shared": shared });
        ask(&hub, Method::PUT, &path, &ada, &body)
            .await
            .expect(StatusCode::OK)
    };
    let first = show(true).await;
    assert_eq!(first["shared"], true);
    assert!(first["by"].is_string() && first["at"].is_string());
    assert_eq!(show(true).await, first, "who showed it first stays");
    assert_eq!(show(false).await, json!({ "shared": false }));
    let wrong = json!({ "shared": "perhaps" });
    ask(&hub, Method::PUT, &path, &ada, &wrong)
        .await
        .problem(422, "invalid");
    let eve = token(&hub, "eve@example.org").await;
    ask(&hub, Method::PUT, &path, &eve, &json!({ "shared": true }))
        .await
        .problem(404, "not-found");
}
