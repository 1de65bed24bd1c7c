//! Cloud Storage, as far as the hub can tell: the JSON API with its generations, preconditions, pages and uploads piece by
//! piece, and signed addresses, of which each signature is looked at. It fails, stalls and breaks off as it is told.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use futures::{StreamExt, TryStreamExt, stream};
use google_cloud_auth::credentials::AccessTokenCredentials;
use google_cloud_auth::signer::Signer;
use serde_json::json;
use tokio::net::TcpListener;

#[path = "far_storage/addresses.rs"]
mod addresses;
#[path = "far_storage/interface.rs"]
mod interface;
#[path = "far_storage/key.rs"]
mod key;

use key::Key;

/// The one bucket that there is.
pub const BUCKET: &str = "hub-files";

/// What can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// Which permissions one has.
    Check,
    /// A file in one request.
    Put,
    /// The beginning of an upload piece by piece.
    Begin,
    /// A piece of it, or how far it is.
    Piece,
    /// What is known of a file.
    Head,
    /// A file's content.
    Read,
    List,
    Delete,
    /// A signed address.
    Address,
}

/// What can go wrong with a call, once.
#[derive(Clone, Copy, Debug)]
pub enum Trouble {
    /// Nothing: what is to go wrong is a later call.
    Nothing,
    /// This status is answered, and nothing done.
    Answers(u16),
    /// It is done, and this status is answered.
    AnswersAfter(u16),
    /// A pause of so many seconds is asked for.
    AsksForPause(u32),
    /// Nothing is done, and nothing answered.
    Silence,
    /// The connection breaks before anything is done.
    Drops,
    /// It is done, and the connection breaks before the answer.
    DropsAfter,
    /// The connection breaks after this many bytes of what is sent.
    DropsAfterTaking(usize),
    /// The connection breaks after this many bytes of the answer.
    DropsAfterGiving(usize),
    /// Nothing comes after this many bytes of the answer.
    StallsAfterGiving(usize),
}

/// A file.
#[derive(Clone, Debug)]
pub struct Object {
    pub content: Bytes,
    pub media_type: String,
    pub metadata: BTreeMap<String, String>,
    pub generation: u64,
}

/// An upload that has begun.
struct Upload {
    name: String,
    media_type: String,
    metadata: BTreeMap<String, String>,
    only_new: bool,
    content: Vec<u8>,
    done: bool,
}

#[derive(Default)]
struct Held {
    objects: BTreeMap<String, Object>,
    uploads: HashMap<String, Upload>,
    generations: u64,
    troubles: Vec<(Call, Trouble)>,
    calls: Vec<Call>,
    /// Permissions that the account does not have.
    denied: Vec<&'static str>,
    is_gone: bool,
}

struct Far {
    address: String,
    key: Key,
    /// Seconds since 1970.
    now: Box<dyn Fn() -> i64 + Send + Sync>,
    held: Mutex<Held>,
}

/// A Cloud Storage with one bucket, in which one account may do everything.
#[derive(Clone)]
pub struct FarStorage(Arc<Far>);

impl FarStorage {
    /// One that is empty and goes by this clock.
    pub async fn start(now: impl Fn() -> i64 + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let far = Self(Arc::new(Far {
            address: format!("http://{}", listener.local_addr().unwrap()),
            key: Key::make(),
            now: Box::new(now),
            held: Mutex::default(),
        }));
        let router = interface::routes()
            .fallback(addresses::answer)
            .layer(middleware::from_fn_with_state(far.clone(), trouble))
            .with_state(far.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        far
    }

    /// Where it answers.
    pub fn address(&self) -> String {
        self.0.address.clone()
    }

    /// What the account asks and signs with.
    pub fn account(&self) -> (AccessTokenCredentials, Signer) {
        (self.0.key.credentials(), self.0.key.signer())
    }

    /// Makes the next call of this kind go wrong; several times in their order.
    pub fn will(&self, call: Call, trouble: Trouble) {
        self.held().troubles.push((call, trouble));
    }

    /// How often this was asked.
    pub fn count(&self, call: Call) -> usize {
        let held = self.held();
        held.calls.iter().filter(|asked| **asked == call).count()
    }

    /// Whether everything went wrong that was to go wrong.
    pub fn is_through(&self) -> bool {
        self.held().troubles.is_empty()
    }

    /// A file, as it is kept.
    pub fn object(&self, path: &str) -> Option<Object> {
        self.held().objects.get(path).cloned()
    }

    /// Changes a file behind the hub's back.
    pub fn replace(&self, path: &str, content: &'static str) {
        let mut held = self.held();
        held.generations += 1;
        let generation = held.generations;
        let object = held.objects.get_mut(path).unwrap();
        object.content = content.into();
        object.generation = generation;
    }

    /// Takes files away whose path ends so, or gives them back when `files` is what was taken.
    pub fn take_away(&self, ending: &str) -> Vec<(String, Object)> {
        let mut held = self.held();
        let paths = held.objects.keys().filter(|path| path.ends_with(ending));
        let paths: Vec<_> = paths.cloned().collect();
        let take = |path| held.objects.remove_entry(&path);
        paths.into_iter().filter_map(take).collect()
    }

    /// Gives back what was taken away.
    pub fn give_back(&self, files: Vec<(String, Object)>) {
        self.held().objects.extend(files);
    }

    /// The account may not do these any more; all again when there are none.
    pub fn deny(&self, permissions: &[&'static str]) {
        self.held().denied = permissions.to_vec();
    }

    /// There is no such bucket, or there is again.
    pub fn be_gone(&self, is_gone: bool) {
        self.held().is_gone = is_gone;
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.0.held.lock().unwrap()
    }

    fn now(&self) -> i64 {
        (self.0.now)()
    }

    /// Keeps a file; refused when there is one and it must be new.
    fn keep(&self, name: &str, object: Object, only_new: bool) -> Result<Object, Refusal> {
        let mut held = self.held();
        if only_new && held.objects.contains_key(name) {
            let words = "At least one of the pre-conditions you specified did not hold.";
            return Err(refusal(StatusCode::PRECONDITION_FAILED, words));
        }
        held.generations += 1;
        let generation = held.generations;
        let object = Object {
            generation,
            ..object
        };
        held.objects.insert(name.to_owned(), object.clone());
        Ok(object)
    }

    /// Refuses what the account may not do, and everything when there is no bucket.
    fn permit(&self, permission: &str) -> Result<(), Refusal> {
        let held = self.held();
        if held.is_gone {
            let words = "The specified bucket does not exist.";
            return Err(refusal(StatusCode::NOT_FOUND, words));
        }
        if held.denied.contains(&permission) {
            let words = format!(
                "{} does not have {permission} access to the Google Cloud Storage object. Permission '{permission}' \
                 denied on resource (or it may not exist).",
                key::EMAIL
            );
            return Err(refusal(StatusCode::FORBIDDEN, &words));
        }
        Ok(())
    }
}

/// A no, with its reason.
struct Refusal {
    status: StatusCode,
    words: String,
}

fn refusal(status: StatusCode, words: &str) -> Refusal {
    let words = words.to_owned();
    Refusal { status, words }
}

impl IntoResponse for Refusal {
    /// As the JSON API tells it.
    fn into_response(self) -> Response {
        let Self { status, words } = self;
        let error = json!({"error": {"code": status.as_u16(), "message": words}});
        (status, axum::Json(error)).into_response()
    }
}

fn call(method: &Method, path: &str, query: &str) -> Call {
    let interface = path.strip_prefix("/storage/v1/b/");
    let below = interface
        .and_then(|rest| rest.split_once("/o"))
        .map(|(_, below)| below);
    match (method.as_str(), below) {
        ("POST", _) if query.contains("uploadType=multipart") => Call::Put,
        ("POST", _) if query.contains("uploadType=resumable") => Call::Begin,
        ("PUT", _) if query.contains("upload_id=") => Call::Piece,
        ("GET", None) if interface.is_some() => Call::Check,
        ("GET", Some("")) => Call::List,
        ("GET", Some(_)) if query.contains("alt=media") => Call::Read,
        ("GET", Some(_)) => Call::Head,
        ("DELETE", Some(_)) => Call::Delete,
        _ => Call::Address,
    }
}

/// Breaks the connection.
fn drop_connection() -> ! {
    std::panic::resume_unwind(Box::new("the connection breaks"))
}

async fn trouble(State(far): State<FarStorage>, request: Request, next: Next) -> Response {
    let call = call(
        request.method(),
        request.uri().path(),
        request.uri().query().unwrap_or_default(),
    );
    let trouble = {
        let mut held = far.held();
        held.calls.push(call);
        let place = held.troubles.iter().position(|(at, _)| *at == call);
        place.map(|place| held.troubles.remove(place).1)
    };
    let plain = |status: u16| StatusCode::from_u16(status).unwrap().into_response();
    match trouble {
        None | Some(Trouble::Nothing) => next.run(request).await,
        Some(Trouble::Answers(status)) => {
            // An answer that comes before all is sent may be missed.
            let _ = axum::body::to_bytes(request.into_body(), usize::MAX).await;
            plain(status)
        }
        Some(Trouble::AnswersAfter(status)) => {
            next.run(request).await;
            plain(status)
        }
        Some(Trouble::AsksForPause(seconds)) => (
            StatusCode::TOO_MANY_REQUESTS,
            [(header::RETRY_AFTER, seconds.to_string())],
        )
            .into_response(),
        Some(Trouble::Silence) => std::future::pending().await,
        Some(Trouble::Drops) => drop_connection(),
        Some(Trouble::DropsAfter) => {
            next.run(request).await;
            drop_connection()
        }
        Some(Trouble::DropsAfterTaking(bytes)) => {
            let (head, body) = request.into_parts();
            let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
            let some = Body::from(body.slice(..bytes.min(body.len())));
            next.run(Request::from_parts(head, some)).await;
            drop_connection()
        }
        Some(Trouble::DropsAfterGiving(bytes)) => {
            let end = stream::once(async {
                // What was given is to arrive before the connection breaks.
                tokio::time::sleep(Duration::from_millis(100)).await;
                Err(std::io::Error::other("the connection breaks"))
            });
            give(next.run(request).await, bytes, end.boxed()).await
        }
        Some(Trouble::StallsAfterGiving(bytes)) => {
            give(next.run(request).await, bytes, stream::pending().boxed()).await
        }
    }
}

type End = stream::BoxStream<'static, std::io::Result<Bytes>>;

/// The first bytes of an answer that seems to be whole.
async fn give(answer: Response, bytes: usize, end: End) -> Response {
    let (mut head, body) = answer.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    head.headers
        .insert(header::CONTENT_LENGTH, body.len().into());
    let some = body.slice(..bytes.min(body.len()));
    let some = stream::once(async { Ok::<_, std::io::Error>(some) });
    Response::from_parts(head, Body::from_stream(some.chain(end).into_stream()))
}
