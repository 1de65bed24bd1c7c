//! Submitting: from the request to its 201, with every ligand checked by RDKit.

use std::fmt::Write as _;
use std::time::Duration;

use anyhow::Context;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::stack::Stack;

/// Batches that are submitted, by their ligands.
const SIZES: [usize; 2] = [1_500, 10_000];

/// A section with the time of each submission.
pub async fn measure() -> anyhow::Result<String> {
    let mut section = String::from(
        "\n## Submitting a batch\n\nUntil 201: every ligand checked by RDKit, every child stored. Distinct ligands; the \
         second time the hub has asked RDKit about them before, as after a preflight.\n\n\
         | children | first time, s | after a preflight, s |\n|---:|---:|---:|\n",
    );
    let folder = tempfile::tempdir()?;
    let stack = Stack::start(folder.path(), true, None).await?;
    for size in SIZES {
        let (first, id) = submit(&stack, size).await?;
        cancel(&stack, &id).await?;
        let (again, id) = submit(&stack, size).await?;
        cancel(&stack, &id).await?;
        writeln!(section, "| {size} | {first:.2} | {again:.2} |")?;
        eprintln!("{size} children: {first:.2} s, {again:.2} s");
    }
    Ok(section)
}

/// The same into a Firestore emulator, each batch into an empty database.
pub async fn measure_on(emulator: &str) -> anyhow::Result<String> {
    let mut section = String::from(
        "\n## Submitting a batch\n\nUntil 201: every ligand checked by RDKit, every child stored.\n\n\
         | children | s | aim, s |\n|---:|---:|---:|\n",
    );
    for (size, aim) in SIZES.into_iter().zip([10, 90]) {
        let folder = tempfile::tempdir()?;
        let stack = Stack::start(folder.path(), true, Some(emulator)).await?;
        let (took, _) = submit(&stack, size).await?;
        anyhow::ensure!(
            took <= f64::from(aim),
            "{size} children took {took:.2} s, and {aim} are the aim"
        );
        writeln!(section, "| {size} | {took:.2} | {aim} |")?;
    }
    Ok(section)
}

/// How long it took until a batch was accepted, and its id.
async fn submit(stack: &Stack, size: usize) -> anyhow::Result<(f64, String)> {
    let ligands: Vec<Value> = (0..size)
        .map(|place| json!({"name": format!("ligand {place}"), "smiles": smiles(size, place)}))
        .collect();
    let body = json!({"task": "docking", "name": "measured", "target": {"named": "ABL1"}, "ligands": ligands,
        "parameters": {"exhaustiveness": 1}});
    let start = Instant::now();
    let answer = stack
        .client
        .post(format!("{}/api/v1/batches", stack.origin))
        .json(&body)
        .send()
        .await?;
    let took = start.elapsed().as_secs_f64();
    let batch: Value = answer.error_for_status()?.json().await?;
    Ok((took, batch["id"].as_str().context("an id")?.to_owned()))
}

/// Cancels a batch and waits for its end, so that nothing of it is measured with the next one.
async fn cancel(stack: &Stack, id: &str) -> anyhow::Result<()> {
    let address = format!("{}/api/v1/batches/{id}", stack.origin);
    let asked = stack
        .client
        .post(format!("{address}/cancel"))
        .send()
        .await?;
    asked.error_for_status()?;
    loop {
        let answer = stack.client.get(format!("{address}/status")).send().await?;
        let batch: Value = answer.error_for_status()?.json().await?;
        // What was docked before it was cancelled makes it another end.
        if !["pending", "running"].contains(&batch["status"].as_str().context("a status")?) {
            return Ok(());
        }
        sleep(Duration::from_millis(500)).await;
    }
}

/// Molecules of the size of a drug, all different: an anilide whose two ends are counted through.
fn smiles(size: usize, place: usize) -> String {
    let ends = [
        "C", "CC", "CCC", "C(C)C", "OC", "N(C)C", "Cl", "F", "C#N", "OCC",
    ];
    let end = |digit: usize| ends[digit % 10];
    let chain = "C".repeat(1 + size % 7);
    format!(
        "{chain}C(=O)Nc1cc({})c({})c({})c1{}",
        end(place),
        end(place / 10),
        end(place / 100),
        end(place / 1_000)
    )
}
