//! How it stands: shape, word and colour for a status, and the bar of a batch.

use hub::batch::{BatchProgress, BatchRow};
use hub::job::{Progress, Status};
use hub::list::JobRow;
use leptos::prelude::*;

use crate::number;

/// The status of a job in a cell: what it is, and why it waits. A run that waits itself says for what.
pub fn of_job(job: &JobRow) -> impl IntoView + use<> {
    let stage = job
        .progress
        .as_ref()
        .filter(|_| job.status == Status::Running);
    let children = job.batch.as_ref().and_then(|batch| batch.waiting.clone());
    let (class, word) = if job.cancelling {
        ("cancelling", "Cancelling".to_owned())
    } else if job.waiting.is_some() && job.status == Status::Pending || children.is_some() {
        ("waiting", "Waiting".to_owned())
    } else if let Some(wait) = stage.and_then(Progress::wait) {
        ("waiting", wait.replacen("waiting", "Waiting", 1))
    } else {
        (job.status.name(), job.status.title().to_owned())
    };
    let why = job.waiting.as_ref().map(|waiting| waiting.reason.clone());
    let why = why.or(children);
    let why = why.or_else(|| job.error.as_ref().map(|error| error.message.clone()));
    view! { <span class=format!("status {class}") title=why>{word}</span> }
}

/// The status of a child in a cell: one that waits says so while its run goes on, too.
pub fn of_child(child: &BatchRow) -> impl IntoView + use<> {
    let (class, word) = match child.waits_for() {
        Some(_) => ("waiting", "Waiting"),
        None => (child.status.name(), child.status.title()),
    };
    view! { <span class=format!("status {class}") title=child.note.clone()>{word}</span> }
}

/// Why something waits, as a sentence: `Waiting for the alignment.`, `Waiting: Boltz-2 is in maintenance.`
pub fn sentence(reason: &str) -> String {
    let reason = reason.trim_end_matches('.');
    match reason.strip_prefix("waiting") {
        Some(rest) => format!("Waiting{rest}."),
        None => format!("Waiting: {reason}."),
    }
}

/// Where the children of a batch stand, as a bar of one part for each state.
pub fn bar(progress: &BatchProgress) -> impl IntoView + use<> {
    let scale = 100.0 / f64::from(progress.total.max(1));
    let parts = [
        ("completed", progress.completed),
        ("failed", progress.failed),
        ("cancelled", progress.cancelled),
        ("running", progress.running),
    ];
    let mut begin = 0.0;
    let parts: Vec<_> = parts
        .into_iter()
        .map(|(class, count)| {
            let (x, width) = (begin, f64::from(count) * scale);
            begin += width;
            view! { <rect class=class x=format!("{x:.2}") width=format!("{width:.2}") height="4" /> }
        })
        .collect();
    view! {
        <svg class="bar" viewBox="0 0 100 4" preserveAspectRatio="none" role="img" aria-label=counts(progress)>
            {parts}
        </svg>
    }
}

/// Where the children of a batch stand, in words: `12 completed, 1 failed, 2 running, 5 pending`.
pub fn counts(progress: &BatchProgress) -> String {
    let parts = [
        (progress.completed, "completed"),
        (progress.failed, "failed"),
        (progress.cancelled, "cancelled"),
        (progress.running, "running"),
        (progress.pending, "pending"),
    ];
    let named = parts.into_iter().filter(|(count, _)| *count > 0);
    named
        .map(|(count, word)| format!("{} {word}", number::grouped(count)))
        .collect::<Vec<_>>()
        .join(", ")
}

/// The title of a browser's tab: how it stands, and the name.
pub fn tab_title(job: &JobRow) -> String {
    let sign = match job.status {
        Status::Pending => "◌",
        Status::Running => "◐",
        Status::Completed => "✓",
        Status::PartiallyCompleted => "◑",
        Status::Failed => "✗",
        Status::Cancelled => "–",
    };
    match &job.batch {
        Some(batch) => format!("{sign} {}/{} {}", batch.ended(), batch.total, job.name),
        None => format!("{sign} {}", job.name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn why_something_waits_is_one_sentence() {
        for (reason, said) in [
            ("waiting for the alignment", "Waiting for the alignment."),
            (
                "The gateway has no room now.",
                "Waiting: The gateway has no room now.",
            ),
            ("Network timeout", "Waiting: Network timeout."),
        ] {
            assert_eq!(sentence(reason), said);
        }
    }
}
