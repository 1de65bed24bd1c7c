//! Points in time, in UTC and to the microsecond, as every store can keep them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Microseconds since 1970-01-01 UTC, written as RFC 3339 of a fixed width (`2026-05-04T10:20:30.123456Z`), so that the
/// order of the texts is the order of the times.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// From microseconds since 1970-01-01 UTC.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since 1970-01-01 UTC.
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// Whole seconds since 1970-01-01 UTC.
    pub const fn as_seconds(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// This many seconds later (earlier when negative).
    pub const fn plus_seconds(self, seconds: i64) -> Self {
        Self(self.0 + seconds * 1_000_000)
    }

    /// This many milliseconds later (earlier when negative).
    pub const fn plus_millis(self, millis: i64) -> Self {
        Self(self.0 + millis * 1_000)
    }

    /// Milliseconds from `earlier` to this, 0 when `earlier` is later.
    pub const fn millis_since(self, earlier: Self) -> u64 {
        let micros = self.0 - earlier.0;
        if micros < 0 { 0 } else { micros as u64 / 1_000 }
    }

    /// The day in UTC, `2026-05-04`.
    pub fn day(self) -> String {
        self.to_string()[..10].to_owned()
    }

    /// The month in UTC, `2026-05`.
    pub fn month(self) -> String {
        self.to_string()[..7].to_owned()
    }

    /// The next midnight in UTC.
    pub const fn next_day(self) -> Self {
        const DAY: i64 = 86_400_000_000;
        Self((self.0.div_euclid(DAY) + 1) * DAY)
    }

    /// Midnight in UTC before the first of the next month.
    pub fn next_month(self) -> Self {
        let mut day = self.next_day();
        while day.month() == self.month() {
            day = day.next_day();
        }
        day
    }

    fn date_time(self) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1_000)
            .unwrap_or(OffsetDateTime::UNIX_EPOCH)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.date_time();
        write!(
            f,
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z",
            at.year(),
            u8::from(at.month()),
            at.day(),
            at.hour(),
            at.minute(),
            at.second(),
            at.microsecond()
        )
    }
}

/// A text that is not an RFC 3339 time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a time like 2026-05-04T10:20:30Z")]
pub struct NotATime;

impl FromStr for Timestamp {
    type Err = NotATime;

    fn from_str(text: &str) -> Result<Self, NotATime> {
        let at = OffsetDateTime::parse(text, &Rfc3339).map_err(|_| NotATime)?;
        i64::try_from(at.unix_timestamp_nanos() / 1_000)
            .map(Self)
            .map_err(|_| NotATime)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_of_texts_is_order_of_times() {
        let times = [
            0,
            1,
            999_999,
            1_000_000,
            1_767_225_600_000_001,
            4_102_444_800_000_000,
        ]
        .map(Timestamp::from_micros);
        let texts = times.map(|time| time.to_string());
        assert!(texts.is_sorted());
        assert_eq!(texts[2], "1970-01-01T00:00:00.999999Z");
    }

    #[test]
    fn days_and_months_end_at_midnight_utc() {
        for (time, day, month) in [
            ("2026-05-04T10:20:30.5Z", "2026-05-05", "2026-06-01"),
            ("2026-12-31T23:59:59.999999Z", "2027-01-01", "2027-01-01"),
            ("2028-02-29T00:00:00Z", "2028-03-01", "2028-03-01"),
            ("2026-11-01T00:00:00Z", "2026-11-02", "2026-12-01"),
        ] {
            let time: Timestamp = time.parse().unwrap();
            let midnight = |day| format!("{day}T00:00:00.000000Z");
            assert_eq!(time.next_day().to_string(), midnight(day));
            assert_eq!(time.next_month().to_string(), midnight(month));
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        let time = Timestamp::from_micros(1_767_225_600_123_456);
        assert_eq!(time.to_string().parse(), Ok(time));
        assert_eq!(
            "2026-05-04T12:00:00+02:00"
                .parse::<Timestamp>()
                .unwrap()
                .to_string(),
            "2026-05-04T10:00:00.000000Z"
        );
        assert_eq!("yesterday".parse::<Timestamp>(), Err(NotATime));
    }
}
