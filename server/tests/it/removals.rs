//! Members who left: what they still reach, and what they left behind; and what was ended on another server.

use std::time::Duration;

use axum::http::{Method, StatusCode};
use hub::id::{KeyId, SessionId};
use serde_json::{Value, json};

use crate::hub::{Chosen, Hub};
use crate::organizations::id_of;
use crate::people::{
    OWN, PASSWORD, ask, enter, founded, invited, job, join, me, member, removed_elsewhere, token,
};
use crate::sign_in::session;
use crate::stores::Store;

on_each_store!(
    admins_find_and_end_the_links_of_a_member_who_left,
    whoever_is_removed_on_another_server_submits_nothing
);

#[tokio::test]
async fn whoever_is_removed_is_out_at_once() {
    let hub = Hub::start_with_accounts().await;
    let owner = token(&hub, "owner@x.org").await;
    founded(&hub, &owner).await;
    let plain = member(&hub, &owner, "plain@x.org", "member").await;
    let made = ask(
        &hub,
        Method::POST,
        "/api/v1/jobs",
        &plain,
        &job("made there"),
    )
    .await
    .expect(StatusCode::CREATED);
    let path = format!("/api/v1/jobs/{}", made["id"].as_str().unwrap());
    ask(&hub, Method::GET, &path, &plain, &Value::Null)
        .await
        .expect(StatusCode::OK);
    let member = format!("{OWN}/members/{}", id_of(&hub, &owner, "plain@x.org").await);
    ask(&hub, Method::DELETE, &member, &owner, &Value::Null)
        .await
        .expect(StatusCode::NO_CONTENT);
    ask(&hub, Method::GET, &path, &plain, &Value::Null)
        .await
        .problem(404, "not-found");
    ask(&hub, Method::GET, OWN, &plain, &Value::Null)
        .await
        .problem(404, "not-found");
    let listed = ask(&hub, Method::GET, "/api/v1/jobs", &plain, &Value::Null)
        .await
        .expect(StatusCode::OK);
    assert_eq!(listed["pagination"]["total_results"], 0);
    ask(&hub, Method::DELETE, &member, &owner, &Value::Null)
        .await
        .problem(404, "not-found");
}

#[tokio::test]
async fn what_is_ended_on_another_server_opens_nothing_here_after_10_s() {
    let hub = Hub::start_with_accounts().await;
    let here = token(&hub, "ada@x.org").await;
    let there = enter(&hub, "ada@x.org", PASSWORD)
        .await
        .expect(StatusCode::OK);
    let there = there["access_token"].as_str().unwrap();
    let made = json!({"name": "cluster", "scope": "read"});
    let made = ask(&hub, Method::POST, "/api/v1/api-keys", &here, &made).await;
    let made = made.expect(StatusCode::CREATED);
    let key = made["key"].as_str().unwrap();
    let key_id: KeyId = made["id"].as_str().unwrap().parse().unwrap();
    let own: SessionId = session(&hub, &here, true).await.parse().unwrap();
    let other: SessionId = session(&hub, &here, false).await.parse().unwrap();
    let ada = hub.another.actor_of_session(&own).await.unwrap().unwrap();
    for opens in [there, key] {
        me(&hub, opens).await.expect(StatusCode::OK);
    }
    hub.another.end_session(&ada, &other).await.unwrap();
    hub.another.remove_key(&ada, &key_id).await.unwrap();
    // They are known here for a few seconds more, by a clock that no test moves.
    let until_out = async {
        for opens in [there, key] {
            while me(&hub, opens).await.status != 401 {
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        }
    };
    let out = tokio::time::timeout(Duration::from_secs(10), until_out).await;
    assert!(out.is_ok(), "they are let in still");
    me(&hub, &here).await.expect(StatusCode::OK);
}

async fn on(store: Store) -> Hub {
    let chosen = Chosen {
        accounts: true,
        store,
        ..Chosen::default()
    };
    Hub::start_as(chosen).await
}

async fn whoever_is_removed_on_another_server_submits_nothing(store: Store) {
    let hub = on(store).await;
    let owner = token(&hub, "owner@x.org").await;
    founded(&hub, &owner).await;
    let plain = member(&hub, &owner, "plain@x.org", "member").await;
    let submit = async |path: &str, body: &Value| ask(&hub, Method::POST, path, &plain, body).await;
    let screen = json!({"task": "docking", "target": {"named": "ABL1"}, "parameters": {"exhaustiveness": 1},
        "ligands": [{"name": "a", "smiles": "CCO"}, {"name": "b", "smiles": "CCC"}]});
    let mut again = Vec::new();
    for (path, body) in [("/api/v1/jobs", &job("a")), ("/api/v1/batches", &screen)] {
        submit(path, body).await.expect(StatusCode::CREATED);
        let ended = submit(path, body).await.expect(StatusCode::CREATED);
        let ended = format!("/api/v1/jobs/{}", ended["id"].as_str().unwrap());
        let cancel = format!("{ended}/cancel");
        submit(&cancel, &Value::Null).await.expect(StatusCode::OK);
        again.push(format!("{ended}/retry"));
    }
    let usage = async || {
        let read = ask(&hub, Method::GET, "/api/v1/usage", &owner, &Value::Null).await;
        read.expect(StatusCode::OK)["day"]["held"].clone()
    };
    assert_eq!(usage().await, 3);
    removed_elsewhere(&hub, &plain).await;
    // Who they were is known here still.
    for (path, body) in [("/api/v1/jobs", &job("a")), ("/api/v1/batches", &screen)] {
        submit(path, body).await.problem(403, "forbidden");
    }
    for path in &again {
        submit(path, &Value::Null).await.problem(403, "forbidden");
    }
    assert_eq!(usage().await, 3);
}

async fn admins_find_and_end_the_links_of_a_member_who_left(store: Store) {
    let hub = on(store).await;
    let owner = token(&hub, "owner@x.org").await;
    founded(&hub, &owner).await;
    let peer = member(&hub, &owner, "peer@x.org", "member").await;
    let maker = token(&hub, "maker@x.org").await;
    let shared = async |name: &str| {
        let made = ask(&hub, Method::POST, "/api/v1/jobs", &maker, &job(name)).await;
        let body =
            json!({"job_id": made.expect(StatusCode::CREATED)["id"], "expires_in_days": null});
        let link = ask(&hub, Method::POST, "/api/v1/shares", &maker, &body).await;
        link.expect(StatusCode::CREATED)
    };
    let own = shared("their own").await;
    let invitation = invited(&hub, &owner, "member").await;
    join(&hub, &maker, &invitation).await.expect(StatusCode::OK);
    let link = shared("of the laboratory").await;
    let member = format!("{OWN}/members/{}", id_of(&hub, &owner, "maker@x.org").await);
    ask(&hub, Method::DELETE, &member, &owner, &Value::Null)
        .await
        .expect(StatusCode::NO_CONTENT);

    let list = format!("{OWN}/shares");
    ask(&hub, Method::GET, &list, &peer, &Value::Null)
        .await
        .problem(403, "forbidden");
    ask(&hub, Method::GET, &list, &maker, &Value::Null)
        .await
        .problem(404, "not-found");
    let read = async || {
        let read = ask(&hub, Method::GET, &list, &owner, &Value::Null).await;
        read.expect(StatusCode::OK)["results"].clone()
    };
    let mine = ask(&hub, Method::GET, "/api/v1/shares", &maker, &Value::Null).await;
    let mine = mine.expect(StatusCode::OK)["results"][0].clone();
    assert_eq!((&mine["id"], &mine["state"]), (&link["id"], &json!("open")));
    assert!(mine["name"].is_null(), "it is the organisation's");
    let found = read().await;
    let text_of = |field: &str| found[0][field].as_str().unwrap().to_owned();
    assert_eq!(found.as_array().unwrap().len(), 1, "{found}");
    assert_eq!(
        ["name", "shared_by", "state"].map(text_of),
        ["of the laboratory", "maker", "open"]
    );
    assert_eq!(found[0]["id"], link["id"]);
    let revoke = |id: &Value| format!("/api/v1/shares/{}", id.as_str().unwrap());
    let by_peer = ask(
        &hub,
        Method::DELETE,
        &revoke(&link["id"]),
        &peer,
        &Value::Null,
    )
    .await;
    by_peer.problem(404, "not-found");
    ask(
        &hub,
        Method::DELETE,
        &revoke(&own["id"]),
        &owner,
        &Value::Null,
    )
    .await
    .problem(404, "not-found");
    ask(
        &hub,
        Method::DELETE,
        &revoke(&link["id"]),
        &owner,
        &Value::Null,
    )
    .await
    .expect(StatusCode::NO_CONTENT);
    let ended = read().await;
    assert_eq!(ended[0]["state"], "revoked");
    assert!(
        ended[0]["expires_at"].is_string(),
        "it is not kept for ever"
    );
}
