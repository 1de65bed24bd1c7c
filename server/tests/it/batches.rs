//! Batches: whole or not at all, followed to their end, their children read in any order.

use axum::http::{Method, StatusCode, header};
use serde_json::{Value, json};

use crate::hub::Hub;
use crate::input;
use crate::stores::Store;

on_each_store!(
    a_batch_runs_to_its_end_and_ranks_its_children,
    the_status_is_304_to_whoever_has_it,
    a_failing_row_refuses_the_whole_unless_it_may_be_skipped,
    cancelled_children_are_retried_together,
    a_batch_is_submitted_once_too
);

async fn submitted(hub: &Hub, smiles: &[&str]) -> String {
    let batch = hub
        .post("/api/v1/batches", &input::batch(smiles))
        .await
        .expect(StatusCode::CREATED);
    assert_eq!(batch["kind"], "batch");
    format!("/api/v1/batches/{}", batch["id"].as_str().unwrap())
}

fn indexes(children: &Value) -> Vec<u64> {
    children["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["index"].as_u64().unwrap())
        .collect()
}

async fn a_batch_runs_to_its_end_and_ranks_its_children(store: Store) {
    let hub = Hub::start_on(store).await;
    hub.work();
    let path = submitted(&hub, &["CCO", "CCCCCC", "C", "CCCC"]).await;
    let done = hub
        .until(&path, |batch| batch["status"] == "completed")
        .await;
    let counts = &done["batch"];
    assert_eq!(
        (counts["total"].as_u64(), counts["completed"].as_u64()),
        (Some(4), Some(4))
    );
    assert_eq!(
        (
            counts["finished_percent"].as_f64(),
            counts["success_percent"].as_f64()
        ),
        (Some(100.0), Some(100.0))
    );
    assert_eq!(
        (
            done["best"]["value"].as_f64(),
            done["best"]["unit"].as_str()
        ),
        (Some(-3.0), Some("kcal/mol"))
    );
    let children = hub
        .get(&format!("{path}/children"))
        .await
        .expect(StatusCode::OK);
    assert_eq!(
        indexes(&children),
        [1, 3, 0, 2],
        "the lowest score comes first"
    );
    assert_eq!(children["results"][0]["values"]["docking_score"], -3.0);
    let sorted = |query: &str| {
        let path = format!("{path}/children?{query}");
        let hub = &hub;
        async move { indexes(&hub.get(&path).await.expect(StatusCode::OK)) }
    };
    assert_eq!(sorted("sort=-docking_score").await, [2, 0, 3, 1]);
    assert_eq!(sorted("sort=-index").await, [3, 2, 1, 0]);
    assert_eq!(
        sorted("docking_score_max=-1.5&docking_score_min=-2").await,
        [3, 0]
    );
    assert_eq!(sorted("search=CCCC&sort=index").await, [1, 3]);
    assert_eq!(sorted("children_status=failed,cancelled").await, [0; 0]);
    let first = hub
        .get(&format!("{path}/children?children_limit=3&sort=index"))
        .await
        .expect(StatusCode::OK);
    assert_eq!(first["total_results"], 4);
    let token = first["next_page_token"].as_str().unwrap();
    let next = hub
        .get(&format!(
            "{path}/children?children_limit=3&sort=index&page_token={token}"
        ))
        .await
        .json();
    assert_eq!(
        (indexes(&next), next["next_page_token"].is_null()),
        (vec![3], true)
    );
    for (query, field) in [
        ("children_limit=0", "children_limit"),
        ("children_limit=501", "children_limit"),
        ("sort=odd", "sort"),
        ("children_status=odd", "children_status"),
        ("page_token=x", "page_token"),
        ("docking_score_min=x", "docking_score_min"),
    ] {
        let faults = hub
            .get(&format!("{path}/children?{query}"))
            .await
            .problem(400, "bad-request");
        assert_eq!(faults[0].0, field);
    }
    let child = hub
        .get(&format!(
            "/api/v1/jobs/{}",
            children["results"][0]["id"].as_str().unwrap()
        ))
        .await
        .json();
    assert_eq!(
        (child["kind"].as_str(), child["index"].as_u64()),
        (Some("child"), Some(1))
    );
    assert_eq!(
        child["input"]["target"],
        json!({ "named": "ABL1" }),
        "the target of its batch"
    );
    let child_path = format!("/api/v1/jobs/{}", child["id"].as_str().unwrap());
    hub.call(Method::DELETE, &child_path)
        .await
        .problem(409, "conflict");
    hub.get(&child_path.replace("/jobs/", "/batches/"))
        .await
        .problem(404, "not-found");
}

async fn the_status_is_304_to_whoever_has_it(store: Store) {
    let hub = Hub::start_alone_on(store).await;
    let path = submitted(&hub, &["CCO", "CCC"]).await;
    let answer = hub.get(&format!("{path}/status")).await;
    let etag = answer.header("etag").to_owned();
    assert_eq!(answer.header("cache-control"), "private, no-cache");
    assert_eq!(answer.expect(StatusCode::OK)["batch"]["pending"], 2);
    let ask = async |tag: &str| {
        let request = hub
            .request(Method::GET, &format!("{path}/status"))
            .header(header::IF_NONE_MATCH, tag);
        hub.send(request.body(axum::body::Body::empty()).unwrap())
            .await
    };
    let known = ask(&format!("\"other\", W/{etag}")).await;
    assert_eq!(
        (known.status, known.body.len(), known.header("etag")),
        (304, 0, etag.as_str())
    );
    assert_eq!(ask("\"other\"").await.status, 200);
    hub.call(Method::POST, &format!("{path}/cancel"))
        .await
        .expect(StatusCode::OK);
    let changed = ask(&etag).await;
    assert_ne!(changed.header("etag"), etag);
    assert_eq!(changed.status, 200);
}

async fn a_failing_row_refuses_the_whole_unless_it_may_be_skipped(store: Store) {
    let hub = Hub::start_on(store).await;
    let mut batch = input::batch(&["CCO", "C1CC", "CCC", "[In+3]", ""]);
    let faults = hub
        .post("/api/v1/batches", &batch)
        .await
        .problem(422, "invalid");
    let fields: Vec<_> = faults
        .iter()
        .map(|(field, _)| field.split('.').next().unwrap())
        .collect();
    assert!(fields.contains(&"ligands[4]"), "{faults:?}");
    batch["ligands"].as_array_mut().unwrap().pop();
    let faults = hub
        .post("/api/v1/batches", &batch)
        .await
        .problem(422, "invalid");
    let fields: Vec<_> = faults
        .iter()
        .map(|(field, _)| field.split('.').next().unwrap())
        .collect();
    assert_eq!(fields, ["ligands[1]", "ligands[3]"], "{faults:?}");
    assert_eq!(hub.stored().await, 0);
    let preflight = hub
        .post("/api/v1/preflight", &batch)
        .await
        .expect(StatusCode::OK);
    assert_eq!(
        (
            preflight["totals"]["rows"].as_u64(),
            preflight["totals"]["fail"].as_u64()
        ),
        (Some(4), Some(2))
    );
    assert_eq!(hub.stored().await, 0);
    batch["on_failed_rows"] = json!("skip");
    let accepted = hub
        .post("/api/v1/batches", &batch)
        .await
        .expect(StatusCode::CREATED);
    assert_eq!(accepted["batch"]["total"], 2);
    for ligands in [json!([]), json!([{ "name": "x", "smiles": "C1CC" }])] {
        batch["ligands"] = ligands;
        hub.post("/api/v1/batches", &batch)
            .await
            .problem(422, "invalid");
    }
    assert_eq!(hub.stored().await, 1);
}

async fn cancelled_children_are_retried_together(store: Store) {
    let hub = Hub::start_alone_on(store).await;
    let path = submitted(&hub, &["CCO", "CCC", "C"]).await;
    hub.call(Method::POST, &format!("{path}/cancel"))
        .await
        .expect(StatusCode::OK);
    hub.work();
    hub.until(&path, |batch| batch["status"] == "cancelled")
        .await;
    let plan = hub
        .call(Method::POST, &format!("{path}/retry-failed?dry_run=true"))
        .await
        .expect(StatusCode::OK);
    assert_eq!(
        hub.get(&path).await.json()["status"],
        "cancelled",
        "a dry run changes nothing"
    );
    let retried = hub
        .call(Method::POST, &format!("{path}/retry-failed"))
        .await
        .expect(StatusCode::OK);
    assert_eq!(plan["children"], retried["children"]);
    hub.call(Method::POST, &format!("{path}/retry-failed?dry_run=maybe"))
        .await
        .problem(400, "bad-request");
}

async fn a_batch_is_submitted_once_too(store: Store) {
    let hub = Hub::start_alone_on(store).await;
    let batch = input::batch(&["CCO", "CCC"]);
    let submit = || hub.post_once("/api/v1/batches", &batch, "twice");
    let (first, second) = tokio::join!(submit(), submit());
    let ids = [first, second].map(|answer| match answer.status {
        201 => answer.json()["id"].as_str().map(str::to_owned),
        // The other one was still being written.
        status => {
            assert_eq!(status, 409);
            None
        }
    });
    let id = ids.iter().flatten().next().unwrap();
    assert!(ids.iter().flatten().all(|other| other == id));
    assert_eq!(
        submit().await.expect(StatusCode::CREATED)["id"].as_str(),
        Some(id.as_str())
    );
    assert_eq!(hub.stored().await, 1);
}
