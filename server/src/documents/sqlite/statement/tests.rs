//! Every query is a walk over its index: no table is scanned, nothing is sorted.

use hub::ports::documents::{Collection, Cursor, Direction, Query};
use hub::ports::shapes::{SHAPES, Shape};
use rusqlite::{Connection, params_from_iter};
use serde_json::json;

use super::Statement;
use crate::documents::sqlite::schema;

fn database() -> Connection {
    let mut connection = Connection::open_in_memory().unwrap();
    schema::bring_up_to_date(&mut connection).unwrap();
    connection
}

fn plan(connection: &Connection, statement: &Statement) -> Vec<String> {
    let mut explain = connection
        .prepare(&format!("EXPLAIN QUERY PLAN {}", statement.sql))
        .unwrap();
    let lines = explain
        .query_map(params_from_iter(&statement.parameters), |row| row.get(3))
        .unwrap();
    lines.collect::<Result<_, _>>().unwrap()
}

/// Every form that a query of `shape` over the fields `narrowed` can have.
fn forms(shape: &Shape, narrowed: &[&'static str]) -> Vec<Query> {
    let mut forms = Vec::new();
    for direction in [Direction::Ascending, Direction::Descending] {
        let mut query = Query::new(shape.collection, shape.order, direction, 50);
        query.equal = narrowed.iter().map(|field| (*field, json!("x"))).collect();
        query.contains = shape.contains.map(|list| (list, "word".to_owned()));
        forms.extend([
            query.clone(),
            query.clone().from("a"),
            query.clone().until("z"),
            query.clone().from("a").until("z"),
        ]);
        if let Some((field, _)) = query.equal.pop() {
            forms.push(query.any_of(field, (0..10).map(|n| json!(n)).collect()));
        }
    }
    let cursor = Cursor {
        value: json!("m"),
        id: "id".to_owned(),
    };
    let after = forms
        .iter()
        .map(|query| query.clone().after(Some(cursor.clone())));
    forms.iter().cloned().chain(after).collect()
}

#[test]
fn every_form_of_every_shape_walks_its_index() {
    let connection = database();
    let mut walked = 0;
    for shape in SHAPES {
        for narrowed in shape.combinations() {
            let index = match shape.contains {
                // The rows of a term are found by the table's own key, which ends like an index.
                Some(_) => "k USING PRIMARY KEY (".to_owned(),
                None => format!(
                    "k USING INDEX {} (",
                    schema::index_name(shape.collection, &narrowed, shape.order)
                ),
            };
            let keyed = if shape.contains.is_some() {
                shape.equal
            } else {
                &narrowed[..]
            };
            let keys: Vec<_> = keyed.iter().map(|field| format!("$.{field}=?")).collect();
            let begin = format!("SEARCH {index}{}", keys.join(" AND "));
            for query in forms(shape, &narrowed) {
                let select = Statement::select(&query).unwrap().unwrap();
                let count = Statement::count(&query).unwrap().unwrap();
                for line in plan(&connection, &select)
                    .into_iter()
                    .chain(plan(&connection, &count))
                {
                    let line = line.replace("USING COVERING INDEX", "USING INDEX");
                    let looks_up = line == "SEARCH d USING INDEX sqlite_autoindex_jobs_1 (id=?)";
                    assert!(!line.contains("TEMP B-TREE"), "{line}: {}", select.sql);
                    assert!(
                        !line.starts_with("SCAN")
                            || line == "SCAN (subquery-1)"
                            || line.starts_with("SCAN (subquery"),
                        "{line}: {}",
                        select.sql
                    );
                    if line.starts_with("SEARCH") && !looks_up {
                        assert!(
                            line.starts_with(&begin),
                            "{line} is not {begin}: {}",
                            select.sql
                        );
                        walked += 1;
                    }
                }
            }
        }
    }
    assert!(walked > 500);
}

#[test]
fn what_ties_with_the_cursor_is_found_by_its_id() {
    let cursor = Cursor {
        value: json!("2026"),
        id: "id".to_owned(),
    };
    let query = Query::new(Collection::Jobs, "created_at", Direction::Descending, 50)
        .equal("shelf", "user:a");
    let statement = Statement::select(&query.after(Some(cursor)))
        .unwrap()
        .unwrap();
    let plan = plan(&database(), &statement);
    let ties =
        "SEARCH k USING INDEX jobs__shelf__created_at ($.shelf=? AND $.created_at=? AND id<?)";
    assert!(plan.iter().any(|line| line == ties), "{plan:?}");
}

#[test]
fn queries_of_one_form_share_their_text() {
    let query = |owner: &str, limit| {
        let query = Query::new(Collection::Jobs, "created_at", Direction::Descending, limit)
            .equal("shelf", owner);
        Statement::select(&query.from("2026")).unwrap().unwrap().sql
    };
    assert_eq!(query("user:a", 20), query("user:o'b", 50));
}
