//! The program itself: what its settings come to.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode, header};
use serde_json::json;
use tempfile::TempDir;

use crate::people::PASSWORD;

/// A hub that ends with the test.
struct Program {
    child: Child,
    url: String,
    _folder: TempDir,
}

impl Drop for Program {
    fn drop(&mut self) {
        self.child.kill().expect("the hub can be killed");
        self.child.wait().expect("the hub ends");
    }
}

impl Program {
    /// Starts it with these settings, and waits until it answers.
    async fn start(settings: &[(&str, &str)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let folder = tempfile::tempdir().unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_omtx-hub"))
            .env("PORT", port.to_string())
            .env("DATA_DIR", folder.path())
            .env("GATEWAY_URL", "http://127.0.0.1:1")
            .env("GATEWAY_SECRET", "nobody listens there")
            .envs(settings.iter().copied())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let program = Self {
            child,
            url: format!("http://127.0.0.1:{port}"),
            _folder: folder,
        };
        let healthy = format!("{}/healthz", program.url);
        while Client::new().get(&healthy).send().await.is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        program
    }

    /// Reads who one is, by a proxy that wrote down where that came from.
    async fn asked_from(&self, address: &str) -> StatusCode {
        let asked = Client::new()
            .get(format!("{}/api/v1/me", self.url))
            .header("x-forwarded-for", address);
        asked.send().await.unwrap().status()
    }

    /// Makes an account, as a page of that origin would.
    async fn sign_up(&self, host: &str, origin: &str, email: &str) -> Response {
        let body = json!({"email": email, "password": PASSWORD, "name": "Ada"});
        let sent = Client::new()
            .post(format!("{}/api/v1/auth/signup", self.url))
            .header(header::HOST, host)
            .header(header::ORIGIN, origin)
            .json(&body);
        sent.send().await.unwrap()
    }

    /// Signs in by the form of a page of that origin.
    async fn enter(&self, host: &str, origin: &str, email: &str) -> Response {
        let client = Client::builder().redirect(Policy::none()).build().unwrap();
        let sent = client
            .post(format!("{}/login", self.url))
            .header(header::HOST, host)
            .header(header::ORIGIN, origin)
            .header(header::ACCEPT, "text/html")
            .form(&[("email", email), ("password", PASSWORD)]);
        sent.send().await.unwrap()
    }
}

#[tokio::test]
async fn an_address_is_believed_from_as_many_proxies_as_are_said_to_be() {
    let hub = Program::start(&[("AUTH", "accounts"), ("TRUSTED_PROXIES", "1")]).await;
    let mut last = StatusCode::OK;
    for asked in 0..190 {
        // What a client says of itself stands before what the proxy says of it.
        last = hub
            .asked_from(&format!("192.0.2.{asked}, 198.51.100.1"))
            .await;
    }
    assert_eq!(last, 429, "all of these came from one address");
    assert_eq!(hub.asked_from("198.51.100.2").await, 401);
    drop(hub);

    let alone = Program::start(&[("AUTH", "accounts")]).await;
    for asked in 0..190 {
        last = alone.asked_from(&format!("198.51.100.{asked}")).await;
    }
    assert_eq!(last, 429, "nobody is believed");
}

#[tokio::test]
async fn a_hub_whose_address_is_https_takes_the_word_of_its_own_pages_alone() {
    let (host, url) = ("hub.example.org", "https://hub.example.org");
    let hub = Program::start(&[("AUTH", "accounts"), ("PUBLIC_URL", url)]).await;
    let made = hub.sign_up(host, url, "ada@example.org").await;
    assert_eq!(made.status(), 201);
    assert!(made.headers().contains_key("strict-transport-security"));
    let entered = hub.enter(host, url, "ada@example.org").await;
    let kept = entered.headers()[header::SET_COOKIE].to_str().unwrap();
    assert!(
        kept.starts_with("__Host-omtx=") && kept.ends_with("; Secure"),
        "{kept}"
    );
    let kept_out = hub
        .enter(host, "http://hub.example.org", "ada@example.org")
        .await;
    assert_eq!(kept_out.status(), 403);
    for origin in [
        "http://hub.example.org",
        "https://hub.example.org:8443",
        "https://sub.hub.example.org",
        "https://hub.example.org.evil.example",
        "null",
    ] {
        let refused = hub.sign_up(host, origin, "bea@example.org").await;
        assert_eq!(refused.status(), 403, "{origin}");
    }
    for other in ["evil.example", "hub.example.org.evil.example"] {
        let misled = hub.sign_up(other, url, "bea@example.org").await;
        assert_eq!(misled.status(), 421, "{other}");
    }
    // What was refused made no account.
    let made = hub.sign_up(host, url, "bea@example.org").await;
    assert_eq!(made.status(), 201);
}
