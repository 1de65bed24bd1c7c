//! What looking up a word finds.

use hub::ports::documents::{Collection::*, Direction::*, Expect, Key, Query, Write};
use serde_json::json;

use super::{Store, find, job, newest, oldest, read, write};

pub async fn terms_are_found_and_narrowed(store: Store) {
    write(
        &store,
        vec![
            job(
                "1",
                "2026-01",
                json!({"terms": ["kinase", "abl1"], "status": "completed", "model": "vina"}),
            ),
            job(
                "2",
                "2026-02",
                json!({"terms": ["kinase", "kinase"], "status": "failed", "model": "vina"}),
            ),
            job(
                "3",
                "2026-03",
                json!({"terms": ["kinases", "протеин"], "status": "failed"}),
            ),
            job(
                "4",
                "2026-04",
                json!({"terms": ["kinase"], "status": "running", "model": "boltz2"}),
            ),
            job(
                "5",
                "2026-05",
                json!({"terms": ["kinase"], "shelf": "user:b"}),
            ),
            job("6", "2026-06", json!({"terms": []})),
            job("7", "2026-07", json!({})),
        ],
    )
    .await;
    let kinase = || newest().contains("terms", "kinase");
    assert_eq!(find(&store, &kinase()).await, ["4", "2", "1"]);
    assert_eq!(
        find(&store, &oldest().contains("terms", "kinase")).await,
        ["1", "2", "4"]
    );
    assert_eq!(
        find(&store, &newest().contains("terms", "протеин")).await,
        ["3"]
    );
    assert!(
        find(&store, &newest().contains("terms", "kin"))
            .await
            .is_empty()
    );
    assert_eq!(
        find(&store, &kinase().equal("status", "failed")).await,
        ["2"]
    );
    assert_eq!(
        find(
            &store,
            &kinase()
                .equal("model", "vina")
                .any_of("status", vec![json!("failed"), json!("completed")])
        )
        .await,
        ["2", "1"]
    );
    assert_eq!(
        find(&store, &kinase().from("2026-02").until("2026-04")).await,
        ["2"]
    );
    assert_eq!(
        find(
            &store,
            &Query {
                limit: 1,
                ..kinase()
            }
        )
        .await,
        ["4"]
    );
    assert_eq!(store.count(&kinase()).await.unwrap(), 3);
    assert_eq!(
        store
            .count(&Query {
                limit: 2,
                ..kinase()
            })
            .await
            .unwrap(),
        2
    );
    assert_eq!(
        store.count(&kinase().equal("model", "vina")).await.unwrap(),
        2
    );
}

pub async fn terms_follow_their_document(store: Store) {
    let found = |term: &'static str| {
        let store = store.clone();
        async move { find(&store, &newest().contains("terms", term)).await }
    };
    let terms = |terms: &[&str]| job("one", "2026", json!({"terms": terms, "status": "running"}));
    write(&store, vec![terms(&["old", "both"])]).await;
    write(&store, vec![terms(&["both", "new"])]).await;
    assert!(found("old").await.is_empty());
    assert_eq!(
        (found("both").await, found("new").await),
        (vec!["one".to_owned()], vec!["one".to_owned()])
    );

    write(
        &store,
        vec![job(
            "one",
            "2026",
            json!({"terms": ["new"], "status": "completed"}),
        )],
    )
    .await;
    let completed = newest()
        .contains("terms", "new")
        .equal("status", "completed");
    assert_eq!(
        find(&store, &completed).await,
        ["one"],
        "what narrows follows the document too"
    );

    write(
        &store,
        vec![Write::Add {
            key: Key::new(Jobs, "one"),
            amounts: vec![("views", 1)],
        }],
    )
    .await;
    assert_eq!(read(&store, Jobs, "one").await.unwrap()["views"], 1);
    assert_eq!(find(&store, &completed).await, ["one"]);

    write(
        &store,
        vec![job(
            "one",
            "2026",
            json!({"terms": ["new"], "shelf": "user:b"}),
        )],
    )
    .await;
    assert!(found("new").await.is_empty());
    let others = Query::new(Jobs, "created_at", Descending, 10)
        .equal("shelf", "user:b")
        .contains("terms", "new");
    assert_eq!(find(&store, &others).await, ["one"]);
    write(
        &store,
        vec![Write::Delete {
            key: Key::new(Jobs, "one"),
            expect: Expect::Any,
        }],
    )
    .await;
    assert!(find(&store, &others).await.is_empty());
    assert_eq!(store.count(&others).await.unwrap(), 0);
}
