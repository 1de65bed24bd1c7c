//! Files and pasted texts of ligands: SMILES lists, CSV and its kin, SDF. Reading finds the rows and names those that
//! cannot be used; what a ligand is worth chemically is not known here. The browser reads by the same code.

use serde_json::{Map, Value};

use crate::ligand::{self, MAX_FILE_BYTES, MAX_ROWS};
use crate::smiles;

mod column;
pub mod csv;
mod delimited;
mod list;
mod record;
mod sdf;
mod text;

/// Characters of a ligand's name at most.
const MAX_NAME: usize = 100;

/// How a table is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TableFormat {
    /// One SMILES a line, a name after white space.
    Smiles,
    /// Fields between commas.
    Csv,
    /// Fields between tabs.
    Tsv,
    /// Fields between semicolons, as spreadsheets write where a comma is a decimal point.
    Semicolon,
    /// Structure-data file, V2000.
    Sdf,
}

impl TableFormat {
    /// Its name on a page.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Smiles => "SMILES list",
            Self::Csv => "CSV",
            Self::Tsv => "TSV",
            Self::Semicolon => "CSV with semicolons",
            Self::Sdf => "SDF",
        }
    }
}

/// What was read of a file or text.
#[derive(Clone, Debug, PartialEq)]
pub struct LigandTable {
    /// How it is written.
    pub format: TableFormat,
    /// Names of all columns in their order, each once; of an SDF its data fields.
    pub columns: Vec<String>,
    /// The column that the SMILES come from; none where there are no columns.
    pub smiles_column: Option<String>,
    /// The column that the names come from; none when rows are named by their number.
    pub name_column: Option<String>,
    /// Rows that can be used, in order.
    pub rows: Vec<TableRow>,
    /// Rows that cannot.
    pub faults: Vec<RowFault>,
}

/// A ligand of a table.
#[derive(Clone, Debug, PartialEq)]
pub struct TableRow {
    /// The line of the file where it begins, from 1.
    pub line: u32,
    /// Its name, `row 12` when it has none.
    pub name: String,
    /// Its SMILES; empty for a record of an SDF.
    pub smiles: String,
    /// The record of an SDF, from its title to `M  END`, for a chemistry library to read.
    pub mol_block: Option<String>,
    /// Further columns in their order, as texts.
    pub extra: Map<String, Value>,
}

/// A row that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowFault {
    /// The line of the file where it begins, from 1.
    pub line: u32,
    /// Its name as far as it can be shown, `row 12` when it has none.
    pub name: String,
    /// Its SMILES as far as it can be shown; empty for a record of an SDF.
    pub smiles: String,
    /// Why, in words.
    pub message: String,
}

/// Why a file or text cannot be used at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct TableFault {
    /// A stable word: `empty`, `too_large`, `not_text`, `no_smiles_column`, `too_many_rows`,
    /// `too_many_columns`, `v3000`, `open_quote`.
    pub code: &'static str,
    /// What is wrong and what to do about it, in words.
    pub message: String,
    /// The columns to choose from, when it is the SMILES column that is missing.
    pub columns: Vec<String>,
}

impl TableFault {
    fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            columns: Vec::new(),
        }
    }
}

/// Reads a file or a pasted text. The format is told by the file's name, else by the content; `smiles_column` names the
/// column with the SMILES (whatever the case), which is otherwise found by its name or its content.
pub fn read(
    bytes: &[u8],
    file_name: Option<&str>,
    smiles_column: Option<&str>,
) -> Result<LigandTable, TableFault> {
    if bytes.len() > MAX_FILE_BYTES {
        let megabytes = bytes.len() as f64 / 1e6;
        let message = format!(
            "the file has {megabytes:.1} MB; at most 10 MB are taken: split it into several screens"
        );
        return Err(TableFault::new("too_large", message));
    }
    let text = text::decode(bytes)?;
    if text.trim().is_empty() {
        return Err(TableFault::new(
            "empty",
            "there are no ligands in it: it is empty",
        ));
    }
    let smiles_column = smiles_column.map(str::trim).filter(|name| !name.is_empty());
    match text::format_of(text, file_name, smiles_column.is_some()) {
        TableFormat::Sdf => sdf::read(text),
        TableFormat::Smiles => list::read(text),
        format => delimited::read(text, format, smiles_column),
    }
}

/// A table that is being read.
struct Builder {
    table: LigandTable,
    /// Rows so far. Beyond [`MAX_ROWS`] they are counted only: a file of 10 MB can have millions.
    count: usize,
}

impl Builder {
    fn new(format: TableFormat) -> Self {
        let (rows, faults) = (Vec::new(), Vec::new());
        let table = LigandTable {
            format,
            columns: Vec::new(),
            smiles_column: None,
            name_column: None,
            rows,
            faults,
        };
        Self { table, count: 0 }
    }

    /// Adds a row, to the faults when there is something wrong with it or `problem` says so already.
    fn push(&mut self, mut row: TableRow, problem: Option<String>) {
        self.count += 1;
        if self.count > MAX_ROWS {
            return;
        }
        if row.name.is_empty() {
            row.name = format!("row {}", self.count);
        }
        match problem.or_else(|| fault_of(&row)) {
            None => self.table.rows.push(row),
            Some(message) => self.table.faults.push(RowFault {
                line: row.line,
                name: text::shown(&row.name, MAX_NAME),
                smiles: text::shown(&row.smiles, ligand::MAX_SMILES),
                message,
            }),
        }
    }

    fn finish(self) -> Result<LigandTable, TableFault> {
        match self.count {
            0 => Err(TableFault::new(
                "empty",
                "there are no ligands in it, only headings or comments",
            )),
            1..=MAX_ROWS => Ok(self.table),
            rows => {
                let advice = "split the file into several screens";
                let message =
                    format!("there are {rows} rows; at most {MAX_ROWS} are taken: {advice}");
                Err(TableFault::new("too_many_rows", message))
            }
        }
    }
}

fn fault_of(row: &TableRow) -> Option<String> {
    if row.mol_block.is_none()
        && let Err(fault) = smiles::check(&row.smiles)
    {
        return Some(fault.message);
    }
    if let Err(message) = ligand::check_name(&row.name, MAX_NAME) {
        return Some(format!("the name {message}"));
    }
    // Every cell of a file is text: what other values need would be more for the browser to load.
    let bytes = |(name, cell): (&String, &Value)| name.len() + cell.as_str().map_or(0, str::len);
    ligand::check_extra(row.extra.iter().map(bytes).sum()).err()
}

#[cfg(test)]
mod tests;
