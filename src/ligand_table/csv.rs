//! Cells of CSV files that the hub writes.

use std::borrow::Cow;

/// What a spreadsheet takes for the beginning of a formula.
const FORMULA: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

/// A cell as it stands in a CSV file: quoted by RFC 4180 where it must be, and with an apostrophe before what a
/// spreadsheet would run as a formula, plain numbers aside. Some part lines at semicolons or tabs, quoted or not: what
/// stands behind one is looked at as a cell of its own.
pub fn csv_cell(text: &str) -> Cow<'_, str> {
    let text = defused(text);
    let must_quote =
        text.contains([',', '"', '\n', '\r']) || text.starts_with(' ') || text.ends_with(' ');
    if must_quote {
        return Cow::Owned(format!("\"{}\"", text.replace('"', "\"\"")));
    }
    text
}

fn defused(text: &str) -> Cow<'_, str> {
    let parts = || text.split_inclusive([';', '\t']);
    if !parts().any(is_formula) {
        return Cow::Borrowed(text);
    }
    let sign = |part| if is_formula(part) { "'" } else { "" };
    Cow::Owned(parts().flat_map(|part| [sign(part), part]).collect())
}

fn is_formula(text: &str) -> bool {
    text.starts_with(FORMULA) && !is_number(text.trim_end_matches([';', '\t']))
}

/// A decimal number as `-10.8` or `+1.5e-3`; not what Rust reads beside it, as `inf`.
fn is_number(text: &str) -> bool {
    let usual =
        |byte: u8| byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'.' | b'e' | b'E');
    text.bytes().all(usual) && text.parse::<f64>().is_ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn quoting_and_defusing() {
        for (text, cell) in [
            ("", ""),
            ("imatinib", "imatinib"),
            ("-10.8", "-10.8"),
            ("+1.5e-3", "+1.5e-3"),
            ("a,b", "\"a,b\""),
            ("say \"hi\"", "\"say \"\"hi\"\"\""),
            ("two\nlines", "\"two\nlines\""),
            ("=1+1", "'=1+1"),
            ("-inf", "'-inf"),
            ("-", "'-"),
            ("@SUM(A1,A2)", "\"'@SUM(A1,A2)\""),
            ("\tx", "'\tx"),
            ("x;=1+1", "x;'=1+1"),
            ("x\t@SUM(A1);-3;+a", "x\t'@SUM(A1);-3;'+a"),
            ("[O-]C=O", "[O-]C=O"),
            ("=CC", "'=CC"),
        ] {
            assert_eq!(csv_cell(text), cell);
        }
    }

    proptest! {
        #[test]
        fn readers_get_the_text_back(text: String) {
            prop_assume!(!text.trim().is_empty() && !text.contains('\0'));
            let line = format!("{},end\n", csv_cell(&text));
            let records: Vec<_> =
                super::super::record::Records::new(&line, super::super::TableFormat::Csv).collect();
            prop_assert_eq!(records.len(), 1);
            let read = &records[0].cells[0];
            prop_assert_eq!(read, &*defused(&text));
        }
    }
}
