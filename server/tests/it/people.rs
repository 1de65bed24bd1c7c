//! People with accounts, as tests make and use them.

use axum::http::{Method, StatusCode};
use hub::ports::Documents;
use hub::ports::documents::{Collection, Expect, Key, Write};
use serde_json::{Value, json};

use crate::hub::{Answer, Hub};

pub const PASSWORD: &str = "ligand-pose-box";
pub const OWN: &str = "/api/v1/organizations/own";

pub async fn sign_up(hub: &Hub, email: &str) {
    let body = json!({"email": email, "password": PASSWORD});
    hub.post("/api/v1/auth/signup", &body)
        .await
        .expect(StatusCode::CREATED);
}

pub async fn enter(hub: &Hub, email: &str, password: &str) -> Answer {
    hub.post(
        "/api/v1/auth/login",
        &json!({"email": email, "password": password}),
    )
    .await
}

/// Signs up and in; the token.
pub async fn token(hub: &Hub, email: &str) -> String {
    sign_up(hub, email).await;
    let answer = enter(hub, email, PASSWORD).await.expect(StatusCode::OK);
    answer["access_token"].as_str().unwrap().to_owned()
}

pub async fn ask(hub: &Hub, method: Method, path: &str, bearer: &str, body: &Value) -> Answer {
    hub.send_json(
        method,
        path,
        body,
        &[("authorization", &format!("Bearer {bearer}"))],
    )
    .await
}

pub async fn me(hub: &Hub, bearer: &str) -> Answer {
    ask(hub, Method::GET, "/api/v1/me", bearer, &Value::Null).await
}

/// A docking of ethanol by this name.
pub fn job(name: &str) -> Value {
    json!({"task": "docking", "model": "vina", "name": name, "parameters": {"exhaustiveness": 1},
        "input": {"target": {"named": "ABL1"}, "ligand": {"name": "ethanol", "smiles": "CCO"}}})
}

/// An organisation of the first person.
pub async fn founded(hub: &Hub, owner: &str) {
    let body = json!({"name": "Structural biology"});
    ask(hub, Method::POST, "/api/v1/organizations", owner, &body)
        .await
        .expect(StatusCode::CREATED);
}

/// The token of a link that lets somebody in.
pub async fn invited(hub: &Hub, by: &str, role: &str) -> String {
    let path = format!("{OWN}/invitations");
    let made = ask(hub, Method::POST, &path, by, &json!({"role": role}))
        .await
        .expect(StatusCode::CREATED);
    made["url"]
        .as_str()
        .unwrap()
        .split("token=")
        .nth(1)
        .unwrap()
        .to_owned()
}

pub async fn join(hub: &Hub, who: &str, link: &str) -> Answer {
    ask(
        hub,
        Method::POST,
        "/api/v1/organizations/join",
        who,
        &json!({"token": link}),
    )
    .await
}

/// Signs up, and joins in a role.
pub async fn member(hub: &Hub, owner: &str, email: &str, role: &str) -> String {
    let (who, link) = (token(hub, email).await, invited(hub, owner, role).await);
    join(hub, &who, &link).await.expect(StatusCode::OK);
    who
}

/// Signs up, is made an admin of the hub at its machine, and signs in.
pub async fn admin(hub: &Hub, email: &str) -> String {
    sign_up(hub, email).await;
    hub.services.appoint(email).await.unwrap();
    let answer = enter(hub, email, PASSWORD).await.expect(StatusCode::OK);
    answer["access_token"].as_str().unwrap().to_owned()
}

/// Signs up and in, and is made a developer by an admin.
pub async fn developer(hub: &Hub, root: &str, email: &str) -> String {
    let who = token(hub, email).await;
    let id = me(hub, &who).await.json()["user_id"].clone();
    let path = format!("/api/v1/admin/users/{}/roles", id.as_str().unwrap());
    ask(
        hub,
        Method::PUT,
        &path,
        root,
        &json!({"roles": ["developer"]}),
    )
    .await
    .expect(StatusCode::NO_CONTENT);
    who
}

/// Changes somebody's record in the store, as another server does: this one does not hear of it.
pub async fn changed_elsewhere(hub: &Hub, who: &str, change: impl FnOnce(&mut Value)) {
    let id = me(hub, who).await.json()["user_id"]
        .as_str()
        .unwrap()
        .to_owned();
    let key = Key::new(Collection::Users, id);
    let found = hub.documents.get_many(std::slice::from_ref(&key)).await;
    let found = found.unwrap().remove(0).unwrap();
    let mut user: Value = serde_json::from_str(&found.json).unwrap();
    change(&mut user);
    let put = Write::Put {
        key,
        json: user.to_string(),
        expect: Expect::Any,
    };
    hub.documents.commit(vec![put]).await.unwrap();
}

/// Removes somebody from their organisation, on another server.
pub async fn removed_elsewhere(hub: &Hub, who: &str) {
    changed_elsewhere(hub, who, |user| {
        for field in ["membership", "organization"] {
            user.as_object_mut().unwrap().remove(field);
        }
    })
    .await;
}
