//! Why a job failed, whose fault it is, and whether it is tried again.

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// Who can mend a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Category {
    /// Time: tried again soon.
    Transient,
    /// Room: waits until there is some.
    Quota,
    /// Whoever submitted.
    User,
    /// Whoever operates the hub.
    System,
}

/// Why a job failed, or waits to be tried again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobError {
    /// Who can mend it.
    pub category: Category,
    /// A stable word.
    pub code: String,
    /// What happened and what to do, in words for a scientist.
    pub message: String,
    /// What the run was doing.
    #[serde(default)]
    pub stage: Option<String>,
    /// What to name when asking for help: the name of the attempt.
    pub reference: String,
    /// How many times it was tried.
    pub attempts: u32,
    /// When it is tried again.
    #[serde(default)]
    pub retry_at: Option<Timestamp>,
    /// Whether whoever submitted must do something.
    pub user_action_required: bool,
    /// The end of the run's log, for whoever reads the job in full: it is kept beside this, in [`super::Job::log_tail`].
    #[serde(default)]
    pub log_tail: Option<String>,
}

/// Retries that were already made, by category.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retry {
    /// After transient failures.
    #[serde(default)]
    pub transient: u8,
    /// After failures of ours.
    #[serde(default)]
    pub system: u8,
}

impl Retry {
    /// Seconds until the next try after a failure of this category, counted; `None` when there is none left.
    /// Transient: 2, 4, 8 s and up to a half more; system: 30 s and 2 min; quota: 60 s, without end.
    pub fn next(
        &mut self,
        category: Category,
        jitter: f64,
        retry_after_s: Option<u32>,
    ) -> Option<f64> {
        let delay = match category {
            Category::User => return None,
            Category::Quota => 60.0,
            Category::Transient if self.transient < 3 => {
                self.transient += 1;
                f64::from(1u32 << self.transient) * (1.0 + jitter.clamp(0.0, 1.0) / 2.0)
            }
            Category::System if self.system < 2 => {
                self.system += 1;
                if self.system == 1 { 30.0 } else { 120.0 }
            }
            Category::Transient | Category::System => return None,
        };
        Some(delay.max(retry_after_s.map_or(0.0, f64::from)))
    }
}

/// A failure as it was reported, before it is known whether the job is tried again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunFault {
    /// Who can mend it.
    pub category: Category,
    /// A stable word.
    pub code: String,
    /// What happened, in words.
    pub message: String,
    /// What the run was doing, when the reporter says so; else what was last heard of it.
    pub stage: Option<String>,
    /// The end of the run's log.
    pub log_tail: Option<String>,
    /// When the reporter said that it may be tried again, in seconds.
    pub retry_after_s: Option<u32>,
}

impl RunFault {
    /// A failure of this category.
    pub fn new(category: Category, code: &str, message: impl Into<String>) -> Self {
        Self {
            category,
            code: code.to_owned(),
            message: message.into(),
            stage: None,
            log_tail: None,
            retry_after_s: None,
        }
    }

    /// By the table of known texts, for reporters that name no category.
    pub fn of_text(text: &str) -> Self {
        let known: [(&str, Category, &str); 5] = [
            ("modal quota exceeded", Category::Quota, "quota"),
            ("invalid protein sequence", Category::User, "invalid_input"),
            ("network timeout", Category::Transient, "timeout"),
            ("gpu out of memory", Category::System, "out_of_memory"),
            ("expired", Category::System, "expired"),
        ];
        let lower = text.to_lowercase();
        let (category, code) = known
            .into_iter()
            .find(|(words, ..)| lower.contains(words))
            .map_or((Category::System, "unknown"), |(_, category, code)| {
                (category, code)
            });
        Self::new(category, code, text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transient_failures_are_tried_three_times_more() {
        let mut retry = Retry::default();
        let delays: Vec<_> =
            std::iter::from_fn(|| retry.next(Category::Transient, 0.0, None)).collect();
        assert_eq!(delays, [2.0, 4.0, 8.0]);
        let mut retry = Retry::default();
        assert_eq!(
            retry.next(Category::Transient, 1.0, Some(40)),
            Some(40.0),
            "Retry-After is honoured"
        );
    }

    #[test]
    fn system_failures_are_tried_twice_more_and_user_failures_never() {
        let mut retry = Retry::default();
        let delays: Vec<_> =
            std::iter::from_fn(|| retry.next(Category::System, 0.0, None)).collect();
        assert_eq!(delays, [30.0, 120.0]);
        assert_eq!(retry.next(Category::User, 0.0, None), None);
        assert_eq!(retry.next(Category::Quota, 0.0, None), Some(60.0));
    }

    #[test]
    fn known_texts_have_their_category() {
        for (text, category) in [
            ("Modal quota exceeded", Category::Quota),
            ("Invalid protein sequence", Category::User),
            ("Network timeout", Category::Transient),
            ("GPU out of memory", Category::System),
            ("something else", Category::System),
        ] {
            assert_eq!(RunFault::of_text(text).category, category, "{text}");
        }
    }
}
