//! How a document lies in Firestore, and how it is read again.
//!
//! | field | type | indexed | holds |
//! |---|---|---|---|
//! | each that a query names | text, whole number, flag, time, list of texts | as its queries need | a copy, for queries only |
//! | `fields` | map | no | the document: each field as the text of its JSON, so that some can be read alone; a whole number as one, so that an addition is a transform |
//! | `mark` | whole number | no | which commit wrote this: every write changes the document, and a commit can be found |
//!
//! What is only carried lies in one map: an entry in an index for each of a hundred values would be paid for with every
//! write and never be asked for. What a query names is kept in Firestore's own types, so that times are of eight bytes
//! and can be a TTL policy's; null and missing are both left out, which is how they are not found.

use std::collections::HashMap;
use std::fmt::Write as _;

use googleapis_tonic_google_firestore_v1::google::firestore::v1 as api;
use hub::ports::documents::{Collection, Cursor, Document, DocumentsError, Key, Query, Version};
use hub::ports::shapes::{self, EXPIRING};
use hub::time::Timestamp;
use prost_types::Timestamp as ApiTimestamp;
use serde_json::Value;
use serde_json::value::RawValue;

use api::value::ValueType;

/// The field that carries the document.
const FIELDS: &str = "fields";
/// The field that says which commit wrote the document.
pub const MARK: &str = "mark";
/// What lies in every document.
pub const EVERYWHERE: [&str; 2] = [FIELDS, MARK];

/// Where a field of the document lies.
pub fn carried(field: &str) -> String {
    format!("{FIELDS}.{field}")
}

/// The fields of a collection's documents that are copied for queries and policies.
pub fn copied(collection: Collection) -> impl Iterator<Item = &'static str> {
    let mut fields = shapes::fields(collection);
    let expiring = EXPIRING.iter().filter(|(of, _)| *of == collection);
    fields.extend(expiring.map(|(_, field)| *field));
    fields.into_iter()
}

/// What the commit `mark` writes of a document. The JSON is an object with names that need no quotes: who writes has
/// looked.
pub fn fields(
    collection: Collection,
    json: &str,
    mark: i64,
) -> Result<HashMap<String, api::Value>, DocumentsError> {
    let unreadable = |error: serde_json::Error| DocumentsError::Refused(error.into());
    let document: HashMap<String, &RawValue> = serde_json::from_str(json).map_err(unreadable)?;
    let mut fields = HashMap::new();
    for field in copied(collection) {
        let value = document
            .get(field)
            .map(|raw| serde_json::from_str(raw.get()));
        let value = value.transpose().map_err(unreadable)?;
        if let Some(value) = value.as_ref().and_then(copy) {
            fields.insert(field.to_owned(), value);
        }
    }
    let carried = document.into_iter().map(|(field, raw)| {
        let number = raw.get().parse();
        (field, number.map_or_else(|_| text(raw.get()), whole))
    });
    let carried = ValueType::MapValue(api::MapValue {
        fields: carried.collect(),
    });
    fields.insert(FIELDS.to_owned(), value(carried));
    fields.insert(MARK.to_owned(), whole(mark));
    Ok(fields)
}

/// A document that a query found, as the hub reads it.
pub fn found(query: &Query, stored: api::Document) -> Result<Document, DocumentsError> {
    let id = stored.name.rsplit('/').next().unwrap_or_default();
    let key = Key::new(query.collection, id);
    read(key, stored, query.only.is_some())
}

/// Its place in the order of the query.
pub fn place(query: &Query, stored: api::Document) -> Result<Cursor, DocumentsError> {
    let Document { key, json, .. } = found(query, stored)?;
    let carried: HashMap<String, Value> =
        serde_json::from_str(&json).map_err(|error| DocumentsError::Refused(error.into()))?;
    let value = carried.get(query.order.0).ok_or_else(|| odd(&key))?.clone();
    Ok(Cursor { value, id: key.id })
}

/// The document as the hub reads it.
pub fn document(key: Key, stored: api::Document) -> Result<Document, DocumentsError> {
    read(key, stored, false)
}

/// The document, or the part of it that was asked for.
fn read(key: Key, stored: api::Document, is_part: bool) -> Result<Document, DocumentsError> {
    let version = version(&stored).ok_or_else(|| odd(&key))?;
    let carried = match stored.fields.get(FIELDS).map(|map| &map.value_type) {
        Some(Some(ValueType::MapValue(map))) => &map.fields,
        // None of the fields that were asked for is there.
        None if is_part => &HashMap::new(),
        _ => return Err(odd(&key)),
    };
    let mut json = String::from("{");
    for (field, value) in carried {
        let comma = if json.len() > 1 { "," } else { "" };
        // To write into a text cannot fail.
        let _ = match &value.value_type {
            Some(ValueType::StringValue(text)) => write!(json, "{comma}\"{field}\":{text}"),
            Some(ValueType::IntegerValue(number)) => write!(json, "{comma}\"{field}\":{number}"),
            _ => return Err(odd(&key)),
        };
    }
    json.push('}');
    Ok(Document { key, version, json })
}

/// The version of a document: the time of its last write, which is never the same twice.
pub fn version(stored: &api::Document) -> Option<Version> {
    let updated = stored.update_time.as_ref()?;
    Some(Version(time(updated).as_micros()))
}

/// Which commit wrote a document.
pub fn mark(stored: &api::Document) -> Option<i64> {
    match stored.fields.get(MARK)?.value_type {
        Some(ValueType::IntegerValue(mark)) => Some(mark),
        _ => None,
    }
}

fn odd(key: &Key) -> DocumentsError {
    DocumentsError::Refused(format!("{key} does not lie in Firestore as the hub writes it").into())
}

/// A value that a query names, in Firestore's own type; `None` for what no query finds. A text that is just how a time is
/// written is that time.
pub fn copy(json: &Value) -> Option<api::Value> {
    Some(match json {
        Value::String(written) => match written.parse::<Timestamp>() {
            Ok(time) if time.to_string() == *written => {
                value(ValueType::TimestampValue(api_time(time)))
            }
            _ => text(written),
        },
        Value::Bool(flag) => value(ValueType::BooleanValue(*flag)),
        Value::Number(number) => whole(number.as_i64()?),
        Value::Array(list) => {
            let values = list.iter().filter_map(|term| term.as_str().map(text));
            value(ValueType::ArrayValue(api::ArrayValue {
                values: values.collect(),
            }))
        }
        Value::Null | Value::Object(_) => return None,
    })
}

/// A value of one of Firestore's types.
pub fn value(of: ValueType) -> api::Value {
    api::Value {
        value_type: Some(of),
    }
}

/// A text.
pub fn text(text: &str) -> api::Value {
    value(ValueType::StringValue(text.to_owned()))
}

/// A whole number.
pub fn whole(number: i64) -> api::Value {
    value(ValueType::IntegerValue(number))
}

/// The time as Firestore writes it.
pub fn api_time(time: Timestamp) -> ApiTimestamp {
    ApiTimestamp {
        seconds: time.as_seconds(),
        nanos: time.as_micros().rem_euclid(1_000_000) as i32 * 1_000,
    }
}

/// The time that Firestore wrote, to the microsecond.
pub fn time(written: &ApiTimestamp) -> Timestamp {
    let micros = written.seconds.saturating_mul(1_000_000);
    Timestamp::from_micros(micros.saturating_add(i64::from(written.nanos / 1_000)))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read_again(fields: HashMap<String, api::Value>) -> Value {
        let stored = api::Document {
            fields,
            update_time: Some(api_time(Timestamp::from_micros(7))),
            ..api::Document::default()
        };
        let read = document(Key::new(Collection::Jobs, "one"), stored).unwrap();
        assert_eq!(read.version, Version(7));
        serde_json::from_str(&read.json).unwrap()
    }

    #[test]
    fn a_document_is_read_as_it_was_written() {
        let time = "2026-05-04T10:20:30.123456Z";
        for document in [
            json!({}),
            json!({"schema": 1}),
            json!({"name": "x"}),
            json!({"schema": 1, "epoch": i64::MIN, "large": u64::MAX, "part": 1.0, "created_at": time, "shelf": "a \"b\"",
                "terms": ["a", 1], "status": null, "inner": {"n": 1}}),
        ] {
            let fields = fields(Collection::Jobs, &document.to_string(), 9).unwrap();
            assert_eq!(fields[MARK], whole(9));
            assert_eq!(read_again(fields), document);
        }
    }

    #[test]
    fn only_what_queries_name_is_copied_and_times_are_times() {
        let time = "2026-05-04T10:20:30.123456Z";
        let document = json!({"created_at": time, "shelf": "a", "name": "x", "status": null, "due_at": "2026-05-04",
            "dispatchable": true, "terms": ["a", 1, "b"]});
        let fields = fields(Collection::Jobs, &document.to_string(), 9).unwrap();
        let micros = Timestamp::from_micros(time.parse::<Timestamp>().unwrap().as_micros());
        let copied = |field: &str| fields.get(field).cloned();
        assert_eq!(
            copied("created_at"),
            Some(value(ValueType::TimestampValue(api_time(micros))))
        );
        assert_eq!(copied("due_at"), Some(text("2026-05-04")));
        assert_eq!(copied("status"), None);
        assert_eq!(copied("name"), None);
        assert_eq!(
            copied("dispatchable"),
            Some(value(ValueType::BooleanValue(true)))
        );
        let terms = vec![text("a"), text("b")];
        assert_eq!(
            copied("terms"),
            Some(value(ValueType::ArrayValue(api::ArrayValue {
                values: terms
            })))
        );
    }

    #[test]
    fn times_are_kept_to_the_microsecond() {
        for micros in [0, -1, 1_767_225_600_123_456] {
            let at = Timestamp::from_micros(micros);
            assert_eq!(time(&api_time(at)), at);
        }
        let finer = ApiTimestamp {
            seconds: 1,
            nanos: 999_999_999,
        };
        assert_eq!(time(&finer), Timestamp::from_micros(1_999_999));
    }

    #[test]
    fn no_query_names_a_field_of_the_layout() {
        for field in Collection::ALL.into_iter().flat_map(copied) {
            assert!(!EVERYWHERE.contains(&field));
        }
    }
}
