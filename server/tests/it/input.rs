//! Bodies that tests send.

use serde_json::{Value, json};

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
