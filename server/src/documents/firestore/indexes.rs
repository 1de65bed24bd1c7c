//! The indexes of Firestore, as `firestore.indexes.json` declares them: all made from the table of query shapes.
//!
//! Which are made, and why these are enough:
//!
//! * A query of Firestore is answered by one composite index that has its equalities first and its order last, or by
//!   several that it merges: each has some of the equalities and ends in the same order, together they have all. So a
//!   shape needs one index for what it always equals and one for each optional field beside that, not one for each
//!   combination. What is always equal stands in each of them, so that a merge walks one owner's entries only.
//! * `in` is as many equalities as it has values, each answered so.
//! * A term is one equality more: its list stands in an index of its own, which is merged with those of the optional
//!   fields. A list in an index costs an entry for each term, so it stands in no more than that one.
//! * An index is walked in one direction, and pages go both ways: there are two of each.
//! * A shape without equalities is answered by the index of the field alone, which Firestore makes by itself. All other
//!   fields are exempt from that: what is only carried is never asked for, and a time that ever grows would hold a
//!   collection to 500 writes a second. That limit stays for `due_at`, `expires_at` and `at`, which are written when
//!   something begins or is looked after, for `created_at` of jobs, people and organisations, which each have once, and
//!   for `faulty_at` of what failed without a fault of its own.
//! * A policy forgets what has expired (`ttl`), on the native time that the layout keeps.

use std::collections::BTreeSet;

use hub::ports::documents::Collection;
use hub::ports::shapes::{EXPIRING, SHAPES, Shape};
use serde_json::{Value, json};

use super::layout::{EVERYWHERE, copied};

const DIRECTIONS: [&str; 2] = ["ASCENDING", "DESCENDING"];

/// The content of `firestore.indexes.json`.
pub fn file() -> String {
    let mut made = BTreeSet::new();
    let composites: Vec<Value> = SHAPES
        .iter()
        .flat_map(composites)
        .filter(|index| made.insert(index.to_string()))
        .collect();
    let overrides: Vec<Value> = Collection::ALL.into_iter().flat_map(overrides).collect();
    let file = json!({"indexes": composites, "fieldOverrides": overrides});
    format!("{file:#}\n")
}

/// The composite indexes of a shape.
fn composites(shape: &Shape) -> Vec<Value> {
    let of = |narrowing: Vec<Value>| {
        DIRECTIONS.map(|direction| {
            let order = json!({"fieldPath": shape.order, "order": direction});
            let fields: Vec<_> = narrowing.iter().cloned().chain([order]).collect();
            json!({"collectionGroup": shape.collection.name(), "queryScope": "COLLECTION", "fields": fields})
        })
    };
    let equal = |field: &&str| json!({"fieldPath": field, "order": "ASCENDING"});
    let always: Vec<_> = shape.equal.iter().map(equal).collect();
    let list = shape
        .contains
        .map(|list| json!({"fieldPath": list, "arrayConfig": "CONTAINS"}));
    let mut made = Vec::new();
    let first: Vec<_> = always.iter().cloned().chain(list).collect();
    if !first.is_empty() {
        made.extend(of(first));
    }
    for field in shape.optional {
        made.extend(of([always.as_slice(), &[equal(field)]].concat()));
    }
    made
}

/// What is said of each field by itself.
fn overrides(collection: Collection) -> impl Iterator<Item = Value> {
    copied(collection).chain(EVERYWHERE).map(move |field| {
        let alone = SHAPES.iter().any(|shape| {
            (shape.collection, shape.order) == (collection, field)
                && shape.equal.is_empty()
                && shape.contains.is_none()
        });
        let order = |direction| json!({"order": direction, "queryScope": "COLLECTION"});
        let indexes = if alone {
            DIRECTIONS.map(order).to_vec()
        } else {
            Vec::new()
        };
        let mut said =
            json!({"collectionGroup": collection.name(), "fieldPath": field, "indexes": indexes});
        if EXPIRING.contains(&(collection, field)) {
            said["ttl"] = true.into();
        }
        said
    })
}

#[cfg(test)]
mod tests;
