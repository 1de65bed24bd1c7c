//! Tables of fields: CSV (RFC 4180, and what spreadsheets make of it), TSV, and CSV with semicolons.

use serde_json::{Map, Value};

use super::record::{Record, Records};
use super::{Builder, LigandTable, TableFault, TableFormat, TableRow, column, text};
use crate::ligand::MAX_COLUMNS;

/// Records, the first among them, by which the columns are found.
const LOOKED_AT: usize = 101;

/// Reads a table. `smiles_column` is the name that a person chose.
pub(super) fn read(
    content: &str,
    format: TableFormat,
    smiles_column: Option<&str>,
) -> Result<LigandTable, TableFault> {
    let mut records = Records::new(content, format);
    let head: Vec<Record> = records.by_ref().take(LOOKED_AT).collect();
    check_quotes(&records)?;
    let cells: Vec<&[String]> = head.iter().map(|record| record.cells.as_slice()).collect();
    let layout = Layout::find(&cells, smiles_column)?;
    let mut builder = Builder::new(format);
    for record in head
        .into_iter()
        .chain(records.by_ref())
        .skip(usize::from(layout.has_heading))
    {
        let (row, problem) = layout.row(record);
        builder.push(row, problem);
    }
    check_quotes(&records)?;
    builder.table.smiles_column = Some(layout.columns[layout.smiles].clone());
    builder.table.name_column = layout.name.map(|index| layout.columns[index].clone());
    builder.table.columns = layout.columns;
    builder.finish()
}

/// The cells of the first record, as far as they stand at the beginning of the text: enough to tell the format by.
pub(super) fn first_record(content: &str, format: TableFormat) -> Vec<String> {
    const SEEN: usize = 64 * 1_024;
    let end = (0..=SEEN.min(content.len()))
        .rev()
        .find(|end| content.is_char_boundary(*end));
    let beginning = &content[..end.unwrap_or(0)];
    Records::new(beginning, format)
        .next()
        .map(|record| record.cells)
        .unwrap_or_default()
}

fn check_quotes(records: &Records<'_>) -> Result<(), TableFault> {
    let Some(line) = records.open_quote() else {
        return Ok(());
    };
    let message = format!(
        "a quotation mark opens in the row of line {line} and is never closed: close or remove it"
    );
    Err(TableFault::new("open_quote", message))
}

/// Which column is what.
struct Layout {
    columns: Vec<String>,
    /// Under which key each column is kept beside a ligand's own `name` and `smiles`.
    keys: Vec<String>,
    /// Whether the first record holds the columns' names.
    has_heading: bool,
    smiles: usize,
    name: Option<usize>,
}

impl Layout {
    fn find(head: &[&[String]], smiles_column: Option<&str>) -> Result<Self, TableFault> {
        let (first, below) = head
            .split_first()
            .map_or((&[][..], &[][..]), |(first, below)| (*first, below));
        if first.len() > MAX_COLUMNS {
            let message = format!(
                "the table has {} columns; at most {MAX_COLUMNS} are taken",
                first.len()
            );
            return Err(TableFault::new("too_many_columns", message));
        }
        let headings = column::named(first);
        let has_heading = is_heading(first, &headings, below, smiles_column);
        let (columns, rows) = if has_heading {
            (headings, below)
        } else {
            ((1..=first.len()).map(column::numbered).collect(), head)
        };
        let smiles = find_smiles(&columns, rows, smiles_column)?;
        let name = if has_heading {
            column::name_by_heading(&columns, smiles)
        } else {
            // A list without heading: the name is whatever stands beside the SMILES.
            (0..columns.len()).find(|index| *index != smiles)
        };
        let key = |(column, number): (&String, usize)| match column.as_str() {
            "name" | "smiles" => format!("{column} ({})", column::numbered(number)),
            _ => column.clone(),
        };
        let keys = columns.iter().zip(1..).map(key).collect();
        Ok(Self {
            columns,
            keys,
            has_heading,
            smiles,
            name,
        })
    }

    fn row(&self, record: Record) -> (TableRow, Option<String>) {
        let (has, needs) = (record.cells.len(), self.keys.len());
        let beyond = record
            .cells
            .iter()
            .skip(needs)
            .any(|cell| !cell.trim().is_empty());
        // Its cells may stand in the wrong columns: better refused than docked under another's name.
        let problem = beyond.then(|| {
            format!("this row has {has} fields, the table {needs}: put a text with a delimiter in it in quotation marks")
        });
        let cell = |index: usize| record.cells.get(index).map_or("", |cell| cell.trim());
        let extra: Map<String, Value> = (0..needs)
            .filter(|index| *index != self.smiles && Some(*index) != self.name)
            .map(|index| {
                (
                    self.keys[index].clone(),
                    record.cells.get(index).map_or("", String::as_str).into(),
                )
            })
            .collect();
        let (name, smiles) = (
            self.name.map_or("", cell).to_owned(),
            cell(self.smiles).to_owned(),
        );
        (
            TableRow {
                line: record.line,
                name,
                smiles,
                mol_block: None,
                extra,
            },
            problem,
        )
    }
}

/// Whether the first record holds the columns' names: it does not when SMILES stand in it.
fn is_heading(
    first: &[String],
    headings: &[String],
    below: &[&[String]],
    smiles_column: Option<&str>,
) -> bool {
    let is_chosen = smiles_column.is_some_and(|name| column::chosen(headings, name).is_some());
    if is_chosen || column::smiles_by_heading(headings).is_some() {
        return true;
    }
    match column::smiles_by_content(headings, below).and_then(|index| first.get(index)) {
        Some(cell) => !column::is_meant_as_smiles(cell.trim()),
        None => !first
            .iter()
            .any(|cell| column::looks_like_smiles(cell.trim())),
    }
}

fn find_smiles(
    columns: &[String],
    rows: &[&[String]],
    chosen: Option<&str>,
) -> Result<usize, TableFault> {
    let fault = |message: String| TableFault {
        columns: columns.to_vec(),
        ..TableFault::new("no_smiles_column", message)
    };
    let list = || text::shown(&columns.join(", "), 400);
    if let Some(name) = chosen {
        return column::chosen(columns, name).ok_or_else(|| {
            fault(format!(
                "there is no column \"{}\"; the columns are: {}",
                text::shown(name, 60),
                list()
            ))
        });
    }
    column::smiles_by_heading(columns).or_else(|| column::smiles_by_content(columns, rows)).ok_or_else(|| {
        fault(format!(
            "no column holds SMILES; the columns are: {}. Choose the one with the SMILES, or name its heading \"smiles\"",
            list()
        ))
    })
}
