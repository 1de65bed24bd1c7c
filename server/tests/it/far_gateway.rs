//! A gateway far away, as the hub sees it: it speaks the protocol, answers models as the golden file has them, reads a
//! few SMILES by hand, and ends every run at once with files put where they belong.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::extract::{Path, Request, State};
use axum::http::{StatusCode, header};
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
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::hub::SECRET;

const MODELS: &str = include_str!("../../../worker/tests/golden/models.json");

/// A gateway that listens until it is dropped.
pub struct FarGateway {
    pub url: String,
    _open: DropGuard,
}

#[derive(Clone, Default)]
struct Runs(Arc<Mutex<HashMap<String, Value>>>);

impl FarGateway {
    pub async fn start() -> Self {
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
            .layer(middleware::from_fn(check_secret))
            .with_state(Runs::default());
        let open = CancellationToken::new();
        let serving =
            axum::serve(listener, router).with_graceful_shutdown(open.clone().cancelled_owned());
        tokio::spawn(serving.into_future());
        Self {
            url,
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

async fn ligands(Json(asked): Json<Value>) -> Json<Value> {
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

async fn submit(State(runs): State<Runs>, Json(run): Json<Value>) -> Json<Value> {
    let run_id = run["run_id"].as_str().unwrap().to_owned();
    let accepted =
        json!({ "run_id": run_id, "state": "queued", "call_id": format!("far-{run_id}") });
    let known = runs.0.lock().unwrap().contains_key(&run_id);
    if !known {
        runs.0
            .lock()
            .unwrap()
            .insert(run_id, standing(run["run_id"].as_str().unwrap(), "running"));
        tokio::spawn(work(runs, run));
    }
    Json(accepted)
}

/// Does a run and tells the hub of its end.
async fn work(runs: Runs, run: Value) {
    let run_id = run["run_id"].as_str().unwrap();
    let done = finish(run_id, &run).await;
    {
        let mut runs = runs.0.lock().unwrap();
        if runs[run_id]["state"] != "running" {
            return;
        }
        runs.insert(run_id.to_owned(), done.clone());
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
        .body(body)
        .header(TIMESTAMP_HEADER, timestamp);
    // The hub may be gone: the test has ended.
    if let Ok(answer) = call.header(SIGNATURE_HEADER, signature).send().await {
        assert!(
            answer.status().is_success(),
            "the hub does not believe its gateway: {}",
            answer.status()
        );
    }
}

fn standing(run_id: &str, state: &str) -> Value {
    json!({ "run_id": run_id, "state": state, "call_id": format!("far-{run_id}"), "timings": { "queued_s": 0.1, "run_s": 2.5 } })
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
            _ => continue,
        };
        let sha256 = data_encoding::HEXLOWER.encode(&Sha256::digest(&content));
        manifest.push(
            json!({ "name": name, "size_bytes": content.len(), "sha256": sha256, "kind": kind }),
        );
        let mut put = reqwest::Client::new().put(output["put_url"].as_str().unwrap());
        for (name, value) in output["headers"].as_object().into_iter().flatten() {
            put = put.header(name, value.as_str().unwrap());
        }
        let put = put.body(content).send().await.unwrap();
        // A batch has one receptor: the first child's run puts it.
        let is_there = put.status() == 412 && name == "receptor.pdbqt";
        assert!(
            is_there || put.status().is_success(),
            "{name} is refused: {}",
            put.status()
        );
    }
    let mut done = standing(run_id, "succeeded");
    done["manifest"] = manifest.into();
    done["metrics"] = json!({
        "docking_score": { "value": score, "unit": "kcal/mol", "source": { "file": "metrics.json", "key": "docking_score" } }
    });
    done
}

async fn state(State(runs): State<Runs>, Path(run_id): Path<String>) -> Response {
    let run = runs.0.lock().unwrap().get(&run_id).cloned();
    run.map_or(StatusCode::NOT_FOUND.into_response(), |run| {
        Json(run).into_response()
    })
}

async fn cancel(State(runs): State<Runs>, Path(run_id): Path<String>) -> Response {
    let mut runs = runs.0.lock().unwrap();
    let Some(run) = runs.get_mut(&run_id) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    if run["state"] == "running" {
        *run = standing(&run_id, "cancelled");
    }
    Json(run.clone()).into_response()
}
