//! The hub on Cloud Storage: files go there and come from there, and what it cannot do now it can do later.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::http::{Method, StatusCode};
use google_cloud_auth::signer::{self, Signer, SigningProvider};
use hub::ports::Blobs;
use server::blobs::CloudStorage;
use server::blobs::cloud_storage::{Account, Place};
use server::documents::Clock;

use crate::far_gateway::FarGateway;
use crate::far_storage::{BUCKET, FarStorage};
use crate::hub::{Chosen, Hub};
use crate::input;

pub async fn far_storage() -> FarStorage {
    FarStorage::start(|| Clock::system().now().as_seconds()).await
}

async fn files(far: &FarStorage, signer: Option<Signer>) -> Arc<dyn Blobs> {
    let (credentials, own) = far.account();
    let account = Account {
        credentials,
        signer: signer.unwrap_or(own),
    };
    let place = Place {
        address: far.address(),
        bucket: BUCKET.to_owned(),
        setting: "BLOBS_URL",
    };
    let opened = CloudStorage::open_as(account, place, Clock::system()).await;
    Arc::new(opened.unwrap())
}

async fn start() -> (Hub, FarStorage) {
    let far = far_storage().await;
    let chosen = Chosen {
        gateway: Some(FarGateway::start().await),
        files: Some(files(&far, None).await),
        ..Chosen::default()
    };
    (Hub::start_as(chosen).await, far)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_screen_lives_on_cloud_storage() {
    let (hub, far) = start().await;
    let batch = input::completed(&hub).await;
    let id = batch.rsplit('/').next().unwrap();
    let poses = format!("users/local/jobs/{id}/children/00001/1/poses.sdf");
    let object = far.object(&poses).unwrap();
    assert_eq!(object.media_type, "chemical/x-mdl-sdfile");
    assert_eq!(object.metadata["job"], id);
    assert_eq!(object.metadata["child"], "00001");
    assert_eq!(object.metadata["user"], "local");

    let file = format!("/api/v1/jobs/{id}-00001/files/poses.sdf");
    let answer = hub.get(&format!("{file}?save=true")).await;
    assert_eq!(answer.status, 302);
    let address = answer.header("location").to_owned();
    assert!(
        address.starts_with(&format!("{}/{BUCKET}/", far.address())),
        "{address}"
    );
    let saved = reqwest::get(&address).await.unwrap();
    let disposition = saved.headers()["content-disposition"].to_str().unwrap();
    assert!(
        disposition.starts_with("attachment; filename="),
        "{disposition}"
    );
    assert_eq!(saved.bytes().await.unwrap(), object.content);

    let export = hub.get(&format!("{batch}/export?format=sdf")).await;
    let export = String::from_utf8(export.body.to_vec()).unwrap();
    assert_eq!(export.matches("$$$$").count(), 2, "{export}");
    assert_eq!(hub.get("/files/x").await.status, 404, "nothing lies here");

    let job = batch.replace("/batches/", "/jobs/");
    assert!(hub.call(Method::DELETE, &job).await.status < 300);
    assert_eq!(far.take_away("").len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_script_of_a_page_reads_files_from_the_hub_alone() {
    let (hub, far) = start().await;
    let batch = input::completed(&hub).await;
    let id = batch.rsplit('/').next().unwrap();
    let file = format!("/api/v1/jobs/{id}-00000/files/poses.sdf?content=true");
    let answer = hub.get(&file).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), "chemical/x-mdl-sdfile");
    let poses = format!("users/local/jobs/{id}/children/00000/1/poses.sdf");
    assert_eq!(answer.body, far.object(&poses).unwrap().content);
    let viewer = include_str!("../../../public/viewer.js");
    assert!(viewer.contains("?content=true"));
    let page = hub.get(&format!("/batches/{id}")).await;
    let policy = page.header("content-security-policy");
    assert!(policy.contains("connect-src 'self';"), "{policy}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_account_may_not_do_now_can_be_done_later() {
    let (hub, far) = start().await;
    let batch = input::completed(&hub).await;
    let child = batch.replace("/batches/", "/jobs/") + "-00000";
    let file = format!("{child}/files/poses.sdf");

    far.deny(&["storage.objects.get", "storage.objects.create"]);
    for path in [file.clone(), format!("{file}?content=true")] {
        let answer = hub.get(&path).await;
        let detail = answer.json()["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains("try again"), "{detail}");
        assert!(!detail.contains("BLOBS_URL"), "{detail}");
        answer.problem(503, "unavailable");
    }
    let body = input::batch(&["CCC"]);
    let refused = hub.post_once("/api/v1/batches", &body, "later").await;
    refused.problem(503, "unavailable");
    assert_eq!(hub.stored().await, 1, "nothing is accepted by half");

    far.deny(&[]);
    assert_eq!(hub.get(&file).await.status, 302);
    let accepted = hub.post_once("/api/v1/batches", &body, "later").await;
    accepted.expect(StatusCode::CREATED);
    assert_eq!(hub.stored().await, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bucket_that_is_not_there_makes_the_hub_unhealthy() {
    let (hub, far) = start().await;
    assert_eq!(hub.get("/health").await.json()["status"], "healthy");
    far.be_gone(true);
    let health = hub.get("/health").await;
    assert_eq!(health.status, 503);
    assert_eq!(health.json()["services"]["storage"]["status"], "unhealthy");
    assert!(!String::from_utf8_lossy(&health.body).contains(BUCKET));
    far.be_gone(false);
    assert_eq!(hub.get("/health").await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_disappears_is_said_in_words_and_may_come_back() {
    let (hub, far) = start().await;
    let batch = input::completed(&hub).await;
    let child = batch.replace("/batches/", "/jobs/") + "-00000";
    let taken = far.take_away("/00000/1/poses.sdf");
    assert_eq!(taken.len(), 1);
    let file = format!("{child}/files/poses.sdf");
    for path in [file.clone(), format!("{file}?content=true")] {
        let answer = hub.get(&path).await;
        let detail = answer.json()["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains("try again"), "{detail}");
        answer.problem(503, "unavailable");
    }
    hub.get(&format!("{child}/files/nothing.sdf"))
        .await
        .problem(404, "not-found");
    far.give_back(taken);
    assert_eq!(hub.get(&file).await.status, 302);
}

/// Takes the time that a request to a signer takes, and tells how many wait for it at once.
#[derive(Debug)]
struct FarSigner {
    inner: Signer,
    waiting: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
}

impl SigningProvider for FarSigner {
    async fn client_email(&self) -> signer::Result<String> {
        self.inner.client_email().await
    }

    async fn sign(&self, content: &[u8]) -> signer::Result<bytes::Bytes> {
        let waiting = self.waiting.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(waiting, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(50)).await;
        self.waiting.fetch_sub(1, Ordering::SeqCst);
        self.inner.sign(content).await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_addresses_of_a_run_are_signed_at_once() {
    let far = far_storage().await;
    let (waiting, most) = (Arc::default(), Arc::new(AtomicUsize::new(0)));
    let signer = Signer::from(FarSigner {
        inner: far.account().1,
        waiting,
        most: most.clone(),
    });
    let chosen = Chosen {
        gateway: Some(FarGateway::start().await),
        files: Some(files(&far, Some(signer)).await),
        ..Chosen::default()
    };
    let hub = Hub::start_as(chosen).await;
    hub.work();
    let job = hub.post("/api/v1/jobs", &input::job("CCO")).await;
    let job = job.expect(StatusCode::CREATED);
    let path = format!("/api/v1/jobs/{}", job["id"].as_str().unwrap());
    hub.until(&path, |job| job["status"] == "completed").await;
    assert_eq!(most.load(Ordering::SeqCst), 7);
}
