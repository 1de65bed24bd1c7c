//! Days, months and times of a filter, all in UTC. Inside, a span is from (inclusive) until (exclusive); as people write
//! it, both ends are part of it.

use super::DAY_S;
use crate::time::Timestamp;

const HINT: &str = "give a day (2026-05-04), a month (2026-05) or a time (2026-05-04T10:20:30Z)";

/// The first moment of what is written.
pub(super) fn first_moment(text: &str) -> Result<Timestamp, String> {
    span(text).map(|(from, _)| from)
}

/// The first moment after what is written.
pub(super) fn moment_after(text: &str) -> Result<Timestamp, String> {
    span(text).map(|(_, until)| until)
}

fn span(text: &str) -> Result<(Timestamp, Timestamp), String> {
    let text = text.trim();
    let read = match text.len() {
        7 => month(text),
        10 => moment(&format!("{text}T00:00:00Z")).map(|from| (from, from.plus_seconds(DAY_S))),
        // In an address a plus sign means a space.
        _ => moment(&text.replace(' ', "+"))
            .map(|from| (from, Timestamp::from_micros(from.as_micros() + 1))),
    };
    read.ok_or_else(|| format!("\"{}\" is no date; {HINT}", super::line::shortened(text)))
}

fn month(text: &str) -> Option<(Timestamp, Timestamp)> {
    let from = moment(&format!("{text}-01T00:00:00Z"))?;
    let (year, month): (u32, u32) = text
        .split_once('-')
        .and_then(|(y, m)| Some((y.parse().ok()?, m.parse().ok()?)))?;
    let next = if month == 12 {
        (year + 1, 1)
    } else {
        (year, month + 1)
    };
    Some((
        from,
        moment(&format!("{:04}-{:02}-01T00:00:00Z", next.0, next.1))?,
    ))
}

/// From 1970 to 9998: what lies beyond is a slip of the finger, and cannot be written back.
fn moment(text: &str) -> Option<Timestamp> {
    const END: i64 = 253_370_764_800_000_000;
    text.parse::<Timestamp>()
        .ok()
        .filter(|time| (0..END).contains(&time.as_micros()))
}

/// As `date_from`.
pub(super) fn from_as_text(from: Timestamp) -> String {
    if is_midnight(from) {
        from.day()
    } else {
        from.to_string()
    }
}

/// As `date_to`: the last day, or the last microsecond, that is inside.
pub(super) fn until_as_text(until: Timestamp) -> String {
    let last = Timestamp::from_micros(until.as_micros() - 1);
    if is_midnight(until) {
        last.day()
    } else {
        last.to_string()
    }
}

fn is_midnight(time: Timestamp) -> bool {
    time.as_micros().rem_euclid(DAY_S * 1_000_000) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_in_utc() {
        let days = |text| {
            span(text)
                .map(|(from, until)| (from.to_string(), until.to_string()))
                .unwrap()
        };
        let pair = |from: &str, until: &str| (format!("{from}.000000Z"), format!("{until}Z"));
        assert_eq!(
            days("2026-05"),
            pair("2026-05-01T00:00:00", "2026-06-01T00:00:00.000000")
        );
        assert_eq!(
            days("2026-12"),
            pair("2026-12-01T00:00:00", "2027-01-01T00:00:00.000000")
        );
        assert_eq!(
            days("2024-02-29"),
            pair("2024-02-29T00:00:00", "2024-03-01T00:00:00.000000")
        );
        assert_eq!(
            days("2026-05-04T12:00:00+02:00"),
            pair("2026-05-04T10:00:00", "2026-05-04T10:00:00.000001")
        );
        assert_eq!(
            days("2026-05-04T12:00:00 02:00"),
            days("2026-05-04T12:00:00+02:00")
        );
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for text in [
            "",
            "may",
            "2026",
            "2026-13",
            "2026-02-30",
            "1969-12-31",
            "9999-01-01",
            "2026-5-4",
            "20260504",
            "2026/05",
        ] {
            assert!(span(text).is_err(), "{text}");
        }
    }
}
