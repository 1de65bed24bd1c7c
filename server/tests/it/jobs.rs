//! Single jobs: submitted once, read, renamed, cancelled, retried, deleted.

use std::collections::HashSet;

use axum::http::{Method, StatusCode};
use futures::future::join_all;
use serde_json::{Value, json};

use crate::hub::Hub;
use crate::input;
use crate::stores::Store;

on_each_store!(
    a_job_runs_from_submission_to_its_files,
    a_hundred_submissions_at_once_are_a_hundred_jobs,
    a_hundred_submissions_with_one_key_are_one_job,
    a_job_that_waits_for_its_gateway_says_so_and_can_be_cancelled_and_deleted,
    a_name_can_be_changed_and_is_found
);

async fn a_job_runs_from_submission_to_its_files(store: Store) {
    let hub = Hub::start_on(store).await;
    hub.work();
    let answer = hub.post("/api/v1/jobs", &input::job("CCCCO")).await;
    let location = answer.header("location").to_owned();
    let job = answer.expect(StatusCode::CREATED);
    let path = format!("/api/v1/jobs/{}", job["id"].as_str().unwrap());
    assert_eq!(location, path);
    assert_eq!(
        (job["kind"].as_str(), job["status"].as_str()),
        (Some("single"), Some("pending"))
    );
    let done = hub.until(&path, |job| job["status"] == "completed").await;
    assert_eq!(done["metrics"]["docking_score"]["value"], -2.5);
    assert_eq!(done["metrics"]["docking_score"]["unit"], "kcal/mol");
    assert_eq!(done["metrics"]["docking_score"]["better"], "low");
    assert_eq!(done["input"]["target"], json!({ "named": "ABL1" }));
    assert_eq!(done["parameters"]["exhaustiveness"], 1);
    assert!(done["error"].is_null());
    for name in ["created_at", "started_at", "ended_at"] {
        let time = done[name].as_str().unwrap();
        assert!(
            time.ends_with('Z') && time.contains('T'),
            "{name} is {time}"
        );
    }
    let files = hub
        .get(&format!("{path}/files"))
        .await
        .expect(StatusCode::OK);
    let names: Vec<_> = files["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| file["name"].as_str().unwrap())
        .collect();
    assert!(names.contains(&"poses.sdf"), "{names:?}");
    let redirect = hub.get(&format!("{path}/files/poses.sdf")).await;
    assert_eq!(redirect.status, 302);
    let file = reqwest::get(redirect.header("location")).await.unwrap();
    assert!(file.status().is_success());
    assert!(file.text().await.unwrap().contains("M  END"));
    hub.get(&format!("{path}/files/other.txt"))
        .await
        .problem(404, "not-found");
}

async fn a_hundred_submissions_at_once_are_a_hundred_jobs(store: Store) {
    let hub = Hub::start_on(store).await;
    let submit = |place: usize| {
        let hub = &hub;
        async move {
            hub.post_once("/api/v1/jobs", &input::job("CCO"), &format!("key-{place}"))
                .await
        }
    };
    let answers = join_all((0..100).map(submit)).await;
    let ids: HashSet<String> = answers
        .into_iter()
        .map(|answer| {
            answer.expect(StatusCode::CREATED)["id"]
                .as_str()
                .unwrap()
                .to_owned()
        })
        .collect();
    assert_eq!((ids.len(), hub.stored().await), (100, 100));
}

async fn a_hundred_submissions_with_one_key_are_one_job(store: Store) {
    let hub = Hub::start_on(store).await;
    let job = input::job("CCO");
    let answers = join_all((0..100).map(|_| hub.post_once("/api/v1/jobs", &job, "one-key"))).await;
    let replayed = answers
        .iter()
        .filter(|answer| answer.header("idempotency-replayed") == "true")
        .count();
    let bodies: HashSet<String> = answers
        .into_iter()
        .map(|answer| answer.expect(StatusCode::CREATED).to_string())
        .collect();
    assert_eq!((bodies.len(), replayed, hub.stored().await), (1, 99, 1));
}

#[tokio::test]
async fn a_key_stands_for_one_body() {
    let hub = Hub::start().await;
    let first = hub
        .post_once("/api/v1/jobs", &input::job("CCO"), "k")
        .await
        .expect(StatusCode::CREATED);
    hub.post_once("/api/v1/jobs", &input::job("CCC"), "k")
        .await
        .problem(422, "invalid");
    let mut reordered = input::job("CCO");
    let task = reordered
        .as_object_mut()
        .unwrap()
        .shift_remove("task")
        .unwrap();
    reordered["task"] = task;
    let again = hub.post_once("/api/v1/jobs", &reordered, "k").await;
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_eq!(again.expect(StatusCode::CREATED), first);
    hub.post_once("/api/v1/batches", &input::batch(&["CCO"]), "k")
        .await
        .expect(StatusCode::CREATED);
    assert_eq!(hub.stored().await, 2);
    for key in ["", "ä", &"k".repeat(201)] {
        let answer = hub.post_once("/api/v1/jobs", &input::job("CCO"), key).await;
        assert!(
            [400, 422].contains(&answer.status),
            "{key:?} is answered {}",
            answer.status
        );
    }
    assert_eq!(hub.stored().await, 2);
}

#[tokio::test]
async fn bad_input_is_refused_at_its_field_and_nothing_is_stored() {
    let hub = Hub::start().await;
    let long = "C".repeat(501);
    let cases: Vec<(&str, Value, &str)> = vec![
        ("/task", json!("folding"), "task"),
        ("/task", json!("protein_complex"), "task"),
        ("/task", json!("drug_discovery"), "task"),
        ("/task", json!("protein_structure"), "input.ligand"),
        ("/model", json!("alphafold"), "model"),
        ("/model", json!("boltz2"), "model"),
        ("/name", json!("n".repeat(201)), "name"),
        ("/input/target", json!({ "named": "ABL9" }), "input.target"),
        ("/input/target", json!({}), "input.target"),
        ("/input/target", json!(null), "input.target"),
        ("/input/ligand", json!({}), "input.ligand"),
        ("/input/ligand/smiles", json!(""), "input.ligand.smiles"),
        ("/input/ligand/smiles", json!(long), "input.ligand.smiles"),
        ("/input/ligand/smiles", json!("C1CC"), "input.ligand.smiles"),
        ("/input/ligand/smiles", json!("[In+3]"), "input.ligand"),
        (
            "/parameters/exhaustiveness",
            json!(33),
            "parameters.exhaustiveness",
        ),
        ("/parameters", json!({ "poses": 0 }), "parameters.poses"),
        ("/parameters", json!({ "seed": -1 }), "parameters.seed"),
        ("/parameters", json!({ "speed": 1 }), "parameters.speed"),
        ("/parameters", json!([]), "parameters"),
    ];
    for (pointer, value, field) in cases {
        let mut job = input::job("CCO");
        *job.pointer_mut(pointer).unwrap() = value.clone();
        let faults = hub.post("/api/v1/jobs", &job).await.problem(422, "invalid");
        assert!(
            faults.iter().any(|(name, _)| name.starts_with(field)),
            "{pointer} = {value}: {faults:?}"
        );
    }
    for (centre, size, field) in [
        (
            json!([0, 0, 0]),
            json!([4.9, 20, 20]),
            "input.target.box.size",
        ),
        (
            json!([0, 0, 0]),
            json!([20, 40.1, 20]),
            "input.target.box.size",
        ),
        (json!([0, 0]), json!([20, 20, 20]), "input.target.box"),
        (json!([0, 0, "x"]), json!([20, 20, 20]), "input.target.box"),
    ] {
        let receptor = json!({ "name": "mine", "format": "pdb", "text": "ATOM      1  CA  ALA A   1       0.0   0.0   0.0\n" });
        let mut job = input::job("CCO");
        job["input"]["target"] =
            json!({ "receptor": receptor, "box": { "center": centre, "size": size } });
        let faults = hub.post("/api/v1/jobs", &job).await.problem(422, "invalid");
        assert!(
            faults.iter().any(|(name, _)| name.starts_with(field)),
            "{centre} {size}: {faults:?}"
        );
    }
    assert_eq!(hub.stored().await, 0);
}

async fn a_job_that_waits_for_its_gateway_says_so_and_can_be_cancelled_and_deleted(store: Store) {
    let hub = Hub::start_alone_on(store).await;
    hub.work();
    let job = hub
        .post("/api/v1/jobs", &input::job("CCO"))
        .await
        .expect(StatusCode::CREATED);
    let path = format!("/api/v1/jobs/{}", job["id"].as_str().unwrap());
    let waiting = hub.until(&path, |job| !job["waiting"].is_null()).await;
    assert_eq!(waiting["status"], "pending");
    assert!(
        waiting["waiting"]["reason"]
            .as_str()
            .unwrap()
            .contains("gateway"),
        "{waiting}"
    );
    hub.call(Method::DELETE, &path)
        .await
        .problem(409, "conflict");
    hub.call(Method::POST, &format!("{path}/retry"))
        .await
        .problem(409, "conflict");
    let asked = hub.get(&format!("{path}/export?format=zip")).await;
    assert_eq!(
        (asked.status, asked.header("content-type")),
        (200, "application/zip"),
        "what waits can be saved as it was asked"
    );
    let cancelled = hub
        .call(Method::POST, &format!("{path}/cancel"))
        .await
        .expect(StatusCode::OK);
    assert_eq!(cancelled["status"], "cancelled");
    let again = hub
        .call(Method::POST, &format!("{path}/cancel"))
        .await
        .expect(StatusCode::OK);
    assert_eq!(again["ended_at"], cancelled["ended_at"], "an end is an end");
    let retried = hub
        .call(Method::POST, &format!("{path}/retry"))
        .await
        .expect(StatusCode::OK);
    assert_eq!(
        (retried["status"].as_str(), retried["id"].as_str()),
        (Some("pending"), job["id"].as_str())
    );
    hub.call(Method::POST, &format!("{path}/cancel"))
        .await
        .expect(StatusCode::OK);
    assert_eq!(hub.call(Method::DELETE, &path).await.status, 204);
    hub.get(&path).await.problem(404, "not-found");
    assert_eq!(hub.stored().await, 0);
}

async fn a_name_can_be_changed_and_is_found(store: Store) {
    let hub = Hub::start_on(store).await;
    let job = hub
        .post("/api/v1/jobs", &input::job("CCO"))
        .await
        .expect(StatusCode::CREATED);
    let path = format!("/api/v1/jobs/{}", job["id"].as_str().unwrap());
    let named = hub
        .send_json(
            Method::PATCH,
            &path,
            &json!({ "name": "Zanubrutinib again" }),
            &[],
        )
        .await;
    assert_eq!(named.expect(StatusCode::OK)["name"], "Zanubrutinib again");
    let found = hub
        .get("/api/v1/jobs?search=zanubru")
        .await
        .expect(StatusCode::OK);
    assert_eq!(found["pagination"]["total_results"], 1);
    for body in [
        json!({ "name": "" }),
        json!({ "name": "n".repeat(201) }),
        json!({}),
        json!({ "name": "x", "status": "failed" }),
    ] {
        hub.send_json(Method::PATCH, &path, &body, &[])
            .await
            .problem(422, "invalid");
    }
    assert_eq!(hub.get(&path).await.json()["name"], "Zanubrutinib again");
}
