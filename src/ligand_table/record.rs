//! The records of a delimited text with the lines they begin at.

use csv_core::{ReadRecordResult, Reader, ReaderBuilder};

use super::{TableFormat, text};

/// A row as it is written.
pub(super) struct Record {
    /// The line it begins at, from 1.
    pub line: u32,
    pub cells: Vec<String>,
}

/// Reads records one by one and passes over those without any text.
pub(super) struct Records<'a> {
    reader: Reader,
    bytes: &'a [u8],
    at: usize,
    /// The line that `at` is on.
    line: u32,
    /// Where the last record begins, and on which line.
    last: (usize, u32),
    fields: Vec<u8>,
    ends: Vec<usize>,
}

impl<'a> Records<'a> {
    pub(super) fn new(content: &'a str, format: TableFormat) -> Self {
        let delimiter = match format {
            TableFormat::Tsv => b'\t',
            TableFormat::Semicolon => b';',
            TableFormat::Csv | TableFormat::Smiles | TableFormat::Sdf => b',',
        };
        Self {
            reader: ReaderBuilder::new().delimiter(delimiter).build(),
            bytes: content.as_bytes(),
            at: 0,
            line: 1,
            last: (0, 1),
            fields: vec![0; 1_024],
            ends: vec![0; 64],
        }
    }

    /// The line of the last record, when its quotation mark swallowed further lines up to the end of the text.
    pub(super) fn open_quote(&self) -> Option<u32> {
        let raw = self.bytes[self.last.0..self.at].trim_ascii_end();
        let quotes = raw.iter().filter(|byte| **byte == b'"').count();
        let swallowed = text::line_ends(0, raw) > 0;
        (self.at == self.bytes.len() && swallowed && quotes % 2 == 1).then_some(self.last.1)
    }

    fn read(&mut self) -> Option<Record> {
        let breaks = self.bytes[self.at..]
            .iter()
            .take_while(|byte| matches!(byte, b'\r' | b'\n'))
            .count();
        self.advance(breaks);
        let begin = (self.at, self.line);
        let (mut filled, mut ended) = (0, 0);
        loop {
            let rest = &self.bytes[self.at..];
            let (result, read, written, fields) =
                self.reader
                    .read_record(rest, &mut self.fields[filled..], &mut self.ends[ended..]);
            self.advance(read);
            filled += written;
            ended += fields;
            match result {
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull => self.fields.resize(self.fields.len() * 2, 0),
                ReadRecordResult::OutputEndsFull => self.ends.resize(self.ends.len() * 2, 0),
                ReadRecordResult::Record => break,
                ReadRecordResult::End => return None,
            }
        }
        let begins = std::iter::once(0).chain(self.ends[..ended].iter().copied());
        let cells = begins
            .zip(&self.ends[..ended])
            .map(|(begin, end)| &self.fields[begin..*end]);
        let cells = cells
            .map(|cell| String::from_utf8_lossy(cell).into_owned())
            .collect();
        self.last = begin;
        Some(Record {
            line: begin.1,
            cells,
        })
    }

    fn advance(&mut self, bytes: usize) {
        let before = self.at.checked_sub(1).map_or(0, |index| self.bytes[index]);
        self.line += text::line_ends(before, &self.bytes[self.at..self.at + bytes]);
        self.at += bytes;
    }
}

impl Iterator for Records<'_> {
    type Item = Record;

    fn next(&mut self) -> Option<Record> {
        loop {
            let record = self.read()?;
            if record.cells.iter().any(|cell| !cell.trim().is_empty()) {
                return Some(record);
            }
        }
    }
}
