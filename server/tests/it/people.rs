//! People with accounts, as tests make and use them.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::hub::{Answer, Hub};

pub const PASSWORD: &str = "ligand-pose-box";

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
