//! The jobs of the former system, as they lie in Firestore: each a document with fields of Firestore's own types. They are
//! read, and nothing is written.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use data_encoding::BASE64;
use googleapis_tonic_google_firestore_v1::google::firestore::v1 as api;
use hub::former::{Document, FIELDS};
use serde_json::{Map, Value, json};

use api::structured_query::{CollectionSelector, Direction, FieldReference, Order, Projection};
use api::value::ValueType;

use super::client::Client;
use super::fault::{Fault, Place};
use super::layout;
use crate::documents::Clock;

/// The collection.
const COLLECTION: &str = "jobs";
/// What orders it.
const NAME: &str = "__name__";
/// Documents that are looked at in one request: some hold the ligands of a whole batch.
const PAGE: i32 = 100;
/// How long one request may take. Nobody sits before a browser and waits.
const PATIENCE: Duration = Duration::from_secs(60);

/// The jobs of one database.
pub struct FormerJobs {
    client: Client,
    /// The database, `projects/P/databases/D`.
    pub database: String,
}

impl FormerJobs {
    /// Finds out whether the database answers.
    pub async fn open(place: Place) -> Result<Self, Fault> {
        let database = place.database.clone();
        let client = Client::within(PATIENCE, place, Clock::told())?;
        client.ask_time().await?;
        Ok(Self { client, database })
    }

    /// Documents in the order of their ids, after the one named: what tells where they belong. The last page is empty.
    pub async fn page(&self, after: Option<&str>) -> Result<Vec<Document>, Fault> {
        let named = |field: &str| FieldReference {
            field_path: field.to_owned(),
        };
        let after = after.map(|id| api::Cursor {
            values: vec![layout::value(ValueType::ReferenceValue(self.name(id)))],
            before: false,
        });
        let query = api::StructuredQuery {
            select: Some(Projection {
                fields: FIELDS.map(named).to_vec(),
            }),
            from: vec![CollectionSelector {
                collection_id: COLLECTION.to_owned(),
                all_descendants: false,
            }],
            order_by: vec![Order {
                field: Some(named(NAME)),
                direction: Direction::Ascending.into(),
            }],
            start_at: after,
            limit: Some(PAGE),
            ..api::StructuredQuery::default()
        };
        let found = self.client.query(query).await?;
        Ok(found.into_iter().map(document).collect())
    }

    /// These documents in full, in this order, less those that are gone.
    pub async fn get(&self, ids: &[String]) -> Result<Vec<Document>, Fault> {
        let names: Vec<_> = ids.iter().map(|id| self.name(id)).collect();
        let found = self
            .client
            .get(&names, None)
            .await?
            .into_iter()
            .map(document);
        let mut found: HashMap<_, _> = found
            .map(|document| (document.id.clone(), document))
            .collect();
        Ok(ids.iter().filter_map(|id| found.remove(id)).collect())
    }

    fn name(&self, id: &str) -> String {
        format!("{}/{COLLECTION}/{id}", self.client.documents())
    }
}

fn document(stored: api::Document) -> Document {
    let id = stored.name.rsplit('/').next().unwrap_or_default();
    Document {
        id: id.to_owned(),
        stored_at: stored
            .create_time
            .as_ref()
            .map(layout::time)
            .unwrap_or_default(),
        fields: object(stored.fields),
    }
}

/// Fields in the order of their names, so that the same document is always the same text.
fn object(fields: HashMap<String, api::Value>) -> Map<String, Value> {
    let ordered: BTreeMap<_, _> = fields.into_iter().collect();
    ordered
        .into_iter()
        .map(|(name, value)| (name, json_of(value)))
        .collect()
}

fn json_of(value: api::Value) -> Value {
    match value.value_type {
        None | Some(ValueType::NullValue(_)) => Value::Null,
        Some(ValueType::BooleanValue(flag)) => flag.into(),
        Some(ValueType::IntegerValue(number)) => number.into(),
        Some(ValueType::DoubleValue(number)) if number.is_nan() => "NaN".into(),
        Some(ValueType::DoubleValue(f64::INFINITY)) => "Infinity".into(),
        Some(ValueType::DoubleValue(f64::NEG_INFINITY)) => "-Infinity".into(),
        Some(ValueType::DoubleValue(number)) => number.into(),
        Some(ValueType::TimestampValue(time)) => layout::time(&time).to_string().into(),
        Some(ValueType::StringValue(text)) => text.into(),
        Some(ValueType::BytesValue(bytes)) => BASE64.encode(&bytes).into(),
        Some(ValueType::ReferenceValue(name)) => name.into(),
        Some(ValueType::GeoPointValue(point)) => {
            json!({"latitude": point.latitude, "longitude": point.longitude})
        }
        Some(ValueType::ArrayValue(list)) => list.values.into_iter().map(json_of).collect(),
        Some(ValueType::MapValue(map)) => object(map.fields).into(),
        // A part of a query, which no document holds.
        Some(_) => Value::Null,
    }
}
