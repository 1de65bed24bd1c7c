//! The file at the root against the table of shapes: what Firestore needs for an answer is said here once more, apart
//! from what makes the file, since the emulator answers without any index.

use super::*;

/// An index of the file.
#[derive(Debug)]
struct Index {
    collection: String,
    /// Fields before the order, a list as `list[]`.
    narrowing: Vec<String>,
    order: String,
    direction: String,
}

/// A query, as far as indexes are concerned.
#[derive(Debug)]
struct Asked {
    collection: &'static str,
    /// What each index that is merged must have, so that the merge walks no more than one owner's entries.
    always: &'static [&'static str],
    narrowed: Vec<String>,
    order: &'static str,
    direction: &'static str,
}

fn at_the_root() -> String {
    include_str!("../../../../../firestore.indexes.json").to_owned()
}

fn of(file: &Value, name: &str) -> Vec<Value> {
    file[name].as_array().unwrap().clone()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// The composite indexes, and those of fields alone.
fn read(file: &str) -> Vec<Index> {
    let file: Value = serde_json::from_str(file).unwrap();
    let composite = |index: Value| {
        let mut fields = of(&index, "fields");
        let order = fields.pop().unwrap();
        let field = |field: &Value| {
            let list = field["arrayConfig"] == "CONTAINS";
            text(&field["fieldPath"]) + if list { "[]" } else { "" }
        };
        Index {
            collection: text(&index["collectionGroup"]),
            narrowing: fields.iter().map(field).collect(),
            order: text(&order["fieldPath"]),
            direction: text(&order["order"]),
        }
    };
    let alone = |said: Value| {
        of(&said, "indexes")
            .into_iter()
            .map(move |index| Index {
                collection: text(&said["collectionGroup"]),
                narrowing: Vec::new(),
                order: text(&said["fieldPath"]),
                direction: text(&index["order"]),
            })
            .collect::<Vec<_>>()
    };
    let composites = of(&file, "indexes").into_iter().map(composite);
    composites
        .chain(of(&file, "fieldOverrides").into_iter().flat_map(alone))
        .collect()
}

/// Every query that a shape allows.
fn asked() -> Vec<Asked> {
    let mut asked = Vec::new();
    for shape in SHAPES {
        for equal in shape.combinations() {
            for direction in DIRECTIONS {
                let equal = equal.iter().map(|field| (*field).to_owned());
                let list = shape.contains.map(|list| format!("{list}[]"));
                asked.push(Asked {
                    collection: shape.collection.name(),
                    always: shape.equal,
                    narrowed: equal.chain(list).collect(),
                    order: shape.order,
                    direction,
                });
            }
        }
    }
    asked
}

/// Whether these indexes, merged where they must be, answer a query.
fn answers<'a>(indexes: impl Iterator<Item = &'a Index>, asked: &Asked) -> bool {
    let mut usable = indexes
        .filter(|index| {
            index.collection == asked.collection
                && index.order == asked.order
                && index.direction == asked.direction
                && index
                    .narrowing
                    .iter()
                    .all(|field| asked.narrowed.contains(field))
                && asked
                    .always
                    .iter()
                    .all(|field| index.narrowing.iter().any(|name| name == field))
        })
        .peekable();
    let is_there = usable.peek().is_some();
    let together: BTreeSet<_> = usable.flat_map(|index| &index.narrowing).collect();
    is_there && together.len() == asked.narrowed.len()
}

#[test]
fn the_file_is_what_the_shapes_make() {
    assert!(
        at_the_root() == file(),
        "firestore.indexes.json is not up to date; make it anew by cargo run -p omtx-hub-server -- indexes"
    );
}

#[test]
fn every_shape_has_its_index() {
    let indexes = read(&at_the_root());
    for asked in asked() {
        assert!(answers(indexes.iter(), &asked), "no index for {asked:?}");
    }
}

#[test]
fn every_index_has_its_shape() {
    let (indexes, asked) = (read(&at_the_root()), asked());
    for (place, index) in indexes.iter().enumerate() {
        let others = || indexes.iter().enumerate().filter(|(at, _)| *at != place);
        let missed = asked
            .iter()
            .any(|asked| !answers(others().map(|(_, index)| index), asked));
        assert!(missed, "nothing needs {index:?}");
    }
    // What a project may have at most without being asked.
    assert!(indexes.len() <= 200, "{} indexes", indexes.len());
}

#[test]
fn an_index_that_is_taken_away_is_missed() {
    let mut file: Value = serde_json::from_str(&at_the_root()).unwrap();
    let terms = |index: &Value| index.to_string().contains("CONTAINS");
    file["indexes"]
        .as_array_mut()
        .unwrap()
        .retain(|index| !terms(index));
    let indexes = read(&file.to_string());
    let missed: Vec<_> = asked()
        .into_iter()
        .filter(|asked| !answers(indexes.iter(), asked))
        .collect();
    assert_eq!(missed.len(), 2 * 8 * 2, "{missed:?}");
    assert!(
        missed
            .iter()
            .all(|asked| asked.narrowed.contains(&"terms[]".to_owned()))
    );
}

#[test]
fn all_that_is_carried_is_exempt_and_what_expires_has_a_policy() {
    let file: Value = serde_json::from_str(&at_the_root()).unwrap();
    let said = |collection: Collection, field: &str| {
        of(&file, "fieldOverrides")
            .into_iter()
            .find(|said| said["collectionGroup"] == collection.name() && said["fieldPath"] == field)
            .unwrap_or_else(|| panic!("nothing is said of {field} of {collection:?}"))
    };
    for collection in Collection::ALL {
        for field in EVERYWHERE {
            assert_eq!(said(collection, field)["indexes"], json!([]));
        }
        for field in copied(collection) {
            said(collection, field);
        }
    }
    assert_eq!(
        said(Collection::Children, "created_at")["indexes"],
        json!([])
    );
    assert_eq!(said(Collection::Jobs, "updated_at")["indexes"], json!([]));
    for (collection, field) in EXPIRING {
        assert_eq!(said(*collection, field)["ttl"], true);
    }
}

#[test]
fn firestore_forgets_what_nothing_else_goes_with() {
    // Named here once more: what is taken off the hub's list would leave the file with it. Drafts and unclaimed folders
    // must never be here, since the hub would lose the files that it removes with them.
    let file: Value = serde_json::from_str(&at_the_root()).unwrap();
    let forgotten: Vec<_> = of(&file, "fieldOverrides")
        .into_iter()
        .filter(|said| said["ttl"] == true)
        .map(|said| {
            format!(
                "{} {}",
                text(&said["collectionGroup"]),
                text(&said["fieldPath"])
            )
        })
        .collect();
    assert_eq!(
        forgotten,
        [
            "idempotency expires_at",
            "sessions expires_at",
            "shares expires_at"
        ]
    );
}
