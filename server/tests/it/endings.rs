//! The end of an organisation: what must be gone before it, and what comes at the same moment.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::hub::Hub;
use crate::organizations::id_of;
use crate::people::{OWN, ask, founded, invited, job, join, member, token};

#[tokio::test]
async fn its_owner_ends_an_organisation_in_which_nothing_and_nobody_is_left() {
    let hub = Hub::start_with_accounts().await;
    let (ada, bea) = (
        token(&hub, "ada@x.org").await,
        token(&hub, "bea@x.org").await,
    );
    founded(&hub, &ada).await;
    let link = invited(&hub, &ada, "member").await;
    join(&hub, &bea, &link).await.expect(StatusCode::OK);
    let end = async |who: &str, name: &str| {
        ask(&hub, Method::DELETE, OWN, who, &json!({"name": name})).await
    };
    let name = "Structural biology";
    end(&bea, name).await.problem(403, "forbidden");
    let faults = end(&ada, "structural").await.problem(422, "invalid");
    assert_eq!(faults[0].0, "ending");
    end(&ada, name).await.problem(409, "conflict");
    let path = format!("{OWN}/members/{}", id_of(&hub, &ada, "bea@x.org").await);
    ask(&hub, Method::DELETE, &path, &ada, &Value::Null)
        .await
        .expect(StatusCode::NO_CONTENT);

    let made = ask(&hub, Method::POST, "/api/v1/jobs", &ada, &job("left")).await;
    let made = made.expect(StatusCode::CREATED);
    let path = format!("/api/v1/jobs/{}", made["id"].as_str().unwrap());
    let said = end(&ada, name).await;
    assert_eq!(said.status, 409);
    assert!(
        said.json()["detail"]
            .as_str()
            .unwrap()
            .contains("delete its jobs")
    );
    ask(
        &hub,
        Method::POST,
        &format!("{path}/cancel"),
        &ada,
        &json!({}),
    )
    .await
    .expect(StatusCode::OK);
    ask(&hub, Method::DELETE, &path, &ada, &Value::Null)
        .await
        .expect(StatusCode::NO_CONTENT);

    let open = invited(&hub, &ada, "member").await;
    end(&ada, name).await.expect(StatusCode::NO_CONTENT);
    ask(&hub, Method::GET, OWN, &ada, &Value::Null)
        .await
        .problem(404, "not-found");
    assert_eq!(join(&hub, &bea, &open).await.status, 404);
    founded(&hub, &ada).await;
}

#[tokio::test]
async fn whoever_joins_at_the_moment_of_the_end_belongs_to_something() {
    let hub = Hub::start_with_accounts().await;
    for round in 0..10 {
        let owner = token(&hub, &format!("owner{round}@x.org")).await;
        founded(&hub, &owner).await;
        let guest = token(&hub, &format!("guest{round}@x.org")).await;
        let link = invited(&hub, &owner, "member").await;
        let ending = json!({"name": "Structural biology"});
        let (joined, ended) = tokio::join!(
            join(&hub, &guest, &link),
            ask(&hub, Method::DELETE, OWN, &owner, &ending)
        );
        let done = [joined.status < 300, ended.status < 300];
        assert_ne!(done, [true, true], "round {round}");
    }
}

#[tokio::test]
async fn what_is_accepted_while_an_organisation_ends_is_somebodys() {
    let hub = Hub::start_with_accounts().await;
    for round in 0..20 {
        let owner = token(&hub, &format!("owner{round}@x.org")).await;
        founded(&hub, &owner).await;
        let (left, ending) = (job("left"), json!({"name": "Structural biology"}));
        let (made, ended) = tokio::join!(
            ask(&hub, Method::POST, "/api/v1/jobs", &owner, &left),
            ask(&hub, Method::DELETE, OWN, &owner, &ending)
        );
        assert!(made.status < 300 || ended.status < 300, "round {round}");
        if made.status < 300 {
            // It came before, and the organisation did not end, or after, and is the person's own.
            let path = format!("/api/v1/jobs/{}", made.json()["id"].as_str().unwrap());
            let read = ask(&hub, Method::GET, &path, &owner, &Value::Null).await;
            assert_eq!(read.status, 200, "round {round}");
        }
    }
}

#[tokio::test]
async fn an_admin_ends_no_organisation() {
    let hub = Hub::start_with_accounts().await;
    let ada = token(&hub, "ada@x.org").await;
    founded(&hub, &ada).await;
    let bea = member(&hub, &ada, "bea@x.org", "admin").await;
    let name = json!({"name": "Structural biology"});
    let end = ask(&hub, Method::DELETE, OWN, &bea, &name).await;
    end.problem(403, "forbidden");
}
