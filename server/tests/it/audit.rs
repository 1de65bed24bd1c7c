//! The audit log: each act is in it once, with who, what and from where, and only those read it who may.

use std::net::SocketAddr;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Method, StatusCode, header};
use serde_json::{Value, json};

use crate::hub::Hub;
use crate::organizations::id_of;
use crate::people::{OWN, PASSWORD, admin, ask, enter, founded, invited, job, join, token};

/// Who did what to what, the oldest first.
async fn acts(hub: &Hub, path: &str, who: &str) -> Vec<(String, String, String)> {
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

fn said<'a>(acts: &'a [(String, String, String)], act: &str) -> Vec<(&'a str, &'a str)> {
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
