//! Numbers as pages write them: three significant digits, a thin space before the unit at which no line breaks, and a dash
//! for what is missing.

use hub::list::BestValue;
use hub::metric::prediction::LOG_IC50;
use hub::metric::{UNVERIFIED, three_digits};

/// What stands where there is no value.
pub const MISSING: &str = "—";

/// A value with its unit.
pub fn with_unit(value: f64, unit: &str) -> String {
    if unit.is_empty() {
        three_digits(value)
    } else {
        format!("{}\u{202f}{unit}", three_digits(value))
    }
}

/// A best value as a cell shows it; that nobody vouches for it is said with it.
pub fn best(best: &BestValue) -> String {
    measured(best.value, &best.unit, best.unverified)
}

/// A value of a metric as it reads best. An affinity is told as the concentration that it stands for; one that nobody
/// vouches for is told as it was written.
pub fn measured(value: f64, unit: &str, unverified: bool) -> String {
    match (unverified, unit) {
        (true, _) => format!("{}, {UNVERIFIED}", with_unit(value, unit)),
        (false, LOG_IC50) => format!(
            "IC50 {} · pIC50 {}",
            concentration(value),
            three_digits(6.0 - value)
        ),
        (false, _) => with_unit(value, unit),
    }
}

/// The concentration that a log10 of µM stands for, in nM, µM or mM.
fn concentration(log: f64) -> String {
    let (scale, unit) = match log {
        log if log < 0.0 => (3.0, "nM"),
        log if log < 3.0 => (0.0, "µM"),
        _ => (-3.0, "mM"),
    };
    with_unit(10f64.powf(log + scale), unit)
}

/// Seconds as `4.2 s`, `2 min 5 s`, `1 h 20 min` or `3 d 4 h`.
pub fn duration(seconds: f64) -> String {
    let whole = seconds.round().max(0.0) as u64;
    let two = |first: u64, first_unit, second: u64, second_unit| {
        if second == 0 {
            format!("{first}\u{202f}{first_unit}")
        } else {
            format!("{first}\u{202f}{first_unit} {second}\u{202f}{second_unit}")
        }
    };
    match whole {
        0..10 => format!("{seconds:.1}\u{202f}s"),
        10..60 => format!("{whole}\u{202f}s"),
        60..3_600 => two(whole / 60, "min", whole % 60, "s"),
        3_600..86_400 => two(whole / 3_600, "h", whole % 3_600 / 60, "min"),
        _ => two(whole / 86_400, "d", whole % 86_400 / 3_600, "h"),
    }
}

/// Bytes as `742 B`, `9.60 kB` or `1.20 MB`.
pub fn size(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes}\u{202f}B"),
        1_000..1_000_000 => format!("{}\u{202f}kB", three_digits(bytes as f64 / 1e3)),
        _ => format!("{}\u{202f}MB", three_digits(bytes as f64 / 1e6)),
    }
}

/// A count with its noun: `1 ligand`, `20 ligands`.
pub fn count(number: u32, noun: &str) -> String {
    format!(
        "{} {noun}{}",
        grouped(number),
        if number == 1 { "" } else { "s" }
    )
}

/// A whole number with its thousands apart: `10,000`.
pub fn grouped(number: u32) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(with_unit(-10.84, "kcal/mol"), "−10.8\u{202f}kcal/mol");
        assert_eq!(
            [0, 999, 1_000, 1_234_567].map(grouped),
            ["0", "999", "1,000", "1,234,567"]
        );
        assert_eq!(
            [count(1, "ligand"), count(0, "ligand")],
            ["1 ligand", "0 ligands"]
        );
        assert_eq!(
            [742, 9_604, 1_200_000].map(size),
            ["742\u{202f}B", "9.60\u{202f}kB", "1.20\u{202f}MB"]
        );
    }

    #[test]
    fn an_affinity_is_told_as_a_concentration_and_never_when_it_is_unverified() {
        for (value, text) in [
            (-3.0, "IC50 1.00 nM · pIC50 9.00"),
            (0.0, "IC50 1.00 µM · pIC50 6.00"),
            (2.0, "IC50 100 µM · pIC50 4.00"),
            (3.5, "IC50 3.16 mM · pIC50 2.50"),
        ] {
            assert_eq!(
                measured(value, LOG_IC50, false).replace('\u{202f}', " "),
                text
            );
        }
        assert_eq!(
            measured(-8.5, LOG_IC50, true).replace('\u{202f}', " "),
            "−8.50 log10(IC50/µM), unverified"
        );
    }

    #[test]
    fn durations_read_well() {
        let said = [4.21, 59.6, 125.0, 3_600.0, 4_800.0, 273_600.0]
            .map(|seconds| duration(seconds).replace('\u{202f}', " "));
        assert_eq!(
            said,
            [
                "4.2 s",
                "1 min",
                "2 min 5 s",
                "1 h",
                "1 h 20 min",
                "3 d 4 h"
            ]
        );
    }
}
