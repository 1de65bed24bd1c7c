//! What no store of documents takes, refused before it is sent anywhere: what one store accepts the other does too.

use std::collections::{HashMap, HashSet};

use hub::ports::documents::{COMBINATIONS, DocumentsError, Key, Query, Write};
use hub::ports::shapes::{self, Shape};
use serde::de::IgnoredAny;
use serde_json::Value;

/// Most writes of a commit.
const MAX_WRITES: usize = 500;
/// Most bytes of the documents of a commit: Firestore takes 10 MiB, with names and what is kept beside.
const MAX_COMMIT_BYTES: usize = 9 * 1024 * 1024;
/// Most bytes of a document: Firestore takes 1 MiB, with its name and what is kept beside.
const MAX_DOCUMENT_BYTES: usize = 1000 * 1024;
/// Most bytes of an id.
const MAX_ID_BYTES: usize = 200;

/// A question or a commit that no store of documents takes.
pub fn refused(why: impl Into<String>) -> DocumentsError {
    DocumentsError::Refused(why.into().into())
}

/// Refuses a commit that is too large, or that writes what is no document.
pub fn writes(writes: &[Write]) -> Result<(), DocumentsError> {
    if writes.len() > MAX_WRITES {
        return Err(refused(format!(
            "a commit of {} writes, at most {MAX_WRITES}",
            writes.len()
        )));
    }
    let mut keys = HashSet::new();
    let mut bytes = 0;
    for write in writes {
        let key = write.key();
        check_id(key)?;
        if !keys.insert(key) {
            return Err(refused(format!("{key} is written twice in one commit")));
        }
        if let Write::Put { json, .. } = write {
            check_json(key, json)?;
            bytes += json.len();
        }
    }
    if bytes > MAX_COMMIT_BYTES {
        return Err(refused(format!(
            "a commit of {bytes} bytes, at most {MAX_COMMIT_BYTES}"
        )));
    }
    Ok(())
}

/// Whether a document may have this id.
pub fn is_id(id: &str) -> bool {
    let reserved = id == "." || id == ".." || (id.starts_with("__") && id.ends_with("__"));
    !(id.is_empty() || id.len() > MAX_ID_BYTES || id.contains(['/', '\0']) || reserved)
}

fn check_id(key: &Key) -> Result<(), DocumentsError> {
    if is_id(&key.id) {
        Ok(())
    } else {
        Err(refused(format!("{:?} is no id of a document", key.id)))
    }
}

fn check_json(key: &Key, json: &str) -> Result<(), DocumentsError> {
    if json.len() > MAX_DOCUMENT_BYTES {
        return Err(refused(format!(
            "{key} has {} bytes, at most {MAX_DOCUMENT_BYTES}",
            json.len()
        )));
    }
    let fields: HashMap<String, IgnoredAny> =
        serde_json::from_str(json).map_err(|_| refused(format!("{key} is no JSON object")))?;
    match fields.keys().find(|name| !is_field(name)) {
        Some(name) => Err(refused(format!("{key} has a field of the name {name:?}"))),
        None => Ok(()),
    }
}

/// Whether a field may have this name: one that needs no quotes anywhere.
fn is_field(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    name.bytes().all(is_plain) && name.starts_with(|first: char| first.is_ascii_lowercase())
}

/// A query that has an index: its shape, and the values that each narrowing field may have.
pub struct Question<'a> {
    /// The row of the table that it fits.
    pub shape: &'static Shape,
    /// Fields in the order of the shape, each with its values, none of them twice.
    pub narrowed: Vec<(&'static str, Vec<&'a Value>)>,
}

impl<'a> Question<'a> {
    /// Refuses a query without a shape, or with values that no index has.
    pub fn of(query: &'a Query) -> Result<Self, DocumentsError> {
        let shape =
            shapes::of(query).ok_or_else(|| refused(format!("no index answers {query:?}")))?;
        let single = query
            .equal
            .iter()
            .map(|(field, value)| (*field, std::slice::from_ref(value)));
        let several = query
            .any_of
            .iter()
            .map(|(field, values)| (*field, values.as_slice()));
        let mut narrowed: Vec<(&'static str, Vec<&Value>)> = Vec::new();
        let mut combinations = 1usize;
        for (field, values) in single.chain(several) {
            combinations = combinations.saturating_mul(values.len());
            if !(1..=COMBINATIONS).contains(&combinations) {
                return Err(refused(format!(
                    "{field} makes {combinations} combinations of values, and 1 to {COMBINATIONS} may be asked for"
                )));
            }
            if narrowed.iter().any(|(other, _)| *other == field) {
                return Err(refused(format!("{field} is asked for twice")));
            }
            let mut distinct = Vec::new();
            for value in values {
                check_value(value)?;
                if !distinct.contains(&value) {
                    distinct.push(value);
                }
            }
            narrowed.push((field, distinct));
        }
        let bounds = query.range.from.iter().chain(&query.range.until);
        let cursor = query.after.iter().map(|cursor| &cursor.value);
        bounds.chain(cursor).try_for_each(check_value)?;
        let place = |field: &str| {
            let mut fields = shape.equal.iter().chain(shape.optional);
            fields.position(|other| *other == field)
        };
        narrowed.sort_by_key(|(field, _)| place(field));
        Ok(Self { shape, narrowed })
    }
}

fn check_value(value: &Value) -> Result<(), DocumentsError> {
    if value.is_string() || value.is_boolean() || value.is_i64() {
        Ok(())
    } else {
        Err(refused(format!(
            "{value} is no text, whole number or boolean"
        )))
    }
}
