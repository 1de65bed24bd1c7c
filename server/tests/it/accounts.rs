//! Accounts through the API: who gets in, how, and until when.

use axum::http::{Method, StatusCode};
use hub::services::SignUp;
use hub::session::Visitor;
use serde_json::{Value, json};

use crate::hub::{Answer, Hub};
use crate::mails::{mailed, token_in};
use crate::people::{PASSWORD, ask, enter, me, sign_up, token};

#[tokio::test]
async fn whoever_signs_up_can_sign_in_and_out() {
    let hub = Hub::start_with_accounts().await;
    hub.get("/api/v1/me").await.problem(401, "unauthenticated");
    sign_up(&hub, "Ada@Example.org").await;
    let entered = enter(&hub, "ada@example.ORG", PASSWORD)
        .await
        .expect(StatusCode::OK);
    assert_eq!(
        (&entered["token_type"], &entered["expires_in"]),
        (&json!("Bearer"), &json!(86_400))
    );
    let token = entered["access_token"].as_str().unwrap();
    let shown = me(&hub, token).await.expect(StatusCode::OK);
    assert_eq!(shown["account"]["email"], "ada@example.org");

    ask(
        &hub,
        Method::POST,
        "/api/v1/auth/logout",
        token,
        &Value::Null,
    )
    .await
    .expect(StatusCode::NO_CONTENT);
    me(&hub, token).await.problem(401, "unauthenticated");
}

#[tokio::test]
async fn what_cannot_be_an_account_is_told_at_its_field() {
    let hub = Hub::start_with_accounts().await;
    let faults = |email: &str, password: &str, name: &str| {
        let body = json!({"email": email, "password": password, "name": name});
        let hub = &hub;
        async move {
            hub.post("/api/v1/auth/signup", &body)
                .await
                .problem(422, "invalid")
        }
    };
    for (email, password, name, field) in [
        ("ada", PASSWORD, "", "email"),
        ("ada@example.org", "short", "", "password"),
        ("ada@example.org", "password123", "", "password"),
        ("ada@example.org", &"long ".repeat(60), "", "password"),
        ("ada@example.org", PASSWORD, "a\u{7}b", "name"),
    ] {
        let faults = faults(email, password, name).await;
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert_eq!(faults[0].0, field, "{faults:?}");
    }
    sign_up(&hub, "ada@example.org").await;
    let taken = faults("ADA@example.org", PASSWORD, "").await;
    assert_eq!(taken[0].0, "email");
    let long = format!("{}@example.org", "é".repeat(188));
    sign_up(&hub, &long).await;
}

#[tokio::test]
async fn an_unknown_address_is_answered_like_a_wrong_password() {
    let hub = Hub::start_with_accounts().await;
    sign_up(&hub, "ada@example.org").await;
    let wrong = enter(&hub, "ada@example.org", "another password").await;
    let unknown = enter(&hub, "eve@example.org", "another password").await;
    assert_eq!((wrong.status, unknown.status), (422, 422));
    let without_reference = |answer: Answer| {
        let mut body = answer.json();
        body.as_object_mut().unwrap().remove("reference");
        body
    };
    assert_eq!(without_reference(wrong), without_reference(unknown));
}

#[tokio::test]
async fn an_unknown_address_takes_as_many_reads_as_a_wrong_password() {
    let hub = Hub::start_with_accounts().await;
    sign_up(&hub, "ada@example.org").await;
    let reads = async |email: &str| {
        hub.documents.read();
        enter(&hub, email, "another password")
            .await
            .problem(422, "invalid");
        hub.documents.read()
    };
    assert_eq!(
        reads("ada@example.org").await,
        reads("eve@example.org").await
    );
}

#[tokio::test]
async fn an_unknown_address_takes_its_place_among_those_whose_passwords_are_compared() {
    let hub = Hub::start_with_accounts().await;
    let services = &hub.services;
    // Each is another address from another network: nobody waits for the tries of others.
    let all = (0..160).map(|place| async move {
        let email = format!("{place}@example.org");
        let visitor = Visitor {
            network: format!("10.{place}.0.1"),
            ..Visitor::default()
        };
        let entered = services.sign_in(&email, PASSWORD.to_owned(), &visitor);
        entered.await.map_or_else(|error| error.status(), |_| 200)
    });
    let statuses = futures::future::join_all(all).await;
    let count = |wanted: u16| statuses.iter().filter(|status| **status == wanted).count();
    // There is room for a hundred, and whoever were answered without that work would need none.
    assert!(count(422) >= 100 && count(503) > 0, "{statuses:?}");
    assert_eq!(count(422) + count(503), 160, "{statuses:?}");
}

#[tokio::test]
async fn so_many_accounts_are_made_from_a_network_and_in_all() {
    let hub = Hub::start_with_accounts().await;
    let sign_up = async |place: usize, network: usize| {
        let form = SignUp {
            email: format!("{place}@{network}.example.org"),
            password: PASSWORD.to_owned(),
            name: String::new(),
        };
        let visitor = Visitor {
            network: format!("192.0.2.{network}"),
            ..Visitor::default()
        };
        hub.services.sign_up(form, &visitor).await
    };
    let mut made = 0;
    for network in 0..6 {
        let mut refused = None;
        for place in 0..25 {
            match sign_up(place, network).await {
                Ok(_) => made += 1,
                Err(error) => refused = refused.or(Some((place, error.status()))),
            }
        }
        // One more than is free, which makes the next one wait.
        let most = if network < 4 { 21 } else { 0 };
        assert!(
            network == 4 || refused == Some((most, 429)),
            "{network}: {refused:?}"
        );
    }
    assert_eq!(made, 101);
    hub.later(11);
    assert!(sign_up(0, 7).await.is_ok(), "nobody is shut out");
}

#[tokio::test]
async fn guessing_is_slowed_down_and_the_owner_is_not_shut_out_elsewhere() {
    let hub = Hub::start_with_accounts().await;
    sign_up(&hub, "ada@example.org").await;
    for _ in 0..6 {
        enter(&hub, "ada@example.org", "another password")
            .await
            .problem(422, "invalid");
    }
    let refused = enter(&hub, "ada@example.org", PASSWORD).await;
    assert_eq!(refused.status, 429);
    assert!(refused.json()["resets_at"].as_str().is_some());
    // The same network as that of requests without an address.
    let visitor = Visitor {
        network: "::".to_owned(),
        ..Visitor::default()
    };
    let password = PASSWORD.to_owned();
    let elsewhere = hub.another.sign_in("ada@example.org", password, &visitor);
    assert_eq!(elsewhere.await.unwrap_err().status(), 429);
    sign_up(&hub, "eve@example.org").await;
    enter(&hub, "eve@example.org", PASSWORD)
        .await
        .expect(StatusCode::OK);
}

#[tokio::test]
async fn who_waits_for_the_tries_of_others_does_not_wait_for_their_own() {
    let hub = Hub::start_with_accounts().await;
    sign_up(&hub, "ada@example.org").await;
    let enter_from = async |network: String, password: &str| {
        let visitor = Visitor {
            network,
            ..Visitor::default()
        };
        let password = password.to_owned();
        let entered = hub.services.sign_in("ada@example.org", password, &visitor);
        entered.await.map_or_else(|error| error.status(), |_| 200)
    };
    for place in 0..51 {
        let from = format!("192.0.2.{place}");
        assert_eq!(enter_from(from, "a guess").await, 422, "{place}");
    }
    let home = || "198.51.100.1".to_owned();
    for place in 0..12 {
        hub.later(5);
        let from = format!("203.0.113.{place}");
        assert_eq!(enter_from(from, "a guess").await, 422, "{place}");
        assert_eq!(enter_from(home(), PASSWORD).await, 429, "{place}");
    }
    hub.later(5);
    assert_eq!(enter_from(home(), PASSWORD).await, 200);
}

#[tokio::test]
async fn another_password_ends_every_other_session() {
    let hub = Hub::start_with_accounts().await;
    let here = token(&hub, "ada@example.org").await;
    let there = enter(&hub, "ada@example.org", PASSWORD)
        .await
        .expect(StatusCode::OK);
    let there = there["access_token"].as_str().unwrap();
    let sessions = ask(&hub, Method::GET, "/api/v1/sessions", &here, &Value::Null)
        .await
        .expect(StatusCode::OK);
    assert_eq!(sessions["results"].as_array().unwrap().len(), 2);

    let change = |current: &str, new: &str| json!({"current": current, "password": new});
    let path = "/api/v1/auth/password";
    let wrong = ask(
        &hub,
        Method::POST,
        path,
        &here,
        &change("not it", "another-good-one"),
    )
    .await;
    assert_eq!(wrong.problem(422, "invalid")[0].0, "current");
    let weak = ask(&hub, Method::POST, path, &here, &change(PASSWORD, "weak")).await;
    assert_eq!(weak.problem(422, "invalid")[0].0, "password");
    ask(
        &hub,
        Method::POST,
        path,
        &here,
        &change(PASSWORD, "another-good-one"),
    )
    .await
    .expect(StatusCode::NO_CONTENT);
    me(&hub, &here).await.expect(StatusCode::OK);
    me(&hub, there).await.problem(401, "unauthenticated");
    enter(&hub, "ada@example.org", PASSWORD)
        .await
        .problem(422, "invalid");
    enter(&hub, "ada@example.org", "another-good-one")
        .await
        .expect(StatusCode::OK);
}

#[tokio::test]
async fn a_key_does_what_it_was_made_for_and_no_more() {
    let hub = Hub::start_with_accounts().await;
    let token = token(&hub, "ada@example.org").await;
    let make =
        |name: &str, scope: &str| json!({"name": name, "scope": scope, "expires_in_days": 30});
    let made = ask(
        &hub,
        Method::POST,
        "/api/v1/api-keys",
        &token,
        &make("reader", "read"),
    )
    .await
    .expect(StatusCode::CREATED);
    let reader = made["key"].as_str().unwrap().to_owned();
    let made = ask(
        &hub,
        Method::POST,
        "/api/v1/api-keys",
        &token,
        &make("writer", "write"),
    )
    .await
    .expect(StatusCode::CREATED);
    let (writer, writer_id) = (
        made["key"].as_str().unwrap().to_owned(),
        made["id"].as_str().unwrap().to_owned(),
    );

    let job = json!({"task": "docking", "model": "vina", "parameters": {"exhaustiveness": 1},
        "input": {"target": {"named": "ABL1"}, "ligand": {"name": "ethanol", "smiles": "CCO"}}});
    ask(&hub, Method::GET, "/api/v1/jobs", &reader, &Value::Null)
        .await
        .expect(StatusCode::OK);
    ask(&hub, Method::POST, "/api/v1/jobs", &reader, &job)
        .await
        .problem(403, "forbidden");
    ask(&hub, Method::POST, "/api/v1/jobs", &writer, &job)
        .await
        .expect(StatusCode::CREATED);
    ask(
        &hub,
        Method::POST,
        "/api/v1/api-keys",
        &writer,
        &make("more", "write"),
    )
    .await
    .problem(403, "forbidden");

    let listed = ask(&hub, Method::GET, "/api/v1/api-keys", &token, &Value::Null)
        .await
        .expect(StatusCode::OK);
    let listed = listed["results"].as_array().unwrap();
    assert_eq!(listed.len(), 2);
    assert!(listed.iter().all(|key| key.get("key").is_none()));
    assert!(listed.iter().any(|key| key["last_used_at"].is_string()));
    ask(
        &hub,
        Method::DELETE,
        &format!("/api/v1/api-keys/{writer_id}"),
        &token,
        &Value::Null,
    )
    .await
    .expect(StatusCode::NO_CONTENT);
    me(&hub, &writer).await.problem(401, "unauthenticated");

    let path = "/api/v1/api-keys";
    let late = ask(&hub, Method::POST, path, &token, &make("late", "read")).await;
    let late = late.expect(StatusCode::CREATED);
    hub.later(31 * 24 * 3_600);
    let late = late["key"].as_str().unwrap();
    me(&hub, late).await.problem(401, "unauthenticated");
}

#[tokio::test]
async fn nobody_sees_what_is_another_persons() {
    let hub = Hub::start_with_accounts().await;
    let (ada, eve) = (
        token(&hub, "ada@example.org").await,
        token(&hub, "eve@example.org").await,
    );
    let job = json!({"task": "docking", "model": "vina", "name": "secret-marker", "parameters": {"exhaustiveness": 1},
        "input": {"target": {"named": "ABL1"}, "ligand": {"name": "ethanol", "smiles": "CCO"}}});
    let made = ask(&hub, Method::POST, "/api/v1/jobs", &ada, &job)
        .await
        .expect(StatusCode::CREATED);
    let id = made["id"].as_str().unwrap();
    for (method, path) in [
        (Method::GET, format!("/api/v1/jobs/{id}")),
        (Method::DELETE, format!("/api/v1/jobs/{id}")),
        (Method::POST, format!("/api/v1/jobs/{id}/cancel")),
        (Method::POST, format!("/api/v1/jobs/{id}/retry")),
        (Method::GET, format!("/api/v1/jobs/{id}/files")),
        (Method::GET, format!("/api/v1/jobs/{id}/events")),
        (Method::GET, format!("/api/v1/jobs/{id}/export?format=json")),
    ] {
        let foreign = ask(&hub, method.clone(), &path, &eve, &Value::Null).await;
        foreign.problem(404, "not-found");
    }
    let listed = ask(
        &hub,
        Method::GET,
        "/api/v1/jobs?search=secret-marker",
        &eve,
        &Value::Null,
    )
    .await
    .expect(StatusCode::OK);
    assert_eq!(listed["pagination"]["total_results"], 0);
    let listed = ask(
        &hub,
        Method::GET,
        "/api/v1/jobs?search=secret-marker",
        &ada,
        &Value::Null,
    )
    .await
    .expect(StatusCode::OK);
    assert_eq!(listed["pagination"]["total_results"], 1);
}

#[tokio::test]
async fn a_hub_on_one_machine_has_no_accounts() {
    let hub = Hub::start_alone().await;
    let body = json!({"email": "ada@example.org", "password": PASSWORD});
    hub.post("/api/v1/auth/signup", &body)
        .await
        .problem(409, "conflict");
    hub.post("/api/v1/auth/login", &body)
        .await
        .problem(409, "conflict");
}

#[tokio::test]
async fn a_new_password_by_mail_ends_sessions_and_keys_and_its_link() {
    let hub = Hub::start_with_accounts().await;
    let session = token(&hub, "ada@example.org").await;
    let body = json!({"name": "cluster", "scope": "write"});
    let key = ask(&hub, Method::POST, "/api/v1/api-keys", &session, &body)
        .await
        .expect(StatusCode::CREATED);
    let key = key["key"].as_str().unwrap();
    let visitor = Visitor::default();
    for email in ["nobody@example.org", "ada@example.org", "ada@example.org"] {
        hub.services.request_reset(email, &visitor).await.unwrap();
    }
    let (first, second) = (mailed(&hub).await, mailed(&hub).await);
    assert!(
        first.to.as_str() == "ada@example.org" && hub.services.take_mail().await.unwrap().is_none()
    );
    let (first, second) = (token_in(&first), token_in(&second));
    let reset = |link: &str, password: &str| {
        let (link, password) = (link.to_owned(), password.to_owned());
        let services = hub.services.clone();
        async move {
            services
                .reset_password(&link, password, &Visitor::default())
                .await
        }
    };
    assert_eq!(
        reset("made-up", "another-good-one")
            .await
            .unwrap_err()
            .status(),
        409
    );
    assert_eq!(reset(&first, "weak").await.unwrap_err().status(), 422);
    reset(&first, "another-good-one").await.unwrap();
    for link in [&first, &second] {
        assert_eq!(
            reset(link, "a-third-good-one").await.unwrap_err().status(),
            409
        );
    }
    me(&hub, &session).await.problem(401, "unauthenticated");
    me(&hub, key).await.problem(401, "unauthenticated");
    enter(&hub, "ada@example.org", "another-good-one")
        .await
        .expect(StatusCode::OK);
}

#[tokio::test]
async fn a_hundred_guesses_at_once_are_no_more_than_a_few() {
    let hub = Hub::start_with_accounts().await;
    sign_up(&hub, "ada@example.org").await;
    let guesses = (0..60).map(|_| enter(&hub, "ada@example.org", "another password"));
    let answers = futures::future::join_all(guesses).await;
    let looked_at = answers.iter().filter(|answer| answer.status == 422).count();
    assert!(looked_at <= 6, "{looked_at} passwords were compared");
}

#[tokio::test]
async fn a_header_that_lets_nobody_in_is_counted_too() {
    let hub = Hub::start_with_accounts().await;
    let mut statuses = Vec::new();
    for place in 0..190 {
        statuses.push(me(&hub, &format!("omtx_made-up-{place}")).await.status);
    }
    assert_eq!((statuses[0], statuses[189]), (401, 429));
}

#[tokio::test]
async fn what_is_right_is_not_held_back_by_what_is_sent_beside_it() {
    let hub = Hub::start_with_accounts().await;
    sign_up(&hub, "ada@example.org").await;
    let all = (0..5).map(|_| enter(&hub, "ada@example.org", PASSWORD));
    let answers = futures::future::join_all(all).await;
    let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    assert_eq!(statuses, [200; 5]);
}
