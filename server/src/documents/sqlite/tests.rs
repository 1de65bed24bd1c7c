//! What is SQLite's own: the file, its lock, its faults.

use futures::future::join_all;
use hub::ports::Documents;
use hub::ports::documents::{Collection, Expect, Key, Version, Write};
use tempfile::TempDir;

use super::*;

fn clock() -> Clock {
    Clock::manual(Timestamp::from_micros(0))
}

fn put(id: &str, json: &str) -> Write {
    Write::Put {
        key: Key::new(Collection::Jobs, id),
        json: json.to_owned(),
        expect: Expect::Any,
    }
}

async fn get(store: &Sqlite, id: &str) -> Option<Document> {
    store
        .get_many(&[Key::new(Collection::Jobs, id)])
        .await
        .unwrap()
        .remove(0)
}

#[tokio::test]
async fn documents_and_the_order_of_versions_outlive_the_process() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("new/hub.db");
    let before = {
        let store = Sqlite::open(&path, clock()).unwrap();
        store.commit(vec![put("one", r#"{"n":1}"#)]).await.unwrap();
        store.commit(vec![put("two", r#"{"n":2}"#)]).await.unwrap();
        let two = get(&store, "two").await.unwrap();
        store
            .commit(vec![Write::Delete {
                key: two.key,
                expect: Expect::Version(two.version),
            }])
            .await
            .unwrap();
        two.version
    };
    let store = Sqlite::open(&path, clock()).unwrap();
    assert_eq!(get(&store, "one").await.unwrap().json, r#"{"n":1}"#);
    assert_eq!(get(&store, "two").await, None);
    store.commit(vec![put("two", r#"{"n":2}"#)]).await.unwrap();
    assert!(get(&store, "two").await.unwrap().version > before);
}

#[test]
fn a_file_is_opened_once() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("hub.db");
    let first = Sqlite::open(&path, clock()).unwrap();
    let second = Sqlite::open(&path, clock()).err().unwrap();
    assert!(matches!(second, OpenError::InUse(_)));
    assert!(
        second
            .to_string()
            .ends_with("hub.db is in use by another process; if a hub runs on it, end that first")
    );
    drop(first);
    Sqlite::open(&path, clock()).unwrap();
}

#[test]
fn what_is_no_database_is_not_opened_and_not_changed() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("hub.db");
    let text = "a letter of some length that is certainly no database".repeat(100);
    std::fs::write(&path, &text).unwrap();
    assert!(matches!(
        Sqlite::open(&path, clock()).err(),
        Some(OpenError::Database(..))
    ));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    assert!(matches!(
        Sqlite::open(folder.path(), clock()).err(),
        Some(OpenError::Database(..))
    ));
    assert!(matches!(
        Sqlite::open(&path.join("below/a/file"), clock()).err(),
        Some(OpenError::File(..))
    ));
}

#[tokio::test]
async fn what_fails_beside_others_takes_nobody_with_it() {
    let store = Sqlite::temporary(clock()).unwrap();
    let commits = (0..100).map(|n| {
        // Every tenth expects a document that is not there, after a write that would have happened.
        let mut writes = vec![put(&format!("{n:02}"), r#"{"created_at":"2026"}"#)];
        if n % 10 == 0 {
            let expect = Expect::Version(Version(1));
            writes.push(Write::Delete {
                key: Key::new(Collection::Jobs, "absent"),
                expect,
            });
        }
        store.commit(writes)
    });
    for (n, answer) in join_all(commits).await.into_iter().enumerate() {
        assert_eq!(answer.is_err(), n % 10 == 0);
        assert_eq!(get(&store, &format!("{n:02}")).await.is_none(), n % 10 == 0);
    }
}

#[tokio::test]
async fn a_full_disk_is_said_and_passes() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("hub.db");
    let mut connection = connect(&path).unwrap();
    schema::bring_up_to_date(&mut connection).unwrap();
    let pages: i64 = connection
        .query_row("PRAGMA page_count", [], |row| row.get(0))
        .unwrap();
    connection
        .pragma_update(None, "max_page_count", pages + 20)
        .unwrap();
    let writer = Writer::start(connection).unwrap();

    let large = format!(r#"{{"text":"{}"}}"#, "x".repeat(500_000));
    let full = writer.commit(vec![put("large", &large)]).await;
    assert!(
        matches!(full, Err(DocumentsError::Unavailable(_))),
        "{full:?}"
    );
    writer.commit(vec![put("small", "{}")]).await.unwrap();
    drop(writer);

    let store = Sqlite::open(&path, clock()).unwrap();
    assert_eq!(get(&store, "large").await, None);
    assert!(get(&store, "small").await.is_some());
}

#[tokio::test]
async fn the_clock_is_the_one_it_was_given() {
    let clock = Clock::manual("2026-05-04T10:20:30Z".parse().unwrap());
    let store = Sqlite::temporary(clock.clone()).unwrap();
    assert_eq!(
        store.now().await.unwrap().to_string(),
        "2026-05-04T10:20:30.000001Z"
    );
    clock.advance_seconds(3_600);
    assert_eq!(
        store.now().await.unwrap().to_string(),
        "2026-05-04T11:20:30.000002Z"
    );
}
