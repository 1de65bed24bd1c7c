//! What queries find.

use hub::ports::documents::{Collection::*, Cursor, Direction::*, Document, Expect, Query};
use hub::ports::shapes::SHAPES;
use serde_json::{Map, Value, json};

use super::{Store, assert_refused, find, job, newest, oldest, put, write};

pub async fn every_shape_is_answered(store: Store) {
    for shape in SHAPES {
        let fields = shape
            .equal
            .iter()
            .chain(shape.optional)
            .chain([&shape.order]);
        let mut document: Map<String, Value> = fields
            .map(|field| ((*field).to_owned(), json!("same")))
            .collect();
        if let Some(list) = shape.contains {
            document.insert(list.to_owned(), json!(["word"]));
        }
        let expect = Expect::Any;
        write(
            &store,
            vec![put(
                shape.collection,
                "one",
                &Value::Object(document),
                expect,
            )],
        )
        .await;
        for equal in shape.combinations() {
            for direction in [Ascending, Descending] {
                let mut query = Query::new(shape.collection, shape.order, direction, 10);
                query.equal = equal.iter().map(|field| (*field, json!("same"))).collect();
                query.contains = shape.contains.map(|list| (list, "word".to_owned()));
                assert_eq!(find(&store, &query).await, ["one"], "{query:?}");
                assert_eq!(store.count(&query).await.unwrap(), 1, "{query:?}");
                for field in &equal {
                    let mut other = query.clone();
                    other
                        .equal
                        .iter_mut()
                        .filter(|(name, _)| name == field)
                        .for_each(|(_, value)| *value = json!("other"));
                    assert_eq!(store.count(&other).await.unwrap(), 0, "{other:?}");
                }
            }
        }
    }
}

pub async fn a_query_without_a_shape_is_refused(store: Store) {
    let unshaped = [
        Query::new(Jobs, "updated_at", Descending, 10),
        newest().equal("name", "x"),
        Query::new(Jobs, "name", Ascending, 10).equal("shelf", "user:a"),
        newest().contains("name", "x"),
        newest().equal("shelf", "user:b"),
        newest().any_of("status", Vec::new()),
        newest().any_of("status", (0..31).map(Value::from).collect()),
        newest().equal("status", 0.5),
        newest().equal("status", Value::Null),
    ];
    for query in unshaped {
        assert_refused(store.query(&query).await);
        assert_refused(store.count(&query).await);
    }
}

pub async fn ties_are_in_the_order_of_ids(store: Store) {
    let others = json!({"shelf": "user:b"});
    write(
        &store,
        vec![
            job("b", "2026-01", json!({})),
            job("Z", "2026-01", json!({})),
            job("é", "2026-01", json!({})),
            job("a", "2026-01", json!({})),
            job("m", "2026-02", json!({})),
            job("n", "2025-12", json!({})),
            job("not-mine", "2026-01", others),
        ],
    )
    .await;
    assert_eq!(
        find(&store, &oldest()).await,
        ["n", "Z", "a", "b", "é", "m"]
    );
    assert_eq!(
        find(&store, &newest()).await,
        ["m", "é", "b", "a", "Z", "n"]
    );
    let three = Query {
        limit: 3,
        ..newest()
    };
    assert_eq!(find(&store, &three).await, ["m", "é", "b"]);
    assert!(
        find(
            &store,
            &Query {
                limit: 0,
                ..newest()
            }
        )
        .await
        .is_empty()
    );
}

pub async fn numbers_are_in_the_order_of_numbers(store: Store) {
    let child = |index: i64| {
        put(
            Children,
            &format!("{index}"),
            &json!({"batch_id": "b", "index": index}),
            Expect::Any,
        )
    };
    write(&store, [10, 9, -1, 100, 1_000_000_007].map(child).to_vec()).await;
    let query = Query::new(Children, "index", Ascending, 10).equal("batch_id", "b");
    assert_eq!(
        find(&store, &query).await,
        ["-1", "9", "10", "100", "1000000007"]
    );
    assert_eq!(
        find(&store, &query.clone().from(9).until(100)).await,
        ["9", "10"]
    );
}

pub async fn a_document_without_the_order_is_not_found(store: Store) {
    let due = |id, due_at: Value| put(Jobs, id, &json!({"due_at": due_at}), Expect::Any);
    write(
        &store,
        vec![
            due("due", json!("2026")),
            due("null", Value::Null),
            put(Jobs, "none", &json!({}), Expect::Any),
        ],
    )
    .await;
    for direction in [Ascending, Descending] {
        let query = Query::new(Jobs, "due_at", direction, 10);
        assert_eq!(find(&store, &query).await, ["due"]);
        assert_eq!(find(&store, &query.until("2027")).await, ["due"]);
    }
    assert_eq!(
        store
            .count(&Query::new(Jobs, "due_at", Ascending, 10))
            .await
            .unwrap(),
        1
    );
    write(
        &store,
        vec![due("due", Value::Null), due("null", json!("2026"))],
    )
    .await;
    assert_eq!(
        find(&store, &Query::new(Jobs, "due_at", Ascending, 10)).await,
        ["null"]
    );
}

pub async fn a_range_takes_its_first_and_not_its_last(store: Store) {
    write(
        &store,
        (1..=9)
            .map(|day| job(&format!("{day}"), &format!("2026-01-0{day}"), json!({})))
            .collect(),
    )
    .await;
    let within = |query: Query| query.from("2026-01-03").until("2026-01-06");
    assert_eq!(find(&store, &within(oldest())).await, ["3", "4", "5"]);
    assert_eq!(find(&store, &within(newest())).await, ["5", "4", "3"]);
    assert_eq!(store.count(&within(newest())).await.unwrap(), 3);
    assert_eq!(find(&store, &newest().from("2026-01-08")).await, ["9", "8"]);
    assert_eq!(
        find(&store, &newest().until("2026-01-03")).await,
        ["2", "1"]
    );
    assert!(
        find(&store, &newest().from("2026-01-06").until("2026-01-03"))
            .await
            .is_empty()
    );
}

pub async fn any_of_merges_in_order(store: Store) {
    let statuses = ["failed", "running", "completed"];
    let jobs = (0..60).map(|n| {
        job(
            &format!("{n:02}"),
            &format!("2026-{:02}", n / 2),
            json!({"status": statuses[n % 3]}),
        )
    });
    write(&store, jobs.collect()).await;
    let mut expected: Vec<_> = (0..60)
        .filter(|n| n % 3 != 1)
        .map(|n| format!("{n:02}"))
        .collect();
    let either = vec![
        json!("completed"),
        json!("failed"),
        json!("completed"),
        json!("unheard of"),
    ];
    assert_eq!(
        find(&store, &oldest().any_of("status", either.clone())).await,
        expected
    );
    expected.reverse();
    assert_eq!(
        find(&store, &newest().any_of("status", either.clone())).await,
        expected
    );
    let seven = Query {
        limit: 7,
        ..newest().any_of("status", either)
    };
    assert_eq!(find(&store, &seven).await, expected[..7]);
}

pub async fn several_lists_of_values_are_walked_together(store: Store) {
    let (shelves, statuses) = (
        ["user:a", "lab/a", "lab/b"],
        ["failed", "running", "completed"],
    );
    let jobs = (0..90).map(|n| {
        job(
            &format!("{n:02}"),
            &format!("2026-{:02}", n / 4),
            json!({"shelf": shelves[n % 3], "status": statuses[n / 3 % 3]}),
        )
    });
    write(&store, jobs.collect()).await;
    let expected: Vec<_> = (0..90)
        .filter(|n| n % 3 != 2 && n / 3 % 3 != 1)
        .map(|n| format!("{n:02}"))
        .collect();
    let of = |direction, limit| {
        Query::new(Jobs, "created_at", direction, limit)
            .any_of("shelf", vec![json!("user:a"), json!("lab/a")])
            .any_of("status", vec![json!("completed"), json!("failed")])
    };
    assert_eq!(find(&store, &of(Ascending, 100)).await, expected);
    assert_eq!(store.count(&of(Ascending, 100)).await.unwrap(), 40);
    let mut walked = Vec::new();
    let mut page = of(Descending, 7);
    loop {
        let found = store.query(&page).await.unwrap();
        walked.extend(found.iter().map(|document| document.key.id.clone()));
        let Some(last) = found.last() else { break };
        let value: Value = serde_json::from_str(&last.json).unwrap();
        page.after = Some(Cursor {
            value: value["created_at"].clone(),
            id: last.key.id.clone(),
        });
    }
    walked.reverse();
    assert_eq!(walked, expected);
    let model = (0..8).map(|n| json!(n)).collect();
    assert_refused(store.query(&of(Ascending, 1).any_of("model", model)).await);
}

pub async fn a_flag_is_found_by_its_value(store: Store) {
    let batch = |id, dispatchable: Value| {
        job(
            id,
            "2026",
            json!({"owner": "user:a", "model": "vina", "dispatchable": dispatchable}),
        )
    };
    write(
        &store,
        vec![
            batch("yes", json!(true)),
            batch("no", json!(false)),
            batch("none", Value::Null),
        ],
    )
    .await;
    let query = |flag: bool| {
        Query::new(Jobs, "created_at", Ascending, 10)
            .equal("owner", "user:a")
            .equal("model", "vina")
            .equal("dispatchable", flag)
    };
    assert_eq!(find(&store, &query(true)).await, ["yes"]);
    assert_eq!(find(&store, &query(false)).await, ["no"]);
}

pub async fn counting_ends_at_the_limit(store: Store) {
    let jobs = (0..30).map(|n| {
        job(
            &format!("{n:02}"),
            "2026",
            json!({"status": if n < 10 { "failed" } else { "completed" }}),
        )
    });
    write(&store, jobs.collect()).await;
    for (limit, count) in [(0, 0), (1, 1), (29, 29), (30, 30), (31, 30), (10_000, 30)] {
        assert_eq!(
            store.count(&Query { limit, ..newest() }).await.unwrap(),
            count
        );
    }
    let both = || newest().any_of("status", vec![json!("failed"), json!("completed")]);
    assert_eq!(store.count(&both()).await.unwrap(), 30);
    assert_eq!(
        store
            .count(&Query {
                limit: 15,
                ..both()
            })
            .await
            .unwrap(),
        15
    );
    assert_eq!(
        store
            .count(&newest().equal("status", "failed"))
            .await
            .unwrap(),
        10
    );
    let after = Some(Cursor {
        value: json!("2026"),
        id: "15".to_owned(),
    });
    assert_eq!(
        store.count(&newest().after(after)).await.unwrap(),
        30,
        "the cursor does not matter"
    );
}

pub async fn only_the_fields_asked_for_are_read(store: Store) {
    let long = "x".repeat(10_000);
    let whole = json!({"name": "a \"b\" {", "epoch": 7, "none": null, "inner": {"name": [1, {"name": -0.5}]}, "long": long});
    write(&store, vec![job("one", "2026-02", whole)]).await;
    write(&store, vec![job("two", "2026-01", json!({}))]).await;
    let asked = newest().only(&["name", "epoch", "none", "inner", "missing"]);
    let found = store.query(&asked).await.unwrap();
    let parts = found
        .iter()
        .map(|found| serde_json::from_str::<Value>(&found.json).unwrap());
    assert_eq!(
        parts.collect::<Vec<_>>(),
        [
            json!({"name": "a \"b\" {", "epoch": 7, "none": null, "inner": {"name": [1, {"name": -0.5}]}}),
            json!({}),
        ]
    );
    let whole = store.query(&newest()).await.unwrap();
    let names = |found: &[Document]| {
        let named = found.iter().map(|found| (found.key.clone(), found.version));
        named.collect::<Vec<_>>()
    };
    assert_eq!(
        names(&found),
        names(&whole),
        "key and version are known of a part"
    );

    let none = store.query(&newest().only(&[])).await.unwrap();
    assert!(none.iter().all(|found| found.json == "{}"), "{none:?}");
    assert_eq!(names(&none), names(&whole));
}
