//! Predictions from a sequence: the target and its alignment are stored once for all that read them, whoever waits for an
//! alignment says so, and no model holds up another.

use futures::TryStreamExt;
use hub::Error;
use hub::id::JobId;
use hub::job::{Category, Status};
use hub::list::ChildrenQuery;
use hub::ports::Blobs;
use hub::ports::blobs;
use hub::ports::documents::{Collection, Key};
use hub::services::ExportFormat;
use serde_json::{Value, json};

use crate::gateway::path_of;
use crate::hub::{Hub, job, sound};

const CDK2: &str = "MENFQKVEKIGEGTYGVVYK";
const A3M: &str = ">CDK2\nMENFQKVEKIGEGTYGVVYK\n>hit\n-ENFQKVEKIGEGTYGVVYK\n";

fn target() -> Value {
    json!({"name": "CDK2", "sequence": CDK2, "msa": {"text": A3M}})
}

fn ligand(name: &str, smiles: &str) -> Value {
    json!({"name": name, "smiles": smiles})
}

async fn screen(hub: &Hub, task: &str) -> JobId {
    let ligands = ["C", "CC", "CCC"].map(|smiles| ligand(&format!("ligand {smiles}"), smiles));
    let request = json!({"task": task, "target": target(), "ligands": ligands});
    let request = serde_json::from_value(request).unwrap();
    let submitted = hub.services.submit_batch(&hub.actor, request, None).await;
    submitted.unwrap().job.id
}

async fn single(hub: &Hub, request: Value) -> hub::Result<JobId> {
    let request = serde_json::from_value(request).unwrap();
    let submitted = hub.services.submit_job(&hub.actor, request, None).await;
    submitted.map(|submitted| submitted.job.id)
}

async fn binding(hub: &Hub) -> JobId {
    let input = json!({"target": target(), "ligand": ligand("ethanol", "CCO")});
    let request = json!({"task": "protein_ligand_binding", "input": input});
    single(hub, request).await.unwrap()
}

async fn notes(hub: &Hub, batch: &JobId) -> Vec<Option<String>> {
    hub.services.roll_up(batch).await.unwrap();
    let query = ChildrenQuery {
        limit: 10,
        sort: "index".to_owned(),
        ..ChildrenQuery::default()
    };
    let page = hub.services.children(&hub.actor, batch, &query).await;
    page.unwrap()
        .results
        .into_iter()
        .map(|row| row.note)
        .collect()
}

#[tokio::test]
async fn a_screens_target_and_alignment_are_stored_once_and_every_child_names_them() {
    for task in ["batch_protein_ligand_screening", "drug_discovery"] {
        let hub = Hub::start().await;
        let id = screen(&hub, task).await;
        assert_eq!(hub.row(&id).await.name, "3 ligands against CDK2");
        hub.dispatch().await;
        for index in [0, 1] {
            let run = format!("{}:1", id.child(index));
            let request = hub.gateway.script().requests[&run].clone();
            assert_eq!(
                (&request["model"], &request["task"]),
                (&json!("boltz2"), &json!("protein_ligand_binding"))
            );
            let asked = json!({"name": "CDK2", "sequence": CDK2, "msa": "msa"});
            assert_eq!(request["input"]["target"], asked);
            assert_eq!(request["inputs"][0]["name"], "msa");
            assert_eq!(request["parameters"]["affinity_samples"], 5);
            let path = path_of(request["inputs"][0]["url"].as_str().unwrap());
            assert!(path.contains(&format!("/jobs/{id}/input/alignment-")));
            let read = blobs::read(&*hub.blobs, path).await.unwrap();
            assert_eq!(read, A3M.as_bytes());
        }
        let stored = hub.blobs.list("users/local").await.unwrap();
        let alignments = stored.iter().filter(|file| file.path.ends_with(".a3m"));
        assert_eq!(alignments.count(), 1, "{stored:?}");
        let child = hub.job(&id.child(0)).await;
        let told = serde_json::to_value(&child.input).unwrap();
        assert_eq!(told["target"]["sequence"], CDK2);
        assert_eq!(told["ligand"]["smiles"], "C");
        let key = Key::new(Collection::Children, id.child(0).as_str());
        let kept = hub.documents.get_many(&[key]).await.unwrap().remove(0);
        assert!(
            !kept.unwrap().json.contains(CDK2),
            "a child holds no target"
        );
    }
}

#[tokio::test]
async fn values_are_read_with_their_sources_and_the_strongest_ligand_ranks_first() {
    let hub = Hub::start().await;
    let id = screen(&hub, "batch_protein_ligand_screening").await;
    hub.dispatch().await;
    let run = format!("{}:1", id.child(0));
    hub.succeed(&run, sound).await;
    let child = hub.job(&id.child(0)).await;
    let affinity = &child.metrics["affinity_pred_value"];
    let source = affinity.source.as_ref().unwrap();
    assert_eq!(
        (affinity.value, affinity.unit.as_str(), source.file.as_str()),
        (Some(-1.25), "log10(IC50/µM)", "affinity.json")
    );
    assert_eq!(child.row.best.unwrap().metric, "affinity_pred_value");
    let iptm = &child.metrics["iptm"];
    assert_eq!(iptm.reason.as_deref(), Some("the model wrote no value"));
    let warnings = &child.provenance.unwrap()["warnings"];
    assert_eq!(warnings[0], "pTM means nothing here");
    hub.services.roll_up(&id).await.unwrap();
    assert_eq!(hub.row(&id).await.best.unwrap().value, -1.25);

    let table = exported(&hub, &id, ExportFormat::Csv).await.unwrap();
    let mut lines = table.lines();
    let head = lines.next().unwrap();
    assert!(head.contains(",affinity_pred_value (log10(IC50/µM)),affinity_probability_binary,"));
    let best = lines.next().unwrap();
    assert!(
        best.starts_with("1,0,ligand C,C,completed,-1.25,,"),
        "{best}"
    );
    let json = exported(&hub, &id, ExportFormat::Json).await.unwrap();
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["children"][0]["values"]["affinity_pred_value"], -1.25);
    assert_eq!(json["input"]["target"]["sequence"], CDK2);
    let poses = exported(&hub, &id, ExportFormat::Sdf).await;
    assert!(poses.unwrap_err().to_string().contains("writes no poses"));
}

async fn exported(hub: &Hub, id: &JobId, format: ExportFormat) -> hub::Result<String> {
    let export = hub.services.export(&hub.actor, id, format, None).await?;
    let pieces: Vec<_> = export.content.try_collect().await.unwrap();
    Ok(String::from_utf8(pieces.concat()).unwrap())
}

#[tokio::test]
async fn a_fold_is_asked_for_without_a_ligand_and_says_what_does_not_apply() {
    for (model, best) in [("boltz2", "confidence_score"), ("chai1", "aggregate_score")] {
        let hub = Hub::start().await;
        let target = json!({"name": "CDK2", "sequence": CDK2});
        let request =
            json!({"task": "protein_structure", "model": model, "input": {"target": target}});
        let id = single(&hub, request).await.unwrap();
        hub.dispatch().await;
        let run = format!("{id}:1");
        let asked = hub.gateway.script().requests[&run].clone();
        assert_eq!(asked["input"], json!({"target": target}));
        assert_eq!(
            (&asked["model"], &asked["inputs"]),
            (&json!(model), &json!([]))
        );
        hub.succeed(&run, sound).await;
        let job = hub.job(&id).await;
        assert_eq!(job.row.name, "Structure of CDK2");
        assert_eq!(job.row.status, Status::Completed, "{:?}", job.row.error);
        assert_eq!(job.row.best.unwrap().metric, best);
        if model == "boltz2" {
            let reason = job.metrics["protein_iptm"].reason.as_deref();
            assert_eq!(reason, Some("one protein chain"));
        }
    }
}

#[tokio::test]
async fn a_prediction_without_a_file_that_it_needs_is_no_result() {
    for (file, code) in [
        ("affinity.json", "missing_file"),
        ("model_0.cif", "missing_file"),
        ("model_0.cif", "unreadable_file"),
        ("confidence_0.json", "unreadable_file"),
        ("affinity.json", "altered_file"),
    ] {
        let hub = Hub::start().await;
        let id = binding(&hub).await;
        hub.dispatch().await;
        hub.succeed(&format!("{id}:1"), |name, content, entry| {
            if name != file {
                return true;
            }
            match code {
                "altered_file" => content[0] = b' ',
                "unreadable_file" => {
                    *content = b"{]".to_vec();
                    crate::results::measure(content, entry);
                }
                _ => return false,
            }
            true
        })
        .await;
        let row = hub.row(&id).await;
        let error = row.error.unwrap();
        assert_eq!(error.code, code, "{}", error.message);
        assert!(error.message.contains(file), "{}", error.message);
        assert_eq!(row.best, None);
    }
}

#[tokio::test]
async fn who_waits_for_an_alignment_says_so_and_has_not_failed() {
    let hub = Hub::start().await;
    let id = screen(&hub, "batch_protein_ligand_screening").await;
    hub.dispatch().await;
    let child = id.child(0);
    let stage = json!({"state": "running", "progress": {"stage": "waiting for the alignment"}});
    hub.gateway.stands(&format!("{child}:1"), stage);
    hub.report(&format!("{child}:1")).await;
    let row = hub.row(&child).await;
    assert_eq!(row.progress.unwrap().stage, "waiting for the alignment");
    let said = notes(&hub, &id).await;
    assert_eq!(said[0].as_deref(), Some("waiting for the alignment"));
    assert_eq!(said[1], None, "it runs");

    hub.succeed(&format!("{}:1", id.child(1)), sound).await;
    let reason = "waiting for the alignment: the server for alignments is busy";
    let error = json!({"category": "quota", "code": "msa_rate_limited", "message": reason});
    for epoch in 1..=5 {
        let run = format!("{child}:{epoch}");
        hub.gateway
            .stands(&run, json!({"state": "failed", "error": error}));
        hub.report(&run).await;
        let row = hub.row(&child).await;
        assert_eq!(row.status, Status::Pending);
        assert_eq!(row.waiting.unwrap().reason, reason);
        assert_eq!(row.error.unwrap().category, Category::Quota);
        assert_eq!(notes(&hub, &id).await[0].as_deref(), Some(reason));
        assert_eq!(hub.row(&id).await.batch.unwrap().failed, 0);
        hub.pass(121).await;
        let begun = hub.gateway.script().begun.clone();
        assert!(begun.contains(&format!("{child}:{}", epoch + 1)));
    }
    hub.succeed(&format!("{child}:6"), sound).await;
    assert_eq!(hub.row(&child).await.status, Status::Completed);
}

#[tokio::test]
async fn a_model_in_maintenance_holds_up_no_other() {
    let hub = Hub::start().await;
    hub.gateway.script().maintenance = [("boltz2", "new weights")].into();
    let (bound, screened) = (binding(&hub).await, screen(&hub, "drug_discovery").await);
    let docked = hub.submit().await;
    let request =
        json!({"task": "protein_structure", "model": "chai1", "input": {"target": target()}});
    let folded = single(&hub, request).await.unwrap();
    hub.dispatch().await;
    let begun = hub.gateway.script().begun.clone();
    assert_eq!(begun.len(), 2, "{begun:?}");
    for id in [&docked, &folded] {
        assert!(begun.contains(&format!("{id}:1")));
        assert_eq!(hub.row(id).await.status, Status::Running);
    }
    for id in [&bound, &screened] {
        let row = hub.row(id).await;
        assert_eq!(row.status, Status::Pending);
        let reason = row.waiting.unwrap().reason;
        assert_eq!(reason, "Boltz-2 is in maintenance: new weights");
    }
    hub.gateway.script().maintenance.clear();
    hub.pass(11).await;
    assert_eq!(hub.row(&bound).await.status, Status::Running);
    let begun = hub.gateway.script().begun.len();
    assert_eq!(begun, 4, "two of Boltz-2 at once, beside what ran");
}

#[tokio::test]
async fn what_is_full_of_one_model_leaves_room_for_another() {
    let hub = Hub::start().await;
    for _ in 0..2 {
        screen(&hub, "drug_discovery").await;
    }
    hub.dispatch().await;
    assert_eq!(
        hub.gateway.script().begun.len(),
        2,
        "as many as it has slots"
    );
    let docked = hub.submit_and_dispatch().await;
    assert_eq!(hub.row(&docked).await.status, Status::Running);
}

#[tokio::test]
async fn what_is_asked_wrongly_is_refused_and_says_how_to_ask() {
    let hub = Hub::start().await;
    let input = json!({"target": target(), "ligand": ligand("ethanol", "CCO")});
    for (task, field, said) in [
        ("drug_discovery", "task", "POST /api/v1/batches"),
        ("protein_structure", "input.ligand", "without a ligand"),
        (
            "protein_complex",
            "task",
            "cannot be submitted to this hub yet",
        ),
        (
            "variant_comparison",
            "task",
            "cannot be submitted to this hub yet",
        ),
    ] {
        let refused = single(&hub, json!({"task": task, "input": input})).await;
        let Err(Error::Invalid(faults)) = refused else {
            panic!("{task}: {refused:?}");
        };
        assert_eq!(faults[0].field, field);
        assert!(faults[0].message.contains(said), "{faults:?}");
    }
    let batch = json!({"task": "protein_ligand_binding", "target": target(), "ligands": [ligand("a", "C")]});
    let batch = serde_json::from_value(batch).unwrap();
    let refused = hub.services.submit_batch(&hub.actor, batch, None).await;
    assert!(refused.unwrap_err().to_string().contains("single job"));
    assert!(
        single(&hub, serde_json::to_value(job()).unwrap())
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn what_it_will_take_and_what_to_know_of_the_target_is_said_before() {
    let hub = Hub::start().await;
    let unknown = json!({"name": "CDK2", "sequence": "MENFQXVEKIGEGTYGVVYK"});
    let ligands = [ligand("ethanol", "CCO"), ligand("the same", "CCO")];
    let screen = json!({"task": "drug_discovery", "target": unknown, "ligands": ligands});
    let said = hub.services.preflight(&hub.actor, screen).await.unwrap();
    assert!(said.warnings[0].contains("residue 6 is X"), "{said:?}");
    assert_eq!((said.totals.pass, said.totals.warn), (1, 1));
    assert!(said.gpu_hours > 0.0 && said.waits_for.is_none());
    let fold = json!({"task": "protein_structure", "input": {"target": unknown}});
    let said = hub.services.preflight(&hub.actor, fold).await.unwrap();
    assert_eq!((said.rows[0].name.as_str(), said.totals.rows), ("CDK2", 1));
    assert!(said.seconds.is_some_and(|seconds| seconds > 0));
}

#[tokio::test]
async fn failed_predictions_run_again_and_their_gpu_hours_are_said_first() {
    let hub = Hub::start().await;
    let id = screen(&hub, "drug_discovery").await;
    hub.dispatch().await;
    let run = format!("{}:1", id.child(0));
    hub.gateway.fails(&run, "user");
    hub.report(&run).await;
    let plan = |dry_run| hub.services.retry_failed(&hub.actor, &id, dry_run);
    let plan_first = plan(true).await.unwrap();
    assert!(plan_first.children == 1 && plan_first.gpu_hours > 0.0);
    plan(false).await.unwrap();
    hub.succeed(&format!("{}:1", id.child(1)), sound).await;
    hub.dispatch().await;
    let begun = hub.gateway.script().begun.clone();
    let runs = begun
        .iter()
        .filter(|run| run.starts_with(id.child(0).as_str()));
    assert_eq!(runs.count(), 2, "{begun:?}");
}
