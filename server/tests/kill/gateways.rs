//! What the client asks of a gateway, at each of them: the one of this machine, and the one at Modal, whose functions a
//! stand-in runs.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::{Path as InPath, State};
use axum::http::StatusCode;
use axum::routing::put;
use hub::ports::Compute;
use hub::ports::compute::{ComputeError, Run, RunRequest, RunState};
use serde_json::json;
use server::gateway::Gateway;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::time::{Instant, sleep};

use crate::stack::{Process, SECRET, free_port, gateway};

const LOCAL: &[&str] = &["-m", "omtx_worker.gateway"];
const AT_MODAL: &[&str] = &["tests/modal_far_side.py"];
/// How long a docking of ethanol may take on a machine that does other things too.
const PATIENCE: Duration = Duration::from_secs(120);

/// A gateway, its client, and a place for files that takes each once.
struct Far {
    client: Gateway,
    files: String,
    put: Arc<Mutex<BTreeSet<String>>>,
    _process: Process,
    folder: TempDir,
}

impl Far {
    async fn start(begun: &[&str]) -> Self {
        let folder = TempDir::new().unwrap();
        let port = free_port();
        let process = gateway(begun, port, folder.path());
        let client = Gateway::new(&format!("http://127.0.0.1:{port}"), SECRET, None).unwrap();
        let end = Instant::now() + PATIENCE;
        while client.models().await.is_err() {
            assert!(Instant::now() < end, "the gateway does not answer");
            sleep(Duration::from_millis(100)).await;
        }
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let files = format!("http://{}", listener.local_addr().unwrap());
        let kept = Arc::default();
        let router = Router::new()
            .route("/{name}", put(keep))
            .with_state(Arc::clone(&kept));
        tokio::spawn(axum::serve(listener, router).into_future());
        Self {
            client,
            files,
            put: kept,
            _process: process,
            folder,
        }
    }

    fn request(&self, run_id: &str, smiles: &str, exhaustiveness: u32) -> RunRequest {
        let names = [
            "poses.sdf",
            "poses.pdbqt",
            "receptor.pdbqt",
            "metrics.json",
            "log.txt",
        ];
        let outputs =
            names.map(|name| json!({"name": name, "put_url": format!("{}/{name}", self.files)}));
        serde_json::from_value(json!({
            "run_id": run_id, "model": "vina", "task": "docking", "inputs": [], "outputs": outputs,
            "input": {"target": {"named": "ABL1"}, "ligand": {"name": "a ligand", "smiles": smiles}},
            "parameters": {"exhaustiveness": exhaustiveness, "poses": 1, "seed": 1}, "deadline_s": 900,
            "callback": format!("{}/callback", self.files),
        }))
        .unwrap()
    }

    async fn until_no_run_goes_on(&self) {
        let end = Instant::now() + PATIENCE;
        let goes_on = || {
            let mut processes = std::fs::read_dir("/proc").unwrap().flatten();
            processes.any(|process| is_run_below(&process.path(), self.folder.path()))
        };
        while goes_on() {
            assert!(Instant::now() < end, "a run that was cancelled goes on");
            sleep(Duration::from_millis(200)).await;
        }
    }

    async fn until(&self, run_id: &str, is_so: impl Fn(&Run) -> bool) -> Run {
        let end = Instant::now() + PATIENCE;
        loop {
            let run = self.client.state(run_id).await.unwrap();
            if is_so(&run) {
                return run;
            }
            assert!(Instant::now() < end, "{run:?}");
            sleep(Duration::from_millis(200)).await;
        }
    }
}

/// Whether a process of this machine does a run below a folder.
fn is_run_below(process: &Path, folder: &Path) -> bool {
    let told = std::fs::read(process.join("cmdline")).unwrap_or_default();
    let told = String::from_utf8_lossy(&told);
    told.contains("omtx_worker.run\0") && told.contains(folder.to_str().unwrap())
}

async fn keep(
    State(put): State<Arc<Mutex<BTreeSet<String>>>>,
    InPath(name): InPath<String>,
) -> StatusCode {
    match put.lock().unwrap().insert(name) {
        true => StatusCode::OK,
        false => StatusCode::PRECONDITION_FAILED,
    }
}

async fn a_run_that_is_asked_for_twice_is_done_once(far: Far) {
    let run = far.request("aaaaaaaaaaaaaaaaaaaaaaaaaa:1", "CCO", 1);
    let (first, second) = tokio::join!(far.client.submit(&run), far.client.submit(&run));
    let first = first.unwrap();
    assert_eq!(first.call_id, second.unwrap().call_id);
    let ended = far
        .until(&run.run_id, |run| {
            !matches!(run.state, RunState::Queued | RunState::Running)
        })
        .await;
    assert_eq!(ended.state, RunState::Succeeded, "{ended:?}");
    let named: BTreeSet<String> = ended
        .manifest
        .unwrap()
        .into_iter()
        .map(|file| file.name)
        .collect();
    assert_eq!(named, *far.put.lock().unwrap());
    assert!(named.contains("poses.sdf") && named.contains("metrics.json"));
    assert!(ended.timings.unwrap().run_s.is_some());
    let again = far.client.submit(&run).await.unwrap();
    assert_eq!(again, first, "whoever asks again is answered as before");
    let cancelled = far.client.cancel(&run.run_id).await.unwrap();
    assert_eq!(cancelled.state, RunState::Succeeded, "an end is an end");
}

async fn a_run_is_cancelled(far: Far) {
    let long = "CC(C)Cc1ccc(cc1)C(C)C(=O)NCCCCCCNC(=O)C(C)c1ccc(CC(C)C)cc1";
    let run = far.request("bbbbbbbbbbbbbbbbbbbbbbbbbb:1", long, 32);
    far.client.submit(&run).await.unwrap();
    far.until(&run.run_id, |run| run.state == RunState::Running)
        .await;
    far.client.cancel(&run.run_id).await.unwrap();
    far.until(&run.run_id, |run| run.state == RunState::Cancelled)
        .await;
    // The gateway sees to it that nothing of the run goes on, for as long as it is there.
    far.until_no_run_goes_on().await;
}

async fn what_cannot_be_run_is_refused_and_what_is_not_there_unknown(far: Far) {
    let mut wrong = far.request("cccccccccccccccccccccccccc:1", "CCO", 1);
    wrong.input["target"] = json!({"named": "NOTHING"});
    let refused = far.client.submit(&wrong).await;
    assert!(
        matches!(refused, Err(ComputeError::Rejected(_))),
        "{refused:?}"
    );
    let unknown = far.client.state("dddddddddddddddddddddddddd:1").await;
    assert!(matches!(unknown, Err(ComputeError::Unknown)), "{unknown:?}");
    let models = far.client.models().await.unwrap();
    let vina = models.iter().find(|model| model.id == "vina").unwrap();
    assert!(vina.available && !vina.targets.is_empty(), "{vina:?}");
}

macro_rules! at_each_gateway {
    ($($case:ident),* $(,)?) => {
        mod local {
            $(#[tokio::test]
            async fn $case() {
                super::$case(super::Far::start(super::LOCAL).await).await;
            })*
        }
        mod at_modal {
            $(#[tokio::test]
            async fn $case() {
                super::$case(super::Far::start(super::AT_MODAL).await).await;
            })*
        }
    };
}

at_each_gateway! {
    a_run_that_is_asked_for_twice_is_done_once,
    a_run_is_cancelled,
    what_cannot_be_run_is_refused_and_what_is_not_there_unknown,
}
