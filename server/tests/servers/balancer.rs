//! One address for several servers: each connection goes to one that says that it may get traffic.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;
use tokio_util::sync::{CancellationToken, DropGuard};

/// How often each server is looked at, and how long it may take to answer.
const LOOK: Duration = Duration::from_millis(250);

/// Connections are passed on until it is dropped.
pub struct Balancer {
    pub port: u16,
    _open: DropGuard,
}

impl Balancer {
    /// One that passes on to these ports of this machine.
    pub async fn start(ports: Vec<u16>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let open = CancellationToken::new();
        let ready = Arc::new(Mutex::new(Vec::new()));
        let duties = [
            tokio::spawn(
                open.clone()
                    .run_until_cancelled_owned(look(ports, ready.clone())),
            ),
            tokio::spawn(
                open.clone()
                    .run_until_cancelled_owned(pass(listener, ready)),
            ),
        ];
        drop(duties);
        Self {
            port,
            _open: open.drop_guard(),
        }
    }
}

/// Keeps the list of servers that may get traffic.
async fn look(ports: Vec<u16>, ready: Arc<Mutex<Vec<u16>>>) {
    let client = reqwest::Client::builder().timeout(LOOK).build().unwrap();
    loop {
        let asked = ports.iter().map(|port| {
            let asked = client.get(format!("http://127.0.0.1:{port}/readyz")).send();
            async move {
                asked
                    .await
                    .is_ok_and(|answer| answer.status().is_success())
                    .then_some(*port)
            }
        });
        let found = futures::future::join_all(asked).await;
        *ready.lock().unwrap() = found.into_iter().flatten().collect();
        sleep(LOOK).await;
    }
}

async fn pass(listener: TcpListener, ready: Arc<Mutex<Vec<u16>>>) {
    let turn = AtomicUsize::new(0);
    loop {
        let (mut from, _) = listener.accept().await.unwrap();
        let ready = ready.lock().unwrap().clone();
        if ready.is_empty() {
            continue;
        }
        let port = ready[turn.fetch_add(1, Ordering::Relaxed) % ready.len()];
        tokio::spawn(async move {
            if let Ok(mut to) = TcpStream::connect(("127.0.0.1", port)).await {
                // A server that was killed in the middle ends the connection, as it does behind any balancer.
                let _ = tokio::io::copy_bidirectional(&mut from, &mut to).await;
            }
        });
    }
}
