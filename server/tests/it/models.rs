//! What is offered, with and without a gateway.

use axum::http::StatusCode;
use serde_json::Value;

use crate::hub::Hub;

fn named<'a>(list: &'a Value, name: &str, value: &str) -> &'a Value {
    let mut rows = list["results"].as_array().unwrap().iter();
    rows.find(|row| row[name] == value)
        .unwrap_or_else(|| panic!("no {value} in {list}"))
}

#[tokio::test]
async fn tasks_models_and_targets_are_listed() {
    let hub = Hub::start().await;
    let tasks = hub.get("/api/v1/tasks").await.expect(StatusCode::OK);
    assert_eq!(tasks["results"].as_array().unwrap().len(), 12);
    assert_eq!(named(&tasks, "name", "docking")["models"][0], "vina");
    let models = hub.get("/api/v1/models").await.expect(StatusCode::OK);
    assert_eq!(models["results"].as_array().unwrap().len(), 4);
    let targets = hub.get("/api/v1/targets").await.expect(StatusCode::OK);
    assert_eq!(targets["results"].as_array().unwrap().len(), 58);
    assert_eq!(named(&targets, "name", "ABL1")["box"]["size"][0], 30.0);
    let me = hub.get("/api/v1/me").await.expect(StatusCode::OK);
    assert_eq!(
        (me["user_id"].as_str(), me["owner"].as_str()),
        (Some("local"), Some("user:local"))
    );
}

#[tokio::test]
async fn a_gateway_that_is_down_is_said_to_be() {
    let hub = Hub::start_alone().await;
    assert_eq!(
        hub.get("/api/v1/models").await.expect(StatusCode::OK)["results"]
            .as_array()
            .unwrap()
            .len(),
        4
    );
    let answer = hub.get("/api/v1/targets").await;
    assert_eq!(answer.header("retry-after"), "5");
    let text = String::from_utf8(answer.body.to_vec()).unwrap();
    assert!(!text.contains("127.0.0.1"), "no cause is told: {text}");
    answer.problem(503, "unavailable");
}
