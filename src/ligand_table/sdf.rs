//! Structure-data files: records between `$$$$`, each a title, a mol block (V2000) and data fields. The mol block is kept
//! as text; a chemistry library reads it.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::{Builder, LigandTable, TableFault, TableFormat, TableRow, column, text};

const V3000: &str = "this is a V3000 record; save it as V2000, or give it as SMILES";

/// Reads a file; the last record may lack its `$$$$`.
pub(super) fn read(content: &str) -> Result<LigandTable, TableFault> {
    let mut builder = Builder::new(TableFormat::Sdf);
    let mut v3000 = 0;
    for record in records(content) {
        let (row, problem) = row(&record);
        v3000 += usize::from(problem.as_deref() == Some(V3000));
        builder.push(row, problem);
    }
    if v3000 > 0 && v3000 == builder.count {
        let message =
            "this SDF is in the V3000 format; save it as V2000, or give the ligands as SMILES";
        return Err(TableFault::new("v3000", message));
    }
    let mut table = builder.finish()?;
    let mut seen = HashSet::new();
    let keys = table.rows.iter().flat_map(|row| row.extra.keys());
    table.columns = keys
        .filter(|key| seen.insert(key.as_str()))
        .cloned()
        .collect();
    Ok(table)
}

type Lines<'a> = Vec<(u32, &'a str)>;

fn records(content: &str) -> impl Iterator<Item = Lines<'_>> {
    let mut lines = text::lines(content);
    std::iter::from_fn(move || {
        let mut record = Lines::new();
        let mut ended = false;
        for (number, line) in lines.by_ref() {
            if line.trim_end() == "$$$$" {
                ended = true;
                break;
            }
            record.push((number, line));
        }
        // What follows the last `$$$$` is no record when it is blank; an empty record between two is.
        (ended || record.iter().any(|(_, line)| !line.trim().is_empty())).then_some(record)
    })
}

fn row(record: &Lines<'_>) -> (TableRow, Option<String>) {
    let title = record.first().map_or("", |(_, line)| line.trim());
    let end = record
        .iter()
        .position(|(_, line)| line.trim_end() == "M  END");
    let (block, data) = record.split_at(end.map_or(record.len(), |index| index + 1));
    let mut extra = fields(data);
    let name = if title.is_empty() {
        name_of(&extra)
    } else {
        title.to_owned()
    };
    let mut mol_block = String::with_capacity(block.iter().map(|(_, line)| line.len() + 1).sum());
    for (_, line) in block {
        mol_block.push_str(line);
        mol_block.push('\n');
    }
    let problem = problem(record, end.is_some());
    if problem.is_some() {
        extra.clear();
    }
    let line = record.first().map_or(0, |(number, _)| *number);
    (
        TableRow {
            line,
            name,
            smiles: String::new(),
            mol_block: Some(mol_block),
            extra,
        },
        problem,
    )
}

fn problem(record: &Lines<'_>, has_end: bool) -> Option<String> {
    let counts = record.get(3).map_or("", |(_, line)| line);
    if counts.trim_end().ends_with("V3000") {
        return Some(V3000.to_owned());
    }
    match counts.get(..3).map(str::trim).map(str::parse::<u32>) {
        Some(Ok(0)) => Some("this record has no atoms".to_owned()),
        Some(Ok(_)) if has_end => None,
        Some(Ok(_)) => Some("this record is cut off: it has no line \"M  END\"".to_owned()),
        _ => Some(
            "this is no mol block: its fourth line must begin with the numbers of atoms and bonds"
                .to_owned(),
        ),
    }
}

/// The data fields: `> <NAME>`, then lines until a blank one.
fn fields(data: &[(u32, &str)]) -> Map<String, Value> {
    let mut fields = Map::new();
    let mut open: Option<(String, String)> = None;
    for (_, line) in data {
        let name = field_name(line);
        if name.is_some() || line.trim().is_empty() {
            fields.extend(open.take().map(|(key, text)| (key, Value::String(text))));
            open = name.map(|name| (name, String::new()));
        } else if let Some((_, text)) = &mut open {
            if !text.is_empty() {
                text.push('\n');
            }
            text.push_str(line);
        }
    }
    fields.extend(open.map(|(key, text)| (key, Value::String(text))));
    fields
}

/// The key of a field's first line; `name` and `smiles` a ligand has for itself.
fn field_name(line: &str) -> Option<String> {
    let inside = line.strip_prefix('>')?.split_once('<')?.1;
    let name = text::shown(inside.rsplit_once('>')?.0.trim(), 100);
    match name.as_str() {
        "" => None,
        "name" | "smiles" => Some(format!("{name} (field)")),
        _ => Some(name),
    }
}

/// The name among the data fields of a record without title.
fn name_of(extra: &Map<String, Value>) -> String {
    let keys: Vec<String> = extra
        .keys()
        .map(|key| key.trim_end_matches(" (field)").to_owned())
        .collect();
    let value =
        column::name_by_heading(&keys, usize::MAX).and_then(|index| extra.values().nth(index));
    value
        .and_then(Value::as_str)
        .map_or(String::new(), |text| text.trim().to_owned())
}
