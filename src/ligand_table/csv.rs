//! Cells of CSV files that the hub writes.

use std::borrow::Cow;

/// A cell as it stands in a CSV file: quoted by RFC 4180 where it must be, and with an apostrophe before what a
/// spreadsheet would run as a formula (`=`, `+`, `-`, `@`, tab, carriage return), plain numbers aside.
pub fn csv_cell(text: &str) -> Cow<'_, str> {
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']) && !is_number(text);
    let must_quote =
        text.contains([',', '"', '\n', '\r']) || text.starts_with(' ') || text.ends_with(' ');
    match (is_formula, must_quote) {
        (false, false) => Cow::Borrowed(text),
        (true, false) => Cow::Owned(format!("'{text}")),
        (_, true) => {
            let sign = if is_formula { "'" } else { "" };
            Cow::Owned(format!("\"{sign}{}\"", text.replace('"', "\"\"")))
        }
    }
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
            prop_assert!(*read == text || *read == format!("'{text}"), "{:?} from {:?}", read, text);
        }
    }
}
