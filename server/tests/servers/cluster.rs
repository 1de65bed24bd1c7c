//! Several hubs as processes of their own over one Firestore, one folder of files and one far gateway, behind one address.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use hub::ports::Documents;
use hub::ports::documents::{Collection, Key};
use reqwest::Client;
use serde_json::Value;
use server::config;
use server::documents::firestore::Place;
use server::documents::{Clock, Firestore};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use crate::balancer::Balancer;
use crate::far_gateway::{FarGateway, Manner, SECRET};

/// How many hubs there are.
pub const HUBS: usize = 3;
/// How long an answer may take before it is asked for again.
const TIMEOUT: Duration = Duration::from_secs(15);
/// How long whoever waits for something waits before they look again.
pub const LOOK_AGAIN: Duration = Duration::from_millis(200);

pub struct Cluster {
    pub gateway: FarGateway,
    pub client: Client,
    hubs: [Option<Hub>; HUBS],
    ports: [u16; HUBS],
    balancer: Balancer,
    project: String,
    accounts: bool,
    /// The last field, since the processes are to be gone before their files.
    folder: TempDir,
}

/// A hub that does not outlive the test.
struct Hub(Child);

impl Drop for Hub {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Cluster {
    /// Three hubs, which sign every visitor in as the owner or ask for accounts.
    pub async fn start(manner: Manner, accounts: bool) -> Self {
        let ports = std::array::from_fn(|_| free_port());
        let mut cluster = Self {
            gateway: FarGateway::start_as(manner).await,
            client: Client::builder().timeout(TIMEOUT).build().unwrap(),
            hubs: std::array::from_fn(|_| None),
            ports,
            balancer: Balancer::start(ports.to_vec()).await,
            project: format!("servers-{:x}", getrandom::u64().unwrap()),
            accounts,
            folder: TempDir::new().unwrap(),
        };
        for hub in 0..HUBS {
            cluster.begin(hub);
        }
        for port in ports {
            cluster.until_ready(port).await;
        }
        cluster.until_ready(cluster.balancer.port).await;
        cluster
    }

    /// Begins a hub that does not run.
    pub fn begin(&mut self, hub: usize) {
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(self.log(hub))
            .unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_omtx-hub"));
        let child = command
            .env("PORT", self.ports[hub].to_string())
            .env("PUBLIC_URL", self.address(""))
            .env("DATA_DIR", self.folder.path())
            .env("DOCUMENTS_URL", format!("firestore://{}", self.project))
            .env("FIRESTORE_EMULATOR_HOST", config::emulator())
            .env("GATEWAY_URL", &self.gateway.url)
            .env("GATEWAY_SECRET", SECRET)
            .env("AUTH", if self.accounts { "accounts" } else { "local" })
            .env("TRUSTED_PROXIES", "1")
            .env("JWT_SECRET", "what signs the sessions of these tests")
            .env("LOG", "warn")
            .stdout(Stdio::null())
            .stderr(log)
            .spawn();
        self.hubs[hub] = Some(Hub(child.unwrap()));
    }

    /// What a hub said.
    pub fn log(&self, hub: usize) -> std::path::PathBuf {
        self.folder.path().join(format!("hub-{hub}.log"))
    }

    /// Whether a hub runs, or is stopped.
    pub fn is_there(&self, hub: usize) -> bool {
        self.hubs[hub].is_some()
    }

    /// SIGKILL.
    pub fn kill(&mut self, hub: usize) {
        self.hubs[hub] = None;
    }

    /// A signal, by its name.
    pub fn signal(&self, hub: usize, signal: &str) {
        let pid = self.hubs[hub]
            .as_ref()
            .expect("the hub runs")
            .0
            .id()
            .to_string();
        let sent = Command::new("kill")
            .args(["-s", signal, &pid])
            .status()
            .unwrap();
        assert!(sent.success(), "{signal} to hub {hub}");
    }

    /// How a hub that was told to end has ended, and after how long.
    pub async fn ended(
        &mut self,
        hub: usize,
        at_most: Duration,
    ) -> (std::process::ExitStatus, Duration) {
        let began = Instant::now();
        let mut process = self.hubs[hub].take().expect("the hub runs");
        loop {
            if let Some(status) = process.0.try_wait().unwrap() {
                return (status, began.elapsed());
            }
            assert!(
                began.elapsed() < at_most,
                "it has not ended after {at_most:?}"
            );
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// Where one hub answers.
    pub fn address_of(&self, hub: usize, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.ports[hub])
    }

    /// Where any of them answers.
    pub fn address(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.balancer.port)
    }

    /// What is answered by any hub, in the end.
    pub async fn get(&self, path: &str) -> Value {
        self.get_as(&self.client, path).await
    }

    /// What is answered to somebody.
    pub async fn get_as(&self, client: &Client, path: &str) -> Value {
        loop {
            let answer = client.get(self.address(path)).send().await;
            if let Ok(answer) = answer
                && !answer.status().is_server_error()
                && answer.status() != 429
            {
                let status = answer.status();
                let Ok(body) = answer.text().await else {
                    continue;
                };
                assert!(status.is_success(), "{path}: {status} {body}");
                return serde_json::from_str(&body).unwrap();
            }
            sleep(LOOK_AGAIN).await;
        }
    }

    /// Submits once, however often it must be asked for.
    pub async fn submit(&self, path: &str, body: &Value) -> String {
        let key = format!("{:x}", getrandom::u64().unwrap());
        loop {
            let asked = self.client.post(self.address(path)).json(body);
            let answer = asked.header("idempotency-key", &key).send().await;
            if let Ok(answer) = answer
                && answer.status().is_success()
                && let Ok(accepted) = answer.json::<Value>().await
            {
                return accepted["id"].as_str().unwrap().to_owned();
            }
            sleep(LOOK_AGAIN).await;
        }
    }

    /// Looks again until what is there is as it should be; fails with what is there when it is not in time.
    pub async fn wait_for(
        &self,
        path: &str,
        at_most: Duration,
        is_so: impl Fn(&Value) -> bool,
    ) -> Value {
        let end = Instant::now() + at_most;
        loop {
            let found = self.get(path).await;
            if is_so(&found) {
                return found;
            }
            assert!(
                Instant::now() < end,
                "after {at_most:?} {path} is still {found:#}"
            );
            sleep(LOOK_AGAIN).await;
        }
    }

    /// The documents of the hubs, for a look at what is stored.
    pub async fn documents(&self) -> Arc<dyn Documents> {
        let place = Place {
            database: format!("projects/{}/databases/(default)", self.project),
            emulator: Some(config::emulator()),
            setting: "DOCUMENTS_URL",
        };
        Arc::new(Firestore::open(place, Clock::told()).await.unwrap())
    }

    /// Units on an owner's books of today: held, charged, refunded.
    pub async fn books(&self, owner: &str) -> [i64; 3] {
        let documents = self.documents().await;
        let today = documents.now().await.unwrap().day();
        let key = Key::new(Collection::Usage, format!("{owner}:{today}"));
        let found = documents.get_many(&[key]).await.unwrap().pop().flatten();
        let read: Value = found.map_or(Value::Null, |found| {
            serde_json::from_str(&found.json).unwrap()
        });
        ["held", "charged", "refunded"].map(|field| read[field].as_i64().unwrap_or_default())
    }

    /// Manifests of accepted results in the file store, by the folder that they lie in.
    pub fn manifests(&self) -> Vec<String> {
        let mut found = Vec::new();
        let mut folders = vec![self.folder.path().join("files")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).into_iter().flatten() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.ends_with("manifest.json") {
                    found.push(path.display().to_string());
                }
            }
        }
        found
    }

    async fn until_ready(&self, port: u16) {
        let end = Instant::now() + Duration::from_secs(60);
        let address = format!("http://127.0.0.1:{port}/readyz");
        while !self
            .client
            .get(&address)
            .send()
            .await
            .is_ok_and(|answer| answer.status().is_success())
        {
            let logs = || (0..HUBS).map(|hub| std::fs::read_to_string(self.log(hub)));
            assert!(
                Instant::now() < end,
                "{address} does not answer: {:?}",
                logs().collect::<Vec<_>>()
            );
            sleep(LOOK_AGAIN).await;
        }
    }
}

/// A port that nobody listens on, below those that the system gives to connections.
fn free_port() -> u16 {
    loop {
        let port = 10_000 + (getrandom::u64().unwrap() % 20_000) as u16;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
