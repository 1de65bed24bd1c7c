//! What keeps an outage of the gateway from becoming a storm: after several questions in a row that had no answer it is
//! left alone for a while, then asked one; what is asked again at once comes out of a small budget that answers fill.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Questions in a row without an answer after which the gateway is left alone.
const FAILURES: u32 = 5;
/// How long it is left alone first; each time that the one question then has no answer, twice as long.
const FIRST_REST: Duration = Duration::from_secs(2);
/// How long it is left alone at most: half as long as a run goes without being looked at.
const LONGEST_REST: Duration = Duration::from_secs(30);
/// Questions that may be asked again at once, when all went well before.
const BUDGET: f32 = 10.0;
/// What an answer adds to that.
const EARNED: f32 = 0.1;

/// Whether the gateway is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is.
    Closed,
    /// It is left alone for this long.
    Open(Duration),
    /// It is asked one question, on which the others wait.
    Probing,
}

/// What became of the questions since the hub began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Questions that were answered, whatever the answer said.
    pub answered: u64,
    /// Questions that had no answer, or one of the server's own failure.
    pub unanswered: u64,
    /// Questions that were not asked, since the gateway was left alone.
    pub withheld: u64,
    /// Questions that were asked again at once; they count among the others too.
    pub repeated: u64,
}

/// Counts answers, and what had none.
#[derive(Debug)]
pub struct Breaker(Mutex<Kept>);

#[derive(Debug)]
struct Kept {
    failures: u32,
    rest: Duration,
    /// When it may be asked again, while it is left alone.
    rests_until: Option<Instant>,
    probing: bool,
    budget: f32,
    figures: Figures,
}

/// Leave to ask one question. Dropped without an answer, nothing was learnt.
#[derive(Debug)]
pub struct Turn<'a> {
    breaker: &'a Breaker,
    is_probe: bool,
}

impl Default for Breaker {
    fn default() -> Self {
        Self(Mutex::new(Kept {
            failures: 0,
            rest: FIRST_REST,
            rests_until: None,
            probing: false,
            budget: BUDGET,
            figures: Figures::default(),
        }))
    }
}

impl Breaker {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the gateway is asked now.
    pub fn standing(&self, now: Instant) -> Standing {
        let kept = self.kept();
        match kept.rests_until {
            None => Standing::Closed,
            Some(_) if kept.probing => Standing::Probing,
            Some(until) => Standing::Open(until.saturating_duration_since(now)),
        }
    }

    /// What became of the questions so far.
    pub fn figures(&self) -> Figures {
        self.kept().figures
    }

    /// Leave to ask, or none while the gateway is left alone.
    pub fn enter(&self, now: Instant) -> Option<Turn<'_>> {
        let mut kept = self.kept();
        let is_probe = match kept.rests_until {
            None => false,
            Some(until) if kept.probing || now < until => {
                kept.figures.withheld += 1;
                return None;
            }
            Some(_) => {
                kept.probing = true;
                true
            }
        };
        Some(Turn {
            breaker: self,
            is_probe,
        })
    }

    /// Whether a question that had no answer may be asked again at once.
    pub fn spend(&self) -> bool {
        let mut kept = self.kept();
        let may = kept.budget >= 1.0 && kept.rests_until.is_none();
        if may {
            kept.budget -= 1.0;
            kept.figures.repeated += 1;
        }
        may
    }
}

impl Turn<'_> {
    /// The gateway answered, whatever it said.
    pub fn answered(self) {
        let mut kept = self.breaker.kept();
        kept.figures.answered += 1;
        kept.failures = 0;
        kept.rest = FIRST_REST;
        kept.rests_until = None;
        kept.budget = (kept.budget + EARNED).min(BUDGET);
    }

    /// It did not.
    pub fn unanswered(self, now: Instant) {
        let mut kept = self.breaker.kept();
        kept.figures.unanswered += 1;
        kept.failures += 1;
        if self.is_probe {
            kept.rest = (kept.rest * 2).min(LONGEST_REST);
        }
        if kept.failures >= FAILURES {
            kept.rests_until = Some(now + kept.rest);
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if self.is_probe {
            self.breaker.kept().probing = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fail(breaker: &Breaker, times: u32, now: Instant) {
        for _ in 0..times {
            breaker.enter(now).expect("leave to ask").unanswered(now);
        }
    }

    #[test]
    fn a_gateway_that_does_not_answer_is_left_alone_then_asked_one_question() {
        let (breaker, mut now) = (Breaker::default(), Instant::now());
        fail(&breaker, FAILURES - 1, now);
        breaker.enter(now).expect("leave to ask").answered();
        fail(&breaker, FAILURES, now);
        assert!(breaker.enter(now).is_none());
        assert_eq!(breaker.standing(now), Standing::Open(FIRST_REST));

        now += FIRST_REST;
        let probe = breaker.enter(now).expect("one question");
        assert!(breaker.enter(now).is_none(), "the others wait for it");
        assert_eq!(breaker.standing(now), Standing::Probing);
        probe.unanswered(now);
        assert_eq!(breaker.standing(now), Standing::Open(FIRST_REST * 2));

        now += FIRST_REST * 2;
        drop(breaker.enter(now).expect("a question that is given up"));
        breaker.enter(now).expect("another one").answered();
        assert_eq!(breaker.standing(now), Standing::Closed);
        fail(&breaker, FAILURES, now);
        assert_eq!(breaker.standing(now), Standing::Open(FIRST_REST));
    }

    #[test]
    fn it_is_never_left_alone_for_longer_than_half_a_minute() {
        let (breaker, mut now) = (Breaker::default(), Instant::now());
        fail(&breaker, FAILURES, now);
        for _ in 0..20 {
            now += LONGEST_REST;
            fail(&breaker, 1, now);
        }
        assert_eq!(breaker.standing(now), Standing::Open(LONGEST_REST));
    }

    #[test]
    fn what_is_asked_again_is_a_tenth_of_what_was_answered() {
        let (breaker, now) = (Breaker::default(), Instant::now());
        let spent = || (0..100).filter(|_| breaker.spend()).count();
        assert_eq!(spent(), 10);
        for _ in 0..20 {
            breaker.enter(now).expect("leave to ask").answered();
        }
        assert!((1..=2).contains(&spent()));
    }
}
