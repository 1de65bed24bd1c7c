//! The hub and the gateway as processes of their own, on ports and in a folder of their own, ended with the test.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rusqlite::Connection;
use serde_json::Value;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

pub const SECRET: &str = "the secret of this test";
const LOOK_AGAIN: Duration = Duration::from_millis(100);

pub struct Stack {
    hub: Option<Process>,
    gateway: Option<Process>,
    client: reqwest::Client,
    hub_port: u16,
    gateway_port: u16,
    /// The arguments of Python that begin the gateway.
    begun: &'static [&'static str],
    /// The last field, since the processes are to be gone before their files.
    folder: TempDir,
}

/// A process that does not outlive its owner.
pub struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        self.0.kill().expect("the process can be killed");
        self.0.wait().expect("the process ends");
    }
}

/// A gateway of the worker's package, begun with these arguments of Python.
pub fn gateway(begun: &[&str], port: u16, state: &Path) -> Process {
    let worker = Path::new(env!("CARGO_MANIFEST_DIR")).join("../worker");
    let python = worker.join(".venv/bin/python");
    assert!(
        python.exists(),
        "worker/.venv is missing: bin/test makes it"
    );
    let child = Command::new(python)
        .current_dir(worker)
        .args(begun)
        .args(["--host", "127.0.0.1", "--port", &port.to_string()])
        .arg("--state-dir")
        .arg(state)
        .env("GATEWAY_SECRET", SECRET)
        .env("PYTHONPATH", ".")
        .spawn();
    Process(child.unwrap())
}

impl Stack {
    pub async fn start() -> Self {
        Self::start_with(&["-m", "omtx_worker.gateway"]).await
    }

    /// With a gateway that is begun with these arguments of Python.
    pub async fn start_with(begun: &'static [&'static str]) -> Self {
        let mut stack = Self {
            begun,
            folder: TempDir::new().unwrap(),
            client: reqwest::Client::builder()
                .timeout(Duration::from_secs(120))
                .build()
                .unwrap(),
            hub_port: free_port(),
            gateway_port: free_port(),
            hub: None,
            gateway: None,
        };
        stack.start_gateway().await;
        stack.start_hub().await;
        stack
    }

    pub async fn start_hub(&mut self) {
        // One that was killed has the port until it has ended.
        drop(self.hub.take());
        let child = Command::new(env!("CARGO_BIN_EXE_omtx-hub"))
            .env("PORT", self.hub_port.to_string())
            .env("DATA_DIR", self.folder.path().join("hub"))
            .env(
                "GATEWAY_URL",
                format!("http://127.0.0.1:{}", self.gateway_port),
            )
            .env("GATEWAY_SECRET", SECRET)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        self.hub = Some(Process(child));
        self.until_answered(self.hub_port, "/api/v1/me").await;
    }

    pub async fn start_gateway(&mut self) {
        let state = self.folder.path().join("gateway");
        self.gateway = Some(gateway(self.begun, self.gateway_port, &state));
        self.until_answered(self.gateway_port, "/v1/healthz").await;
    }

    /// SIGKILL, as it comes.
    pub fn kill_hub(&mut self) {
        drop(self.hub.take());
    }

    /// SIGKILL, as it comes.
    pub fn kill_gateway(&mut self) {
        drop(self.gateway.take());
    }

    /// SIGKILL as soon as some children of a batch are in the store.
    pub async fn kill_hub_once_children_are_written(&self) {
        while self.documents("children") == 0 {
            sleep(Duration::from_millis(2)).await;
        }
        let pid = self.hub.as_ref().expect("the hub runs").0.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-KILL", &pid])
                .status()
                .unwrap()
                .success()
        );
    }

    pub async fn get(&self, path: &str) -> Value {
        let answer = self.client.get(self.address(path)).send().await.unwrap();
        let status = answer.status();
        let body = answer.text().await.unwrap();
        assert!(status.is_success(), "{path}: {status} {body}");
        serde_json::from_str(&body).unwrap()
    }

    pub async fn post(&self, path: &str, body: &Value) -> Value {
        self.try_post(path, body).await.unwrap()
    }

    pub async fn try_post(&self, path: &str, body: &Value) -> reqwest::Result<Value> {
        let answer = self
            .client
            .post(self.address(path))
            .json(body)
            .send()
            .await?;
        answer.error_for_status()?.json().await
    }

    /// The receptor of a named target, as the gateway gives it.
    pub async fn named_receptor(&self, name: &str) -> String {
        let address = format!(
            "http://127.0.0.1:{}/v1/targets/{name}/receptor",
            self.gateway_port
        );
        let asked = self.client.get(address).bearer_auth(SECRET);
        let answer = asked.send().await.unwrap().error_for_status().unwrap();
        answer.text().await.unwrap()
    }

    /// Looks again until what is there is as it should be; fails with what is there when it is not in time.
    pub async fn wait_for(&self, path: &str, at_most: Duration, is_so: impl Fn(&Value) -> bool) {
        let end = Instant::now() + at_most;
        loop {
            let found = self.get(path).await;
            if is_so(&found) {
                return;
            }
            assert!(
                Instant::now() < end,
                "after {at_most:?} {path} is still {found:#}"
            );
            sleep(LOOK_AGAIN).await;
        }
    }

    /// Manifests of accepted results in the file store.
    pub fn accepted_results(&self) -> usize {
        fn count(folder: &Path) -> usize {
            let entries = std::fs::read_dir(folder)
                .into_iter()
                .flatten()
                .map(|entry| entry.unwrap().path());
            entries
                .map(|path| {
                    if path.is_dir() {
                        count(&path)
                    } else {
                        usize::from(path.ends_with("manifest.json"))
                    }
                })
                .sum()
        }
        count(&self.folder.path().join("hub/files"))
    }

    /// A file that the gateway keeps.
    pub fn kept_by_gateway(&self, name: &str) -> String {
        std::fs::read_to_string(self.folder.path().join("gateway").join(name)).unwrap()
    }

    /// Units of quota that are held, and that are charged.
    pub fn usage(&self) -> (i64, i64) {
        // Months sum up the same units once more.
        let sum = "SELECT sum(coalesce(json_extract(json, '$.held'), 0)), sum(coalesce(json_extract(json, '$.charged'), 0)) \
                   FROM usage WHERE id GLOB '*:????-??-??'";
        self.database()
            .query_row(sum, [], |row| Ok((row.get(0)?, row.get(1)?)))
            .unwrap()
    }

    /// How many documents a collection has; none before the hub has made it.
    pub fn documents(&self, collection: &str) -> u32 {
        let count = format!("SELECT count(*) FROM {collection}");
        self.database()
            .query_row(&count, [], |row| row.get(0))
            .unwrap_or_default()
    }

    /// Makes a document due, so that the test need not sit out the time until it is.
    pub fn bring_forward(&self, collection: &str, id: &str) {
        let update = format!(
            "UPDATE {collection} SET json = json_set(json, '$.due_at', '2020-01-01T00:00:00.000000Z') WHERE id = ?"
        );
        assert_eq!(self.database().execute(&update, [id]).unwrap(), 1);
    }

    fn database(&self) -> Connection {
        let database = Connection::open(self.folder.path().join("hub/hub.db")).unwrap();
        database.busy_timeout(Duration::from_secs(10)).unwrap();
        database
    }

    fn address(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.hub_port)
    }

    async fn until_answered(&self, port: u16, path: &str) {
        let end = Instant::now() + Duration::from_secs(60);
        let address = format!("http://127.0.0.1:{port}{path}");
        while !self
            .client
            .get(&address)
            .send()
            .await
            .is_ok_and(|answer| answer.status().is_success())
        {
            assert!(Instant::now() < end, "{address} does not answer");
            sleep(LOOK_AGAIN).await;
        }
    }
}

/// A port that nobody listens on, below those that the system gives to connections: one of these may be taken by
/// anybody before it is listened on.
pub fn free_port() -> u16 {
    loop {
        let mut bytes = [0; 2];
        getrandom::fill(&mut bytes).unwrap();
        let port = 10_000 + u16::from_ne_bytes(bytes) % 20_000;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
