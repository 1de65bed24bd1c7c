//! The header that says under which name a browser saves what it gets (RFC 6266).

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// Bytes that stand for themselves in a `filename*` (RFC 5987).
const ATTRIBUTE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'.').remove(b'_').remove(b'-');

/// The name in any script, and for those who cannot read that, in ASCII.
pub fn attachment(name: &str) -> String {
    let plain = |c: char| {
        if c.is_ascii_graphic() && !"\"\\%/".contains(c) || c == ' ' {
            c
        } else {
            '_'
        }
    };
    let ascii: String = name.chars().map(plain).collect();
    format!(
        "attachment; filename=\"{ascii}\"; filename*=UTF-8''{}",
        utf8_percent_encode(name, ATTRIBUTE)
    )
}

#[cfg(test)]
mod tests {
    use super::attachment;

    #[test]
    fn names_of_any_script_are_saved_as_they_are() {
        assert_eq!(
            attachment("poses.sdf"),
            "attachment; filename=\"poses.sdf\"; filename*=UTF-8''poses.sdf"
        );
        assert_eq!(
            attachment("Ä\"\r\n; x=1.csv"),
            "attachment; filename=\"____; x=1.csv\"; filename*=UTF-8''%C3%84%22%0D%0A%3B%20x%3D1.csv"
        );
    }
}
