//! A table of results as CSV.

use std::borrow::Cow;
use std::collections::HashMap;

use bytes::Bytes;
use futures::{StreamExt, stream};
use serde_json::{Map, Value};

use super::PIECE;
use crate::batch::BatchRow;
use crate::job::Job;
use crate::ligand_table::csv::csv_cell;
use crate::metric::{self, MetricKind, UNVERIFIED};
use crate::ports::blobs::Content;

/// A table that is to be written: one line for each row, after the names of its columns.
pub(super) struct Table {
    /// The metrics of its task, a column each.
    metrics: &'static [MetricKind],
    /// The columns that came with the ligands, in their order.
    columns: Vec<String>,
    /// What came in those columns, by the index of the ligand.
    extra: HashMap<u32, Map<String, Value>>,
    /// Whether any value is unverified: other tables have no column that says which.
    doubted: bool,
}

impl Table {
    /// The lines of rows with their ranks, as a stream.
    pub fn write(
        job: &Job,
        rows: Vec<(u32, BatchRow)>,
        columns: Vec<String>,
        extra: HashMap<u32, Map<String, Value>>,
    ) -> Content {
        let table = Self {
            metrics: metric::of_task(job.task),
            columns,
            extra,
            doubted: rows.iter().any(|(_, row)| !row.unverified.is_empty()),
        };
        let header = table.header();
        let pieces: Vec<Vec<(u32, BatchRow)>> = rows.chunks(PIECE).map(<[_]>::to_vec).collect();
        let lines = stream::iter(pieces).map(move |piece| {
            let lines = piece.iter().map(|(rank, row)| table.row(*rank, row));
            Ok(Bytes::from(lines.collect::<String>()))
        });
        stream::once(async move { Ok(Bytes::from(header)) })
            .chain(lines)
            .boxed()
    }

    fn header(&self) -> String {
        let plain = ["rank", "index", "name", "smiles", "status"].map(str::to_owned);
        let values = self.metrics.iter().map(MetricKind::column);
        let further = ["run_s", "note", "job_id"].into_iter();
        let further = further.chain(self.doubted.then_some(UNVERIFIED));
        let kept = self.columns.iter().cloned();
        let cells = plain.into_iter().chain(values);
        line(cells.chain(further.map(str::to_owned)).chain(kept))
    }

    fn row(&self, rank: u32, row: &BatchRow) -> String {
        let number = |value: Option<f64>| value.map(|value| value.to_string()).unwrap_or_default();
        let rank = Some(rank).filter(|_| !row.values.is_empty());
        let plain = [
            rank.map(|rank| rank.to_string()).unwrap_or_default(),
            row.index.to_string(),
            row.name.clone(),
            row.smiles.clone(),
            row.status.to_string(),
        ];
        let values = self.metrics.iter();
        let values = values.map(|kind| number(row.values.get(kind.key).copied()));
        let further = [
            number(row.run_s),
            row.note.clone().unwrap_or_default(),
            row.id.to_string(),
        ];
        let doubted = self.doubted.then(|| unverified(row));
        let extra = self.extra.get(&row.index);
        let kept = self.columns.iter();
        let kept = kept.map(|column| text_of(extra.and_then(|extra| extra.get(column))));
        let cells = plain.into_iter().chain(values).chain(further);
        line(cells.chain(doubted).chain(kept))
    }
}

/// The names of a row's values that nobody has checked.
pub(super) fn unverified(row: &BatchRow) -> String {
    Vec::from_iter(row.unverified.iter().cloned()).join("; ")
}

fn text_of(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

fn line(cells: impl Iterator<Item = String>) -> String {
    let cells: Vec<String> = cells.map(|cell| Cow::into_owned(csv_cell(&cell))).collect();
    format!("{}\r\n", cells.join(","))
}
