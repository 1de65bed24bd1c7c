//! Organisations: who gets in, who may do what there, and what a member who left still sees.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::hub::Hub;
use crate::people::{OWN, ask, founded, invited, job, join, member, token};
use crate::sign_in::{open, text};

async fn members(hub: &Hub, who: &str) -> Vec<(String, String, String)> {
    let read = ask(hub, Method::GET, OWN, who, &Value::Null)
        .await
        .expect(StatusCode::OK);
    let text = |member: &Value, name: &str| member[name].as_str().unwrap().to_owned();
    let all = read["members"].as_array().unwrap().iter();
    all.map(|member| {
        (
            text(member, "email"),
            text(member, "role"),
            text(member, "id"),
        )
    })
    .collect()
}

pub async fn id_of(hub: &Hub, asker: &str, email: &str) -> String {
    let found = members(hub, asker)
        .await
        .into_iter()
        .find(|member| member.0 == email);
    found.unwrap().2
}

async fn give(hub: &Hub, by: &str, whom: &str, role: &str) -> crate::hub::Answer {
    let path = format!("{OWN}/members/{}", id_of(hub, by, whom).await);
    ask(hub, Method::PATCH, &path, by, &json!({"role": role})).await
}

#[tokio::test]
async fn a_link_lets_one_person_in_once() {
    let hub = Hub::start_with_accounts().await;
    let (ada, bea, eve) = (
        token(&hub, "ada@x.org").await,
        token(&hub, "bea@x.org").await,
        token(&hub, "eve@x.org").await,
    );
    ask(&hub, Method::GET, OWN, &ada, &Value::Null)
        .await
        .problem(404, "not-found");
    founded(&hub, &ada).await;
    let link = invited(&hub, &ada, "member").await;
    let path = format!("/api/v1/invitation?token={link}");
    let shown = ask(&hub, Method::GET, &path, &bea, &Value::Null)
        .await
        .expect(StatusCode::OK);
    assert_eq!(
        (&shown["organization"], &shown["role"]),
        (&json!("Structural biology"), &json!("member"))
    );
    join(&hub, &bea, &link).await.expect(StatusCode::OK);
    join(&hub, &eve, &link).await.problem(404, "not-found");
    join(&hub, &eve, "made-up").await.problem(404, "not-found");
    let second = invited(&hub, &ada, "viewer").await;
    join(&hub, &bea, &second).await.problem(409, "conflict");
    let roles: Vec<_> = members(&hub, &bea)
        .await
        .into_iter()
        .map(|member| (member.0, member.1))
        .collect();
    assert_eq!(
        roles,
        [
            ("ada@x.org".into(), "owner".into()),
            ("bea@x.org".into(), "member".into())
        ]
    );
    let nameless = ask(
        &hub,
        Method::POST,
        "/api/v1/organizations",
        &eve,
        &json!({"name": " "}),
    )
    .await;
    assert_eq!(nameless.problem(422, "invalid")[0].0, "name");
}

#[tokio::test]
async fn each_role_may_what_it_may_and_no_more() {
    let hub = Hub::start_with_accounts().await;
    let owner = token(&hub, "owner@x.org").await;
    founded(&hub, &owner).await;
    let admin = member(&hub, &owner, "admin@x.org", "admin").await;
    let plain = member(&hub, &owner, "plain@x.org", "member").await;
    let viewer = member(&hub, &owner, "viewer@x.org", "viewer").await;

    ask(&hub, Method::POST, "/api/v1/jobs", &plain, &job("a"))
        .await
        .expect(StatusCode::CREATED);
    ask(&hub, Method::POST, "/api/v1/jobs", &viewer, &job("b"))
        .await
        .problem(403, "forbidden");
    let invitations = format!("{OWN}/invitations");
    for who in [&plain, &viewer] {
        ask(
            &hub,
            Method::POST,
            &invitations,
            who,
            &json!({"role": "viewer"}),
        )
        .await
        .problem(403, "forbidden");
        give(&hub, who, "viewer@x.org", "admin")
            .await
            .problem(403, "forbidden");
    }
    ask(
        &hub,
        Method::POST,
        &invitations,
        &admin,
        &json!({"role": "admin"}),
    )
    .await
    .problem(403, "forbidden");
    ask(
        &hub,
        Method::POST,
        &invitations,
        &owner,
        &json!({"role": "owner"}),
    )
    .await
    .problem(422, "invalid");
    give(&hub, &admin, "viewer@x.org", "member")
        .await
        .expect(StatusCode::NO_CONTENT);
    ask(&hub, Method::POST, "/api/v1/jobs", &viewer, &job("c"))
        .await
        .expect(StatusCode::CREATED);
    give(&hub, &admin, "owner@x.org", "member")
        .await
        .problem(403, "forbidden");
    give(&hub, &admin, "plain@x.org", "admin")
        .await
        .problem(403, "forbidden");

    give(&hub, &owner, "admin@x.org", "owner")
        .await
        .expect(StatusCode::NO_CONTENT);
    let roles: Vec<_> = members(&hub, &plain)
        .await
        .into_iter()
        .map(|member| member.1)
        .collect();
    assert_eq!(roles, ["admin", "owner", "member", "member"]);
    let path = format!("{OWN}/members/{}", id_of(&hub, &admin, "admin@x.org").await);
    ask(&hub, Method::DELETE, &path, &admin, &Value::Null)
        .await
        .problem(409, "conflict");
}

#[tokio::test]
async fn whoever_is_invited_reads_first_what_the_role_means() {
    let hub = Hub::start_with_accounts().await;
    let owner = token(&hub, "owner@x.org").await;
    founded(&hub, &owner).await;
    let cookie = format!("omtx={}", token(&hub, "guest@x.org").await);
    for (role, meaning) in [
        (
            "viewer",
            "a viewer: you read what is shown to the organisation",
        ),
        (
            "member",
            "is seen by its admins, and counts against its limits",
        ),
        (
            "admin",
            "an admin: you see all that is made in the organisation",
        ),
    ] {
        let path = format!("/join?token={}", invited(&hub, &owner, role).await);
        let page = text(&open(&hub, &path, &cookie).await);
        assert!(page.contains(meaning), "{role}: {page}");
    }
}

#[tokio::test]
async fn a_link_that_is_over_says_so_in_words() {
    let hub = Hub::start_with_accounts().await;
    let owner = token(&hub, "owner@x.org").await;
    founded(&hub, &owner).await;
    let link = invited(&hub, &owner, "member").await;
    let guest = token(&hub, "guest@x.org").await;
    let cookie = format!("omtx={guest}");
    let path = format!("/join?token={link}");
    assert_eq!(open(&hub, &path, &cookie).await.status, 200);
    hub.later(7 * 24 * 3_600 + 1);
    let again = crate::people::enter(&hub, "guest@x.org", crate::people::PASSWORD).await;
    let again = again.expect(StatusCode::OK)["access_token"].clone();
    let cookie = format!("omtx={}", again.as_str().unwrap());
    let expired = open(&hub, &path, &cookie).await;
    let unknown = open(&hub, "/join?token=made-up", &cookie).await;
    for answer in [expired, unknown] {
        assert_eq!(answer.status, 404);
        assert!(text(&answer).contains("Ask an admin of the organisation for another one"));
    }
}

#[tokio::test]
async fn work_is_private_until_it_is_shown_to_the_organisation() {
    let hub = Hub::start_with_accounts().await;
    let owner = token(&hub, "owner@x.org").await;
    let before = ask(&hub, Method::POST, "/api/v1/jobs", &owner, &job("before"))
        .await
        .expect(StatusCode::CREATED);
    founded(&hub, &owner).await;
    let maker = member(&hub, &owner, "maker@x.org", "member").await;
    let peer = member(&hub, &owner, "peer@x.org", "member").await;
    let viewer = member(&hub, &owner, "viewer@x.org", "viewer").await;
    let stranger = token(&hub, "stranger@x.org").await;
    let made = ask(
        &hub,
        Method::POST,
        "/api/v1/jobs",
        &maker,
        &job("made there"),
    )
    .await
    .expect(StatusCode::CREATED);
    let path = format!("/api/v1/jobs/{}", made["id"].as_str().unwrap());
    let status = async |who: &str, method: Method, path: &str, body: &Value| {
        ask(&hub, method, path, who, body).await.status
    };
    let total = async |who: &str, query: &str| {
        let path = format!("/api/v1/jobs?{query}");
        let listed = ask(&hub, Method::GET, &path, who, &Value::Null).await;
        let listed = listed.expect(StatusCode::OK);
        listed["pagination"]["total_results"].as_u64().unwrap()
    };

    for (who, expected) in [
        (&maker, 200),
        (&owner, 200),
        (&peer, 404),
        (&viewer, 404),
        (&stranger, 404),
    ] {
        assert_eq!(
            status(who, Method::GET, &path, &Value::Null).await,
            expected
        );
    }
    assert_eq!(total(&maker, "").await, 1);
    assert_eq!(total(&peer, "").await, 0);
    assert_eq!(total(&peer, "scope=organization").await, 0);
    assert_eq!(
        total(&owner, "").await,
        1,
        "what the owner made before is still on their list"
    );
    let own = format!("/api/v1/jobs/{}", before["id"].as_str().unwrap());
    assert_eq!(status(&owner, Method::GET, &own, &Value::Null).await, 200);
    assert_eq!(status(&maker, Method::GET, &own, &Value::Null).await, 404);

    let shown = format!("{path}/organization-share");
    ask(&hub, Method::PUT, &shown, &peer, &json!({"shared": true}))
        .await
        .problem(404, "not-found");
    ask(&hub, Method::PUT, &shown, &maker, &json!({"shared": true}))
        .await
        .expect(StatusCode::OK);
    for (who, expected) in [(&peer, 200), (&viewer, 200), (&stranger, 404)] {
        assert_eq!(
            status(who, Method::GET, &path, &Value::Null).await,
            expected
        );
    }
    assert_eq!(total(&viewer, "scope=organization&search=made").await, 1);
    assert_eq!(total(&peer, "").await, 0);
    for (method, end) in [
        (Method::DELETE, ""),
        (Method::POST, "/cancel"),
        (Method::POST, "/retry"),
    ] {
        let path = format!("{path}{end}");
        assert_eq!(
            status(&peer, method.clone(), &path, &Value::Null).await,
            403
        );
        assert_eq!(
            status(&viewer, method.clone(), &path, &Value::Null).await,
            403
        );
        assert_eq!(status(&stranger, method, &path, &Value::Null).await, 404);
    }
    ask(
        &hub,
        Method::GET,
        "/api/v1/jobs?scope=organization",
        &stranger,
        &Value::Null,
    )
    .await
    .problem(400, "bad-request");

    ask(&hub, Method::PUT, &shown, &maker, &json!({"shared": false}))
        .await
        .expect(StatusCode::OK);
    assert_eq!(status(&peer, Method::GET, &path, &Value::Null).await, 404);
    assert_eq!(total(&peer, "scope=organization").await, 0);
}

#[tokio::test]
async fn a_link_is_worth_what_its_maker_may_still_do() {
    let hub = Hub::start_with_accounts().await;
    let owner = token(&hub, "owner@x.org").await;
    founded(&hub, &owner).await;
    let admin = member(&hub, &owner, "admin@x.org", "admin").await;
    let guest = token(&hub, "guest@x.org").await;
    let link = invited(&hub, &admin, "member").await;
    let path = format!("{OWN}/members/{}", id_of(&hub, &owner, "admin@x.org").await);
    ask(&hub, Method::DELETE, &path, &owner, &Value::Null)
        .await
        .expect(StatusCode::NO_CONTENT);
    for who in [&admin, &guest] {
        join(&hub, who, &link).await.problem(404, "not-found");
    }
}

#[tokio::test]
async fn an_organisation_has_one_owner_however_often_it_is_given_away() {
    let hub = Hub::start_with_accounts().await;
    let owner = token(&hub, "owner@x.org").await;
    founded(&hub, &owner).await;
    for email in ["a@x.org", "b@x.org"] {
        member(&hub, &owner, email, "member").await;
    }
    let (to_a, to_b) = futures::future::join(
        give(&hub, &owner, "a@x.org", "owner"),
        give(&hub, &owner, "b@x.org", "owner"),
    )
    .await;
    let given = [to_a.status, to_b.status];
    assert_eq!(
        given.iter().filter(|status| **status == 204).count(),
        1,
        "{given:?}"
    );
    let owners = members(&hub, &owner).await;
    let owners = owners.iter().filter(|member| member.1 == "owner");
    assert_eq!(owners.count(), 1);
}

#[tokio::test]
async fn a_viewer_keeps_what_is_their_own() {
    let hub = Hub::start_with_accounts().await;
    let owner = token(&hub, "owner@x.org").await;
    founded(&hub, &owner).await;
    let guest = token(&hub, "guest@x.org").await;
    let made = ask(&hub, Method::POST, "/api/v1/jobs", &guest, &job("before"))
        .await
        .expect(StatusCode::CREATED);
    let link = invited(&hub, &owner, "viewer").await;
    join(&hub, &guest, &link).await.expect(StatusCode::OK);
    let path = format!("/api/v1/jobs/{}/cancel", made["id"].as_str().unwrap());
    ask(&hub, Method::POST, &path, &guest, &Value::Null)
        .await
        .expect(StatusCode::OK);
    let body = json!({"current": crate::people::PASSWORD, "password": "another-good-one"});
    ask(&hub, Method::POST, "/api/v1/auth/password", &guest, &body)
        .await
        .expect(StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn filters_hold_for_members_as_for_everybody() {
    let hub = Hub::start_with_accounts().await;
    let owner = token(&hub, "owner@x.org").await;
    let made = async |name: &str| {
        let made = ask(&hub, Method::POST, "/api/v1/jobs", &owner, &job(name)).await;
        let made = made.expect(StatusCode::CREATED);
        made["id"].as_str().unwrap().to_owned()
    };
    made("own").await;
    founded(&hub, &owner).await;
    made("of the laboratory").await;
    let path = format!("/api/v1/jobs/{}/cancel", made("cancelled").await);
    ask(&hub, Method::POST, &path, &owner, &Value::Null)
        .await
        .expect(StatusCode::OK);
    for (query, names) in [
        ("", vec!["cancelled", "of the laboratory", "own"]),
        ("status=failed,cancelled", vec!["cancelled"]),
        ("status=pending,failed", vec!["of the laboratory", "own"]),
        ("status=pending", vec!["of the laboratory", "own"]),
    ] {
        let path = format!("/api/v1/jobs?{query}");
        let listed = ask(&hub, Method::GET, &path, &owner, &Value::Null).await;
        let listed = listed.expect(StatusCode::OK);
        let found = listed["results"].as_array().unwrap().iter();
        let found: Vec<&str> = found.map(|row| row["name"].as_str().unwrap()).collect();
        assert_eq!(found, names, "{query}");
        assert_eq!(
            listed["pagination"]["total_results"],
            names.len(),
            "{query}"
        );
    }
}
