//! Times as pages write them: relative to the moment the page was made, exact on hover.

use hub::time::Timestamp;
use leptos::prelude::*;

/// The browser's clock, which is all that a page which is already open has.
pub fn browser_now() -> Timestamp {
    Timestamp::from_micros((js_sys::Date::now() * 1_000.0) as i64)
}

/// A time relative to `now`, as `3 min ago`.
pub fn ago(at: Timestamp, now: Timestamp) -> String {
    let seconds = now.as_seconds() - at.as_seconds();
    match seconds {
        ..10 => "just now".to_owned(),
        10..60 => format!("{seconds}\u{202f}s ago"),
        60..3_600 => format!("{}\u{202f}min ago", seconds / 60),
        3_600..86_400 => format!("{}\u{202f}h ago", seconds / 3_600),
        86_400..2_592_000 => format!("{}\u{202f}d ago", seconds / 86_400),
        _ => at.day(),
    }
}

/// A time to the second: `2026-05-04 10:20:30 UTC`.
pub fn exact(at: Timestamp) -> String {
    let text = at.to_string();
    format!("{} {} UTC", &text[..10], &text[11..19])
}

/// A time as it stands in a row or a list of facts.
pub fn time(at: Timestamp, now: Timestamp) -> impl IntoView {
    view! { <time datetime=at.to_string() title=exact(at)>{ago(at, now)}</time> }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_well() {
        let at: Timestamp = "2026-05-04T10:20:30Z".parse().unwrap();
        let said = [-5, 12, 300, 7_300, 90_000, 3_000_000]
            .map(|seconds| ago(at, at.plus_seconds(seconds)));
        assert_eq!(
            said,
            [
                "just now",
                "12\u{202f}s ago",
                "5\u{202f}min ago",
                "2\u{202f}h ago",
                "1\u{202f}d ago",
                "2026-05-04"
            ]
        );
        assert_eq!(exact(at), "2026-05-04 10:20:30 UTC");
    }
}
