//! The release server, and where it is asked for the local gateway, as processes of their own.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, ensure};
use reqwest::Client;
use tokio::time::{Instant, sleep};

const SECRET: &str = "the secret of a measurement";

/// A file of the release build, which lies beside this program.
pub fn built(name: &str) -> anyhow::Result<PathBuf> {
    let file = std::env::current_exe()?.with_file_name(name);
    ensure!(
        file.exists(),
        "{} is missing: cargo xtask build --server release",
        file.display()
    );
    Ok(file)
}

/// A server that ends with its owner.
pub struct Stack {
    /// Where it answers, without a slash at the end.
    pub origin: String,
    /// Asks it.
    pub client: Client,
    processes: Vec<Child>,
}

impl Drop for Stack {
    fn drop(&mut self) {
        for process in &mut self.processes {
            // What has ended already needs no end.
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

impl Stack {
    /// Starts the server over a data folder, with a gateway when one is needed, and with an empty database of a Firestore
    /// emulator when one is named.
    pub async fn start(
        data: &Path,
        with_gateway: bool,
        emulator: Option<&str>,
    ) -> anyhow::Result<Self> {
        let (port, gateway) = (free_port()?, free_port()?);
        let binary = built("omtx-hub")?;
        let mut stack = Self {
            origin: format!("http://127.0.0.1:{port}"),
            client: Client::new(),
            processes: Vec::new(),
        };
        if with_gateway {
            let child = Command::new("worker/.venv/bin/python")
                .args([
                    "-m",
                    "omtx_worker.gateway",
                    "--host",
                    "127.0.0.1",
                    "--port",
                    &gateway.to_string(),
                ])
                .arg("--state-dir")
                .arg(std::path::absolute(data.join("gateway"))?)
                .env("GATEWAY_SECRET", SECRET)
                .env("PYTHONPATH", "worker")
                .spawn()
                .context("the gateway")?;
            stack.processes.push(child);
            stack
                .until_answered(&format!("http://127.0.0.1:{gateway}/v1/healthz"))
                .await?;
        }
        let mut server = Command::new(binary);
        if let Some(host) = emulator {
            server
                .env("DOCUMENTS_URL", format!("firestore://bench-{port}"))
                .env("FIRESTORE_EMULATOR_HOST", host);
        }
        let child = server
            .env("PORT", port.to_string())
            .env("DATA_DIR", data)
            .env("GATEWAY_URL", format!("http://127.0.0.1:{gateway}"))
            .env("GATEWAY_SECRET", SECRET)
            .env("LOG", "error")
            .stdout(Stdio::null())
            .spawn()
            .context("the server")?;
        stack.processes.push(child);
        stack
            .until_answered(&format!("{}/api/v1/me", stack.origin))
            .await?;
        Ok(stack)
    }

    async fn until_answered(&self, address: &str) -> anyhow::Result<()> {
        let end = Instant::now() + Duration::from_secs(120);
        while !self
            .client
            .get(address)
            .send()
            .await
            .is_ok_and(|answer| answer.status().is_success())
        {
            ensure!(Instant::now() < end, "{address} does not answer");
            sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }
}

/// What it was measured on.
pub fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .unwrap_or(": unknown CPU");
    format!(
        "Measured on {cores} cores of {}, server and client on the same machine.",
        model.trim_start_matches([' ', '\t', ':'])
    )
}

fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
