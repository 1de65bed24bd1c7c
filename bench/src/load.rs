//! Databases with many jobs, written through the store that the server reads them with.

use std::path::Path;

use anyhow::Context;
use hub::job::{Job, Status};
use hub::ports::Documents;
use hub::ports::documents::{Collection, Expect, Key, Write};
use hub::time::Timestamp;
use serde_json::json;
use server::documents::{Clock, Sqlite};

/// Jobs written in one commit.
const CHUNK: u32 = 500;
/// Seconds between jobs.
const APART_S: i64 = 20;
/// The one job that is cancelled, and that alone has this word in its name.
pub const NEEDLE: &str = "zebrafish";

/// Makes the database of `jobs` jobs in `folder`, unless it is there.
pub async fn jobs(folder: &Path, jobs: u32) -> anyhow::Result<()> {
    let done = folder.join("loaded");
    if done.exists() {
        return Ok(());
    }
    if folder.exists() {
        // Left half-written.
        std::fs::remove_dir_all(folder)?;
    }
    std::fs::create_dir_all(folder)?;
    eprintln!("writing {jobs} jobs");
    let store = Sqlite::open(&folder.join("hub.db"), Clock::system())?;
    for chunk in (0..jobs).step_by(CHUNK as usize) {
        let writes = (chunk..(chunk + CHUNK).min(jobs))
            .map(|place| write(place, jobs))
            .collect::<anyhow::Result<_>>()?;
        store.commit(writes).await?;
    }
    std::fs::write(done, "")?;
    Ok(())
}

fn write(place: u32, jobs: u32) -> anyhow::Result<Write> {
    let job = job(place, jobs)?;
    Ok(Write::Put {
        key: Key::new(Collection::Jobs, job.id.as_str()),
        json: serde_json::to_string(&job)?,
        expect: Expect::Absent,
    })
}

/// A completed docking as the hub keeps it; nine of ten are completed, one has failed, one of all is cancelled.
fn job(place: u32, jobs: u32) -> anyhow::Result<Job> {
    let created =
        Timestamp::from_micros(1_735_689_600_000_000).plus_seconds(i64::from(place) * APART_S);
    let status = match place {
        _ if place == jobs / 2 => Status::Cancelled,
        _ if place.is_multiple_of(10) => Status::Failed,
        _ => Status::Completed,
    };
    let name = if status == Status::Cancelled {
        NEEDLE.to_owned()
    } else {
        format!("compound {place} into ABL1")
    };
    let file = |name: &str, kind: &str| json!({"name": name, "kind": kind, "size_bytes": 9834, "sha256": "0".repeat(64)});
    let mut job: Job = serde_json::from_value(json!({
        "schema": 1, "id": format!("{:0>26}", place), "kind": "single", "task": "docking", "model": "vina", "name": name,
        "owner": "user:local", "shelf": "user:local", "created_by": "local", "state": status, "status": status, "epoch": 1,
        "created_at": created, "updated_at": created.plus_seconds(60), "started_at": created.plus_seconds(1),
        "ended_at": created.plus_seconds(60), "hold": "charged",
        "attempts": [{"epoch": 1, "started_at": created, "ended_at": created.plus_seconds(60), "outcome": "completed"}],
        "input": {"target": {"named": "ABL1"}, "ligand": {"name": format!("compound {place}"), "smiles": "CC(=O)Nc1ccc(O)cc1"}},
        "parameters": {"exhaustiveness": 8}, "estimate_s": 60, "run_s": 58.5,
        "metrics": {"docking_score": {"value": -7.1, "unit": "kcal/mol", "better": "low",
            "source": {"file": "metrics.json", "key": "docking_score"}}},
        "best": {"metric": "docking_score", "value": -7.1}, "result_epoch": 1,
        "files": [file("poses.sdf", "poses"), file("poses.pdbqt", "poses"), file("receptor.pdbqt", "receptor"),
            file("metrics.json", "metrics"), file("log.txt", "log")],
    }))
    .context("a job as it is stored")?;
    job.index_texts();
    Ok(job)
}
