//! Processes: what a kill costs (nothing), with the real hub, the real gateway and real dockings, killed in the middle;
//! and what the client of the gateway meets at either of them.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::time::Duration;

use serde_json::{Value, json};

mod gateways;
mod predictions;
mod stack;

use stack::Stack;

/// Small enough that each takes a few seconds.
const LIGANDS: [(&str, &str); 8] = [
    ("methanol", "CO"),
    ("ethanol", "CCO"),
    ("acetaldehyde", "CC=O"),
    ("propane", "CCC"),
    ("acetone", "CC(C)=O"),
    ("ethylamine", "CCN"),
    ("acetamide", "CC(N)=O"),
    ("dimethyl ether", "COC"),
];

fn screen() -> Value {
    let ligands: Vec<_> = LIGANDS
        .iter()
        .map(|(name, smiles)| json!({"name": name, "smiles": smiles}))
        .collect();
    json!({
        "task": "docking", "name": "killed screen", "target": {"named": "ABL1"}, "ligands": ligands,
        "parameters": {"exhaustiveness": 1, "poses": 1}
    })
}

/// Every child completed, once: one accepted result, one charge, and a summary that says the same.
async fn assert_each_completed_once(stack: &Stack, batch: &str) {
    let summary = stack.get(&format!("/api/v1/batches/{batch}")).await;
    assert_eq!(summary["status"], "completed", "{summary:#}");
    let children = stack
        .get(&format!(
            "/api/v1/batches/{batch}/children?children_limit=500"
        ))
        .await;
    let children = children["results"].as_array().unwrap();
    assert_eq!(children.len(), LIGANDS.len());
    for child in children {
        let id = child["id"].as_str().unwrap();
        let child = stack.get(&format!("/api/v1/jobs/{id}")).await;
        assert_eq!(child["status"], "completed", "{child:#}");
        assert!(
            child["metrics"]["docking_score"]["value"].as_f64().unwrap() < 0.0,
            "{child:#}"
        );
        let completed = child["attempts"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|attempt| attempt["outcome"] == "completed");
        assert_eq!(completed.count(), 1, "{child:#}");
    }
    assert_eq!(
        stack.accepted_results(),
        LIGANDS.len(),
        "one accepted manifest for each child"
    );
    assert_eq!(
        stack.usage(),
        (0, LIGANDS.len() as i64),
        "no unit held, one charged for each child"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_survives_the_kill_of_the_hub_and_of_the_gateway() {
    let mut stack = Stack::start().await;
    let batch = stack.post("/api/v1/batches", &screen()).await;
    let id = batch["id"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/batches/{id}/status");

    let busy = |least: u64| {
        move |status: &Value| {
            status["batch"]["completed"].as_u64() >= Some(least)
                && status["batch"]["running"].as_u64() >= Some(1)
        }
    };
    stack
        .wait_for(&path, Duration::from_secs(120), busy(1))
        .await;
    stack.kill_hub();
    stack.start_hub().await;
    stack
        .wait_for(&path, Duration::from_secs(180), busy(2))
        .await;
    stack.kill_gateway();
    stack.start_gateway().await;
    stack
        .wait_for(&path, Duration::from_secs(300), |status| {
            status["status"] == "completed"
        })
        .await;
    assert_each_completed_once(&stack, &id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_was_half_written_is_completed_after_a_kill() {
    let mut stack = Stack::start().await;
    let ligands: Vec<_> = (0..10_000)
        .map(|place| json!({"name": format!("alkane {place}"), "smiles": "CCC"}))
        .collect();
    let mut body = screen();
    body["ligands"] = ligands.into();
    let (submitted, ()) = tokio::join!(
        stack.try_post("/api/v1/batches", &body),
        stack.kill_hub_once_children_are_written()
    );
    assert!(submitted.is_err(), "the hub was killed before it answered");
    stack.start_hub().await;
    let list = stack.get("/api/v1/jobs").await;
    let id = list["results"][0]["id"]
        .as_str()
        .expect("the parent was written")
        .to_owned();
    let written = stack.documents("children");
    assert!(
        (1..10_000).contains(&written),
        "{written} children were written when the hub was killed"
    );
    stack.bring_forward("jobs", &id);
    let path = format!("/api/v1/batches/{id}/children?children_limit=1&sort=-index");
    let last = |page: &Value| page["results"][0]["index"] == 9_999;
    stack.wait_for(&path, Duration::from_secs(60), last).await;
    assert_eq!(stack.documents("children"), 10_000);
    stack
        .post(&format!("/api/v1/batches/{id}/cancel"), &json!({}))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_uploaded_receptor_is_docked_into() {
    let stack = Stack::start().await;
    let text = stack.named_receptor("ABL1").await;
    let target = json!({
        "receptor": {"name": "mine.pdbqt", "text": text},
        "box": {"center": [15.851, 14.647, 3.904], "size": [30, 30, 30]}
    });
    let job = json!({
        "task": "docking",
        "input": {"target": target, "ligand": {"name": "ethanol", "smiles": "CCO"}},
        "parameters": {"exhaustiveness": 1, "poses": 1}
    });
    let job = stack.post("/api/v1/jobs", &job).await;
    let path = format!("/api/v1/jobs/{}", job["id"].as_str().unwrap());
    let has_ended = |job: &Value| !job["ended_at"].is_null();
    stack
        .wait_for(&path, Duration::from_secs(120), has_ended)
        .await;
    let job = stack.get(&path).await;
    let score = job["metrics"]["docking_score"]["value"].as_f64();
    assert!(score.is_some_and(|score| score < 0.0), "{job:#}");
}
