//! Those who ask: everybody, from strangers to whoever made what is asked for.

use axum::http::{Method, StatusCode};
use hub::actor::Actor;
use serde_json::{Value, json};

use crate::hub::Hub;
use crate::people::{PASSWORD, admin, ask, developer, enter, job, token};
use crate::tokens::expired;

/// Somebody who asks.
pub struct Person {
    pub name: &'static str,
    pub bearer: String,
    pub standing: Standing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Not signed in, or not any more.
    Stranger,
    /// Signed in, and nothing of the organisation's is theirs.
    Outside,
    /// The owner of another organisation.
    Elsewhere,
    /// A viewer of the organisation.
    Viewer,
    /// A member who did not make it.
    Peer,
    /// With a key for reading, of whoever made it.
    Reading,
    /// Whoever made it.
    Own,
    /// Whoever leads the organisation.
    Lead,
    /// A developer, who watches over the hub, in no organisation.
    Developer,
    /// An admin of the hub, in no organisation.
    Root,
    /// With a key of that admin.
    RootKey,
}

/// The token of a link that shows nothing any more.
async fn revoked_link(hub: &Hub, who: &str) -> String {
    let made = ask(hub, Method::POST, "/api/v1/jobs", who, &job("shared")).await;
    let id = made.expect(StatusCode::CREATED)["id"].clone();
    let share = json!({"job_id": id});
    let made = ask(hub, Method::POST, "/api/v1/shares", who, &share).await;
    let link = made.expect(StatusCode::CREATED);
    let path = format!("/api/v1/shares/{}", link["id"].as_str().unwrap());
    ask(hub, Method::DELETE, &path, who, &Value::Null)
        .await
        .expect(StatusCode::NO_CONTENT);
    link["url"]
        .as_str()
        .unwrap()
        .rsplit('/')
        .next()
        .unwrap()
        .to_owned()
}

/// Everybody, whoever may least first.
pub async fn people(hub: &Hub) -> Vec<Person> {
    let maker = token(hub, "maker@x.org").await;
    let owner = token(hub, "owner@x.org").await;
    let own = "/api/v1/organizations";
    let body = json!({"name": "Lab"});
    ask(hub, Method::POST, own, &owner, &body)
        .await
        .expect(StatusCode::CREATED);
    let join = async |who: &str, role: &str| {
        let path = format!("{own}/own/invitations");
        let made = ask(hub, Method::POST, &path, &owner, &json!({"role": role})).await;
        let made = made.expect(StatusCode::CREATED);
        let link = made["url"]
            .as_str()
            .unwrap()
            .split("token=")
            .nth(1)
            .unwrap();
        let path = format!("{own}/join");
        ask(hub, Method::POST, &path, who, &json!({"token": link}))
            .await
            .expect(StatusCode::OK);
    };
    join(&maker, "member").await;
    let mut people = Vec::new();
    let mut add = |name, bearer: String, standing| {
        people.push(Person {
            name,
            bearer,
            standing,
        })
    };
    add("nobody", String::new(), Standing::Stranger);
    let ended = token(hub, "ended@x.org").await;
    ask(
        hub,
        Method::POST,
        "/api/v1/auth/logout",
        &ended,
        &Value::Null,
    )
    .await
    .expect(StatusCode::NO_CONTENT);
    add("an ended session", ended, Standing::Stranger);
    add("an expired token", expired(&owner), Standing::Stranger);
    add(
        "a link that was revoked",
        revoked_link(hub, &owner).await,
        Standing::Stranger,
    );
    add(
        "a made-up key",
        "omtx_0000000000000000000000000000".to_owned(),
        Standing::Stranger,
    );
    add(
        "a person outside",
        token(hub, "outside@x.org").await,
        Standing::Outside,
    );
    let elsewhere = token(hub, "elsewhere@x.org").await;
    ask(
        hub,
        Method::POST,
        own,
        &elsewhere,
        &json!({"name": "Other"}),
    )
    .await
    .expect(StatusCode::CREATED);
    add(
        "the owner of another organisation",
        elsewhere,
        Standing::Elsewhere,
    );
    for (name, role, standing) in [
        ("a viewer", "viewer", Standing::Viewer),
        ("a member", "member", Standing::Peer),
        ("an admin", "admin", Standing::Lead),
    ] {
        let who = token(hub, &format!("{role}@y.org")).await;
        join(&who, role).await;
        add(name, who, standing);
    }
    let again = enter(hub, "maker@x.org", PASSWORD)
        .await
        .expect(StatusCode::OK);
    let again = again["access_token"].as_str().unwrap();
    let body = json!({"name": "reader", "scope": "read"});
    let key = ask(hub, Method::POST, "/api/v1/api-keys", again, &body)
        .await
        .expect(StatusCode::CREATED);
    add(
        "a key for reading",
        key["key"].as_str().unwrap().to_owned(),
        Standing::Reading,
    );
    add(
        "the owner of the organisation",
        owner.clone(),
        Standing::Lead,
    );
    let root = admin(hub, "root@z.org").await;
    add(
        "a developer",
        developer(hub, &root, "developer@z.org").await,
        Standing::Developer,
    );
    let body = json!({"name": "by a program", "scope": "write"});
    let key = ask(hub, Method::POST, "/api/v1/api-keys", &root, &body)
        .await
        .expect(StatusCode::CREATED);
    add("an admin of the hub", root, Standing::Root);
    add(
        "a key of that admin",
        key["key"].as_str().unwrap().to_owned(),
        Standing::RootKey,
    );
    add("whoever made it", maker, Standing::Own);
    people
}

/// Whoever made it, as use cases know them.
pub async fn maker(hub: &Hub, people: &[Person]) -> Actor {
    let key = json!({"name": "writer", "scope": "write"});
    let bearer = &people.last().unwrap().bearer;
    let key = ask(hub, Method::POST, "/api/v1/api-keys", bearer, &key)
        .await
        .expect(StatusCode::CREATED);
    let actor = hub.services.actor_of_key(key["key"].as_str().unwrap());
    actor.await.unwrap().unwrap()
}
