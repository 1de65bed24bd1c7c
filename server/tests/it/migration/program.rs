//! The program itself: killed in the middle, and told to read where it writes.

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use super::*;

/// The program itself, on a store of its own.
fn program(folder: &Path, hub: &str, former: &FormerSystem, further: &[&str]) -> Command {
    let files = format!("file:{}", former.files.path().display());
    program_on(&files, folder, hub, former, further)
}

/// The same with the files from elsewhere.
fn program_on(
    files: &str,
    folder: &Path,
    hub: &str,
    former: &FormerSystem,
    further: &[&str],
) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_omtx-hub"));
    command
        .env("DATA_DIR", folder)
        .env("DOCUMENTS_URL", hub)
        .env("GATEWAY_URL", "http://127.0.0.1:1")
        .env("GATEWAY_SECRET", "nobody listens there")
        .env("FIRESTORE_EMULATOR_HOST", config::emulator())
        .args([
            "migrate",
            "--from",
            &format!("firestore://{}/(default)", former.project),
        ])
        .args(["--files", files])
        .args([
            "--report",
            &folder.join("report.jsonl").display().to_string(),
        ])
        .args(further)
        .stderr(Stdio::piped());
    command
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[ignore = "needs the Firestore emulator: bin/test starts it"]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_was_killed_in_the_middle_of_a_batch_goes_on_where_it_was() {
    let former = FormerSystem::new();
    let child = |index: u32| {
        let document = json!({"job_type": "batch_child", "type": "protein_ligand_binding", "model_name": "boltz2", "status": "completed",
            "batch_parent_id": "screen", "batch_index": index, "created_at": 1_751_364_000.0, "output_data": {"affinity": -1.5}});
        (format!("screen-{index:04}"), document)
    };
    let children: Vec<_> = (1..=600).map(child).collect();
    let mut documents: Vec<_> = children
        .iter()
        .map(|(id, document)| (id.as_str(), document.clone()))
        .collect();
    documents.push(("screen", json!({"job_type": "batch_parent", "type": "batch_protein_ligand_screening", "model_name": "boltz2",
        "status": "completed", "created_at": 1_751_364_000.0})));
    documents.push((
        "alone",
        json!({"type": "protein_structure", "model_name": "boltz2", "status": "completed"}),
    ));
    documents.push(("no", json!({})));
    former.store(&documents).await;
    let (folder, project) = (
        tempfile::tempdir().unwrap(),
        format!("firestore://hub-of-{}/(default)", former.project),
    );

    let mut killed = program(folder.path(), &project, &former, &[])
        .spawn()
        .unwrap();
    let report = folder.path().join("report.jsonl");
    let lines = || {
        std::fs::read_to_string(&report)
            .unwrap_or_default()
            .lines()
            .count()
    };
    while lines() < 60 {
        assert!(
            killed.try_wait().unwrap().is_none(),
            "it ended before it could be killed"
        );
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    killed.kill().unwrap();
    killed.wait().unwrap();
    let before = lines();
    assert!(
        before < 600,
        "it was killed too late to show anything: {before}"
    );

    let ended = program(folder.path(), &project, &former, &[])
        .output()
        .unwrap();
    assert!(ended.status.success(), "{}", said(&ended));
    // The batch itself is written last, so that its children are told of once more.
    assert!(
        said(&ended).contains("603 documents of the former system: 601 were brought")
            || said(&ended).contains(": 602 were brought"),
        "{}",
        said(&ended)
    );
    assert!(
        said(&ended).contains("1 were left alone\n  - no: it has no status"),
        "{}",
        said(&ended)
    );
    assert_eq!(lines(), 603);
    let again = program(folder.path(), &project, &former, &[])
        .output()
        .unwrap();
    assert!(
        said(&again).contains(" 602 were here already")
            && said(&again).contains("nothing new was written"),
        "{}",
        said(&again)
    );
}

#[ignore = "needs the Firestore emulator: bin/test starts it"]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_program_refuses_to_read_where_it_writes() {
    let former = FormerSystem::new();
    let folder = tempfile::tempdir().unwrap();
    let same = format!("firestore://{}/(default)", former.project);
    let refused = program(folder.path(), &same, &former, &[])
        .output()
        .unwrap();
    assert!(
        !refused.status.success()
            && said(&refused).contains("--from is the database of DOCUMENTS_URL"),
        "{}",
        said(&refused)
    );
    let folders = format!("file:{}", former.files.path().join("inner").display());
    let mut within = program(folder.path(), "sqlite:hub.db", &former, &[]);
    let refused = within.env("BLOBS_URL", folders).output().unwrap();
    assert!(
        !refused.status.success() && said(&refused).contains("--files is"),
        "{}",
        said(&refused)
    );
    assert!(!folder.path().join("hub.db").exists());
}

#[ignore = "needs the Firestore emulator: bin/test starts it"]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_program_names_the_bucket_that_it_has_no_credentials_for() {
    let former = FormerSystem::new();
    let folder = tempfile::tempdir().unwrap();
    let hub = format!("sqlite:{}", folder.path().join("hub.db").display());
    let mut lost = program_on("gs://former-files", folder.path(), &hub, &former, &[]);
    // No machine has this key, so that nobody outside is asked.
    lost.env("GOOGLE_APPLICATION_CREDENTIALS", folder.path().join("key"));
    let refused = lost.output().unwrap();
    assert!(
        !refused.status.success()
            && said(&refused).contains("there are no credentials for gs://former-files (--files)"),
        "{}",
        said(&refused)
    );
}
