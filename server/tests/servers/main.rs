//! Three hubs on one Firestore: they share the work, and it goes on when one of them is killed, stands still for a minute
//! and a half, or is told to end. `chaos` lets all of that happen at once, for as long as it is told.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::time::Duration;

use hub::ports::documents::{Collection, Key};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

#[path = "../common/far_gateway.rs"]
#[expect(dead_code, reason = "each program of tests uses what it needs")]
mod far_gateway;

mod balancer;
mod chaos;
mod cluster;
mod stored;

use cluster::{Cluster, LOOK_AGAIN};
use far_gateway::Manner;

/// Within which a killed server's jobs go on elsewhere.
const TAKEN_OVER: Duration = Duration::from_secs(90);
/// Within which a server has ended that was told to.
const FAREWELL: Duration = Duration::from_secs(10);
/// How many runs the gateway has room for at once.
const PLACES: usize = 4;

fn manner(run_ms: std::ops::Range<u64>) -> Manner {
    Manner {
        run_ms,
        ..Manner::default()
    }
}

fn screen(ligands: usize) -> Value {
    let ligands: Vec<_> = (0..ligands)
        .map(|place| json!({"name": format!("ligand {place}"), "smiles": "C".repeat(1 + place % 40)}))
        .collect();
    json!({"task": "docking", "target": {"named": "ABL1"}, "ligands": ligands})
}

fn job() -> Value {
    let ligand = json!({"name": "ethanol", "smiles": "CCO"});
    json!({"task": "docking", "input": {"target": {"named": "ABL1"}, "ligand": ligand}})
}

fn has_ended(job: &Value) -> bool {
    !["pending", "running"].contains(&job["status"].as_str().unwrap())
}

fn completed(at_least: u64) -> impl Fn(&Value) -> bool {
    move |status| status["batch"]["completed"].as_u64() >= Some(at_least)
}

/// Each child completed once, with one result and one charge, in one run that was always asked for alike; and so did what
/// was done `beside`.
async fn assert_each_completed_once(
    cluster: &Cluster,
    batch: &str,
    children: usize,
    beside: usize,
) {
    let path = format!("/api/v1/batches/{batch}/children?children_limit=500");
    let rows = cluster.get(&path).await;
    let rows = rows["results"].as_array().unwrap();
    assert_eq!(rows.len(), children);
    assert!(
        rows.iter().all(|row| row["status"] == "completed"),
        "{rows:#?}"
    );
    let summary = cluster.get(&format!("/api/v1/batches/{batch}")).await;
    assert_eq!(summary["batch"]["completed"], children, "{summary:#}");
    assert_eq!(summary["status"], "completed");
    let manifests = cluster.manifests();
    assert_eq!(
        manifests.len(),
        children,
        "one accepted result for each: {manifests:#?}"
    );
    let charged = (children + beside) as i64;
    assert_eq!(cluster.books("user:local").await, [0, charged, 0]);
    let kept = cluster.gateway.kept();
    let begun = &kept.begun;
    assert_eq!(
        begun.len(),
        children + beside,
        "one run for each: {begun:?}"
    );
    let cancelled: Vec<_> = kept
        .runs
        .iter()
        .filter(|(_, run)| run["state"] == "cancelled")
        .collect();
    assert!(cancelled.is_empty(), "nobody asked for it: {cancelled:?}");
    let altered = kept.altered();
    assert!(altered.is_empty(), "asked for differently: {altered:?}");
}

#[ignore = "needs the Firestore emulator: bin/test starts it"]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn work_of_a_killed_server_goes_on_elsewhere() {
    let mut cluster = Cluster::start(manner(300..900), false).await;
    let batch = cluster.submit("/api/v1/batches", &screen(40)).await;
    let path = format!("/api/v1/batches/{batch}/status");
    cluster.wait_for(&path, TAKEN_OVER, completed(3)).await;
    cluster.kill(0);
    let killed = Instant::now();
    cluster.wait_for(&path, TAKEN_OVER, has_ended).await;
    assert!(killed.elapsed() < TAKEN_OVER);
    assert_each_completed_once(&cluster, &batch, 40, 0).await;
    let repeated = cluster.gateway.kept().repeated;
    assert_eq!(
        repeated, 0,
        "it is asked after a run before it is asked for"
    );
}

#[ignore = "needs the Firestore emulator: bin/test starts it"]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_stood_still_for_90_s_is_shut_out_when_it_comes_back() {
    let cluster = Cluster::start(manner(300..900), false).await;
    let batch = cluster.submit("/api/v1/batches", &screen(40)).await;
    let path = format!("/api/v1/batches/{batch}/status");
    cluster.wait_for(&path, TAKEN_OVER, completed(3)).await;
    let stopped = Instant::now();
    cluster.signal(0, "STOP");
    cluster.wait_for(&path, TAKEN_OVER, has_ended).await;
    sleep(Duration::from_secs(90).saturating_sub(stopped.elapsed())).await;
    cluster.signal(0, "CONT");
    // Whatever it was about to do then, it does in the first moment; and it takes its part in what comes after.
    let one = cluster.submit("/api/v1/jobs", &job()).await;
    cluster
        .wait_for(&format!("/api/v1/jobs/{one}"), TAKEN_OVER, has_ended)
        .await;
    let answer = cluster
        .client
        .get(cluster.address_of(0, &path))
        .send()
        .await
        .unwrap();
    assert!(answer.status().is_success());
    cluster
        .client
        .delete(cluster.address(&format!("/api/v1/jobs/{one}")))
        .send()
        .await
        .unwrap();
    assert_each_completed_once(&cluster, &batch, 40, 1).await;
    // What it had claimed and not yet asked for, it asked for when others had long done so.
    let repeated = cluster.gateway.kept().repeated;
    assert!(repeated <= PLACES, "{repeated} runs were asked for again");
}

#[ignore = "needs the Firestore emulator: bin/test starts it"]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_told_to_end_leaves_its_work_to_the_others() {
    let mut cluster = Cluster::start(manner(300..900), false).await;
    let batch = cluster.submit("/api/v1/batches", &screen(30)).await;
    let path = format!("/api/v1/batches/{batch}/status");
    cluster.wait_for(&path, TAKEN_OVER, completed(3)).await;
    let events = cluster.address_of(0, &format!("/api/v1/batches/{batch}/events"));
    let stream = cluster.client.get(events).send().await.unwrap();
    assert!(stream.status().is_success());
    cluster.signal(0, "TERM");
    let (status, took) = cluster.ended(0, FAREWELL).await;
    assert!(status.success(), "{status} after {took:?}");
    assert!(
        stream.text().await.is_ok(),
        "the stream was closed, not cut"
    );
    cluster.wait_for(&path, TAKEN_OVER, has_ended).await;
    assert_each_completed_once(&cluster, &batch, 30, 0).await;
    assert_eq!(cluster.gateway.kept().repeated, 0);

    // Whoever led is told too, and leaves nothing behind that others would wait for.
    for hub in [1, 2] {
        cluster.signal(hub, "TERM");
        cluster.ended(hub, FAREWELL).await;
    }
    let leases = ["poll", "sweep"].map(|duty| Key::new(Collection::Leases, duty));
    let left = cluster.documents().await.get_many(&leases).await.unwrap();
    assert!(left.iter().all(Option::is_none), "{left:?}");
}

#[ignore = "needs the Firestore emulator: bin/test starts it"]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_told_to_end_writes_the_batch_that_it_is_being_given_and_answers() {
    // More than one commit takes.
    const LIGANDS: usize = 300;
    let mut cluster = Cluster::start(manner(0..1), false).await;
    cluster.gateway.kept().looks_slowly = true;
    let address = cluster.address_of(0, "/api/v1/batches");
    let asked = cluster.client.post(address).json(&screen(LIGANDS));
    let submitting = tokio::spawn(async move { asked.send().await });
    while cluster.gateway.kept().looks == 0 {
        assert!(!submitting.is_finished(), "its ligands are looked at first");
        sleep(LOOK_AGAIN).await;
    }
    cluster.signal(0, "TERM");
    // It has heard when it takes no more requests.
    let ready = cluster.address_of(0, "/readyz");
    let is_ready = async || {
        let answer = cluster.client.get(&ready).send().await;
        answer.is_ok_and(|answer| answer.status().is_success())
    };
    while is_ready().await {
        sleep(LOOK_AGAIN).await;
    }
    // The gateway takes its time, and nothing is written until it has answered.
    sleep(Duration::from_secs(2)).await;
    let list = cluster.get("/api/v1/jobs").await;
    assert_eq!(list["results"], json!([]), "{list:#}");
    cluster.gateway.kept().looks_slowly = false;
    cluster.gateway.kept().slow.notify_one();

    let answer = submitting.await.unwrap().unwrap();
    assert_eq!(answer.status().as_u16(), 201);
    let batch: Value = answer.json().await.unwrap();
    let batch = batch["id"].as_str().unwrap();
    let (status, took) = cluster.ended(0, FAREWELL).await;
    assert!(status.success(), "{status} after {took:?}");
    let path = format!("/api/v1/batches/{batch}/status");
    cluster.wait_for(&path, TAKEN_OVER * 2, has_ended).await;
    assert_each_completed_once(&cluster, batch, LIGANDS, 0).await;
}

#[ignore = "needs the Firestore emulator: bin/test starts it"]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_single_job_does_not_wait_for_a_batch_of_10_000() {
    let cluster = Cluster::start(manner(100..300), false).await;
    let batch = cluster.submit("/api/v1/batches", &screen(10_000)).await;
    let path = format!("/api/v1/batches/{batch}/status");
    cluster.wait_for(&path, TAKEN_OVER, completed(5)).await;
    let one = cluster.submit("/api/v1/jobs", &job()).await;
    cluster
        .wait_for(&format!("/api/v1/jobs/{one}"), TAKEN_OVER, has_ended)
        .await;
    let left = cluster.get(&path).await["batch"]["pending"].as_u64();
    assert!(
        left > Some(5_000),
        "the batch is far from its end: {left:?}"
    );
}

#[ignore = "needs the Firestore emulator: bin/test starts it"]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chaos_of_half_a_minute_loses_nothing() {
    let report = chaos::chaos(Duration::from_secs(30)).await;
    assert!(
        report.contains("| invariants that did not hold | 0 |"),
        "{report}"
    );
}

mod by_hand {
    use super::*;

    /// Writes its report to `OMTX_REPORT`.
    #[ignore = "takes half an hour: bin/bench chaos"]
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn chaos_of_half_an_hour_loses_nothing() {
        let report = chaos::chaos(Duration::from_secs(30 * 60)).await;
        #[expect(
            clippy::disallowed_methods,
            reason = "whoever runs it by hand names a file"
        )]
        let path = std::env::var_os("OMTX_REPORT").expect("where to write the report");
        std::fs::write(path, &report).unwrap();
        assert!(
            report.contains("| invariants that did not hold | 0 |"),
            "{report}"
        );
    }
}
