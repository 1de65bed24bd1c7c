//! Writing, and reading by name.

use futures::future::join_all;
use hub::ports::documents::{Collection::*, DocumentsError, Expect, Key, Write};
use serde_json::{Value, json};

use super::{Store, assert_refused, job, put, read, version, write};

pub async fn what_is_written_is_read(store: Store) {
    let fields = json!({
        "text": "Häm·Протеин·蛋白質·🧬 \" \\ \n \u{1}",
        "whole": [0, -1, i64::MAX, i64::MIN],
        "fraction": -9.25,
        "flags": {"yes": true, "no": false, "none": null},
        "empty": [{}, ""],
    });
    write(&store, vec![put(Drafts, "ä-🧬", &fields, Expect::Any)]).await;
    assert_eq!(read(&store, Drafts, "ä-🧬").await, Some(fields));
    assert_eq!(
        read(&store, Jobs, "ä-🧬").await,
        None,
        "each collection has its own ids"
    );

    write(
        &store,
        vec![put(Drafts, "ä-🧬", &json!({"other": 1}), Expect::Any)],
    )
    .await;
    assert_eq!(
        read(&store, Drafts, "ä-🧬").await,
        Some(json!({"other": 1})),
        "a document is replaced as a whole"
    );
}

pub async fn one_write_or_two_hundred_happen_all_or_not_at_all(store: Store) {
    write(
        &store,
        vec![put(Children, "taken", &json!({"by": "first"}), Expect::Any)],
    )
    .await;
    for number in [1, 200] {
        let mut writes: Vec<_> = (0..number)
            .map(|n| {
                put(
                    Children,
                    &format!("child-{number}-{n:03}"),
                    &json!({"index": n}),
                    Expect::Absent,
                )
            })
            .collect();
        let keys: Vec<_> = writes.iter().map(|write| write.key().clone()).collect();

        writes.push(put(
            Children,
            "taken",
            &json!({"by": "second"}),
            Expect::Absent,
        ));
        let answer = store.commit(writes.clone()).await;
        assert!(
            matches!(answer, Err(DocumentsError::Conflict(key)) if key == Key::new(Children, "taken"))
        );
        assert!(
            store
                .get_many(&keys)
                .await
                .unwrap()
                .iter()
                .all(Option::is_none)
        );
        assert_eq!(
            read(&store, Children, "taken").await,
            Some(json!({"by": "first"}))
        );

        writes.pop();
        store.commit(writes).await.unwrap();
        assert!(
            store
                .get_many(&keys)
                .await
                .unwrap()
                .iter()
                .all(Option::is_some)
        );
    }
}

pub async fn a_write_happens_only_when_what_it_expects_is_true(store: Store) {
    let commit = |fields: &Value, expect| store.commit(vec![put(Jobs, "one", fields, expect)]);
    let delete = |expect| {
        store.commit(vec![Write::Delete {
            key: Key::new(Jobs, "one"),
            expect,
        }])
    };
    let (first, second, third) = (json!({"n": 1}), json!({"n": 2}), json!({"n": 3}));

    commit(&first, Expect::Absent).await.unwrap();
    assert!(matches!(
        commit(&second, Expect::Absent).await,
        Err(DocumentsError::Conflict(_))
    ));
    assert!(matches!(
        delete(Expect::Absent).await,
        Err(DocumentsError::Conflict(_))
    ));

    let old = version(&store, Jobs, "one").await;
    commit(&second, Expect::Version(old)).await.unwrap();
    assert!(matches!(
        commit(&third, Expect::Version(old)).await,
        Err(DocumentsError::Conflict(_))
    ));
    assert!(matches!(
        delete(Expect::Version(old)).await,
        Err(DocumentsError::Conflict(_))
    ));
    assert_eq!(read(&store, Jobs, "one").await, Some(second.clone()));

    delete(Expect::Version(version(&store, Jobs, "one").await))
        .await
        .unwrap();
    assert_eq!(read(&store, Jobs, "one").await, None);
    assert!(
        matches!(
            delete(Expect::Version(old)).await,
            Err(DocumentsError::Conflict(_))
        ),
        "it is not there"
    );
    assert!(matches!(
        commit(&third, Expect::Version(old)).await,
        Err(DocumentsError::Conflict(_))
    ));
    delete(Expect::Any).await.unwrap();
    delete(Expect::Absent).await.unwrap();
    commit(&third, Expect::Any).await.unwrap();
    assert_eq!(read(&store, Jobs, "one").await, Some(third));
}

pub async fn a_conflict_names_the_first_document_that_was_changed(store: Store) {
    write(
        &store,
        vec![job("b", "1", json!({})), job("c", "1", json!({}))],
    )
    .await;
    let writes = ["a", "c", "b"].map(|id| put(Jobs, id, &json!({}), Expect::Absent));
    let answer = store.commit(writes.to_vec()).await;
    assert!(matches!(answer, Err(DocumentsError::Conflict(key)) if key == Key::new(Jobs, "c")));
}

pub async fn a_version_is_never_given_twice(store: Store) {
    let mut versions = Vec::new();
    for _ in 0..5 {
        // The document is the same every time: made, written again, deleted.
        for _ in 0..2 {
            write(&store, vec![job("one", "1", json!({}))]).await;
            versions.push(version(&store, Jobs, "one").await);
        }
        write(
            &store,
            vec![Write::Delete {
                key: Key::new(Jobs, "one"),
                expect: Expect::Any,
            }],
        )
        .await;
    }
    write(
        &store,
        vec![Write::Add {
            key: Key::new(Jobs, "one"),
            amounts: vec![("n", 1)],
        }],
    )
    .await;
    versions.push(version(&store, Jobs, "one").await);
    let given = versions.len();
    versions.sort();
    versions.dedup();
    assert_eq!(versions.len(), given);
}

pub async fn one_of_fifty_conditional_writers_wins(store: Store) {
    write(&store, vec![job("one", "1", json!({}))]).await;
    for expect in [
        Expect::Absent,
        Expect::Version(version(&store, Jobs, "one").await),
    ] {
        let id = if expect == Expect::Absent {
            "new"
        } else {
            "one"
        };
        let writers = (0..50).map(|writer| {
            let store = store.clone();
            tokio::spawn(async move {
                let writes = vec![
                    put(Jobs, id, &json!({"writer": writer}), expect),
                    job(&format!("{id}-{writer}"), "1", json!({})),
                ];
                store.commit(writes).await.map(|()| writer)
            })
        });
        let answers: Vec<_> = join_all(writers)
            .await
            .into_iter()
            .map(Result::unwrap)
            .collect();
        let winners: Vec<_> = answers
            .iter()
            .filter_map(|answer| answer.as_ref().ok())
            .collect();
        assert_eq!(winners.len(), 1);
        assert!(
            answers
                .iter()
                .all(|answer| matches!(answer, Ok(_) | Err(DocumentsError::Conflict(_))))
        );
        assert_eq!(
            read(&store, Jobs, id).await,
            Some(json!({"writer": winners[0]}))
        );
        for writer in 0..50 {
            let beside = read(&store, Jobs, &format!("{id}-{writer}")).await;
            assert_eq!(
                beside.is_some(),
                writer == *winners[0],
                "what a loser writes beside is not written either"
            );
        }
    }
}

pub async fn a_hundred_adds_at_once_are_all_counted(store: Store) {
    let adds = (1..=100).map(|n| {
        let store = store.clone();
        let add = Write::Add {
            key: Key::new(Usage, "user:a-2026-05-04"),
            amounts: vec![("held", n), ("charged", -1)],
        };
        tokio::spawn(async move { store.commit(vec![add]).await })
    });
    for add in join_all(adds).await {
        add.unwrap().unwrap();
    }
    assert_eq!(
        read(&store, Usage, "user:a-2026-05-04").await,
        Some(json!({"held": 5050, "charged": -100}))
    );
}

pub async fn adding_makes_what_is_missing_and_keeps_what_is_there(store: Store) {
    write(
        &store,
        vec![put(
            Usage,
            "one",
            &json!({"shelf": "user:a", "held": 5}),
            Expect::Any,
        )],
    )
    .await;
    let before = version(&store, Usage, "one").await;
    let amounts = vec![("held", -7), ("refunded", 2), ("held", 1)];
    write(
        &store,
        vec![Write::Add {
            key: Key::new(Usage, "one"),
            amounts,
        }],
    )
    .await;
    assert_eq!(
        read(&store, Usage, "one").await,
        Some(json!({"shelf": "user:a", "held": -1, "refunded": 2}))
    );
    assert_ne!(
        version(&store, Usage, "one").await,
        before,
        "an addition is a write"
    );
}

pub async fn many_documents_are_read_in_the_order_asked_with_holes(store: Store) {
    write(
        &store,
        (0..300)
            .map(|n| job(&format!("{n:03}"), "1", json!({"n": n})))
            .collect(),
    )
    .await;
    let keys: Vec<_> = (0..600)
        .rev()
        .map(|n| Key::new(Jobs, format!("{n:03}")))
        .chain([Key::new(Jobs, "007")])
        .collect();
    let found = store.get_many(&keys).await.unwrap();
    assert_eq!(found.len(), keys.len());
    for (key, found) in keys.iter().zip(found) {
        assert_eq!(
            found.map(|document| document.key),
            (key.id.as_str() < "300").then(|| key.clone())
        );
    }
    assert_eq!(store.get_many(&[]).await.unwrap(), []);
}

pub async fn a_large_document_is_kept(store: Store) {
    let fields = json!({"rows": "é".repeat(450_000)});
    write(&store, vec![put(BatchRows, "large", &fields, Expect::Any)]).await;
    assert_eq!(read(&store, BatchRows, "large").await, Some(fields));
}

pub async fn what_no_store_takes_is_refused(store: Store) {
    let many = |number: usize| {
        (0..number)
            .map(|n| job(&format!("{n}"), "1", json!({})))
            .collect::<Vec<_>>()
    };
    assert_refused(store.commit(many(501)).await);
    store.commit(many(500)).await.unwrap();

    let large = json!({"text": "x".repeat(900_000)});
    let larger = (0..12)
        .map(|n| put(BatchRows, &format!("{n}"), &large, Expect::Any))
        .collect();
    assert_refused(store.commit(larger).await);
    assert_refused(
        store
            .commit(vec![put(
                BatchRows,
                "one",
                &json!({"text": "x".repeat(1_100_000)}),
                Expect::Any,
            )])
            .await,
    );
    assert_eq!(read(&store, BatchRows, "0").await, None);

    assert_refused(
        store
            .commit(vec![
                job("same", "1", json!({})),
                job("same", "2", json!({})),
            ])
            .await,
    );
    for id in ["", "a/b", ".", "..", "__reserved__", &"x".repeat(201)] {
        assert_refused(store.commit(vec![job(id, "1", json!({}))]).await);
    }
    for json in ["", "[]", "1", "{\"a\": }", "{} {}"] {
        let key = Key::new(Drafts, "odd");
        assert_refused(
            store
                .commit(vec![Write::Put {
                    key,
                    json: json.to_owned(),
                    expect: Expect::Any,
                }])
                .await,
        );
    }
    for name in ["", "A", "ä", "a.b", "a`b", "0a", "__a__"] {
        let document = json!({name: "x"});
        assert_refused(
            store
                .commit(vec![put(Drafts, "odd", &document, Expect::Any)])
                .await,
        );
    }
    assert_eq!(read(&store, Jobs, "same").await, None);
    store.commit(Vec::new()).await.unwrap();
}

pub async fn the_clock_never_shows_a_time_twice(store: Store) {
    let looks = (0..4).map(|_| {
        let store = store.clone();
        tokio::spawn(async move {
            let mut times = Vec::new();
            for _ in 0..25 {
                times.push(store.now().await.unwrap());
            }
            assert!(times.is_sorted());
            times
        })
    });
    let mut times: Vec<_> = join_all(looks)
        .await
        .into_iter()
        .flat_map(Result::unwrap)
        .collect();
    times.sort();
    assert!(times.is_sorted_by(|earlier, later| earlier < later));
    let later = store.now().await.unwrap();
    assert!(times.iter().all(|time| *time < later));
}
