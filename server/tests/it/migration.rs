//! Bringing the former system's jobs here: every spelling of its documents, the five places of its files, again and again.

mod bucket;
mod jobs;
mod program;
mod shown;

use std::sync::Arc;

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
    let files = Directory::to_read(former.files.path().to_owned()).unwrap();
    brought_with(Arc::new(files), hub, former, dry_run).await
}

/// The same with the files from elsewhere.
async fn brought_with(
    files: Arc<dyn Blobs>,
    hub: &Hub,
    former: &FormerSystem,
    dry_run: bool,
) -> (Summary, Vec<Value>) {
    let jobs = former.jobs().await;
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
