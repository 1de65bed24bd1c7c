//! What the hub says of itself while it works.

use std::cell::RefCell;
use std::io::Write;
use std::sync::{Arc, Mutex, Once};

use tracing::Level;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::dynamic_filter_fn;
use tracing_subscriber::layer::SubscriberExt;

thread_local! {
    /// Who listens on this thread, down to which level.
    static LISTENING: RefCell<Option<(Level, Lines)>> = const { RefCell::new(None) };
}

/// What is logged on this thread.
#[derive(Clone, Default)]
pub struct Lines(Arc<Mutex<Vec<u8>>>);

/// Ends the listening when it goes.
pub struct Listening;

impl Lines {
    /// Everything that is logged from now on, down to a level, until the guard goes. One subscriber hears for all threads:
    /// whether a line is of interest to anybody is remembered for all of them together.
    pub fn heard(level: Level) -> (Self, Listening) {
        static HEARING: Once = Once::new();
        HEARING.call_once(|| {
            let is_heard = dynamic_filter_fn(|line, _| {
                LISTENING
                    .with_borrow(|on| on.as_ref().is_some_and(|(level, _)| line.level() <= level))
            });
            let listener = || {
                LISTENING.with_borrow(|on| {
                    on.as_ref()
                        .map(|(_, lines)| lines.clone())
                        .unwrap_or_default()
                })
            };
            let layer = tracing_subscriber::fmt::layer().with_writer(listener);
            let log = tracing_subscriber::registry().with(layer.with_filter(is_heard));
            tracing::subscriber::set_global_default(log).unwrap();
        });
        let lines = Self::default();
        LISTENING.set(Some((level, lines.clone())));
        (lines, Listening)
    }

    /// What was logged.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        LISTENING.set(None);
    }
}

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
