//! A far gateway that does as a test tells it, and remembers what it was asked.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use hub::ports::Blobs;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;
use tokio::sync::Notify;

const MODELS: &str = include_str!("../../../worker/tests/golden/models.json");
const PREDICTORS: [&str; 2] = ["boltz2", "chai1"];

/// How a run is taken.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Taking {
    /// As it should be.
    #[default]
    Taken,
    /// Taken, but the answer does not arrive.
    TakenUnanswered,
    /// Taken, and answered when the test says so.
    TakenSlowly,
    /// Neither taken nor answered.
    Unanswered,
    /// No room for 45 s.
    Full,
    /// The request is at fault.
    Rejected,
    /// It is the gateway's fault that the request cannot be done.
    Failing,
}

#[derive(Default)]
pub struct Script {
    pub taking: Taking,
    /// The hours that are left of a month, by the gateway's own word.
    pub hours_left: Option<f64>,
    /// Why models take no runs, by model.
    pub maintenance: HashMap<&'static str, &'static str>,
    /// Whether a cancellation is confirmed.
    pub deaf: bool,
    /// Whether nothing is answered about runs that were begun.
    pub away: bool,
    /// Whether where a run stands is answered as of the question, but only when the test says so.
    pub answers_slowly: bool,
    /// How often a run was asked for.
    pub asked_for: usize,
    /// Every run that was begun, in order.
    pub begun: Vec<String>,
    /// Runs that were asked for once more though they had begun.
    pub asked_again: Vec<String>,
    /// Every run that was asked to end.
    pub cancelled: Vec<String>,
    /// Every run that was asked after.
    pub asked_after: Vec<String>,
    /// What slow answers wait for.
    pub slow: Arc<Notify>,
    /// What was asked, by run.
    pub requests: HashMap<String, Value>,
    /// Where runs stand, by run.
    pub runs: HashMap<String, Value>,
}

#[derive(Clone, Default)]
pub struct Gateway(Arc<Mutex<Script>>);

impl Gateway {
    pub async fn start() -> (Self, String) {
        let gateway = Self::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new()
            .route("/v1/models", get(models))
            .route("/v1/ligands", post(ligands))
            .route("/v1/runs", post(begin))
            .route("/v1/runs/{run_id}", get(state).delete(cancel))
            .with_state(gateway.clone());
        tokio::spawn(axum::serve(listener, router).into_future());
        (gateway, url)
    }

    pub fn script(&self) -> MutexGuard<'_, Script> {
        self.0.lock().unwrap()
    }

    /// Says where a run stands from now on.
    pub fn stands(&self, run_id: &str, state: Value) {
        let mut run = json!({"run_id": run_id, "call_id": format!("call-{run_id}")});
        run.as_object_mut()
            .unwrap()
            .extend(state.as_object().unwrap().clone());
        self.script().runs.insert(run_id.to_owned(), run);
    }

    /// Lets a run end well: its files are put as asked, but for what a test spoils, and a manifest says so.
    pub async fn succeeds(
        &self,
        run_id: &str,
        blobs: &dyn Blobs,
        spoil: impl Fn(&str, &mut Vec<u8>, &mut Value) -> bool,
    ) {
        let request = self.script().requests[run_id].clone();
        let mut manifest = Vec::new();
        for output in request["outputs"].as_array().unwrap() {
            let name = output["name"].as_str().unwrap();
            let model = request["model"].as_str().unwrap();
            let Some((kind, mut content)) = content_of(model, name) else {
                continue;
            };
            let sha256 = data_encoding::HEXLOWER.encode(&Sha256::digest(&content));
            let mut entry =
                json!({"name": name, "size_bytes": content.len(), "sha256": sha256, "kind": kind});
            if !spoil(name, &mut content, &mut entry) {
                continue;
            }
            let path = path_of(output["put_url"].as_str().unwrap());
            // A batch has one receptor, which the first child's run puts.
            let _ = blobs.put(path, content.into()).await;
            manifest.push(entry);
        }
        self.stands(
            run_id,
            json!({"state": "succeeded", "manifest": manifest, "timings": {"run_s": 2.5}}),
        );
    }

    /// Lets a run fail.
    pub fn fails(&self, run_id: &str, category: &str) {
        let error = json!({"category": category, "code": "test", "message": format!("a {category} failure"), "log_tail": "the end"});
        self.stands(run_id, json!({"state": "failed", "error": error}));
    }
}

/// What runs on a machine without a GPU, and as much of the predictors, two of each at once.
async fn models(State(gateway): State<Gateway>) -> Json<Value> {
    let mut answer: Value = serde_json::from_str(MODELS).unwrap();
    let script = gateway.script();
    for model in answer["models"].as_array_mut().unwrap() {
        let id = model["id"].as_str().unwrap().to_owned();
        if PREDICTORS.contains(&id.as_str()) {
            model["available"] = true.into();
            model["slots"] = 2.into();
            model["gpu"] = "H100".into();
        }
        model["gpu_hours_left"] = json!(script.hours_left);
        model["maintenance"] = json!(script.maintenance.get(id.as_str()));
    }
    Json(answer)
}

async fn ligands(Json(asked): Json<Value>) -> Json<Value> {
    let rows = asked["ligands"].as_array().unwrap().iter().enumerate();
    let row = |(index, ligand): (usize, &Value)| {
        let smiles = &ligand["smiles"];
        json!({"index": index, "canonical_smiles": smiles, "inchikey": smiles, "heavy_atoms": 3, "rotors": 0, "fragments": 1})
    };
    Json(json!({"rdkit": "2026.09.1", "rows": rows.map(row).collect::<Vec<_>>()}))
}

async fn begin(State(gateway): State<Gateway>, Json(run): Json<Value>) -> Response {
    let run_id = run["run_id"].as_str().unwrap().to_owned();
    let taking = {
        let mut script = gateway.script();
        script.asked_for += 1;
        script.taking
    };
    match taking {
        Taking::Full => {
            return (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, "45")]).into_response();
        }
        Taking::Rejected => {
            let error =
                json!({"error": {"category": "user", "message": "the receptor has no chain B"}});
            return (StatusCode::UNPROCESSABLE_ENTITY, Json(error)).into_response();
        }
        Taking::Failing => {
            let error = json!({"error": {"category": "system", "code": "conflict", "message": "it is mixed up"}});
            return (StatusCode::CONFLICT, Json(error)).into_response();
        }
        Taking::Unanswered => return StatusCode::SERVICE_UNAVAILABLE.into_response(),
        Taking::Taken | Taking::TakenUnanswered | Taking::TakenSlowly => {}
    }
    if gateway.script().requests.contains_key(&run_id) {
        gateway.script().asked_again.push(run_id.clone());
    }
    if !gateway.script().runs.contains_key(&run_id) {
        gateway.stands(
            &run_id,
            json!({"state": "running", "progress": {"stage": "docking", "fraction": 0.5}}),
        );
        let mut script = gateway.script();
        script.begun.push(run_id.clone());
        script.requests.insert(run_id.clone(), run);
    }
    if taking == Taking::TakenUnanswered {
        return StatusCode::BAD_GATEWAY.into_response();
    }
    if taking == Taking::TakenSlowly {
        let slow = gateway.script().slow.clone();
        slow.notified().await;
    }
    let call_id = format!("call-{run_id}");
    (
        StatusCode::ACCEPTED,
        Json(json!({"run_id": run_id, "state": "queued", "call_id": call_id})),
    )
        .into_response()
}

async fn state(State(gateway): State<Gateway>, Path(run_id): Path<String>) -> Response {
    let answer = standing(&gateway, &run_id);
    let slow = {
        let mut script = gateway.script();
        script.asked_after.push(run_id);
        script.answers_slowly.then(|| script.slow.clone())
    };
    if let Some(slow) = slow {
        slow.notified().await;
    }
    answer
}

fn standing(gateway: &Gateway, run_id: &str) -> Response {
    if gateway.script().away {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let run = gateway.script().runs.get(run_id).cloned();
    run.map_or_else(no_such_run, |run| Json(run).into_response())
}

fn no_such_run() -> Response {
    let said = json!({"error": {"category": "user", "code": "not_found", "message": "there is no such run"}});
    (StatusCode::NOT_FOUND, Json(said)).into_response()
}

async fn cancel(State(gateway): State<Gateway>, Path(run_id): Path<String>) -> Response {
    gateway.script().cancelled.push(run_id.clone());
    let Some(run) = gateway.script().runs.get(&run_id).cloned() else {
        return no_such_run();
    };
    if run["state"] == "running" && !gateway.script().deaf {
        gateway.stands(&run_id, json!({"state": "cancelled"}));
    }
    standing(&gateway, &run_id)
}

/// The path of the file that a signed address leads to.
pub fn path_of(address: &str) -> &str {
    let (_, signed) = address.split_once("/files/").unwrap();
    signed.split('?').next().unwrap()
}

fn content_of(model: &str, name: &str) -> Option<(&'static str, Vec<u8>)> {
    let (kind, text) = match (PREDICTORS.contains(&model), name) {
        (true, "model_0.cif") => (
            "structure",
            "data_model\nloop_\n_atom_site.group_PDB\nATOM\n",
        ),
        (true, "confidence_0.json") => ("confidence", r#"{"confidence_score": 0.96}"#),
        (true, "affinity.json") => ("affinity", r#"{"affinity_pred_value": -1.25}"#),
        (true, "metrics.json") => (
            "metrics",
            r#"{"affinity_pred_value": -1.25, "confidence_score": 0.96, "protein_iptm": null, "aggregate_score": 0.5,
                "metrics": {
                    "affinity_pred_value": {"source": {"file": "affinity.json", "key": "affinity_pred_value"}},
                    "protein_iptm": {"value": null, "reason": "one protein chain"}},
                "provenance": {"engine": "Boltz-2 (boltz 2.2.1)"}, "warnings": ["pTM means nothing here"]}"#,
        ),
        (true, _) => return None,
        (false, "metrics.json") => (
            "metrics",
            r#"{"docking_score": -7.25, "provenance": {"engine": "AutoDock Vina 1.1.2"}}"#,
        ),
        (false, "poses.sdf") => (
            "poses",
            "ethanol\n\n\n  0  0  0  0  0  0  0  0  0  0999 V2000\nM  END\n$$$$\n",
        ),
        (false, "poses.pdbqt") => ("poses", "MODEL 1\nENDMDL\n"),
        (false, "receptor.pdbqt") => ("receptor", "ATOM\n"),
        _ => return None,
    };
    Some((kind, text.as_bytes().to_vec()))
}
