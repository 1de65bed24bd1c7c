//! The life of a job under every order of events: what must hold after each of them.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::batch::BatchRow;

fn job() -> Job {
    serde_json::from_value(json!({
        "schema": 1, "id": "a", "kind": "single", "task": "docking", "model": "vina", "name": "a",
        "owner": "user:local", "created_by": "local", "state": "queued", "status": "pending", "epoch": 0,
        "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z", "hold": "held",
        "input": {"target": {"named": "ABL1"}, "ligand": {"name": "ethanol", "smiles": "CCO"}},
        "parameters": {}, "estimate_s": 10
    }))
    .unwrap()
}

fn result() -> RunResult {
    RunResult {
        metrics: Metrics::new(),
        best: None,
        files: Vec::new(),
        provenance: None,
        run_s: Some(3.0),
    }
}

fn fault(category: Category) -> RunFault {
    RunFault::new(category, "test", "it failed")
}

/// Something that can happen to a job.
#[derive(Clone, Copy, Debug)]
enum Event {
    Claim,
    Accepted,
    Unanswered,
    Observed,
    Collect,
    Complete,
    Fail(Category),
    Postpone,
    Wake,
    RequestCancel,
    Cancelled,
    Reopen,
}

fn apply(job: &mut Job, event: Event, now: Timestamp) -> Change {
    match event {
        Event::Claim => job.claim(now),
        Event::Accepted => job.accepted(now),
        Event::Unanswered => job.unanswered(now),
        Event::Observed => job.observed(None, now),
        Event::Collect => job.collect(now),
        Event::Complete => job.complete(result(), now),
        Event::Fail(category) => job.fail(fault(category), 0.5, now),
        Event::Postpone => job.postpone("no room", now.plus_seconds(30), now),
        Event::Wake => job.wake(now),
        Event::RequestCancel => {
            job.request_cancel(now);
            Ok(())
        }
        Event::Cancelled => job.cancelled(now),
        Event::Reopen => job.reopen(now),
    }
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let category = prop_oneof![
        Just(Category::Transient),
        Just(Category::Quota),
        Just(Category::User),
        Just(Category::System)
    ];
    let event = prop_oneof![
        4 => Just(Event::Claim),
        4 => Just(Event::Accepted),
        1 => Just(Event::Unanswered),
        1 => Just(Event::Observed),
        3 => Just(Event::Collect),
        2 => Just(Event::Complete),
        3 => category.prop_map(Event::Fail),
        1 => Just(Event::Postpone),
        3 => Just(Event::Wake),
        1 => Just(Event::RequestCancel),
        1 => Just(Event::Cancelled),
        1 => Just(Event::Reopen),
    ];
    prop::collection::vec(event, 0..60)
}

proptest! {
    #[test]
    fn whatever_happens_the_invariants_hold(events in events()) {
        let mut job = job();
        let mut now = job.created_at;
        for event in events {
            now = now.plus_seconds(1);
            let before = job.clone();
            if apply(&mut job, event, now).is_err() {
                prop_assert_eq!(&job, &before, "what is refused changes nothing: {:?}", event);
            }
            prop_assert!(job.epoch >= before.epoch);
            prop_assert_eq!(job.status, job.state.status());
            let looked_after = !job.state.has_ended() && job.state != State::Queued;
            prop_assert_eq!(job.due_at.is_some(), looked_after, "{:?} leads to {:?}", event, job.state);
            prop_assert_eq!(job.ended_at.is_some(), job.state.has_ended());
            prop_assert_eq!(job.hold == Some(Hold::Held), !job.state.has_ended());
            prop_assert_eq!(job.waiting.is_some(), job.state == State::Waiting);
            if before.state.has_ended() && !matches!(event, Event::Reopen) {
                prop_assert_eq!(&job, &before, "an end is an end: {:?}", event);
            }
            if before.state == State::Completed {
                prop_assert_eq!(&job, &before, "what is completed stays so");
            }
        }
    }

    #[test]
    fn a_job_that_only_fails_ends(categories in prop::collection::vec(prop_oneof![
        Just(Category::Transient), Just(Category::User), Just(Category::System)], 6)) {
        let mut job = job();
        let mut now = job.created_at;
        for category in categories {
            now = now.plus_seconds(600);
            if job.state == State::Waiting {
                job.wake(now).unwrap();
            }
            if job.state == State::Queued {
                job.claim(now).unwrap();
                job.fail(fault(category), 0.0, now).unwrap();
            }
        }
        prop_assert_eq!(job.state, State::Failed);
        prop_assert!(job.attempts.len() <= 6);
    }
}

#[test]
fn a_claim_is_a_new_epoch_and_a_new_attempt() {
    let mut job = job();
    let now = job.created_at;
    job.claim(now).unwrap();
    assert_eq!(
        (job.epoch, job.run_id().as_str(), job.attempts.len()),
        (1, "a:1", 1)
    );
    assert_eq!(
        job.claim(now),
        Err(Refused(State::Dispatching)),
        "claimed once"
    );
    job.fail(fault(Category::Transient), 0.0, now).unwrap();
    assert_eq!(job.attempts[0].outcome.as_deref(), Some("it failed"));
    job.wake(now).unwrap();
    job.claim(now).unwrap();
    assert_eq!((job.epoch, job.attempts.len()), (2, 2));
}

#[test]
fn what_is_charged_and_what_is_given_back() {
    let ended = |events: &[Event]| {
        let mut job = job();
        let now = job.created_at;
        for event in events {
            apply(&mut job, *event, now).unwrap();
        }
        (job.state, job.hold)
    };
    use Event::{Accepted, Cancelled, Claim, Collect, Complete, Fail, RequestCancel};
    assert_eq!(
        ended(&[Claim, Accepted, Collect, Complete]),
        (State::Completed, Some(Hold::Charged))
    );
    assert_eq!(
        ended(&[Claim, Accepted, Fail(Category::User)]),
        (State::Failed, Some(Hold::Charged))
    );
    assert_eq!(
        ended(&[RequestCancel]),
        (State::Cancelled, Some(Hold::Refunded)),
        "before the start"
    );
    assert_eq!(
        ended(&[Claim, RequestCancel, Cancelled]),
        (State::Cancelled, Some(Hold::Refunded))
    );
    assert_eq!(
        ended(&[Claim, Accepted, RequestCancel, Cancelled]),
        (State::Cancelled, Some(Hold::Charged))
    );
    assert_eq!(
        ended(&[Claim, Accepted, RequestCancel, Fail(Category::Transient)]),
        (State::Cancelled, Some(Hold::Charged)),
        "nobody retries what somebody asked to end"
    );
}

#[test]
fn a_failure_says_what_somebody_can_do() {
    let mut job = job();
    let now = job.created_at;
    job.claim(now).unwrap();
    job.accepted(now).unwrap();
    job.observed(
        Some(Progress {
            stage: "docking".to_owned(),
            fraction: Some(0.4),
        }),
        now,
    )
    .unwrap();
    job.fail(fault(Category::User), 0.0, now).unwrap();
    let error = job.error.unwrap();
    assert!(error.user_action_required);
    assert_eq!(
        (
            error.stage.as_deref(),
            error.reference.as_str(),
            error.retry_at
        ),
        (Some("docking"), "a:1", None)
    );
}

#[test]
fn what_fails_without_a_fault_of_its_own_is_for_the_operators_until_it_is_tried_again() {
    for (category, is_theirs) in [
        (Category::User, false),
        (Category::Transient, true),
        (Category::System, true),
    ] {
        let mut job = job();
        let mut now = job.created_at;
        while !job.state.has_ended() {
            assert_eq!(job.faulty_at, None, "it may go well yet");
            now = now.plus_seconds(600);
            if job.state == State::Waiting {
                job.wake(now).unwrap();
            }
            job.claim(now).unwrap();
            job.fail(fault(category), 0.0, now).unwrap();
        }
        assert_eq!(job.faulty_at, is_theirs.then_some(now), "{category:?}");
        job.reopen(now).unwrap();
        assert_eq!(job.faulty_at, None);
    }
}

#[test]
fn a_row_says_what_its_child_waits_for_now() {
    let mut job = job();
    job.index = Some(0);
    let now = job.created_at;
    let noted = |job: &Job| {
        let row = BatchRow::of(job).unwrap();
        let waits = row.waits_for().map(str::to_owned);
        (row.note, waits)
    };
    assert_eq!(noted(&job), (None, None));
    job.claim(now).unwrap();
    job.fail(fault(Category::Transient), 0.0, now).unwrap();
    let why = job.error.as_ref().map(|error| error.message.clone());
    assert!(why.is_some());
    assert_eq!(noted(&job), (why.clone(), why));

    let later = now.plus_seconds(600);
    job.wake(later).unwrap();
    assert_eq!(noted(&job), (None, None), "what was is over");
    job.postpone("no room", later.plus_seconds(60), later)
        .unwrap();
    let room = Some("no room".to_owned());
    assert_eq!(noted(&job), (room.clone(), room));
    job.wake(later).unwrap();
    job.claim(later).unwrap();
    assert_eq!(noted(&job), (None, None));
    job.accepted(later).unwrap();
    let wait = Some("waiting for the alignment".to_owned());
    let progress = wait.clone().map(|stage| Progress {
        stage,
        fraction: None,
    });
    job.observed(progress, later).unwrap();
    assert_eq!(noted(&job), (wait.clone(), wait));
    job.fail(fault(Category::User), 0.0, later).unwrap();
    let why = job.error.as_ref().map(|error| error.message.clone());
    assert_eq!(noted(&job), (why, None));
}

#[test]
fn a_run_is_given_four_times_its_estimate_and_never_less_than_a_quarter_of_an_hour() {
    for (estimate_s, given_s) in [
        (0, 900),
        (10, 900),
        (225, 900),
        (226, 904),
        (1_000, 4_000),
        (u32::MAX, u32::MAX),
    ] {
        let job = Job {
            estimate_s,
            ..job()
        };
        assert_eq!(job.deadline_s(), given_s, "of {estimate_s} s");
    }
}

#[test]
fn a_run_may_wait_a_day_at_the_gateway_before_its_own_time_counts() {
    for (estimate_s, given_s) in [(10, 900), (1_000, 4_000)] {
        let mut job = Job {
            estimate_s,
            ..job()
        };
        job.claim(job.created_at).unwrap();
        // Since it was taken, however long it was asked for before.
        let taken_at = job.created_at.plus_seconds(40);
        job.accepted(taken_at).unwrap();
        let given_up_at = taken_at.plus_seconds(24 * 3_600 + given_s);
        assert_eq!(job.deadline_at, Some(given_up_at), "of {estimate_s} s");
        job.observed(None, taken_at.plus_seconds(3_600)).unwrap();
        assert_eq!(
            job.deadline_at,
            Some(given_up_at),
            "a look puts off nothing"
        );
    }
}
