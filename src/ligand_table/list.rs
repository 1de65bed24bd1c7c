//! Lists of SMILES: one a line, a name after white space, further columns after tabs.

use serde_json::Map;

use super::{Builder, LigandTable, TableFault, TableFormat, TableRow, column, text};
use crate::ligand::MAX_COLUMNS;

/// Reads a list. Empty lines and lines that begin with `#` are passed over, a heading too.
pub(super) fn read(content: &str) -> Result<LigandTable, TableFault> {
    let mut builder = Builder::new(TableFormat::Smiles);
    let mut columns = 0;
    let lines = text::lines(content).map(|(number, line)| (number, line.trim()));
    let mut lines = lines
        .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
        .peekable();
    lines.next_if(|(_, line)| {
        line.split_whitespace()
            .next()
            .is_some_and(column::is_structure_heading)
    });
    for (line, content) in lines {
        let (smiles, rest) = content
            .split_once(char::is_whitespace)
            .unwrap_or((content, ""));
        let further = rest.matches('\t').count();
        let problem = (further > MAX_COLUMNS).then(|| {
            format!("there are {further} further columns; at most {MAX_COLUMNS} are taken")
        });
        let mut cells = rest.split('\t').map(str::trim).take(MAX_COLUMNS);
        let name = cells.next().unwrap_or_default().to_owned();
        let extra: Map<_, _> = cells
            .zip(3..)
            .inspect(|(_, number)| columns = columns.max(*number))
            .map(|(cell, number)| (column::numbered(number), cell.into()))
            .collect();
        builder.push(
            TableRow {
                line,
                name,
                smiles: smiles.to_owned(),
                mol_block: None,
                extra,
            },
            problem,
        );
    }
    builder.table.columns = (3..=columns).map(column::numbered).collect();
    builder.finish()
}
