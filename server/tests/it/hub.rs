//! A hub of its own for each test: it listens at a free port, so that signed addresses lead to it, and answers requests
//! handed to its router.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use hub::ports::Blobs;
use hub::services::{Post, Services, Settings};
use leptos::config::LeptosOptions;
use serde_json::Value;
use server::api::Api;
use server::background;
use server::blobs::{Directory, directory};
use server::config::openid::Provider;
use server::documents::Clock;
use server::events::Streams;
use server::gateway::Gateway;
use server::health::Watch;
use server::openid::OpenId;
use server::request::{Addresses, Origin, Rates};
use server::router::{Parts, router};
use server::session::{Accounts, Door, Tokens};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use crate::counted::Counted;
use crate::far_gateway::{FarGateway, SECRET};
use crate::stores::Store;

/// What signs the tokens of sessions.
pub const SESSION_KEY: &[u8] = b"what signs the sessions of the tests";
/// How long something that must happen may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running hub.
pub struct Hub {
    pub address: SocketAddr,
    pub stopping: CancellationToken,
    pub services: Services,
    /// The use cases on another server with the same stores, which is also this one after a restart.
    pub another: Services,
    pub documents: Arc<Counted>,
    pub blobs: Arc<dyn Blobs>,
    clock: Clock,
    router: Router,
    folder: TempDir,
    _far: Option<FarGateway>,
}

/// What an operator chooses.
#[derive(Default)]
pub struct Chosen {
    /// The gateway; none answers when it is absent.
    pub gateway: Option<FarGateway>,
    /// Whether one enters with an account.
    pub accounts: bool,
    /// What becomes of mails; they are shown when nothing is said.
    pub post: Option<Post>,
    /// Where else people can sign in.
    pub provider: Option<Provider>,
    /// Whether browsers come by https.
    pub https: bool,
    /// The store of documents.
    pub store: Store,
    /// The store of files; a folder when nothing is said.
    pub files: Option<Arc<dyn Blobs>>,
}

/// What was answered, read whole.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Hub {
    /// A hub with a far gateway. Nothing is dispatched until [`Hub::work`].
    pub async fn start() -> Self {
        Self::start_as(Chosen {
            gateway: Some(FarGateway::start().await),
            ..Chosen::default()
        })
        .await
    }

    /// The same on another store of documents.
    pub async fn start_on(store: Store) -> Self {
        Self::start_as(Chosen {
            gateway: Some(FarGateway::start().await),
            store,
            ..Chosen::default()
        })
        .await
    }

    /// A hub that one enters with an account; its gateway does not answer.
    pub async fn start_with_accounts() -> Self {
        Self::start_as(Chosen {
            accounts: true,
            ..Chosen::default()
        })
        .await
    }

    /// The same, where mails wait until the test takes them.
    pub async fn start_with_mail() -> Self {
        Self::start_as(Chosen {
            accounts: true,
            post: Some(Post::Sent),
            ..Chosen::default()
        })
        .await
    }

    /// A hub whose gateway does not answer.
    pub async fn start_alone() -> Self {
        Self::start_alone_on(Store::Sqlite).await
    }

    /// The same on another store of documents.
    pub async fn start_alone_on(store: Store) -> Self {
        Self::start_as(Chosen {
            store,
            ..Chosen::default()
        })
        .await
    }

    /// A hub as it was chosen.
    pub async fn start_as(chosen: Chosen) -> Self {
        let Chosen {
            gateway: far,
            accounts,
            post,
            provider,
            https,
            store,
            files,
        } = chosen;
        let gateway_url = match &far {
            Some(far) => far.url.clone(),
            None => nobody().await,
        };
        let folder = tempfile::tempdir().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let public = Origin::loopback(address.port());
        let clock = Clock::system();
        let documents = store.open(folder.path(), clock.clone()).await;
        let documents = Arc::new(Counted::new(documents));
        let (blobs, files): (Arc<dyn Blobs>, _) = match files {
            Some(blobs) => (blobs, Router::new()),
            None => {
                let root = folder.path().join("files");
                let key = b"a key for tests";
                let directory = Directory::new(root, &public.to_string(), key, clock.clone());
                let directory = Arc::new(directory.unwrap());
                (directory.clone(), directory::routes(directory))
            }
        };
        let gateway = Arc::new(Gateway::new(&gateway_url, SECRET, None).unwrap());
        let settings = Settings {
            public_url: public.to_string(),
            post: post.unwrap_or(Post::Shown),
            elsewhere: provider.as_ref().map(|there| there.name.clone()),
        };
        let server = || {
            let (documents, blobs, gateway) = (documents.clone(), blobs.clone(), gateway.clone());
            Services::new(documents, blobs, gateway, settings.clone())
        };
        let services = server();
        let another = server();
        let stopping = CancellationToken::new();
        let door = if accounts {
            Door::Accounts(Arc::new(Accounts {
                services: services.clone(),
                tokens: Tokens::new(&[SESSION_KEY], public.to_string()),
                https,
                openid: provider.map(|there| OpenId::new(there, &public.to_string()).unwrap()),
            }))
        } else {
            Door::Local
        };
        let router = router(Parts {
            services: services.clone(),
            api: Api {
                services: services.clone(),
                door,
                gateway_secret: SECRET.into(),
                streams: Streams::default(),
                stopping: stopping.clone(),
            },
            watch: Watch {
                services: services.clone(),
                gateway,
                environment: "development",
                stopping: stopping.clone(),
            },
            leptos_options: options(&folder),
            addresses: Addresses {
                public,
                port: address.port(),
            },
            rates: Rates::new(0),
            files,
        });
        let serving = axum::serve(listener, router.clone())
            .with_graceful_shutdown(stopping.clone().cancelled_owned());
        tokio::spawn(serving.into_future());
        Self {
            address,
            stopping,
            services,
            another,
            documents,
            blobs,
            clock,
            router,
            folder,
            _far: far,
        }
    }

    /// Everything that is stored of documents, as it lies on the disk.
    pub fn on_disk(&self) -> Vec<u8> {
        let files = ["hub.db", "hub.db-wal"].map(|name| self.folder.path().join(name));
        let read = files.iter().filter_map(|path| std::fs::read(path).ok());
        read.flatten().collect()
    }

    /// Begins to dispatch and to look after runs.
    pub fn work(&self) {
        let mut duties = background::start(&self.services, None, &self.stopping);
        tokio::spawn(async move { while duties.join_next().await.is_some() {} });
    }

    /// Lets the time of the stores pass.
    pub fn later(&self, seconds: u32) {
        self.clock.advance_seconds(seconds);
    }

    /// A request to the hub's own address.
    pub fn request(&self, method: Method, path: &str) -> axum::http::request::Builder {
        Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, self.address.to_string())
    }

    pub async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body,
        }
    }

    /// The status of an answer alone: a stream of events never ends.
    pub async fn status(&self, request: Request<Body>) -> u16 {
        self.router
            .clone()
            .oneshot(request)
            .await
            .unwrap()
            .status()
            .as_u16()
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path).body(Body::empty()).unwrap())
            .await
    }

    pub async fn call(&self, method: Method, path: &str) -> Answer {
        self.send(self.request(method, path).body(Body::empty()).unwrap())
            .await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send_json(Method::POST, path, body, &[]).await
    }

    /// Submits with an idempotency key.
    pub async fn post_once(&self, path: &str, body: &Value, key: &str) -> Answer {
        self.send_json(Method::POST, path, body, &[("idempotency-key", key)])
            .await
    }

    pub async fn send_json(
        &self,
        method: Method,
        path: &str,
        body: &Value,
        headers: &[(&str, &str)],
    ) -> Answer {
        let mut request = self
            .request(method, path)
            .header(header::CONTENT_TYPE, "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(body.to_string().into()).unwrap())
            .await
    }

    /// The files of one form sent as browsers send them: name, file name where it is a file, content.
    pub async fn post_form(
        &self,
        path: &str,
        accept: &str,
        parts: &[(&str, Option<&str>, &[u8])],
    ) -> Answer {
        let request = self
            .request(Method::POST, path)
            .header(header::ACCEPT, accept);
        let request = request.header(
            header::CONTENT_TYPE,
            "multipart/form-data; boundary=parting",
        );
        self.send(request.body(form(parts).into()).unwrap()).await
    }

    /// How many jobs and batches there are.
    pub async fn stored(&self) -> u64 {
        self.get("/api/v1/jobs").await.json()["pagination"]["total_results"]
            .as_u64()
            .unwrap()
    }

    /// Reads a path again and again until its JSON is as wanted; fails when that takes too long.
    pub async fn until(&self, path: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let waiting = async {
            loop {
                let read = self.get(path).await.json();
                if wanted(&read) {
                    return read;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(PATIENCE, waiting)
            .await
            .unwrap_or_else(|_| panic!("{path} never came to it"))
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        self.stopping.cancel();
    }
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map(|value| value.to_str().unwrap())
            .unwrap_or_default()
    }

    /// The JSON, after a look at the status.
    #[track_caller]
    pub fn expect(self, status: StatusCode) -> Value {
        assert_eq!(
            self.status,
            status.as_u16(),
            "{:?}",
            String::from_utf8_lossy(&self.body)
        );
        if self.body.is_empty() {
            Value::Null
        } else {
            self.json()
        }
    }

    /// The problem's fields and messages, after a look at its shape.
    #[track_caller]
    pub fn problem(self, status: u16, code: &str) -> Vec<(String, String)> {
        assert_eq!(
            self.status,
            status,
            "{:?}",
            String::from_utf8_lossy(&self.body)
        );
        assert_eq!(self.header("content-type"), "application/problem+json");
        let problem = self.json();
        assert_eq!(problem["type"], format!("/docs/problems/{code}"));
        assert_eq!(problem["status"], status);
        assert_eq!(problem["reference"], self.header("x-request-id"));
        for text in ["title", "detail", "reference"] {
            assert!(
                problem[text].as_str().is_some_and(|text| !text.is_empty()),
                "{text} of {problem}"
            );
        }
        let text = |fault: &Value, name: &str| fault[name].as_str().unwrap().to_owned();
        let faults = problem["errors"].as_array().unwrap().iter();
        faults
            .map(|fault| (text(fault, "field"), text(fault, "message")))
            .collect()
    }
}

/// An address at which nobody listens: bound and dropped.
async fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

fn options(folder: &TempDir) -> LeptosOptions {
    let site_root = folder.path().join("site").display().to_string();
    LeptosOptions::builder()
        .output_name("omtx-hub")
        .site_root(site_root)
        .build()
}

/// A form as browsers send it.
pub fn form(parts: &[(&str, Option<&str>, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, file_name, content) in parts {
        let file = file_name
            .map(|name| format!("; filename=\"{name}\"\r\nContent-Type: application/octet-stream"));
        let head = format!(
            "--parting\r\nContent-Disposition: form-data; name=\"{name}\"{}\r\n\r\n",
            file.unwrap_or_default()
        );
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(content);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--parting--\r\n");
    body
}
