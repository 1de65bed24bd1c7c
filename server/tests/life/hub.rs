//! The use cases over real stores, a scripted gateway and a clock set by hand. Nothing happens between a test's calls.

use std::sync::Arc;

use hub::actor::Actor;
use hub::id::JobId;
use hub::list::{ChildrenQuery, JobDetail, JobRow};
use hub::ports::Blobs;
use hub::ports::documents::{Collection, Documents, Key};
use hub::services::{BatchRequest, JobRequest, Services, Settings};
use hub::time::Timestamp;
use serde_json::{Value, json};
use server::blobs::Directory;
use server::documents::{Clock, Sqlite};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use crate::gateway::Gateway;

pub struct Hub {
    pub services: Services,
    pub gateway: Gateway,
    pub actor: Actor,
    clock: Clock,
    documents: Arc<Sqlite>,
    blobs: Arc<Directory>,
    _folder: TempDir,
}

impl Hub {
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Clock::manual(Timestamp::from_micros(1_800_000_000_000_000));
        let documents =
            Arc::new(Sqlite::open(&folder.path().join("hub.db"), clock.clone()).unwrap());
        let files = folder.path().join("files");
        let blobs = Arc::new(
            Directory::new(
                files,
                "http://127.0.0.1:1",
                b"a key for tests",
                clock.clone(),
            )
            .unwrap(),
        );
        let (gateway, url) = Gateway::start().await;
        let compute =
            Arc::new(server::gateway::Gateway::new(&url, "a secret of sixteen or more").unwrap());
        let settings = Settings {
            callback_url: "http://127.0.0.1:1".to_owned(),
        };
        let services = Services::new(documents.clone(), blobs.clone(), compute, settings);
        Self {
            services,
            gateway,
            actor: Actor::local(),
            clock,
            documents,
            blobs,
            _folder: folder,
        }
    }

    /// A job that was accepted.
    pub async fn submit(&self) -> JobId {
        let request: JobRequest = serde_json::from_value(json!({
            "task": "docking", "input": {"target": {"named": "ABL1"}, "ligand": {"name": "ethanol", "smiles": "CCO"}}
        }))
        .unwrap();
        self.services
            .submit_job(&self.actor, request, None)
            .await
            .unwrap()
            .job
            .id
    }

    /// A batch of this many ligands that was accepted.
    pub async fn submit_batch(&self, ligands: usize) -> JobId {
        let ligands: Vec<_> = (0..ligands)
            .map(
                |place| json!({"name": format!("ligand {place}"), "smiles": "C".repeat(place + 1)}),
            )
            .collect();
        let request: BatchRequest = serde_json::from_value(
            json!({"task": "docking", "target": {"named": "ABL1"}, "ligands": ligands}),
        )
        .unwrap();
        self.services
            .submit_batch(&self.actor, request, None)
            .await
            .unwrap()
            .job
            .id
    }

    /// A job whose run the gateway has taken.
    pub async fn submit_and_dispatch(&self) -> JobId {
        let id = self.submit().await;
        self.dispatch().await;
        id
    }

    pub async fn dispatch(&self) {
        while self.services.dispatch_due().await.unwrap() {}
    }

    /// The run has something to tell.
    pub async fn report(&self, run_id: &str) {
        self.services.run_reported(run_id).await.unwrap();
    }

    /// Lets time pass, then does all that is due.
    pub async fn pass(&self, seconds: u32) {
        self.clock.advance_seconds(seconds);
        while self.services.poll_due().await.unwrap() {}
        self.dispatch().await;
    }

    pub async fn job(&self, id: &JobId) -> JobDetail {
        self.services.job(&self.actor, id).await.unwrap()
    }

    pub async fn row(&self, id: &JobId) -> JobRow {
        self.job(id).await.row
    }

    /// The statuses of a batch's children, in their order.
    pub async fn children(&self, batch: &JobId) -> Vec<String> {
        let query = ChildrenQuery {
            limit: 500,
            sort: "index".to_owned(),
            ..ChildrenQuery::default()
        };
        let page = self
            .services
            .children(&self.actor, batch, &query)
            .await
            .unwrap();
        page.results
            .iter()
            .map(|row| row.status.to_string())
            .collect()
    }

    /// Lets a run end well: its files are put as asked, but for what a test spoils, and the gateway says so.
    pub async fn succeed(
        &self,
        run_id: &str,
        spoil: impl Fn(&str, &mut Vec<u8>, &mut Value) -> bool,
    ) {
        let request = self.gateway.script().requests[run_id].clone();
        let mut manifest = Vec::new();
        for output in request["outputs"].as_array().unwrap() {
            let name = output["name"].as_str().unwrap();
            let Some((kind, mut content)) = content_of(name) else {
                continue;
            };
            let sha256 = data_encoding::HEXLOWER.encode(&Sha256::digest(&content));
            let mut entry =
                json!({"name": name, "size_bytes": content.len(), "sha256": sha256, "kind": kind});
            if !spoil(name, &mut content, &mut entry) {
                continue;
            }
            let path = output["put_url"]
                .as_str()
                .unwrap()
                .split_once("/files/")
                .unwrap()
                .1
                .split('?')
                .next()
                .unwrap();
            // A batch has one receptor, which the first child's run puts.
            let _ = self.blobs.put(path, content.into()).await;
            manifest.push(entry);
        }
        self.gateway.stands(
            run_id,
            json!({"state": "succeeded", "manifest": manifest, "timings": {"run_s": 2.5}}),
        );
        self.report(run_id).await;
    }

    /// Units of quota on the books: held, charged, refunded.
    pub async fn usage(&self) -> [i64; 3] {
        let key = Key::new(Collection::Usage, "user:local:2027-01-15");
        let found = self
            .documents
            .get_many(&[key])
            .await
            .unwrap()
            .pop()
            .flatten();
        let books: Value = found.map_or(Value::Null, |document| {
            serde_json::from_str(&document.json).unwrap()
        });
        ["held", "charged", "refunded"].map(|field| books[field].as_i64().unwrap_or_default())
    }
}

/// A run that spoils nothing.
pub fn sound(_: &str, _: &mut Vec<u8>, _: &mut Value) -> bool {
    true
}

fn content_of(name: &str) -> Option<(&'static str, Vec<u8>)> {
    let (kind, text) = match name {
        "metrics.json" => (
            "metrics",
            r#"{"docking_score": -7.25, "provenance": {"engine": "AutoDock Vina 1.1.2"}}"#,
        ),
        "poses.sdf" => (
            "poses",
            "ethanol\n\n\n  0  0  0  0  0  0  0  0  0  0999 V2000\nM  END\n$$$$\n",
        ),
        "poses.pdbqt" => ("poses", "MODEL 1\nENDMDL\n"),
        "receptor.pdbqt" => ("receptor", "ATOM\n"),
        _ => return None,
    };
    Some((kind, text.as_bytes().to_vec()))
}
