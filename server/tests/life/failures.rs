//! What fails is tried again as its category says, and each run is begun once.

use hub::job::{Category, Status};
use hub::services::JobRequest;
use hub::time::Timestamp;
use serde_json::json;
use tracing::Level;

use crate::gateway::Taking;
use crate::hub::{Hub, job, sound};
use crate::lines::Lines;

#[tokio::test]
async fn transient_failures_are_tried_three_times_more_then_the_job_fails() {
    let hub = Hub::start().await;
    let id = hub.submit_and_dispatch().await;
    for (epoch, wait_s) in [(1, 3), (2, 6), (3, 12)] {
        hub.gateway.fails(&format!("{id}:{epoch}"), "transient");
        hub.report(&format!("{id}:{epoch}")).await;
        let row = hub.row(&id).await;
        assert_eq!(row.status, Status::Pending);
        assert_eq!(row.waiting.unwrap().reason, "a transient failure");
        hub.pass(1).await;
        assert_eq!(
            hub.gateway.script().begun.len(),
            epoch,
            "not before its time"
        );
        hub.pass(wait_s).await;
        assert_eq!(hub.gateway.script().begun.len(), epoch + 1);
    }
    hub.gateway.fails(&format!("{id}:4"), "transient");
    hub.report(&format!("{id}:4")).await;
    let row = hub.row(&id).await;
    let error = row.error.unwrap();
    assert_eq!(
        (row.status, error.attempts, error.log_tail.as_deref()),
        (Status::Failed, 4, Some("the end"))
    );
    assert_eq!(
        hub.usage().await,
        [0, 0, 1],
        "a failure that is nobody's fault is given back"
    );
}

#[tokio::test]
async fn whoever_says_when_it_may_be_tried_again_is_believed_for_an_hour() {
    for (asked_for_s, waited_s) in [(40, 40), (100_000, 3_600)] {
        for category in ["transient", "quota"] {
            let hub = Hub::start().await;
            let id = hub.submit_and_dispatch().await;
            let run = format!("{id}:1");
            let error =
                json!({"category": category, "message": "busy", "retry_after_s": asked_for_s});
            hub.gateway
                .stands(&run, json!({"state": "failed", "error": error}));
            hub.report(&run).await;
            let waiting = hub.row(&id).await.waiting.unwrap();
            let seconds = waiting.until.millis_since(waiting.since) / 1_000;
            let most = if category == "quota" { 60 } else { 0 };
            assert_eq!(seconds, waited_s.max(most), "{category}");
        }
    }
}

#[tokio::test]
async fn user_failures_are_not_tried_again() {
    let hub = Hub::start().await;
    let id = hub.submit_and_dispatch().await;
    hub.gateway.fails(&format!("{id}:1"), "user");
    hub.report(&format!("{id}:1")).await;
    let row = hub.row(&id).await;
    assert_eq!(row.status, Status::Failed);
    assert!(row.error.unwrap().user_action_required);
    hub.pass(3_600).await;
    assert_eq!(hub.gateway.script().begun.len(), 1);
    assert_eq!(hub.usage().await, [0, 1, 0]);
}

#[tokio::test]
async fn system_failures_are_tried_after_half_a_minute_and_after_two() {
    let hub = Hub::start().await;
    let (lines, _listening) = Lines::heard(Level::ERROR);
    let id = hub.submit_and_dispatch().await;
    for (epoch, wait_s) in [(1, 30), (2, 120)] {
        hub.gateway.fails(&format!("{id}:{epoch}"), "system");
        hub.report(&format!("{id}:{epoch}")).await;
        hub.pass(wait_s - 1).await;
        assert_eq!(hub.gateway.script().begun.len(), epoch);
        hub.pass(2).await;
        assert_eq!(hub.gateway.script().begun.len(), epoch + 1);
    }
    assert_eq!(lines.text(), "");
    hub.gateway.fails(&format!("{id}:3"), "system");
    hub.report(&format!("{id}:3")).await;
    assert_eq!(hub.row(&id).await.status, Status::Failed);
    assert!(
        lines.text().contains(&format!("{id}:3")),
        "its operators hear of it"
    );
}

#[tokio::test]
async fn want_of_quota_waits_without_using_up_a_try() {
    let hub = Hub::start().await;
    let id = hub.submit_and_dispatch().await;
    for epoch in 1..=6 {
        hub.gateway.fails(&format!("{id}:{epoch}"), "quota");
        hub.report(&format!("{id}:{epoch}")).await;
        assert_eq!(hub.row(&id).await.status, Status::Pending);
        hub.pass(61).await;
    }
    hub.succeed(&format!("{id}:7"), sound).await;
    assert_eq!(hub.row(&id).await.status, Status::Completed);
}

#[tokio::test]
async fn an_answer_that_is_lost_begins_no_second_run() {
    let hub = Hub::start().await;
    hub.gateway.script().taking = Taking::TakenUnanswered;
    let id = hub.submit_and_dispatch().await;
    hub.gateway.script().taking = Taking::Taken;
    hub.pass(6).await;
    hub.succeed(&format!("{id}:1"), sound).await;
    assert_eq!(hub.row(&id).await.status, Status::Completed);
    let script = hub.gateway.script();
    assert_eq!(script.begun, [format!("{id}:1")]);
    assert_eq!(script.asked_for, 1, "it is asked after, not for");
}

#[tokio::test]
async fn a_request_that_never_arrived_is_made_again_under_the_same_name() {
    let hub = Hub::start().await;
    hub.gateway.script().taking = Taking::Unanswered;
    let id = hub.submit_and_dispatch().await;
    assert!(
        hub.row(&id)
            .await
            .waiting
            .unwrap()
            .reason
            .contains("does not answer"),
        "it says why it waits"
    );
    hub.gateway.script().taking = Taking::Taken;
    hub.pass(6).await;
    assert_eq!(hub.gateway.script().begun, [format!("{id}:1")]);
    hub.succeed(&format!("{id}:1"), sound).await;
    assert_eq!(hub.row(&id).await.status, Status::Completed);
}

#[tokio::test]
async fn a_full_gateway_is_asked_again_when_it_said() {
    let hub = Hub::start().await;
    hub.gateway.script().taking = Taking::Full;
    let id = hub.submit_and_dispatch().await;
    assert!(
        hub.row(&id)
            .await
            .waiting
            .unwrap()
            .reason
            .contains("no room")
    );
    hub.gateway.script().taking = Taking::Taken;
    hub.pass(44).await;
    assert!(hub.gateway.script().begun.is_empty());
    hub.pass(2).await;
    assert_eq!(hub.gateway.script().begun, [format!("{id}:2")]);
    let tries = hub.job(&id).await.attempts;
    assert_eq!(tries.len(), 1, "to be told that there is no room is no try");
}

#[tokio::test]
async fn a_full_gateway_is_not_asked_for_every_ligand_of_a_screen() {
    let hub = Hub::start().await;
    hub.gateway.script().taking = Taking::Full;
    let id = hub.submit_batch(60).await;
    hub.dispatch().await;
    let asked_for = || hub.gateway.script().asked_for;
    let at_first = asked_for();
    assert!((1..=5).contains(&at_first), "{at_first}");
    hub.pass(40).await;
    assert_eq!(asked_for(), at_first, "it said 45 seconds");
    let waiting = hub.row(&id).await.waiting.unwrap();
    assert!(waiting.reason.contains("no room"), "{}", waiting.reason);
    hub.gateway.script().taking = Taking::Taken;
    hub.pass(10).await;
    assert_eq!(hub.gateway.script().begun.len(), 4, "all places are taken");
}

#[tokio::test]
async fn what_the_gateway_cannot_do_is_not_the_submitters_fault() {
    let hub = Hub::start().await;
    hub.gateway.script().taking = Taking::Failing;
    let id = hub.submit_and_dispatch().await;
    let row = hub.row(&id).await;
    let error = row.error.unwrap();
    assert_eq!(
        (row.status, error.code.as_str(), error.user_action_required),
        (Status::Pending, "conflict", false)
    );
    hub.gateway.script().taking = Taking::Taken;
    hub.pass(31).await;
    hub.succeed(&format!("{id}:2"), sound).await;
    assert_eq!(hub.row(&id).await.status, Status::Completed);
}

#[tokio::test]
async fn a_run_that_the_gateway_never_answers_for_is_given_up() {
    let hub = Hub::start().await;
    hub.gateway.script().taking = Taking::Unanswered;
    let id = hub.submit_and_dispatch().await;
    hub.pass(3_600).await;
    assert_eq!(hub.row(&id).await.status, Status::Running, "a day is given");
    for _ in 0..3 {
        hub.pass(24 * 3_600).await;
        hub.pass(130).await;
    }
    let row = hub.row(&id).await;
    assert_eq!(
        (row.status, row.error.unwrap().code.as_str()),
        (Status::Failed, "deadline")
    );
    assert_eq!(hub.usage().await, [0, 0, 1]);
}

#[tokio::test]
async fn a_failure_says_at_what_stage() {
    let hub = Hub::start().await;
    for (told, stage) in [
        (json!(null), "docking"),
        (json!({"stage": "reading results"}), "reading results"),
    ] {
        let id = hub.submit_and_dispatch().await;
        let progress = hub::job::Progress {
            stage: "docking".to_owned(),
            fraction: None,
        };
        let run = format!("{id}:1");
        hub.services.run_progressed(&run, progress).await.unwrap();
        let error = json!({"category": "user", "message": "no"});
        let failed = json!({"state": "failed", "error": error, "progress": told});
        hub.gateway.stands(&run, failed);
        hub.report(&run).await;
        let error = hub.row(&id).await.error.unwrap();
        assert_eq!(error.stage.as_deref(), Some(stage));
    }
}

#[tokio::test]
async fn a_record_has_room_for_whatever_a_run_says() {
    let hub = Hub::start().await;
    let id = hub.submit_and_dispatch().await;
    let long = "é".repeat(400_000);
    let error =
        json!({"category": "user", "code": long, "message": long, "log_tail": format!("{long}!")});
    hub.gateway.stands(
        &format!("{id}:1"),
        json!({"state": "failed", "error": error}),
    );
    hub.report(&format!("{id}:1")).await;
    let row = hub.row(&id).await;
    let error = row.error.unwrap();
    assert_eq!(row.status, Status::Failed);
    assert!(error.message.len() < 10_000 && error.code.len() < 1_000);
    assert!(error.log_tail.unwrap().ends_with("é!"), "the end is kept");
}

#[tokio::test]
async fn what_cannot_be_looked_at_does_not_hide_what_can() {
    let hub = Hub::start().await;
    for _ in 0..25 {
        let id = hub.submit_batch(1).await;
        hub.lose_half_of(&id).await;
    }
    let id = hub.submit_and_dispatch().await;
    hub.clock.advance_seconds(61);
    for _ in 0..2 {
        hub.services.poll_due().await.unwrap();
    }
    let asked_after = hub.gateway.script().asked_after.clone();
    assert!(asked_after.contains(&format!("{id}:1")));
}

#[tokio::test]
async fn what_cannot_be_looked_at_is_looked_at_again_soon_and_then_ever_later() {
    let hub = Hub::start().await;
    let id = hub.submit_batch(1).await;
    hub.lose_half_of(&id).await;
    for (passed_s, put_off_s) in [(61, 15), (39, 25), (24 * 3_600, 300)] {
        hub.clock.advance_seconds(passed_s);
        hub.services.poll_due().await.unwrap();
        let due_at: Timestamp =
            serde_json::from_value(hub.stored(&id).await["due_at"].clone()).unwrap();
        let seconds = due_at.millis_since(hub.clock.now()) as f64 / 1_000.0;
        assert_eq!(seconds.round() as u32, put_off_s);
    }
}

#[tokio::test]
async fn what_the_gateway_rejects_is_the_submitters_to_mend() {
    let hub = Hub::start().await;
    hub.gateway.script().taking = Taking::Rejected;
    let id = hub.submit_and_dispatch().await;
    let error = hub.row(&id).await.error.unwrap();
    assert_eq!(
        (error.message.as_str(), error.user_action_required),
        ("the receptor has no chain B", true)
    );
    assert_eq!(hub.usage().await, [0, 0, 1], "it never began");
}

#[tokio::test]
async fn a_result_that_expired_is_the_systems_fault() {
    let hub = Hub::start().await;
    let id = hub.submit_and_dispatch().await;
    let run = format!("{id}:1");
    hub.gateway.stands(&run, json!({"state": "expired"}));
    hub.report(&run).await;
    let error = hub.row(&id).await.error.unwrap();
    assert_eq!(
        (error.category, error.code.as_str()),
        (Category::System, "expired")
    );
    hub.pass(31).await;
    assert_eq!(hub.gateway.script().begun.len(), 2, "it is done again");
}

#[tokio::test]
async fn a_lost_run_is_done_again_and_the_late_one_is_shut_out() {
    let hub = Hub::start().await;
    let id = hub.submit_and_dispatch().await;
    let first = format!("{id}:1");
    let forgotten = hub.gateway.script().runs.remove(&first).unwrap();
    hub.pass(61).await;
    hub.pass(5).await;
    assert_eq!(
        hub.gateway.script().begun,
        [first.clone(), format!("{id}:2")]
    );
    hub.gateway.script().runs.insert(first.clone(), forgotten);
    hub.succeed(&first, sound).await;
    assert_eq!(
        hub.row(&id).await.status,
        Status::Running,
        "the result of an older epoch is not accepted"
    );
    hub.succeed(&format!("{id}:2"), sound).await;
    assert_eq!(hub.job(&id).await.attempts.last().unwrap().epoch, 2);
    assert_eq!(hub.usage().await, [0, 1, 0]);
}

#[tokio::test]
async fn a_remote_cancel_that_nobody_asked_for_is_tried_again() {
    let hub = Hub::start().await;
    let id = hub.submit_and_dispatch().await;
    hub.gateway
        .stands(&format!("{id}:1"), json!({"state": "cancelled"}));
    hub.report(&format!("{id}:1")).await;
    assert_eq!(hub.row(&id).await.status, Status::Pending);
    hub.pass(5).await;
    assert_eq!(hub.gateway.script().begun.len(), 2);
}

#[tokio::test]
async fn a_run_that_never_ends_is_given_up() {
    let hub = Hub::start().await;
    let (lines, _listening) = Lines::heard(Level::ERROR);
    let id = hub.submit_and_dispatch().await;
    for retry in 1..=3 {
        hub.pass(24 * 3_600 + 1_000).await;
        assert_eq!(
            hub.gateway.script().cancelled.len(),
            retry,
            "the run is asked to end"
        );
        hub.pass(130).await;
    }
    let row = hub.row(&id).await;
    assert_eq!(
        (row.status, row.error.unwrap().code.as_str()),
        (Status::Failed, "deadline")
    );
    assert!(
        lines.text().contains("deadline"),
        "its operators hear of it"
    );
}

/// What takes long: the structure of a large protein, five times.
fn large() -> JobRequest {
    serde_json::from_value(json!({
        "task": "protein_structure", "parameters": {"diffusion_samples": 5},
        "input": {"target": {"name": "a large one", "sequence": "MENFQKVEKIGEGTYGVVYK".repeat(100)}}
    }))
    .unwrap()
}

#[tokio::test]
async fn a_run_has_a_day_to_wait_and_four_times_its_estimate_to_run_and_is_then_given_up() {
    for (request, is_large) in [(job(), false), (large(), true)] {
        let hub = Hub::start().await;
        let submitted = hub.services.submit_job(&hub.actor, request, None).await;
        let id = submitted.unwrap().job.id;
        hub.dispatch().await;
        let run = format!("{id}:1");
        let estimate_s = hub.job(&id).await.estimate_s;
        assert_eq!(4 * estimate_s > 900, is_large, "{estimate_s} s");
        let given_s = if is_large { 4 * estimate_s } else { 900 };
        let told = hub.gateway.script().requests[&run]["deadline_s"].clone();
        assert_eq!(told, given_s, "the gateway ends it by then");

        hub.pass(24 * 3_600 + given_s - 61).await;
        assert_eq!(hub.row(&id).await.status, Status::Running);
        assert!(hub.gateway.script().cancelled.is_empty());
        hub.pass(2 * 61).await;
        let row = hub.row(&id).await;
        assert_eq!(
            (row.status, row.error.unwrap().code.as_str()),
            (Status::Pending, "deadline"),
            "it is tried again"
        );
        assert_eq!(hub.gateway.script().cancelled, [run]);
    }
}
