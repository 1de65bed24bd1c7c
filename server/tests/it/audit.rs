//! The audit log: each act is in it once, with who, what and from where, and only those read it who may.

use std::net::SocketAddr;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Method, StatusCode, header};
use hub::session::Visitor;
use serde_json::{Value, json};

use crate::hub::{Answer, Hub};
use crate::mails::{mailed, token_in};
use crate::organizations::id_of;
use crate::people::{
    OWN, PASSWORD, admin, ask, enter, founded, invited, job, join, me, member, token,
};

/// Who did what to what, the oldest first.
pub async fn acts(hub: &Hub, path: &str, who: &str) -> Vec<(String, String, String)> {
    let mut acts = Vec::new();
    let mut next = Some(format!("{path}?per_page=3"));
    while let Some(page) = next {
        let read = ask(hub, Method::GET, &page, who, &Value::Null)
            .await
            .expect(StatusCode::OK);
        let text = |line: &Value, name: &str| line[name].as_str().unwrap().to_owned();
        for line in read["results"].as_array().unwrap() {
            acts.push((text(line, "name"), text(line, "act"), text(line, "to")));
        }
        next = read["next_page_token"]
            .as_str()
            .map(|token| format!("{path}?per_page=3&page_token={token}"));
    }
    acts.reverse();
    acts
}

pub fn said<'a>(acts: &'a [(String, String, String)], act: &str) -> Vec<(&'a str, &'a str)> {
    acts.iter()
        .filter(|(_, done, _)| done == act)
        .map(|(name, _, to)| (name.as_str(), to.as_str()))
        .collect()
}

#[tokio::test]
async fn what_happens_in_an_organisation_is_written_down_for_its_admins() {
    let hub = Hub::start_with_accounts().await;
    let owner = token(&hub, "owner@x.org").await;
    founded(&hub, &owner).await;
    let bea = token(&hub, "bea@x.org").await;
    let link = invited(&hub, &owner, "member").await;
    join(&hub, &bea, &link).await.expect(StatusCode::OK);
    let post = async |path: &str, body: &Value| {
        ask(&hub, Method::POST, path, &bea, body)
            .await
            .expect(StatusCode::CREATED)
    };
    let made = post("/api/v1/jobs", &job("kinase")).await;
    let id = made["id"].as_str().unwrap();
    post("/api/v1/shares", &json!({"job_id": id})).await;
    let shown = format!("/api/v1/jobs/{id}/organization-share");
    for shared in [true, true, false] {
        ask(&hub, Method::PUT, &shown, &bea, &json!({"shared": shared}))
            .await
            .expect(StatusCode::OK);
    }
    let path = format!("/api/v1/jobs/{id}");
    ask(
        &hub,
        Method::POST,
        &format!("{path}/cancel"),
        &bea,
        &Value::Null,
    )
    .await
    .expect(StatusCode::OK);
    ask(&hub, Method::DELETE, &path, &bea, &Value::Null)
        .await
        .expect(StatusCode::NO_CONTENT);

    let log = format!("{OWN}/audit");
    let read = acts(&hub, &log, &owner).await;
    let thing = format!("kinase ({id})");
    assert_eq!(
        said(&read, "founded"),
        [("owner@x.org", "Structural biology")]
    );
    assert_eq!(said(&read, "invited"), [("owner@x.org", "member")]);
    assert_eq!(
        said(&read, "joined"),
        [("bea@x.org", "Structural biology as member")]
    );
    for act in ["link_made", "shown", "hidden", "deleted"] {
        assert_eq!(said(&read, act), [("bea@x.org", thing.as_str())], "{act}");
    }
    assert!(
        said(&read, "signed_up").is_empty(),
        "before there was an organisation"
    );
    ask(&hub, Method::GET, &log, &bea, &Value::Null)
        .await
        .problem(403, "forbidden");

    let member = format!("{OWN}/members/{}", id_of(&hub, &owner, "bea@x.org").await);
    ask(&hub, Method::DELETE, &member, &owner, &Value::Null)
        .await
        .expect(StatusCode::NO_CONTENT);
    let later = acts(&hub, &log, &owner).await;
    let joined = [("bea", "Structural biology as member")];
    assert_eq!(said(&later, "joined"), joined, "no address of who has left");
}

#[tokio::test]
async fn what_members_become_and_how_an_organisation_ends_is_written_down() {
    let hub = Hub::start_with_accounts().await;
    let root = admin(&hub, "root@x.org").await;
    let ada = token(&hub, "ada@x.org").await;
    founded(&hub, &ada).await;
    let bea = member(&hub, &ada, "bea@x.org", "viewer").await;
    let path = async |whom: &str| format!("{OWN}/members/{}", id_of(&hub, &ada, whom).await);
    let (ada_path, bea_path) = (path("ada@x.org").await, path("bea@x.org").await);
    for role in ["member", "owner"] {
        ask(&hub, Method::PATCH, &bea_path, &ada, &json!({"role": role}))
            .await
            .expect(StatusCode::NO_CONTENT);
    }
    ask(&hub, Method::DELETE, &ada_path, &bea, &Value::Null)
        .await
        .expect(StatusCode::NO_CONTENT);
    let name = json!({"name": "Structural biology"});
    ask(&hub, Method::DELETE, OWN, &bea, &name)
        .await
        .expect(StatusCode::NO_CONTENT);

    let all = acts(&hub, "/api/v1/admin/audit", &root).await;
    for (act, line) in [
        ("role_given", ("ada@x.org", "bea@x.org: member")),
        ("owner_changed", ("ada@x.org", "bea@x.org")),
        ("member_left", ("bea@x.org", "ada@x.org")),
        ("ended", ("bea@x.org", "Structural biology")),
    ] {
        assert_eq!(said(&all, act), [line], "{act}");
    }
}

#[tokio::test]
async fn what_opens_an_account_or_a_result_is_written_down_and_never_itself() {
    let hub = Hub::start_with_accounts().await;
    let root = admin(&hub, "root@x.org").await;
    let ada = token(&hub, "ada@x.org").await;
    let post = async |path: &str, body: &Value| ask(&hub, Method::POST, path, &ada, body).await;
    let delete = async |path: String| {
        ask(&hub, Method::DELETE, &path, &ada, &Value::Null)
            .await
            .expect(StatusCode::NO_CONTENT)
    };
    let key = post(
        "/api/v1/api-keys",
        &json!({"name": "cluster", "scope": "write"}),
    )
    .await;
    let key = key.expect(StatusCode::CREATED);
    delete(format!("/api/v1/api-keys/{}", key["id"].as_str().unwrap())).await;
    let made = post("/api/v1/jobs", &job("kinase")).await;
    let id = made.expect(StatusCode::CREATED)["id"].clone();
    let link = post("/api/v1/shares", &json!({ "job_id": id })).await;
    let link = link.expect(StatusCode::CREATED);
    delete(format!("/api/v1/shares/{}", link["id"].as_str().unwrap())).await;
    let another = json!({"current": PASSWORD, "password": "another-good-one"});
    post("/api/v1/auth/password", &another)
        .await
        .expect(StatusCode::NO_CONTENT);
    let visitor = Visitor::default();
    let asked = hub.services.request_reset("ada@x.org", &visitor);
    asked.await.unwrap();
    let reset = token_in(&mailed(&hub).await);
    let third = hub
        .services
        .reset_password(&reset, "a-third-good-one".into(), &visitor);
    third.await.unwrap();

    let all = acts(&hub, "/api/v1/admin/audit", &root).await;
    let revoked = format!("the link to {}", id.as_str().unwrap());
    for (act, to) in [
        ("key_made", "cluster"),
        ("key_removed", "cluster"),
        ("link_revoked", revoked.as_str()),
        ("password_changed", "ada@x.org"),
        ("password_reset", "ada@x.org"),
    ] {
        assert_eq!(said(&all, act), [("ada@x.org", to)], "{act}");
    }
    let url = link["url"].as_str().unwrap();
    let (_, secret) = url.rsplit_once('/').unwrap();
    let told = format!("{all:?}");
    for secret in [key["key"].as_str().unwrap(), secret, &reset, "good-one"] {
        assert!(!told.contains(secret), "{told}");
    }
}

#[tokio::test]
async fn sign_ins_are_written_down_with_the_address_and_passwords_are_not() {
    let hub = Hub::start_with_accounts().await;
    let root = admin(&hub, "root@x.org").await;
    token(&hub, "ada@x.org").await;
    enter(&hub, "ada@x.org", "not the password").await;
    let request = hub
        .request(Method::POST, "/api/v1/auth/login")
        .header(header::CONTENT_TYPE, "application/json");
    let body = json!({"email": "ada@x.org", "password": PASSWORD}).to_string();
    let mut request = request.body(Body::from(body)).unwrap();
    let from = SocketAddr::from(([192, 0, 2, 77], 4_711));
    request.extensions_mut().insert(ConnectInfo(from));
    assert_eq!(hub.send(request).await.status, 200);

    let read = ask(
        &hub,
        Method::GET,
        "/api/v1/admin/audit",
        &root,
        &Value::Null,
    )
    .await
    .expect(StatusCode::OK);
    let newest = &read["results"][0];
    assert_eq!(
        (&newest["act"], &newest["name"], &newest["address"]),
        (
            &json!("signed_in"),
            &json!("ada@x.org"),
            &json!("192.0.2.77")
        )
    );
    let all = acts(&hub, "/api/v1/admin/audit", &root).await;
    assert_eq!(said(&all, "signed_in").len(), 3, "{all:?}");
    assert_eq!(
        said(&all, "roles_set"),
        [("the operator", "root@x.org: admin")]
    );
    assert!(!read.to_string().contains(PASSWORD));
}

/// Asks from a machine of its own.
async fn ask_from(
    hub: &Hub,
    place: u8,
    method: Method,
    path: &str,
    who: &str,
    body: &Value,
) -> Answer {
    let request = hub
        .request(method, path)
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::AUTHORIZATION, format!("Bearer {who}"));
    let mut request = request.body(Body::from(body.to_string())).unwrap();
    let from = SocketAddr::from(([192, 0, 2, place], 4_711));
    request.extensions_mut().insert(ConnectInfo(from));
    hub.send(request).await
}

#[tokio::test]
async fn whatever_is_done_is_written_down_with_the_address_of_the_machine_that_asked() {
    let hub = Hub::start_with_accounts().await;
    let root = admin(&hub, "root@x.org").await;
    let ada = token(&hub, "ada@x.org").await;
    let made = ask(&hub, Method::POST, "/api/v1/jobs", &ada, &job("kinase")).await;
    let made = made.expect(StatusCode::CREATED);
    let ada_id = me(&hub, &ada).await.json()["user_id"].clone();
    let path = format!("/api/v1/admin/users/{}/limits", ada_id.as_str().unwrap());
    let link = json!({"job_id": made["id"]});
    ask_from(&hub, 7, Method::POST, "/api/v1/shares", &ada, &link)
        .await
        .expect(StatusCode::CREATED);
    // The same person in the next moment, at another machine.
    let key = json!({"name": "cluster", "scope": "read"});
    ask_from(&hub, 8, Method::POST, "/api/v1/api-keys", &ada, &key)
        .await
        .expect(StatusCode::CREATED);
    ask_from(&hub, 9, Method::PUT, &path, &root, &json!({"limits": null}))
        .await
        .expect(StatusCode::NO_CONTENT);

    let log = "/api/v1/admin/audit?per_page=100";
    let read = ask(&hub, Method::GET, log, &root, &Value::Null).await;
    let read = read.expect(StatusCode::OK);
    for (act, name, address) in [
        ("link_made", "ada@x.org", "192.0.2.7"),
        ("key_made", "ada@x.org", "192.0.2.8"),
        ("limits_set", "root@x.org", "192.0.2.9"),
    ] {
        let lines = read["results"].as_array().unwrap().iter();
        let from: Vec<_> = lines
            .filter(|line| line["act"] == act)
            .map(|line| (&line["name"], &line["address"]))
            .collect();
        assert_eq!(from, [(&json!(name), &json!(address))], "{act}");
    }
}
