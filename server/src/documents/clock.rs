//! The clock of the stores: it never shows the same time twice and never runs backwards, and tests can set it.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use hub::time::Timestamp;

/// How long the time that a database told is carried on before it is asked again: the crystal of a machine is off by some
/// microseconds in that time.
const CARRIED: Duration = Duration::from_secs(10);

/// A clock; clones of it show the same time.
#[derive(Clone, Debug)]
pub struct Clock {
    source: Source,
    /// The largest time that was shown, in microseconds.
    shown: Arc<AtomicI64>,
}

#[derive(Clone, Debug)]
enum Source {
    System,
    Manual,
    Told(Arc<Mutex<Option<Told>>>),
}

/// A time that a database told, and when it was heard.
#[derive(Clone, Copy, Debug)]
struct Told {
    time: Timestamp,
    heard: Instant,
}

impl Told {
    /// That time, carried on to this moment.
    fn carried_on(self) -> i64 {
        let since = i64::try_from(self.heard.elapsed().as_micros()).unwrap_or(i64::MAX);
        self.time.as_micros().saturating_add(since)
    }
}

impl Clock {
    /// The clock of this machine.
    pub fn system() -> Self {
        Self {
            source: Source::System,
            shown: Arc::new(AtomicI64::new(0)),
        }
    }

    /// A clock that shows what a database says by [`Clock::tell`], carried on between its words. The machine's own time has
    /// no part in it.
    pub fn told() -> Self {
        Self {
            source: Source::Told(Arc::default()),
            shown: Arc::new(AtomicI64::new(0)),
        }
    }

    /// A clock that stands still at `start`, but for the microsecond that each look at it takes.
    pub fn manual(start: Timestamp) -> Self {
        Self {
            source: Source::Manual,
            shown: Arc::new(AtomicI64::new(start.as_micros())),
        }
    }

    /// The time, at least a microsecond later than every time shown before.
    pub fn now(&self) -> Timestamp {
        let floor = match &self.source {
            Source::System => system_micros(),
            Source::Manual => i64::MIN,
            Source::Told(told) => read(told).map_or(i64::MIN, Told::carried_on),
        };
        let later = |shown: i64| floor.max(shown.saturating_add(1));
        let before = self
            .shown
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |shown| {
                Some(later(shown))
            });
        Timestamp::from_micros(later(before.unwrap_or_else(|shown| shown)))
    }

    /// Takes the database's word for the time. An answer is always late, so the word that is furthest counts, unless it is
    /// an old one.
    pub fn tell(&self, time: Timestamp) {
        let Source::Told(told) = &self.source else {
            return;
        };
        let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
        let behind = |told: Told| told.carried_on() < time.as_micros();
        if told.is_none_or(|told| behind(told) || told.heard.elapsed() > CARRIED) {
            *told = Some(Told {
                time,
                heard: moment(),
            });
        }
    }

    /// Whether the database must be asked before the clock is looked at.
    pub fn is_to_be_told(&self) -> bool {
        let Source::Told(told) = &self.source else {
            return false;
        };
        read(told).is_none_or(|told| told.heard.elapsed() > CARRIED)
    }

    /// Moves the clock forward to `time`; a time that has passed changes nothing.
    pub fn advance_to(&self, time: Timestamp) {
        self.shown.fetch_max(time.as_micros(), Ordering::SeqCst);
    }

    /// Moves the clock forward by this many seconds.
    pub fn advance_seconds(&self, seconds: u32) {
        self.shown
            .fetch_add(i64::from(seconds) * 1_000_000, Ordering::SeqCst);
    }
}

fn read(told: &Mutex<Option<Told>>) -> Option<Told> {
    *told.lock().unwrap_or_else(PoisonError::into_inner)
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is what the one clock is made of"
)]
fn moment() -> Instant {
    Instant::now()
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is what the one clock is made of"
)]
fn system_micros() -> i64 {
    let since_epoch = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since_epoch.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_moves_only_when_it_is_moved() {
        let clock = Clock::manual(Timestamp::from_micros(1_000));
        let first = clock.now();
        assert_eq!(first, Timestamp::from_micros(1_001));
        clock.clone().advance_seconds(60);
        assert_eq!(clock.now().millis_since(first), 60_000);
        clock.advance_to(Timestamp::from_micros(5));
        assert!(clock.now() > first);
    }

    #[test]
    fn a_told_clock_shows_the_furthest_word_and_carries_it_on() {
        let clock = Clock::told();
        assert!(clock.is_to_be_told());
        let told = Timestamp::from_micros(1_000_000_000);
        clock.tell(told);
        clock.tell(told.plus_seconds(-5));
        assert!(!clock.is_to_be_told());
        let shown = clock.now();
        assert!(shown >= told && shown < told.plus_seconds(60));
        clock.tell(told.plus_seconds(3_600));
        assert!(clock.now() >= told.plus_seconds(3_600));
    }

    #[test]
    fn the_system_clock_shows_this_century_and_never_the_same_time_twice() {
        let clock = Clock::system();
        let times: Vec<_> = (0..10_000).map(|_| clock.now()).collect();
        assert!(times.is_sorted_by(|earlier, later| earlier < later));
        assert!(times[0] > "2025-01-01T00:00:00Z".parse().unwrap());
    }
}
