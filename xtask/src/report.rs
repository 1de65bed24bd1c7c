//! What the person at the terminal is told: what is done and how long it took, nothing when nothing is done.

use std::time::{Duration, Instant};

/// One line on the terminal.
#[expect(clippy::print_stderr, reason = "a build tool talks to its terminal")]
pub fn say(line: &str) {
    eprintln!("{line}");
}

/// A piece of work that is timed.
pub struct Step {
    name: String,
    began: Instant,
}

impl Step {
    /// Starts the clock and says nothing yet.
    #[expect(
        clippy::disallowed_methods,
        reason = "times a build, no state of the hub"
    )]
    pub fn begin(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            began: Instant::now(),
        }
    }

    /// Starts the clock and says what is going to be done.
    pub fn announce(name: impl Into<String>) -> Self {
        let step = Self::begin(name);
        step.say_begin();
        step
    }

    /// Says what is going to be done.
    pub fn say_begin(&self) {
        say(&format!("· {}", self.name));
    }

    /// Says how long it took.
    pub fn say_end(self) {
        let took: Duration = self.began.elapsed();
        say(&format!("✓ {} ({:.1} s)", self.name, took.as_secs_f64()));
    }
}
