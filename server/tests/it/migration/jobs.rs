//! What becomes of each document: single jobs in every spelling, and batches with their children.

use super::*;

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
async fn the_report_names_the_values_that_nobody_vouches_for() {
    let (hub, former) = (hub_on(Store::Firestore).await, filled().await);
    let (_, lines) = brought(&hub, &former, false).await;
    let doubted = |line: &Value| {
        let metrics = line.get("unverified")?;
        Some((line["former_id"].as_str()?.to_owned(), metrics.clone()))
    };
    let mut told: Vec<_> = lines.iter().filter_map(doubted).collect();
    told.sort_by(|(one, _), (other, _)| one.cmp(other));
    assert_eq!(
        told,
        [
            (BINDING.to_owned(), json!(["confidence_score"])),
            (THIRD.to_owned(), json!(["affinity_pred_value"])),
        ]
    );
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
