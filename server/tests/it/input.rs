//! Bodies that tests send, and what becomes of them.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::hub::Hub;

/// A job that is as it should be.
pub fn job(smiles: &str) -> Value {
    json!({
        "task": "docking",
        "model": "vina",
        "name": format!("dock {smiles}"),
        "input": { "target": { "named": "ABL1" }, "ligand": { "name": "a ligand", "smiles": smiles } },
        "parameters": { "exhaustiveness": 1 },
    })
}

/// A batch of these ligands.
pub fn batch(smiles: &[&str]) -> Value {
    let ligands = smiles.iter().enumerate();
    let ligands: Vec<Value> =
        ligands.map(|(place, smiles)| json!({ "name": format!("ligand {place}"), "smiles": smiles, "note": "=1+1" })).collect();
    json!({
        "task": "docking",
        "name": "kinase screen",
        "target": { "named": "abl1" },
        "ligands": ligands,
        "parameters": { "exhaustiveness": 1 },
    })
}

/// The path of a batch of two ligands that has completed.
pub async fn completed(hub: &Hub) -> String {
    hub.work();
    let batch = hub
        .post("/api/v1/batches", &batch(&["CCO", "CCCCCC"]))
        .await
        .expect(StatusCode::CREATED);
    let path = format!("/api/v1/batches/{}", batch["id"].as_str().unwrap());
    hub.until(&path, |batch| batch["status"] == "completed")
        .await;
    path
}
