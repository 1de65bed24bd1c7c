//! What is Firestore's own: a database far away, of which one does not always know what it did.

use std::future::pending;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hub::ports::documents::{Collection::*, Direction, Expect};
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
/// Everything is taken, and nothing comes out at the other end. Nobody hangs up.
const STALLED: u8 = 4;
/// The next answer is cut off in its midst.
const CUT_WITHIN: u8 = 5;
/// The same, but that nobody hangs up.
const STALLED_WITHIN: u8 = 6;

/// How many jobs an answer has that something happens to in its midst.
const MANY: u32 = 300;
/// Bytes of which there are some of these jobs, and far from all: each takes more than two hundred.
const SOME: usize = 20_000;

/// A line to the emulator that can be cut, once each time, or stall.
struct Line {
    address: SocketAddr,
    state: Arc<AtomicU8>,
    answers: Arc<Answers>,
}

/// What comes back over a line.
#[derive(Default)]
struct Answers {
    /// How many bytes of an answer come before something happens in its midst.
    before: AtomicUsize,
    /// Everything that came, as it came.
    came: Mutex<Vec<u8>>,
}

impl Line {
    async fn lay() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(AtomicU8::new(WHOLE));
        let answers = Arc::new(Answers::default());
        let (shared, back) = (state.clone(), answers.clone());
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                if shared.load(Ordering::SeqCst) == DOWN {
                    continue;
                }
                let far = TcpStream::connect(config::emulator()).await.unwrap();
                let ((near_in, near_out), (far_in, far_out)) =
                    (near.into_split(), far.into_split());
                let (asking, answering) = (shared.clone(), shared.clone());
                let back = back.clone();
                tokio::spawn(async move {
                    tokio::select! {
                        () = carry(near_in, far_out, asking, CUT_ASKING, None) => {},
                        () = carry(far_in, near_out, answering, CUT_ANSWERING, Some(back)) => {},
                    }
                });
            }
        });
        Self {
            address,
            state,
            answers,
        }
    }

    /// A database of its own behind the line.
    fn place(&self) -> Place {
        Place {
            database: format!("projects/line-{}/databases/(default)", self.address.port()),
            emulator: Some(self.address.to_string()),
            setting: "DOCUMENTS_URL",
        }
    }

    async fn open(&self) -> Firestore {
        Firestore::open(self.place(), Clock::told()).await.unwrap()
    }

    /// The same for somebody who waits for a moment only.
    fn open_in_haste(&self) -> Firestore {
        let clock = Clock::told();
        let client = Client::within(Duration::from_millis(300), self.place(), clock.clone());
        let client = client.unwrap();
        Firestore { client, clock }
    }

    fn cut(&self, how: u8) {
        self.state.store(how, Ordering::SeqCst);
    }

    /// The same in the midst of an answer, after so many bytes.
    fn cut_after(&self, bytes: usize, how: u8) {
        self.answers.before.store(bytes, Ordering::SeqCst);
        self.cut(how);
    }

    /// How many jobs came over the line since this was asked before: each is told with its name.
    fn jobs_that_came(&self) -> usize {
        let came = std::mem::take(&mut *self.answers.came.lock().unwrap());
        let name = b"/documents/jobs/";
        let places = came.windows(name.len());
        places.filter(|place| **place == name[..]).count()
    }

    fn was_cut(&self) -> bool {
        self.state.load(Ordering::SeqCst) == WHOLE
    }
}

/// Hands on what comes until it ends, or is cut; `answers` are those that it hands on, when it is answers.
async fn carry(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    state: Arc<AtomicU8>,
    cut: u8,
    answers: Option<Arc<Answers>>,
) {
    let mut buffer = vec![0; 65_536];
    // Of this answer, as long as something is to happen in its midst.
    let mut came = 0;
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        let how = state.load(Ordering::SeqCst);
        match how {
            DOWN => return,
            STALLED => pending::<()>().await,
            _ => {}
        }
        let content = begins_something(&buffer[..length]);
        if content
            && state
                .compare_exchange(cut, WHOLE, Ordering::SeqCst, Ordering::SeqCst)
                .is_ok()
        {
            return;
        }
        let mut passed = length;
        if let (CUT_WITHIN | STALLED_WITHIN, Some(answers)) = (how, &answers) {
            let before = answers.before.load(Ordering::SeqCst);
            passed = length.min(before.saturating_sub(came));
            came += passed;
        }
        if let Some(answers) = &answers {
            let mut came = answers.came.lock().unwrap();
            came.extend_from_slice(&buffer[..passed]);
        }
        if to.write_all(&buffer[..passed]).await.is_err() {
            return;
        }
        if passed < length {
            if how == STALLED_WITHIN {
                pending::<()>().await;
            }
            state.store(WHOLE, Ordering::SeqCst);
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

fn job(number: u32) -> Key {
    Key::new(Jobs, format!("{number:03}"))
}

/// Makes as many jobs as it takes for an answer that comes in many pieces.
async fn put_many(store: &Firestore) {
    let jobs = (0..MANY).map(|number| Write::Put {
        key: job(number),
        json: format!(
            r#"{{"created_at":"{number:03}","name":"{}"}}"#,
            "x".repeat(100)
        ),
        expect: Expect::Any,
    });
    store.commit(jobs.collect()).await.unwrap();
}

fn all_jobs() -> Query {
    Query::new(Jobs, "created_at", Direction::Ascending, 1_000)
}

/// It can be asked again, and an operator reads where.
fn assert_unavailable(answer: Result<(), DocumentsError>) {
    let Err(DocumentsError::Unavailable(cause)) = answer else {
        panic!("{answer:?}");
    };
    let said = cause.to_string();
    assert!(said.contains("FIRESTORE_EMULATOR_HOST"), "{said}");
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
async fn a_part_of_an_answer_is_never_taken_for_all_of_it() {
    let line = Line::lay().await;
    let store = line.open().await;
    put_many(&store).await;
    let keys: Vec<_> = (0..MANY).map(job).collect();
    for bytes in [1_000, SOME, 2 * SOME] {
        line.cut_after(bytes, CUT_WITHIN);
        let found = store.query(&all_jobs()).await.unwrap();
        assert!(line.was_cut(), "{bytes}");
        let found: Vec<_> = found.into_iter().map(|document| document.key).collect();
        assert_eq!(found, keys, "{bytes}");

        line.cut_after(bytes, CUT_WITHIN);
        let there = store.get_many(&keys).await.unwrap();
        assert!(line.was_cut(), "{bytes}");
        assert!(there.iter().all(Option::is_some), "{bytes}");
    }
    // A number is one small piece, so its answer is cut at one place after the other until it comes whole.
    for bytes in (0..).step_by(16) {
        line.cut_after(bytes, CUT_WITHIN);
        let counted = store.count(&all_jobs()).await.unwrap();
        assert_eq!(counted, MANY, "{bytes}");
        if !line.was_cut() {
            break;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs the Firestore emulator: bin/test starts it"]
async fn no_more_documents_come_than_are_asked_for() {
    let line = Line::lay().await;
    let store = line.open().await;
    put_many(&store).await;
    let mut after = None;
    for limit in [1, 7, 30] {
        let query = Query {
            limit,
            after,
            ..all_jobs()
        };
        line.jobs_that_came();
        let found = store.query(&query).await.unwrap();
        assert_eq!(found.len(), limit as usize);
        assert_eq!(line.jobs_that_came(), limit as usize);
        // Of those that are passed over or counted none comes.
        after = store.last(&query).await.unwrap();
        assert_eq!(line.jobs_that_came(), 1, "{limit}");
        let last = after.as_ref().map(|place| &place.id);
        assert_eq!(last, found.last().map(|found| &found.key.id));
        assert_eq!(store.count(&query).await.unwrap(), limit);
        assert_eq!(line.jobs_that_came(), 0, "{limit}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs the Firestore emulator: bin/test starts it"]
async fn what_is_never_answered_is_given_up() {
    let (mute, halting) = (Line::lay().await, Line::lay().await);
    put_many(&halting.open().await).await;
    let (unheard, begun) = (mute.open_in_haste(), halting.open_in_haste());
    mute.cut(STALLED);
    halting.cut_after(SOME, STALLED_WITHIN);

    // All at once, since each is asked for several times and waited for as long as the client waits.
    let answers = async {
        tokio::join!(
            async { unheard.get_many(&[job(1)]).await.map(drop) },
            async { unheard.query(&all_jobs()).await.map(drop) },
            unheard.commit(vec![put("one", Expect::Absent)]),
            async { begun.query(&all_jobs()).await.map(drop) },
        )
    };
    let answers = tokio::time::timeout(Duration::from_secs(20), answers).await;
    let (got, found, written, found_in_part) = answers.expect("an answer before long");
    for answer in [got, found, written, found_in_part] {
        assert_unavailable(answer);
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
        assert_unavailable(answer);
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
