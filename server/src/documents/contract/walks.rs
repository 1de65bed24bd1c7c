//! Walking through an order page by page.

use std::collections::HashSet;

use hub::ports::documents::{Collection::*, Cursor, Direction::*, Expect, Key, Query, Write};
use serde_json::json;

use super::{Store, find, job, walk, write};

/// Jobs of which every seven tie, every third has failed, and every second has a term.
fn jobs(number: usize) -> Vec<Write> {
    let terms = |n: usize| {
        if n.is_multiple_of(2) {
            json!(["even"])
        } else {
            json!([])
        }
    };
    (0..number)
        .map(|n| {
            let status = if n % 3 == 0 { "failed" } else { "completed" };
            let id = format!("{:04}", n * 7919 % number);
            job(
                &id,
                &format!("2026-{:03}", n / 7),
                json!({"status": status, "terms": terms(n)}),
            )
        })
        .collect()
}

pub async fn pages_cover_everything_once(store: Store) {
    write(&store, jobs(200)).await;
    for direction in [Ascending, Descending] {
        let all = || Query::new(Jobs, "created_at", direction, 1_000).equal("shelf", "user:a");
        let both = vec![json!("failed"), json!("completed")];
        let queries = [
            all(),
            all().from("2026-003").until("2026-021"),
            all().equal("status", "failed"),
            all().any_of("status", both.clone()),
            all().any_of("status", both.clone()).from("2026-003"),
            all().contains("terms", "even"),
            all()
                .contains("terms", "even")
                .any_of("status", both)
                .until("2026-015"),
        ];
        for query in queries {
            let whole = find(&store, &query).await;
            assert!(whole.len() > 30);
            assert_eq!(whole.iter().collect::<HashSet<_>>().len(), whole.len());
            for limit in [1, 7, 10, whole.len() as u32] {
                assert_eq!(
                    walk(
                        &store,
                        &Query {
                            limit,
                            ..query.clone()
                        }
                    )
                    .await,
                    whole,
                    "{query:?}"
                );
            }
        }
    }
}

pub async fn the_last_of_so_many_is_where_the_next_page_begins(store: Store) {
    write(&store, jobs(200)).await;
    let both = vec![json!("failed"), json!("completed")];
    for direction in [Ascending, Descending] {
        let all = || Query::new(Jobs, "created_at", direction, 1_000).equal("shelf", "user:a");
        let queries = [
            all(),
            all().any_of("status", both.clone()).from("2026-003"),
            all().contains("terms", "even"),
        ];
        for query in queries {
            let whole = find(&store, &query).await;
            for limit in [1, 8, whole.len() as u32] {
                let last = store
                    .last(&Query {
                        limit,
                        ..query.clone()
                    })
                    .await
                    .unwrap();
                let next = query.clone().after(last.clone());
                assert!(last.is_some());
                assert_eq!(
                    find(&store, &next).await,
                    whole[limit as usize..],
                    "{query:?}"
                );
            }
            for limit in [0, whole.len() as u32 + 1] {
                let beyond = store
                    .last(&Query {
                        limit,
                        ..query.clone()
                    })
                    .await;
                assert_eq!(beyond.unwrap(), None, "{query:?}");
            }
        }
    }
}

pub async fn pages_cover_everything_once_while_documents_come(store: Store) {
    write(&store, jobs(300)).await;
    let before: Vec<_> = find(
        &store,
        &Query::new(Jobs, "created_at", Descending, 500).equal("shelf", "user:a"),
    )
    .await;
    let coming = {
        let store = store.clone();
        tokio::spawn(async move {
            for n in 0..200 {
                write(
                    &store,
                    vec![job(
                        &format!("new-{n:03}"),
                        &format!("2026-{:03}", n % 50),
                        json!({}),
                    )],
                )
                .await;
            }
        })
    };
    let mut walks = 0;
    while !coming.is_finished() || walks == 0 {
        let query = Query::new(Jobs, "created_at", Descending, 9).equal("shelf", "user:a");
        let seen = walk(&store, &query).await;
        assert_eq!(
            seen.iter().collect::<HashSet<_>>().len(),
            seen.len(),
            "nothing twice"
        );
        let old: Vec<_> = seen
            .into_iter()
            .filter(|id| !id.starts_with("new-"))
            .collect();
        assert_eq!(old, before, "nothing left out, and in order");
        walks += 1;
    }
    coming.await.unwrap();
}

pub async fn a_cursor_outside_the_range_is_beside_or_beyond_it(store: Store) {
    write(
        &store,
        (1..=9)
            .map(|day| job(&format!("{day}"), &format!("2026-01-0{day}"), json!({})))
            .collect(),
    )
    .await;
    let after = |direction, value: &str| {
        let cursor = Cursor {
            value: json!(value),
            id: "5".to_owned(),
        };
        Query::new(Jobs, "created_at", direction, 10)
            .equal("shelf", "user:a")
            .from("2026-01-03")
            .until("2026-01-06")
            .after(Some(cursor))
    };
    let nothing: [&str; 0] = [];
    assert_eq!(
        find(&store, &after(Ascending, "2026-01-01")).await,
        ["3", "4", "5"]
    );
    assert_eq!(find(&store, &after(Ascending, "2026-01-06")).await, nothing);
    assert_eq!(
        find(&store, &after(Descending, "2026-01-06")).await,
        ["5", "4", "3"]
    );
    assert_eq!(
        find(&store, &after(Descending, "2026-01-01")).await,
        nothing
    );
}

pub async fn a_cursor_at_a_document_that_is_gone_goes_on_after_it(store: Store) {
    write(&store, jobs(30)).await;
    let query = Query::new(Jobs, "created_at", Ascending, 500).equal("shelf", "user:a");
    let all = find(&store, &query).await;
    for place in [0, 10, 29] {
        let document = store
            .get_many(&[Key::new(Jobs, &all[place])])
            .await
            .unwrap()
            .remove(0)
            .unwrap();
        let fields: serde_json::Value = serde_json::from_str(&document.json).unwrap();
        let cursor = Cursor {
            value: fields["created_at"].clone(),
            id: all[place].clone(),
        };
        write(
            &store,
            vec![Write::Delete {
                key: document.key,
                expect: Expect::Any,
            }],
        )
        .await;
        assert_eq!(
            find(&store, &query.clone().after(Some(cursor))).await,
            all[place + 1..]
        );
    }
}
