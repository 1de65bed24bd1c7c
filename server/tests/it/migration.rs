//! Bringing the former system's jobs here: every spelling of its documents, the five places of its files, again and again.

use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::time::Duration;

use axum::http::{Method, StatusCode, header};
use hub::former::new_id;
use hub::ports::Blobs;
use hub::services::Migration;
use serde_json::{Value, json};
use server::blobs::Directory;
use server::config;
use server::migrate::{Run, Summary, sorted};

use crate::former_system::{FormerSystem, nan, time};
use crate::hub::{Answer, Chosen, Hub};
use crate::people::{admin, ask, token};
use crate::stores::Store;

const BINDING: &str = "11111111-aaaa-4bbb-8ccc-000000000001";
const FOLD: &str = "22222222-aaaa-4bbb-8ccc-000000000002";
const UNENDED: &str = "33333333-aaaa-4bbb-8ccc-000000000003";
const DESIGN: &str = "44444444-aaaa-4bbb-8ccc-000000000004";
const STRANGE: &str = "55555555-aaaa-4bbb-8ccc-000000000005";
const SCREEN: &str = "66666666-aaaa-4bbb-8ccc-000000000006";
const THIRD: &str = "77777777-aaaa-4bbb-8ccc-000000000007";
const OLD_SCREEN: &str = "88888888-aaaa-4bbb-8ccc-000000000008";
const ORPHAN: &str = "99999999-aaaa-4bbb-8ccc-000000000009";

/// Documents in all spellings; of the last four nobody can say what they are.
async fn filled() -> FormerSystem {
    let former = FormerSystem::new();
    let ligand = |name: &str, smiles: &str| json!({"ligand_name": name, "ligand_smiles": smiles, "protein_sequence": "MKTAYIAKQR", "user_id": "secret-id"});
    let (first, second) = (format!("{SCREEN}-0001"), format!("{SCREEN}-0002"));
    let (old_first, old_second) = (format!("{OLD_SCREEN}_0"), format!("{OLD_SCREEN}_1"));
    former
        .store(&[
            (BINDING, json!({"type": "protein_ligand_binding", "model_name": "boltz2", "status": "completed", "name": "imatinib in ABL1",
                "created_at": 1_751_364_000.25, "started_at": 1_751_364_010.0, "completed_at": 1_751_364_070.0, "job_type": "individual",
                "user_id": "someone", "user_email": "ADA@x.org", "organization_id": "org-1", "input_data": ligand("imatinib", "CCO"),
                "output_data": {"affinity": -1.25, "affinity_probability": 0.91, "confidence": 0.8, "ptm": nan()}})),
            (FOLD, json!({"job_type": "INDIVIDUAL", "task_type": "PROTEIN_STRUCTURE", "model_id": "Chai-1", "status": "COMPLETED_RECONSTRUCTED",
                "name": "a fold", "created_at": time("2025-07-02T10:00:00.5Z"), "user_id": "u-7", "results": {"aggregate_score": 0.41, "confidence": 0.8}})),
            (UNENDED, json!({"task_type": "protein_complex", "model": "boltz-2", "status": "queued", "created_at": "2025-07-03T10:00:00"})),
            (DESIGN, json!({"type": "nanobody_design", "model_name": "RFAntibody", "status": "error", "user_id": "anonymous",
                "created_at": 1_751_364_000, "error_message": "GPU out of memory\nTraceback: line 1"})),
            (STRANGE, json!({"job_type": "WORKFLOW", "type": "quantum_folding", "model_name": "qfold", "status": "completed",
                "batch_parent_id": SCREEN, "created_at": 1_751_364_000.0})),
            (SCREEN, json!({"job_type": "BATCH_PARENT", "task_type": "batch_protein_ligand_screening", "model_name": "boltz2",
                "status": "processing", "name": "old kinase screen", "created_at": 1_751_364_000.0, "input_data": {"protein_sequence": "MKTAYIAKQR", "ligands": []}})),
            (&first, json!({"job_type": "BATCH_CHILD", "task_type": "protein_ligand_binding", "model_name": "boltz2", "status": "completed",
                "batch_parent_id": SCREEN, "batch_index": 1, "created_at": 1_751_364_000.0, "input_data": ligand("ethanol", "CCO"),
                "output_data": {"results": {"affinity_pred_value": -2.0}}})),
            (&second, json!({"job_type": "batch_child", "type": "protein_ligand_binding", "model_name": "boltz2", "status": "cancelled",
                "created_at": 1_751_364_000.0, "input_data": ligand("propanol", "CCCO")})),
            (THIRD, json!({"job_type": "batch_child", "task_type": "protein_ligand_binding", "model_name": "boltz2", "status": "COMPLETED",
                "batch_parent_id": SCREEN, "batch_index": 3.0, "created_at": 1_751_364_000.0, "input_data": ligand("butanol", "CCCCO"),
                "output_data": {"affinity": -8.5}})),
            (OLD_SCREEN, json!({"type": "batch_protein_ligand_screening", "model_name": "boltz2", "status": "completed", "created_at": 1_751_364_000.0})),
            (&old_first, json!({"job_type": "single", "type": "protein_ligand_binding", "model_name": "boltz2", "status": "failed",
                "created_at": 1_751_364_000.0, "input_data": {"parent_batch_id": OLD_SCREEN, "smiles": "C"}})),
            (&old_second, json!({"type": "protein_ligand_binding", "status": "weird", "created_at": 1_751_364_000.0})),
            (ORPHAN, json!({"job_type": "batch_child", "task_type": "protein_ligand_binding", "model_name": "boltz2", "status": "completed",
                "batch_parent_id": "gone", "created_at": 1_751_364_000.0})),
            ("nothing", json!({})),
            ("nonsense", json!({"status": 7, "created_at": [1], "job_type": {"a": null}})),
            ("archived", json!({"status": "archived", "type": "protein_structure"})),
        ])
        .await;
    former.file(
        &format!("organizations/org-1/jobs/{BINDING}/results.json"),
        r#"{"iptm": 0.66, "affinity": 9.0}"#,
    );
    former.file(
        &format!("organizations/org-1/jobs/{BINDING}/structure.cif"),
        "data_x\n",
    );
    former.file(&format!("jobs/{BINDING}/elsewhere.txt"), "in a later place");
    former.file(
        &format!("users/u-7/jobs/{FOLD}/pred.model_idx_0.cif"),
        "data_y\n",
    );
    former.file(
        &format!("batches/{SCREEN}/jobs/{THIRD}/affinity.json"),
        r#"{"affinity_probability_binary": 0.12}"#,
    );
    former.file(&format!("jobs/{UNENDED}/logs/run.txt"), "begun");
    former.file(
        &format!("jobs/{UNENDED}/of it.txt"),
        "no store takes its name",
    );
    former.file(&format!("jobs/{SCREEN}/metadata.json"), "{}");
    former.file(
        &format!("archive/RFAntibody/Nanobody-Design/{DESIGN}/run.log"),
        "out of memory",
    );
    former
}

/// One run of the subcommand's code; its numbers, and its lines.
async fn brought(hub: &Hub, former: &FormerSystem, dry_run: bool) -> (Summary, Vec<Value>) {
    let jobs = former.jobs().await;
    let files = Directory::to_read(former.files.path().to_owned()).unwrap();
    let files: Arc<dyn Blobs> = Arc::new(files);
    let sorting = sorted(&jobs).await.unwrap();
    let migration = Migration::new(jobs.database.clone(), sorting.len(), Some(files), dry_run);
    let mut lines = Vec::new();
    let mut run = Run::new(&hub.services, &jobs, &mut lines);
    run.all(&sorting, &migration).await.unwrap();
    let summary = run.summary;
    let lines = String::from_utf8(lines).unwrap();
    let lines = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    (summary, lines.collect())
}

async fn get(hub: &Hub, path: &str, who: &str) -> Answer {
    ask(hub, Method::GET, path, who, &Value::Null).await
}

async fn read(hub: &Hub, path: &str, who: &str) -> Value {
    get(hub, path, who).await.expect(StatusCode::OK)
}

async fn job(hub: &Hub, former: &str, who: &str) -> Value {
    read(hub, &format!("/api/v1/jobs/{}", new_id(former)), who).await
}

async fn names(hub: &Hub, query: &str, who: &str) -> Vec<String> {
    let list = read(hub, &format!("/api/v1/jobs{query}"), who).await;
    let name = |row: &Value| row["name"].as_str().unwrap().to_owned();
    list["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(name)
        .collect()
}

async fn page(hub: &Hub, path: &str, who: &str) -> String {
    let request = hub
        .request(Method::GET, path)
        .header(header::ACCEPT, "text/html")
        .header(header::AUTHORIZATION, format!("Bearer {who}"));
    let answer = hub.send(request.body(String::new().into()).unwrap()).await;
    assert_eq!(answer.status, 200, "{path}");
    String::from_utf8(answer.body.to_vec()).unwrap()
}

async fn imports(hub: &Hub, root: &str) -> Vec<Value> {
    let log = read(hub, "/api/v1/admin/audit?per_page=100", root).await;
    let mut lines = log["results"].as_array().unwrap().clone();
    lines.retain(|line| line["act"] == "imported");
    lines
}

async fn hub_on(store: Store) -> Hub {
    Hub::start_as(Chosen {
        accounts: true,
        store,
        ..Chosen::default()
    })
    .await
}

#[ignore = "needs the Firestore emulator: bin/test starts it"]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dry_run_says_what_would_be_and_changes_nothing() {
    let (hub, former) = (hub_on(Store::Firestore).await, filled().await);
    let root = admin(&hub, "root@x.org").await;
    let before = former.all_files();
    let (summary, lines) = brought(&hub, &former, true).await;
    let expected = Summary {
        documents: 16,
        mapped: 12,
        with_unverified: 2,
        without_files: 7,
        here: 0,
        left_alone: 4,
    };
    assert_eq!(summary, expected, "{lines:#?}");
    assert_eq!(names(&hub, "?scope=all", &root).await, [""; 0]);
    assert_eq!(imports(&hub, &root).await, [Value::Null; 0]);
    assert_eq!(former.all_files(), before);
    let (again, told) = brought(&hub, &former, false).await;
    assert_eq!(
        (again, told),
        (expected, lines),
        "the same is done as was said"
    );
    assert_eq!(former.all_files(), before, "nothing is written there");
}

#[ignore = "needs the Firestore emulator: bin/test starts it"]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_spelling_becomes_a_job_that_says_where_it_comes_from() {
    let (hub, former) = (hub_on(Store::Firestore).await, filled().await);
    let (root, ada) = (
        admin(&hub, "root@x.org").await,
        token(&hub, "ada@x.org").await,
    );
    let (_, lines) = brought(&hub, &former, false).await;

    // Whose it was by their address is theirs.
    assert_eq!(names(&hub, "", &ada).await, ["imatinib in ABL1"]);
    assert_eq!(
        names(&hub, &format!("?search={BINDING}"), &ada).await,
        ["imatinib in ABL1"]
    );
    let binding = job(&hub, BINDING, &ada).await;
    assert_eq!(binding["created_at"], "2025-07-01T10:00:00.250000Z");
    assert_eq!(binding["duration_s"], 60.0);
    assert_eq!(
        (&binding["former_id"], &binding["provenance"]["former_id"]),
        (&json!(BINDING), &json!(BINDING))
    );
    let metrics = &binding["metrics"];
    assert_eq!(
        metrics["affinity_pred_value"],
        json!({"value": -1.25, "unit": "log10(IC50/µM)", "better": "low",
        "source": {"file": format!("jobs/{BINDING}"), "key": "output_data.affinity"}})
    );
    assert_eq!(
        metrics["iptm"]["source"],
        json!({"file": "results.json", "key": "iptm"})
    );
    assert_eq!(
        (
            &metrics["ptm"]["value"],
            &metrics["confidence_score"]["value"]
        ),
        (&Value::Null, &json!(0.8))
    );
    assert!(
        metrics["confidence_score"]["unverified"]
            .as_str()
            .unwrap()
            .contains("filled in 0.8")
    );
    assert!(metrics["affinity_pred_value"]["unverified"].is_null());
    assert_eq!(binding["input"]["former"]["protein_sequence"], "MKTAYIAKQR");
    let text = binding.to_string();
    assert!(
        !text.contains("secret-id") && !text.to_lowercase().contains("ada@x.org"),
        "{text}"
    );
    let files: Vec<_> = binding["files"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| file["name"].as_str().unwrap())
        .collect();
    assert_eq!(
        files,
        ["former.json", "results.json", "structure.cif"],
        "the first place that has any"
    );
    assert_eq!(
        binding["files"][2]["sha256"],
        "64723667b6ccbf314aad7f968ab9c91858d11bb4582f4e8020cfca19369db1af"
    );
    let file = get(
        &hub,
        &format!("/api/v1/jobs/{}/files/structure.cif", new_id(BINDING)),
        &ada,
    )
    .await;
    let path = file.header("location");
    let path = path[path.find("/files/").unwrap()..].to_owned();
    assert_eq!(hub.get(&path).await.body, "data_x\n");

    let file = get(
        &hub,
        &format!("/api/v1/jobs/{}/files/former.json", new_id(BINDING)),
        &ada,
    )
    .await;
    let path = file.header("location");
    let record = hub.get(&path[path.find("/files/").unwrap()..]).await.json();
    assert_eq!(
        record["output_data"],
        json!({"affinity": -1.25, "affinity_probability": 0.91, "confidence": 0.8, "ptm": "NaN"})
    );
    assert_eq!(
        (&record["user_email"], &record["input_data"]["user_id"]),
        (&Value::Null, &Value::Null)
    );

    // All else is nobody's, and an admin sees whose it was.
    let all = read(&hub, "/api/v1/jobs?scope=all&per_page=100", &root).await;
    let nobodys: Vec<_> = all["results"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|row| row["owner"] == "user:legacy_user")
        .collect();
    assert_eq!(nobodys.len(), 7, "{nobodys:#?}");
    assert!(
        nobodys
            .iter()
            .any(|row| row["name"] == "a fold" && row["former_owner"] == "u-7")
    );

    let fold = job(&hub, FOLD, &root).await;
    assert_eq!(
        (&fold["task"], &fold["model"], &fold["status"]),
        (
            &json!("protein_structure"),
            &json!("chai1"),
            &json!("completed")
        )
    );
    assert_eq!(
        (&fold["provenance"]["reconstructed"], &fold["created_at"]),
        (&json!(true), &json!("2025-07-02T10:00:00.500000Z"))
    );
    assert_eq!(
        fold["best"],
        json!({"metric": "aggregate_score", "value": 0.41, "unit": "", "better": "high"})
    );
    assert!(
        fold["metrics"]["confidence_score"]["value"].is_null(),
        "Chai-1 has no such metric"
    );
    assert_eq!(
        (&fold["has_structure"], &fold["file_count"]),
        (&json!(true), &json!(2))
    );

    let unended = job(&hub, UNENDED, &root).await;
    assert_eq!(
        (&unended["status"], &unended["error"]["code"]),
        (&json!("failed"), &json!("not_ended"))
    );
    assert_eq!(
        (&unended["created_at"], &unended["ended_at"]),
        (&json!("2025-07-03T10:00:00.000000Z"), &Value::Null)
    );
    assert_eq!(unended["name"], format!("Former job {UNENDED}"));
    assert_eq!(unended["files"][1]["name"], "logs_run.txt");

    let line = |id: &str| lines.iter().find(|line| line["former_id"] == id).unwrap();
    assert_eq!(
        line(UNENDED)["files_missing"],
        format!("it cannot be read: jobs/{UNENDED}/of it.txt")
    );
    assert!(
        line(STRANGE)["files_missing"]
            .as_str()
            .unwrap()
            .contains(&format!("archive/Other/Quantum-Folding/{STRANGE}"))
    );

    let design = job(&hub, DESIGN, &root).await;
    assert_eq!(
        (&design["error"]["message"], &design["error"]["category"]),
        (&json!("GPU out of memory"), &json!("system"))
    );
    assert_eq!(
        (&design["files"][1]["name"], &design["model"]),
        (&json!("run.log"), &json!("rfantibody"))
    );

    let strange = job(&hub, STRANGE, &root).await;
    assert_eq!(
        (&strange["kind"], &strange["task"], &strange["model"]),
        (&json!("single"), &json!("unknown"), &json!("unknown"))
    );
    assert_eq!(
        (
            &strange["provenance"]["former_task"],
            &strange["provenance"]["former_batch"]
        ),
        (&json!("quantum_folding"), &json!(SCREEN))
    );
    assert_eq!(job(&hub, ORPHAN, &root).await["kind"], "single");

    let reason = |id: &str| line(id)["reason"].clone();
    for (id, why) in [
        ("nothing", "no status"),
        ("nonsense", "no status"),
        ("archived", "archived"),
        (&format!("{OLD_SCREEN}_1"), "weird"),
    ] {
        assert!(
            reason(id).as_str().unwrap().contains(why),
            "{id}: {}",
            reason(id)
        );
    }
}

#[ignore = "needs the Firestore emulator: bin/test starts it"]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_has_its_children_from_0_whatever_they_were_counted_from() {
    let (hub, former) = (hub_on(Store::Firestore).await, filled().await);
    let root = admin(&hub, "root@x.org").await;
    brought(&hub, &former, false).await;
    let batch = job(&hub, SCREEN, &root).await;
    let id = batch["id"].as_str().unwrap();
    assert_eq!(
        (&batch["kind"], &batch["status"]),
        (&json!("batch"), &json!("partially_completed"))
    );
    assert_eq!(
        (
            &batch["batch"]["total"],
            &batch["batch"]["completed"],
            &batch["batch"]["cancelled"]
        ),
        (&json!(3), &json!(2), &json!(1))
    );
    // The value that may have been filled in is lower, and is not the best.
    assert_eq!(
        batch["best"],
        json!({"metric": "affinity_pred_value", "value": -2.0, "unit": "log10(IC50/µM)", "better": "low"})
    );
    assert!(batch["started_at"].is_null(), "nobody knows");

    let children = read(&hub, &format!("/api/v1/batches/{id}/children"), &root).await;
    let told: Vec<_> = children["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (&row["id"], &row["name"], &row["unverified"]))
        .collect();
    let ids = [0, 2, 1].map(|index| json!(format!("{id}-{index:05}")));
    let doubted = json!(["affinity_pred_value"]);
    assert_eq!(
        told,
        [
            (&ids[0], &json!("ethanol"), &Value::Null),
            (&ids[1], &json!("butanol"), &doubted),
            (&ids[2], &json!("propanol"), &Value::Null)
        ]
    );
    let third = read(&hub, &format!("/api/v1/jobs/{id}-00002"), &root).await;
    assert_eq!(
        (&third["former_id"], &third["files"][1]["name"]),
        (&json!(THIRD), &json!("affinity.json"))
    );
    assert_eq!(
        third["metrics"]["affinity_probability_binary"]["value"],
        0.12
    );

    let old = job(&hub, OLD_SCREEN, &root).await;
    assert_eq!(
        (&old["batch"]["total"], &old["status"]),
        (&json!(1), &json!("failed"))
    );
    let child = read(
        &hub,
        &format!("/api/v1/jobs/{}-00000", new_id(OLD_SCREEN)),
        &root,
    )
    .await;
    assert_eq!(
        child["error"]["message"],
        "The former system did not say why."
    );

    // Nothing of it can run here.
    for (path, id) in [
        ("jobs", new_id(DESIGN).to_string()),
        ("batches", new_id(OLD_SCREEN).to_string()),
    ] {
        let verb = if path == "jobs" {
            "retry"
        } else {
            "retry-failed"
        };
        let path = format!("/api/v1/{path}/{id}/{verb}");
        let refused = ask(&hub, Method::POST, &path, &root, &Value::Null).await;
        assert_eq!(refused.status, 409);
        assert!(
            refused.json()["detail"]
                .as_str()
                .unwrap()
                .contains("former system")
        );
    }
}

#[ignore = "needs the Firestore emulator: bin/test starts it"]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_page_and_export_says_that_a_value_is_unverified() {
    let (hub, former) = (hub_on(Store::Firestore).await, filled().await);
    let (root, ada) = (
        admin(&hub, "root@x.org").await,
        token(&hub, "ada@x.org").await,
    );
    brought(&hub, &former, false).await;
    let binding = new_id(BINDING);
    let shown = page(&hub, &format!("/jobs/{binding}"), &ada).await;
    assert!(
        shown.contains("0.800, unverified") && shown.contains("filled in 0.8"),
        "{shown}"
    );
    assert!(
        shown.contains("IC50 56.2\u{2009}nM")
            && shown.contains("MKTAYIAKQR")
            && shown.contains(BINDING),
        "{shown}"
    );
    assert!(
        !shown.contains("kcal") && !shown.contains("Exhaustiveness") && !shown.contains(">Retry<"),
        "{shown}"
    );
    assert!(page(&hub, "/", &ada).await.contains("IC50 56.2\u{2009}nM"));

    let screen = new_id(SCREEN);
    let batch = page(&hub, &format!("/batches/{screen}"), &root).await;
    assert_eq!(batch.matches(">unverified<").count(), 1, "{batch}");
    assert!(
        !batch.contains("View pose") && !batch.contains("Retry"),
        "{batch}"
    );
    let child = page(&hub, &format!("/jobs/{screen}-00002"), &root).await;
    assert!(
        child.contains("−8.50\u{2009}log10(IC50/µM), unverified"),
        "{child}"
    );
    page(&hub, &format!("/jobs/{}", new_id(STRANGE)), &root).await;

    let saved = async |path: &str| {
        let answer = get(&hub, path, &root).await;
        assert_eq!(answer.status, 200, "{path}");
        String::from_utf8_lossy(&answer.body).into_owned()
    };
    let table = saved(&format!("/api/v1/batches/{screen}/export?format=csv")).await;
    let lines: Vec<_> = table.lines().collect();
    assert!(
        lines[0].contains("affinity_pred_value (log10(IC50/µM))")
            && lines[0].ends_with(",unverified"),
        "{table}"
    );
    assert!(
        lines[2].contains("-8.5") && lines[2].ends_with(",affinity_pred_value"),
        "{table}"
    );
    assert!(lines[1].ends_with(','), "{table}");
    let all = saved(&format!("/api/v1/batches/{screen}/export?format=json")).await;
    assert!(
        all.contains(r#""unverified":["affinity_pred_value"]"#),
        "{all}"
    );
    assert_eq!(
        saved(&format!("/api/v1/batches/{screen}/export?format=sdf")).await,
        ""
    );
    let one = saved(&format!("/api/v1/jobs/{binding}/export?format=json")).await;
    assert!(one.contains("filled in 0.8"), "{one}");

    let link = ask(
        &hub,
        Method::POST,
        "/api/v1/shares",
        &ada,
        &json!({"job_id": binding.to_string()}),
    )
    .await
    .expect(StatusCode::CREATED);
    let link = link["url"].as_str().unwrap();
    let shared = page(&hub, &link[link.find("/s/").unwrap()..], &ada).await;
    assert!(
        shared.contains("0.800, unverified") && !shared.to_lowercase().contains("ada@x.org"),
        "{shared}"
    );
}

#[ignore = "needs the Firestore emulator: bin/test starts it"]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_run_writes_nothing_and_leaves_what_people_changed() {
    let (hub, former) = (hub_on(Store::Firestore).await, filled().await);
    let (root, ada) = (
        admin(&hub, "root@x.org").await,
        token(&hub, "ada@x.org").await,
    );
    brought(&hub, &former, false).await;
    let path = format!("/api/v1/jobs/{}", new_id(BINDING));
    ask(
        &hub,
        Method::PATCH,
        &path,
        &ada,
        &json!({"name": "a better name"}),
    )
    .await
    .expect(StatusCode::OK);
    let id = read(&hub, "/api/v1/me", &ada).await["user_id"]
        .as_str()
        .unwrap()
        .to_owned();
    let assigned = json!({"to": format!("user:{id}"), "former_owner": "u-7"});
    let given = ask(
        &hub,
        Method::POST,
        "/api/v1/admin/assignments",
        &root,
        &assigned,
    )
    .await
    .expect(StatusCode::OK);
    assert_eq!(given["jobs"], 1);
    let before = read(&hub, "/api/v1/jobs?scope=all&per_page=100", &root).await;

    let (summary, _) = brought(&hub, &former, false).await;
    assert_eq!(
        (summary.mapped, summary.here, summary.left_alone),
        (0, 12, 4)
    );
    assert_eq!(
        read(&hub, "/api/v1/jobs?scope=all&per_page=100", &root).await,
        before
    );
    let mut own = names(&hub, "", &ada).await;
    own.sort();
    assert_eq!(own, ["a better name", "a fold"]);
    assert_eq!(names(&hub, "?search=better", &ada).await, ["a better name"]);
    assert_eq!(
        names(&hub, &format!("?search={BINDING}"), &ada).await,
        ["a better name"]
    );
    let noted = imports(&hub, &root).await;
    assert_eq!(noted.len(), 1);
    assert_eq!(noted[0]["name"], "the operator");
    assert!(
        noted[0]["to"]
            .as_str()
            .unwrap()
            .starts_with("16 documents of projects/former-"),
        "{noted:?}"
    );
}

/// The program itself, on a store of its own.
fn program(
    folder: &std::path::Path,
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
        .args([
            "--files",
            &format!("file:{}", former.files.path().display()),
        ])
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
