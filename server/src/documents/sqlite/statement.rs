//! The SQL of a query. Each statement is one walk over an index for each value asked for and each side of the cursor,
//! merged in order, so that what is read grows with the answer and with nothing else.

use hub::ports::documents::{Cursor, Direction, DocumentsError, Query};
use hub::ports::shapes::Shape;
use rusqlite::types::Value;

use super::schema::{column, index_name, terms_table};
use crate::documents::check::Question;

/// A statement and its parameters.
#[derive(Debug)]
pub struct Statement {
    /// The text: the same for every query of the same form, so that it stays prepared.
    pub sql: String,
    /// The values of `?1`, `?2`, ...
    pub parameters: Vec<Value>,
}

impl Statement {
    /// What reads the documents of a query as rows of order value, id, version and JSON; `None` when there can be none.
    pub fn select(query: &Query) -> Result<Option<Self>, DocumentsError> {
        let builder = Builder::new(query)?;
        let document = builder.document();
        let columns = format!(", {document}.version, {document}.json");
        let from = builder.from(true);
        Ok(builder.ordered(&columns, &from, |limit| limit))
    }

    /// What reads order value and id of the last document that a query finds when it finds as many as its limit, from
    /// the index alone; `None` when there can be none.
    pub fn last(query: &Query) -> Result<Option<Self>, DocumentsError> {
        let builder = Builder::new(query)?;
        let from = builder.from(false);
        Ok(builder.ordered("", &from, |limit| format!("1 OFFSET {limit} - 1")))
    }

    /// What counts the documents of a query up to its limit, whatever its cursor; `None` when there can be none.
    pub fn count(query: &Query) -> Result<Option<Self>, DocumentsError> {
        let mut builder = Builder::new(query)?;
        let from = builder.from(false);
        let spans = builder.spans(None);
        let walks = builder.walks("1", &from, &spans);
        Ok(builder.limited(&walks, |walks, limit| {
            format!("SELECT count(*) FROM ({walks} LIMIT {limit})")
        }))
    }
}

/// A part of an order without a hole.
#[derive(Default)]
struct Span {
    /// Comparisons that the order's field holds.
    order: Vec<(&'static str, Value)>,
    /// A comparison that the id holds.
    id: Option<(&'static str, Value)>,
}

struct Builder<'a> {
    query: &'a Query,
    shape: &'static Shape,
    /// The values that each narrowing field may have, fields in the order of the index.
    narrowed: Vec<(&'static str, Vec<Value>)>,
    parameters: Vec<Value>,
}

impl<'a> Builder<'a> {
    fn new(query: &'a Query) -> Result<Self, DocumentsError> {
        let Question { shape, narrowed } = Question::of(query)?;
        let narrowed = narrowed.into_iter().map(|(field, values)| {
            let values = values.into_iter().map(sql_value).collect();
            (field, values)
        });
        Ok(Self {
            query,
            shape,
            narrowed: narrowed.collect(),
            parameters: Vec::new(),
        })
    }

    /// The alias of the table that holds the documents; `k` is what the keys are walked in.
    fn document(&self) -> &'static str {
        if self.shape.contains.is_some() {
            "d"
        } else {
            "k"
        }
    }

    fn from(&self, with_documents: bool) -> String {
        let documents = self.query.collection.name();
        match self.shape.contains {
            Some(list) => {
                let terms = terms_table(self.shape, list);
                let join = format!(" CROSS JOIN {documents} AS d ON d.id = k.id");
                format!(
                    "\"{terms}\" AS k{}",
                    if with_documents { join.as_str() } else { "" }
                )
            }
            None => {
                let equal: Vec<_> = self.narrowed.iter().map(|(field, _)| *field).collect();
                let index = index_name(self.query.collection, &equal, self.query.order.0);
                format!("{documents} AS k INDEXED BY \"{index}\"")
            }
        }
    }

    /// What is left of the range after the cursor. Documents that tie with the cursor are a span of their own, so that a
    /// thousand of one value cost no more than one.
    fn spans(&self, cursor: Option<&Cursor>) -> Vec<Span> {
        let from = self.query.range.from.as_ref().map(sql_value);
        let until = self.query.range.until.as_ref().map(sql_value);
        let bounds = |lower: Option<(&'static str, Value)>,
                      upper: Option<(&'static str, Value)>| Span {
            order: lower.into_iter().chain(upper).collect(),
            id: None,
        };
        let lower = from.clone().map(|value| (">=", value));
        let upper = until.clone().map(|value| ("<", value));
        let Some(cursor) = cursor else {
            return vec![bounds(lower, upper)];
        };

        let at = sql_value(&cursor.value);
        let too_low = from.is_some_and(|from| less(&at, &from));
        let too_high = until.is_some_and(|until| !less(&at, &until));
        let (beyond, beside, rest) = match self.query.order.1 {
            Direction::Ascending => (
                too_high,
                too_low,
                bounds(Some((">", at.clone())), upper.clone()),
            ),
            Direction::Descending => (
                too_low,
                too_high,
                bounds(lower.clone(), Some(("<", at.clone()))),
            ),
        };
        if beyond {
            Vec::new()
        } else if beside {
            vec![bounds(lower, upper)]
        } else {
            let after = if self.query.order.1 == Direction::Ascending {
                ">"
            } else {
                "<"
            };
            let ties = Span {
                order: vec![("=", at)],
                id: Some((after, Value::Text(cursor.id.clone()))),
            };
            vec![ties, rest]
        }
    }

    /// Order value, id and `more` columns of what the query finds from its cursor on, in its order.
    fn ordered(
        mut self,
        more: &str,
        from: &str,
        limited_to: impl FnOnce(String) -> String,
    ) -> Option<Statement> {
        let columns = format!("k.{}, k.id{more}", column(self.query.order.0));
        let spans = self.spans(self.query.after.as_ref());
        let walks = self.walks(&columns, from, &spans);
        let by = match self.query.order.1 {
            Direction::Ascending => "ASC",
            Direction::Descending => "DESC",
        };
        self.limited(&walks, |walks, limit| {
            let limit = limited_to(limit);
            format!("{walks} ORDER BY 1 {by}, 2 {by} LIMIT {limit}")
        })
    }

    /// One `SELECT` for each combination of values and each span.
    fn walks(&mut self, columns: &str, from: &str, spans: &[Span]) -> Vec<String> {
        let mut narrowings = vec![String::new()];
        for (field, values) in std::mem::take(&mut self.narrowed) {
            let field = column(field);
            let conditions: Vec<_> = values
                .into_iter()
                .map(|value| format!("k.{field} = {} AND ", self.bind(value)))
                .collect();
            narrowings = narrowings
                .iter()
                .flat_map(|before| {
                    conditions
                        .iter()
                        .map(move |condition| format!("{before}{condition}"))
                })
                .collect();
        }
        let term = self
            .query
            .contains
            .as_ref()
            .map(|(_, term)| Value::Text(term.clone()));
        let term = term.map_or_else(String::new, |term| {
            format!("k.term = {} AND ", self.bind(term))
        });
        let spans: Vec<_> = spans.iter().map(|span| self.within(span)).collect();
        let mut walks = Vec::new();
        for narrowing in &narrowings {
            for span in &spans {
                walks.push(format!(
                    "SELECT {columns} FROM {from} WHERE {narrowing}{term}{span}"
                ));
            }
        }
        walks
    }

    fn within(&mut self, span: &Span) -> String {
        let order = column(self.query.order.0);
        // This is what the index itself says of its rows: without it, it may not be used.
        let mut sql = format!("k.{order} IS NOT NULL");
        for (comparison, value) in &span.order {
            sql += &format!(" AND k.{order} {comparison} {}", self.bind(value.clone()));
        }
        if let Some((comparison, id)) = &span.id {
            sql += &format!(" AND k.id {comparison} {}", self.bind(id.clone()));
        }
        sql
    }

    fn limited(
        mut self,
        walks: &[String],
        sql: impl FnOnce(String, String) -> String,
    ) -> Option<Statement> {
        if walks.is_empty() || self.query.limit == 0 {
            return None;
        }
        let limit = self.bind(Value::Integer(i64::from(self.query.limit)));
        Some(Statement {
            sql: sql(walks.join(" UNION ALL "), limit),
            parameters: self.parameters,
        })
    }

    fn bind(&mut self, value: Value) -> String {
        self.parameters.push(value);
        format!("?{}", self.parameters.len())
    }
}

/// A value as `json_extract` gives it; [`Question`] lets no others through.
fn sql_value(value: &serde_json::Value) -> Value {
    match value {
        serde_json::Value::String(text) => Value::Text(text.clone()),
        serde_json::Value::Bool(flag) => Value::Integer(i64::from(*flag)),
        other => other.as_i64().map_or(Value::Null, Value::Integer),
    }
}

/// Whether one value comes before another: numbers before texts, texts by their bytes, as the index has them.
fn less(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Integer(one), Value::Integer(other)) => one < other,
        (Value::Text(one), Value::Text(other)) => one < other,
        (one, _) => matches!(one, Value::Integer(_)),
    }
}

#[cfg(test)]
mod tests;
