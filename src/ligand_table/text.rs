//! From bytes to text, its lines, and what kind of table it is.

use super::{TableFault, TableFormat, column, delimited};

/// The text of a file, without the mark that some programs put before it.
pub(super) fn decode(bytes: &[u8]) -> Result<&str, TableFault> {
    let not_text = |message: &str| Err(TableFault::new("not_text", message));
    match bytes {
        [b'P', b'K', 3, 4, ..] => {
            return not_text(
                "this is an Excel workbook or a zip archive: save the sheet as \"CSV UTF-8\" and take that",
            );
        }
        [0x1f, 0x8b, ..] => {
            return not_text("this is a compressed file: unpack it and take what is inside");
        }
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => {
            return not_text(
                "this is text in UTF-16 (\"Unicode text\" of Excel): save it as \"CSV UTF-8\" and take that",
            );
        }
        _ => {}
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if bytes.contains(&0) {
        return not_text("this is not a text file: take a list of SMILES, a CSV or TSV, or an SDF");
    }
    std::str::from_utf8(bytes).or_else(|error| {
        let line = 1 + line_ends(0, &bytes[..error.valid_up_to()]);
        not_text(&format!(
            "line {line} has bytes that are not UTF-8; the text is probably Latin-1 or Windows-1252: save it as UTF-8 \
             (in Excel \"CSV UTF-8\") and take that"
        ))
    })
}

/// How many lines end in these bytes, by `\n`, `\r\n` or `\r`, when `before` stands before them.
pub(super) fn line_ends(mut before: u8, bytes: &[u8]) -> u32 {
    let mut count = 0;
    for &byte in bytes {
        count += u32::from(byte == b'\r' || (byte == b'\n' && before != b'\r'));
        before = byte;
    }
    count
}

/// The lines of a text with their numbers from 1, whatever their ends.
pub(super) fn lines(text: &str) -> impl Iterator<Item = (u32, &str)> {
    let mut rest = Some(text);
    let lines = std::iter::from_fn(move || {
        let now = rest?;
        let Some(end) = now.find(['\n', '\r']) else {
            rest = None;
            return Some(now);
        };
        let length = if now[end..].starts_with("\r\n") { 2 } else { 1 };
        rest = Some(&now[end + length..]);
        Some(&now[..end])
    });
    (1..).zip(lines)
}

/// A text that fits a message or a cell: without control characters, at most `most` characters.
pub(super) fn shown(text: &str, most: usize) -> String {
    let mut shown: String = text
        .chars()
        .take(most)
        .map(|character| {
            if character.is_control() {
                ' '
            } else {
                character
            }
        })
        .collect();
    if text.chars().nth(most).is_some() {
        shown.pop();
        shown.push('…');
    }
    shown
}

/// The format, by the name of the file and then by the content. A chosen column means that there are columns.
pub(super) fn format_of(text: &str, file_name: Option<&str>, has_column: bool) -> TableFormat {
    let ending = file_name
        .and_then(|name| name.rsplit_once('.'))
        .map(|(_, ending)| ending.to_ascii_lowercase());
    match ending.as_deref() {
        Some("sdf" | "sd" | "mol") => return TableFormat::Sdf,
        Some("smi" | "smiles" | "ism" | "can") if !has_column => return TableFormat::Smiles,
        Some("tsv" | "tab") => return TableFormat::Tsv,
        Some("csv") => return delimiter_of(text).unwrap_or(TableFormat::Csv),
        _ => {}
    }
    if is_sdf(text) {
        return TableFormat::Sdf;
    }
    let delimiter = delimiter_of(text);
    let has_heading = delimiter.is_some_and(|format| has_smiles_heading(text, format));
    if !has_column && !has_heading && (delimiter.is_none() || begins_with_smiles(text)) {
        return TableFormat::Smiles;
    }
    delimiter.unwrap_or(TableFormat::Csv)
}

/// Whether most lines begin with a SMILES and white space, whatever delimiters stand in the names.
fn begins_with_smiles(text: &str) -> bool {
    let tokens = lines(text)
        .filter_map(|(_, line)| line.split_whitespace().next())
        .take(50);
    let (all, alike) = tokens.fold((0, 0), |(all, alike), token| {
        (all + 1, alike + u32::from(column::looks_like_smiles(token)))
    });
    alike * 2 > all
}

fn is_sdf(text: &str) -> bool {
    let is_counts =
        |line: &str| line.trim_end().ends_with("V2000") || line.trim_end().ends_with("V3000");
    lines(text).take(1_000).any(|(number, line)| {
        line.trim_end() == "$$$$" || line.starts_with("M  END") || (number <= 5 && is_counts(line))
    })
}

/// The delimiter that sets off a heading of SMILES, else the one that cuts the first record into most fields; none when
/// none occurs in it.
fn delimiter_of(text: &str) -> Option<TableFormat> {
    [TableFormat::Semicolon, TableFormat::Csv, TableFormat::Tsv]
        .into_iter()
        .map(|format| (delimited::first_record(text, format).len(), format))
        .filter(|(fields, _)| *fields > 1)
        .max_by_key(|(fields, format)| (has_smiles_heading(text, *format), *fields))
        .map(|(_, format)| format)
}

fn has_smiles_heading(text: &str, format: TableFormat) -> bool {
    delimited::first_record(text, format)
        .iter()
        .any(|cell| column::is_smiles_heading(cell))
}
