//! A gateway far away, as the hub sees it: it speaks the protocol, answers models as the golden file has them, reads a
//! few SMILES by hand, and ends every run with files put where they belong: at once, or in its own manner. It remembers
//! what it was asked and what it began, whatever becomes of the hub.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::body::to_bytes;
use axum::extract::{Path, Request, State};
use axum::http::{Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use server::documents::Clock;
use server::gateway::{SIGNATURE_HEADER, TIMESTAMP_HEADER};
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio_util::sync::{CancellationToken, DropGuard};

/// What hub and gateway share.
pub const SECRET: &str = "what hub and gateway share in tests";

/// A ligand whose run fails for good, in words and a log that name it.
pub const HOPELESS: &str = "C#CC#CC#N";

const MODELS: &str = include_str!("../../../worker/tests/golden/models.json");
/// How often a file is put when the hub does not answer: for longer than all of them may stand still.
const TRIES: usize = 1_200;
const PAUSE: Duration = Duration::from_millis(250);
/// How long an answer of the hub may take.
const TIMEOUT: Duration = Duration::from_secs(5);

/// A gateway that listens until it is dropped.
pub struct FarGateway {
    pub url: String,
    far: Far,
    _open: DropGuard,
}

/// How a gateway does its work. The usual one ends every run at once and answers everything.
#[derive(Clone, Debug)]
pub struct Manner {
    /// Milliseconds that a run takes.
    pub run_ms: Range<u64>,
    /// Of a hundred requests about runs, how many are refused with 503, and nothing is done.
    pub refused: u64,
    /// Of a hundred, how many are done, and answered with 502.
    pub unanswered: u64,
    /// Of a hundred, how many are told that there is no room.
    pub full: u64,
    /// Of a hundred runs, how many fail for a moment.
    pub failing: u64,
}

impl Default for Manner {
    fn default() -> Self {
        Self {
            run_ms: 0..1,
            refused: 0,
            unanswered: 0,
            full: 0,
            failing: 0,
        }
    }
}

#[derive(Clone)]
struct Far {
    manner: Arc<Manner>,
    kept: Arc<Mutex<Kept>>,
}

/// What the gateway remembers.
#[derive(Default)]
pub struct Kept {
    /// Where runs stand, by run.
    pub runs: HashMap<String, Value>,
    /// Every run that was begun, in order.
    pub begun: Vec<String>,
    /// Runs that were asked for once more, and begun no second time.
    pub repeated: usize,
    /// What was asked for each run each time, by its digest, whatever became of it.
    pub asked: HashMap<String, Vec<String>>,
    /// Whether a question about ligands is answered only when the test says so.
    pub looks_slowly: bool,
    /// How often it was asked about ligands.
    pub looks: usize,
    /// What a slow answer waits for.
    pub slow: Arc<Notify>,
}

impl Kept {
    /// Runs that were asked for as one thing and then as another.
    pub fn altered(&self) -> Vec<&String> {
        let differ = |asked: &[String]| asked.iter().any(|digest| *digest != asked[0]);
        let altered = self.asked.iter().filter(|(_, asked)| differ(asked));
        altered.map(|(run, _)| run).collect()
    }
}

impl Far {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap()
    }
}

impl FarGateway {
    pub async fn start() -> Self {
        Self::start_as(Manner::default()).await
    }

    /// What it remembers.
    pub fn kept(&self) -> MutexGuard<'_, Kept> {
        self.far.kept()
    }

    pub async fn start_as(manner: Manner) -> Self {
        let far = Far {
            manner: Arc::new(manner),
            kept: Arc::default(),
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new()
            .route(
                "/v1/models",
                get(async || ([(header::CONTENT_TYPE, "application/json")], MODELS)),
            )
            .route("/v1/ligands", post(ligands))
            .route("/v1/runs", post(submit))
            .route("/v1/runs/{run_id}", get(state).delete(cancel))
            .layer(middleware::from_fn_with_state(far.clone(), trouble))
            .layer(middleware::from_fn_with_state(far.clone(), note))
            .layer(middleware::from_fn(check_secret))
            .with_state(far.clone());
        let open = CancellationToken::new();
        let serving =
            axum::serve(listener, router).with_graceful_shutdown(open.clone().cancelled_owned());
        tokio::spawn(serving.into_future());
        Self {
            url,
            far,
            _open: open.drop_guard(),
        }
    }
}

async fn check_secret(request: Request, next: Next) -> Response {
    let given = request
        .headers()
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    if given != Some(format!("Bearer {SECRET}").as_str()) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    next.run(request).await
}

/// Notes what is asked for a run before anything can become of it.
async fn note(State(far): State<Far>, request: Request, next: Next) -> Response {
    if request.method() != Method::POST || request.uri().path() != "/v1/runs" {
        return next.run(request).await;
    }
    let (head, body) = request.into_parts();
    let Ok(body) = to_bytes(body, usize::MAX).await else {
        // Whoever asked was killed before they had said all.
        return StatusCode::BAD_REQUEST.into_response();
    };
    let run: Value = serde_json::from_slice(&body).unwrap();
    let run_id = run["run_id"].as_str().unwrap().to_owned();
    let asked = digest(run);
    far.kept().asked.entry(run_id).or_default().push(asked);
    next.run(Request::from_parts(head, body.into())).await
}

/// The digest of what is asked for a run. A signed address counts without its signature, which is another each time.
fn digest(mut run: Value) -> String {
    for (files, address) in [("inputs", "url"), ("outputs", "put_url")] {
        for file in run[files].as_array_mut().unwrap() {
            let signed = file[address].as_str().unwrap();
            let place = signed.split('?').next().unwrap().to_owned();
            file[address] = place.into();
        }
    }
    data_encoding::HEXLOWER.encode(&Sha256::digest(run.to_string()))
}

/// A request about runs, as the manner has it: refused, or done and not answered, or neither.
async fn trouble(State(far): State<Far>, request: Request, next: Next) -> Response {
    let Manner {
        refused,
        unanswered,
        full,
        ..
    } = *far.manner;
    if !request.uri().path().starts_with("/v1/runs") {
        return next.run(request).await;
    }
    let is_new = request.method() == Method::POST;
    match chance() {
        n if n < refused => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        n if n < refused + unanswered => {
            next.run(request).await;
            StatusCode::BAD_GATEWAY.into_response()
        }
        n if is_new && n < refused + unanswered + full => {
            (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, "1")]).into_response()
        }
        _ => next.run(request).await,
    }
}

/// A number below a hundred.
fn chance() -> u64 {
    getrandom::u64().unwrap() % 100
}

async fn ligands(State(far): State<Far>, Json(asked): Json<Value>) -> Json<Value> {
    let slow = {
        let mut kept = far.kept();
        kept.looks += 1;
        kept.looks_slowly.then(|| kept.slow.clone())
    };
    if let Some(slow) = slow {
        slow.notified().await;
    }
    let rows = asked["ligands"].as_array().unwrap().iter().enumerate();
    let rows: Vec<Value> = rows
        .map(|(index, ligand)| report(index, ligand["smiles"].as_str().unwrap()))
        .collect();
    Json(json!({ "rdkit": "2026.09.1", "rows": rows }))
}

/// Atoms are its letters; a metal is said to be one.
fn report(index: usize, smiles: &str) -> Value {
    let atoms = smiles.chars().filter(|c| c.is_ascii_uppercase()).count();
    if atoms == 0 {
        return json!({ "index": index, "smiles": smiles, "problem": { "code": "unparsable", "message": "this is no molecule" } });
    }
    let metals: &[&str] = if smiles.contains("[In") { &["In"] } else { &[] };
    json!({
        "index": index, "smiles": smiles, "canonical_smiles": smiles, "inchikey": smiles, "heavy_atoms": atoms,
        "rotors": 0, "fragments": smiles.split('.').count(), "largest_fragment": smiles, "undefined_stereo": 0,
        "radical_electrons": 0, "metals": metals, "problem": null,
    })
}

async fn submit(State(far): State<Far>, Json(run): Json<Value>) -> Json<Value> {
    let run_id = run["run_id"].as_str().unwrap().to_owned();
    let accepted =
        json!({ "run_id": run_id, "state": "queued", "call_id": format!("far-{run_id}") });
    {
        let mut kept = far.kept();
        if kept.runs.contains_key(&run_id) {
            kept.repeated += 1;
            return Json(accepted);
        }
        kept.begun.push(run_id.clone());
        kept.runs
            .insert(run_id.clone(), standing(&run_id, "running"));
    }
    tokio::spawn(work(far, run));
    Json(accepted)
}

/// Does a run and tells the hub of its end.
async fn work(far: Far, run: Value) {
    let run_id = run["run_id"].as_str().unwrap();
    let Range { start, end } = far.manner.run_ms;
    let run_ms = start + getrandom::u64().unwrap() % (end - start);
    tokio::time::sleep(Duration::from_millis(run_ms)).await;
    let done = if chance() < far.manner.failing {
        let mut failed = standing(run_id, "failed");
        failed["error"] = json!({"category": "transient", "message": "the machine was taken away"});
        failed
    } else if run["input"]["ligand"]["smiles"] == HOPELESS {
        hopeless(run_id, &run)
    } else {
        finish(run_id, &run).await
    };
    {
        let mut kept = far.kept();
        if kept.runs[run_id]["state"] != "running" {
            return;
        }
        kept.runs.insert(run_id.to_owned(), done.clone());
    }
    call_back(run["callback"].as_str().unwrap(), run_id, done.to_string()).await;
}

/// A signed call, as the worker makes it.
async fn call_back(url: &str, run_id: &str, body: String) {
    let timestamp = Clock::system().now().as_seconds().to_string();
    let mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    let mac = mac
        .chain_update(format!("{timestamp}.{run_id}."))
        .chain_update(&body);
    let signature = data_encoding::HEXLOWER.encode(&mac.finalize().into_bytes());
    let call = reqwest::Client::new()
        .post(url)
        .timeout(TIMEOUT)
        .body(body)
        .header(TIMESTAMP_HEADER, timestamp);
    // The hub may be gone: the test has ended.
    if let Ok(answer) = call.header(SIGNATURE_HEADER, signature).send().await {
        assert!(
            answer.status().is_success() || answer.status().is_server_error(),
            "the hub does not believe its gateway: {}",
            answer.status()
        );
    }
}

fn standing(run_id: &str, state: &str) -> Value {
    json!({ "run_id": run_id, "state": state, "call_id": format!("far-{run_id}"), "timings": { "queued_s": 0.1, "run_s": 2.5 } })
}

fn hopeless(run_id: &str, run: &Value) -> Value {
    let name = run["input"]["ligand"]["name"].as_str().unwrap();
    let mut failed = standing(run_id, "failed");
    failed["error"] = json!({"category": "user", "code": "rigid", "message": format!("{name} cannot be docked"),
        "log_tail": format!("reading {name}\n")});
    failed
}

/// Puts the files, and says so. The score is made of the SMILES: longer is lower.
async fn finish(run_id: &str, run: &Value) -> Value {
    let smiles = run["input"]["ligand"]["smiles"].as_str().unwrap();
    let score = -(smiles.len() as f64) / 2.0;
    let metrics = json!({ "docking_score": score, "provenance": { "engine": "AutoDock Vina 1.1.2", "smiles": smiles } });
    let pose = format!(
        "{smiles}\n\n\n  0  0  0  0  0  0  0  0  0  0999 V2000\nM  END\n>  <docking_score>\n{score}\n\n$$$$\n"
    );
    let mut manifest = Vec::new();
    for output in run["outputs"].as_array().unwrap() {
        let name = output["name"].as_str().unwrap();
        let (kind, content) = match name {
            "metrics.json" => ("metrics", metrics.to_string()),
            "poses.sdf" => ("poses", pose.clone()),
            "poses.pdbqt" => ("poses", "MODEL 1\nENDMDL\n".to_owned()),
            "receptor.pdbqt" => ("receptor", "ATOM\n".to_owned()),
            "log.txt" => ("log", "done\n".to_owned()),
            _ => continue,
        };
        let sha256 = data_encoding::HEXLOWER.encode(&Sha256::digest(&content));
        manifest.push(
            json!({ "name": name, "size_bytes": content.len(), "sha256": sha256, "kind": kind }),
        );
        put(output, content, name).await;
    }
    let mut done = standing(run_id, "succeeded");
    done["manifest"] = manifest.into();
    done["metrics"] = json!({
        "docking_score": { "value": score, "unit": "kcal/mol", "source": { "file": "metrics.json", "key": "docking_score" } }
    });
    done
}

/// Puts a file, again when there is no answer. What is there already was put before: by this very run, whose answer was
/// lost, or, as a batch has one receptor, by the first child's.
async fn put(output: &Value, content: String, name: &str) {
    for _ in 0..TRIES {
        let mut put = reqwest::Client::new().put(output["put_url"].as_str().unwrap());
        for (name, value) in output["headers"].as_object().into_iter().flatten() {
            put = put.header(name, value.as_str().unwrap());
        }
        let put = put.timeout(TIMEOUT);
        match put.body(content.clone()).send().await {
            Ok(answer) if answer.status().is_success() || answer.status() == 412 => return,
            Ok(answer) if answer.status().is_client_error() => {
                panic!("{name} is refused: {}", answer.status())
            }
            _ => tokio::time::sleep(PAUSE).await,
        }
    }
    panic!("{name} could not be put");
}

async fn state(State(far): State<Far>, Path(run_id): Path<String>) -> Response {
    let run = far.kept().runs.get(&run_id).cloned();
    run.map_or_else(no_such_run, |run| Json(run).into_response())
}

fn no_such_run() -> Response {
    let said = json!({ "error": { "category": "user", "code": "not_found", "message": "there is no such run" } });
    (StatusCode::NOT_FOUND, Json(said)).into_response()
}

async fn cancel(State(far): State<Far>, Path(run_id): Path<String>) -> Response {
    let mut kept = far.kept();
    let Some(run) = kept.runs.get_mut(&run_id) else {
        return no_such_run();
    };
    if run["state"] == "running" {
        *run = standing(&run_id, "cancelled");
    }
    Json(run.clone()).into_response()
}
