//! The program itself: what its settings come to.

use std::fs::{File, read_to_string};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode, header};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use crate::far_firestore::{FarFirestore, Fault};
use crate::people::PASSWORD;

const LOG: &str = "log";
const LOOK_AGAIN: Duration = Duration::from_millis(50);
const PATIENCE: Duration = Duration::from_secs(60);
const DOCUMENTS: (&str, &str) = ("DOCUMENTS_URL", "firestore://some-project/(default)");

/// A hub that ends with the test.
struct Program {
    child: Child,
    url: String,
    client: Client,
    folder: TempDir,
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
        let mut program = Self::begin(settings);
        let healthy = format!("{}/healthz", program.url);
        let began = Instant::now();
        while program.client.get(&healthy).send().await.is_err() {
            let ended = program.child.try_wait().unwrap();
            assert!(
                ended.is_none() && began.elapsed() < PATIENCE,
                "{}",
                program.log()
            );
            sleep(LOOK_AGAIN).await;
        }
        program
    }

    /// Starts it with these settings.
    fn begin(settings: &[(&str, &str)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let folder = tempfile::tempdir().unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_omtx-hub"))
            // What whoever tests has set is not meant for it.
            .env_clear()
            .env("PORT", port.to_string())
            .env("DATA_DIR", folder.path())
            .env("GATEWAY_URL", "http://127.0.0.1:1")
            .env("GATEWAY_SECRET", "nobody listens there")
            .envs(settings.iter().copied())
            .stdout(Stdio::null())
            .stderr(File::create(folder.path().join(LOG)).unwrap())
            .spawn()
            .unwrap();
        Self {
            child,
            url: format!("http://127.0.0.1:{port}"),
            client: Client::builder().redirect(Policy::none()).build().unwrap(),
            folder,
        }
    }

    /// What it has logged.
    fn log(&self) -> String {
        read_to_string(self.folder.path().join(LOG)).unwrap()
    }

    /// Waits until it ends by itself; whether that was well.
    async fn end(&mut self) -> bool {
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.success();
            }
            sleep(LOOK_AGAIN).await;
        }
        panic!("it does not end: {}", self.log());
    }

    /// Reads who one is, by a proxy that wrote down where that came from.
    async fn asked_from(&self, address: &str) -> StatusCode {
        let asked = self
            .client
            .get(format!("{}/api/v1/me", self.url))
            .header("x-forwarded-for", address);
        asked.send().await.unwrap().status()
    }

    /// Whether requests that come from these addresses are once too many; a minute has room for far fewer.
    async fn runs_out(&self, from: impl Fn(u32) -> String) -> bool {
        for number in 0..2_000 {
            if self.asked_from(&from(number)).await == StatusCode::TOO_MANY_REQUESTS {
                return true;
            }
        }
        false
    }

    /// Makes an account, as a page of that origin would.
    async fn sign_up(&self, host: &str, origin: &str, email: &str) -> Response {
        let body = json!({"email": email, "password": PASSWORD, "name": "Ada"});
        let sent = self
            .client
            .post(format!("{}/api/v1/auth/signup", self.url))
            .header(header::HOST, host)
            .header(header::ORIGIN, origin)
            .json(&body);
        sent.send().await.unwrap()
    }

    /// Signs in by the form of a page of that origin.
    async fn enter(&self, host: &str, origin: &str, email: &str) -> Response {
        let sent = self
            .client
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
    // What a client says of itself stands before what the proxy says of it.
    let spoofed = |number: u32| format!("192.0.2.{}, 198.51.100.1", number % 256);
    assert!(hub.runs_out(spoofed).await, "all of these are one address");
    assert_eq!(hub.asked_from("198.51.100.2").await, 401);
    drop(hub);

    let alone = Program::start(&[("AUTH", "accounts")]).await;
    let said = |number: u32| format!("198.51.100.{}", number % 256);
    assert!(alone.runs_out(said).await, "nobody is believed");
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

/// What Firestore says to whoever names a wrong project, may not use it, or asks what no index answers.
const FAULTS: [(Fault, &str); 4] = [
    (
        (5, "The database (default) does not exist"),
        "look at the project in DOCUMENTS_URL",
    ),
    (
        (7, "Missing or insufficient permissions."),
        "roles/datastore.user",
    ),
    (
        (16, "Request had invalid credentials."),
        "roles/datastore.user",
    ),
    (
        (9, "The query requires an index: https://to/make/it"),
        "deploy firestore.indexes.json",
    ),
];

#[tokio::test]
async fn a_firestore_that_cannot_be_used_ends_the_start_and_the_setting_is_named() {
    for (fault, advice) in FAULTS {
        let far = FarFirestore::start(Some(fault)).await;
        let mut hub = Program::begin(&[DOCUMENTS, ("FIRESTORE_EMULATOR_HOST", &far.host)]);
        assert!(!hub.end().await, "{fault:?}");
        let log = hub.log();
        for words in [advice, fault.1, "projects/some-project/databases/(default)"] {
            assert!(log.contains(words), "{words}: {log}");
        }
    }
}

#[tokio::test]
async fn a_firestore_that_cannot_be_used_any_more_is_told_to_the_operator_and_people_try_again() {
    let far = FarFirestore::start(None).await;
    let hub = Program::start(&[DOCUMENTS, ("FIRESTORE_EMULATOR_HOST", &far.host)]).await;
    for (fault, advice) in FAULTS {
        far.answers(fault);
        let answer = hub.client.get(format!("{}/api/v1/jobs", hub.url)).send();
        let answer = answer.await.unwrap();
        assert_eq!(answer.status(), 503, "{fault:?}");
        let problem: Value = answer.json().await.unwrap();
        let told = problem["detail"].as_str().unwrap();
        assert!(told.contains("try again"), "{told}");
        assert!(!problem.to_string().contains(fault.1), "{problem}");
        let reference = problem["reference"].as_str().unwrap();
        let log = hub.log();
        let line = log.lines().find(|line| {
            line.contains(reference) && line.contains(advice) && line.contains(fault.1)
        });
        assert!(line.is_some(), "{reference}: {log}");
    }
}
