//! A query as Firestore takes it: one structured query, which one index or a merge of several answers.

use googleapis_tonic_google_firestore_v1::google::firestore::v1 as api;
use hub::ports::documents::{Direction, DocumentsError, Query};
use serde_json::Value;

use api::structured_query::composite_filter::Operator as Joined;
use api::structured_query::field_filter::Operator;
use api::structured_query::filter::FilterType;
use api::structured_query::{
    CollectionSelector, CompositeFilter, FieldFilter, FieldReference, Filter, Order, Projection,
};
use api::value::ValueType;

use super::layout;
use crate::documents::check::{self, Question};

/// What orders documents of the same value.
const NAME: &str = "__name__";

/// The query, less its limit; `documents` is the path that all documents are below.
pub fn structured(query: &Query, documents: &str) -> Result<api::StructuredQuery, DocumentsError> {
    let direction = match query.order.1 {
        Direction::Ascending => api::structured_query::Direction::Ascending,
        Direction::Descending => api::structured_query::Direction::Descending,
    };
    let by = |field: &str| Order {
        field: Some(named(field)),
        direction: direction.into(),
    };
    let collection = query.collection.name();
    Ok(api::StructuredQuery {
        select: query.only.map(read),
        from: vec![CollectionSelector {
            collection_id: collection.to_owned(),
            all_descendants: false,
        }],
        r#where: all_of(filters(query)?),
        order_by: vec![by(query.order.0), by(NAME)],
        start_at: query.after.as_ref().map(|cursor| {
            let at = ValueType::ReferenceValue(format!("{documents}/{collection}/{}", cursor.id));
            // A token that somebody made up may name what can be no document.
            let id = check::is_id(&cursor.id).then(|| layout::value(at));
            api::Cursor {
                values: layout::copy(&cursor.value).into_iter().chain(id).collect(),
                before: false,
            }
        }),
        ..api::StructuredQuery::default()
    })
}

/// Of each document only these fields.
pub fn read(fields: &[&str]) -> Projection {
    // Without any it would be all of them.
    let fields = if fields.is_empty() {
        vec![named(NAME)]
    } else {
        let carried = fields.iter().map(|field| layout::carried(field));
        carried.map(|field| named(&field)).collect()
    };
    Projection { fields }
}

fn filters(query: &Query) -> Result<Vec<Filter>, DocumentsError> {
    let mut filters = Vec::new();
    for (field, values) in Question::of(query)?.narrowed {
        let mut values: Vec<_> = values.into_iter().filter_map(layout::copy).collect();
        filters.push(match values.len() {
            1 => filter(field, Operator::Equal, values.pop()),
            _ => {
                let list = ValueType::ArrayValue(api::ArrayValue { values });
                filter(field, Operator::In, Some(layout::value(list)))
            }
        });
    }
    if let Some((field, term)) = &query.contains {
        let term = Some(layout::text(term));
        filters.push(filter(field, Operator::ArrayContains, term));
    }
    let bound = |operator: Operator, value: &Option<Value>| {
        let value = value.as_ref().and_then(layout::copy)?;
        Some(filter(query.order.0, operator, Some(value)))
    };
    filters.extend(bound(Operator::GreaterThanOrEqual, &query.range.from));
    filters.extend(bound(Operator::LessThan, &query.range.until));
    Ok(filters)
}

fn filter(field: &str, operator: Operator, value: Option<api::Value>) -> Filter {
    Filter {
        filter_type: Some(FilterType::FieldFilter(FieldFilter {
            field: Some(named(field)),
            op: operator.into(),
            value,
        })),
    }
}

fn all_of(filters: Vec<Filter>) -> Option<Filter> {
    let all = CompositeFilter {
        op: Joined::And.into(),
        filters,
    };
    (!all.filters.is_empty()).then_some(Filter {
        filter_type: Some(FilterType::CompositeFilter(all)),
    })
}

fn named(field: &str) -> FieldReference {
    FieldReference {
        field_path: field.to_owned(),
    }
}
