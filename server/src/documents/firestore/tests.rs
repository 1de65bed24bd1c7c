//! What is Firestore's own: a database far away, of which one does not always know what it did.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use hub::ports::documents::{Collection::*, Expect};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

use super::*;

/// Everything goes through.
const WHOLE: u8 = 0;
/// The next request is cut off before it arrives.
const CUT_ASKING: u8 = 1;
/// The next answer is cut off, after the request was done.
const CUT_ANSWERING: u8 = 2;
/// Nobody is reached.
const DOWN: u8 = 3;

/// A line to the emulator that can be cut, once each time.
struct Line {
    address: SocketAddr,
    state: Arc<AtomicU8>,
}

impl Line {
    async fn lay() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(AtomicU8::new(WHOLE));
        let shared = state.clone();
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                if shared.load(Ordering::SeqCst) == DOWN {
                    continue;
                }
                let far = TcpStream::connect(config::emulator()).await.unwrap();
                let ((near_in, near_out), (far_in, far_out)) =
                    (near.into_split(), far.into_split());
                let (asking, answering) = (shared.clone(), shared.clone());
                tokio::spawn(async move {
                    tokio::select! {
                        () = carry(near_in, far_out, asking, CUT_ASKING) => {},
                        () = carry(far_in, near_out, answering, CUT_ANSWERING) => {},
                    }
                });
            }
        });
        Self { address, state }
    }

    /// A database of its own behind the line.
    async fn open(&self) -> Firestore {
        let place = Place {
            database: format!("projects/line-{}/databases/(default)", self.address.port()),
            emulator: Some(self.address.to_string()),
            setting: "DOCUMENTS_URL",
        };
        Firestore::open(place, Clock::told()).await.unwrap()
    }

    fn cut(&self, how: u8) {
        self.state.store(how, Ordering::SeqCst);
    }

    fn was_cut(&self) -> bool {
        self.state.load(Ordering::SeqCst) == WHOLE
    }
}

/// Hands on what comes until it ends, or is cut.
async fn carry(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, state: Arc<AtomicU8>, cut: u8) {
    let mut buffer = vec![0; 65_536];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        if state.load(Ordering::SeqCst) == DOWN {
            return;
        }
        let content = begins_something(&buffer[..length]);
        if content
            && state
                .compare_exchange(cut, WHOLE, Ordering::SeqCst, Ordering::SeqCst)
                .is_ok()
        {
            return;
        }
        if to.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
}

/// Whether a request or an answer begins among these frames of HTTP/2, and not only a ping or the like.
fn begins_something(mut frames: &[u8]) -> bool {
    const HEADERS: u8 = 1;
    while let [high, middle, low, kind, ..] = frames {
        if *kind == HEADERS {
            return true;
        }
        let length = u32::from_be_bytes([0, *high, *middle, *low]) as usize;
        frames = frames.get(9 + length..).unwrap_or_default();
    }
    false
}

fn put(id: &str, expect: Expect) -> Write {
    Write::Put {
        key: Key::new(Jobs, id),
        json: format!(r#"{{"name":"{}"}}"#, "x".repeat(100)),
        expect,
    }
}

fn add(id: &str) -> Write {
    Write::Add {
        key: Key::new(Usage, id),
        amounts: vec![("held", 1)],
    }
}

async fn get(store: &Firestore, key: Key) -> Option<Document> {
    store.get_many(&[key]).await.unwrap().remove(0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs the Firestore emulator: bin/test starts it"]
async fn a_commit_of_unknown_outcome_happens_once() {
    let line = Line::lay().await;
    let store = line.open().await;
    for (round, how) in [CUT_ANSWERING, CUT_ASKING, CUT_ANSWERING]
        .into_iter()
        .enumerate()
    {
        let id = format!("{round}-{how}");
        let key = Key::new(Jobs, &id);

        line.cut(how);
        let guarded = vec![put(&id, Expect::Absent), add(&id)];
        store.commit(guarded).await.unwrap();
        assert!(line.was_cut());

        let before = get(&store, key.clone()).await.unwrap().version;
        line.cut(how);
        store
            .commit(vec![put(&id, Expect::Version(before)), add(&id)])
            .await
            .unwrap();
        assert!(line.was_cut());
        let held = get(&store, Key::new(Usage, &id)).await.unwrap().json;
        assert_eq!(held, r#"{"held":2}"#);

        let version = get(&store, key.clone()).await.unwrap().version;
        assert!(version > before);
        line.cut(how);
        let expect = Expect::Version(version);
        let delete = Write::Delete {
            key: key.clone(),
            expect,
        };
        store.commit(vec![delete]).await.unwrap();
        assert!(line.was_cut());
        assert_eq!(get(&store, key).await, None);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs the Firestore emulator: bin/test starts it"]
async fn an_addition_that_nothing_guards_is_never_made_twice() {
    let line = Line::lay().await;
    let store = line.open().await;
    line.cut(CUT_ANSWERING);
    store.commit(vec![add("views")]).await.unwrap();
    assert!(line.was_cut());
    line.cut(CUT_ASKING);
    let lost = store.commit(vec![add("views")]).await;
    assert!(line.was_cut());
    assert!(
        matches!(lost, Err(DocumentsError::Unavailable(_))),
        "{lost:?}"
    );
    let views = get(&store, Key::new(Usage, "views")).await.unwrap().json;
    assert_eq!(views, r#"{"held":1}"#);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs the Firestore emulator: bin/test starts it"]
async fn a_conflict_behind_a_cut_line_is_a_conflict() {
    let line = Line::lay().await;
    let store = line.open().await;
    store.commit(vec![put("one", Expect::Any)]).await.unwrap();
    for how in [CUT_ASKING, CUT_ANSWERING] {
        line.cut(how);
        let late = store.commit(vec![put("one", Expect::Absent)]).await;
        assert!(line.was_cut());
        assert!(matches!(late, Err(DocumentsError::Conflict(key)) if key.id == "one"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs the Firestore emulator: bin/test starts it"]
async fn reading_goes_on_over_a_cut_line() {
    let line = Line::lay().await;
    let store = line.open().await;
    store.commit(vec![put("one", Expect::Any)]).await.unwrap();
    for how in [CUT_ASKING, CUT_ANSWERING] {
        line.cut(how);
        assert!(get(&store, Key::new(Jobs, "one")).await.is_some());
        assert!(line.was_cut());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs the Firestore emulator: bin/test starts it"]
async fn the_time_is_known_before_anything_is_read() {
    let store = Firestore::temporary(Clock::told()).await.unwrap();
    let this_century = "2025-01-01T00:00:00Z".parse().unwrap();
    assert!(store.now().await.unwrap() > this_century);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs the Firestore emulator: bin/test starts it"]
async fn what_cannot_be_done_now_can_be_done_again_later() {
    let line = Line::lay().await;
    let store = line.open().await;
    store.commit(vec![put("one", Expect::Any)]).await.unwrap();
    line.cut(DOWN);
    let keys = [Key::new(Jobs, "one")];
    let unavailable = [
        store.get_many(&keys).await.map(drop),
        store.commit(vec![put("two", Expect::Absent)]).await,
        store.commit(vec![add("views")]).await,
    ];
    for answer in unavailable {
        let Err(DocumentsError::Unavailable(cause)) = answer else {
            panic!("{answer:?}");
        };
        let said = cause.to_string();
        assert!(said.contains("FIRESTORE_EMULATOR_HOST"), "{said}");
    }
    assert!(store.now().await.is_ok(), "the time is carried on");
    line.cut(WHOLE);
    assert!(store.get_many(&keys).await.unwrap()[0].is_some());
    store
        .commit(vec![put("two", Expect::Absent)])
        .await
        .unwrap();
    assert_eq!(get(&store, Key::new(Usage, "views")).await, None);
}

#[tokio::test]
async fn an_emulator_that_is_not_there_is_named() {
    let place = Place {
        database: "projects/p/databases/(default)".to_owned(),
        emulator: Some("127.0.0.1:1".to_owned()),
        setting: "DOCUMENTS_URL",
    };
    let fault = Firestore::open(place, Clock::told()).await.err().unwrap();
    let said = fault.to_string();
    assert!(
        said.contains("FIRESTORE_EMULATOR_HOST=127.0.0.1:1"),
        "{said}"
    );
    assert!(matches!(
        DocumentsError::from(fault),
        DocumentsError::Unavailable(_)
    ));
}
