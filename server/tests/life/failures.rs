//! What fails is tried again as its category says, and each run is begun once.

use hub::job::Status;

use crate::gateway::Taking;
use crate::hub::{Hub, sound};

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
    let id = hub.submit_and_dispatch().await;
    for (epoch, wait_s) in [(1, 30), (2, 120)] {
        hub.gateway.fails(&format!("{id}:{epoch}"), "system");
        hub.report(&format!("{id}:{epoch}")).await;
        hub.pass(wait_s - 1).await;
        assert_eq!(hub.gateway.script().begun.len(), epoch);
        hub.pass(2).await;
        assert_eq!(hub.gateway.script().begun.len(), epoch + 1);
    }
    hub.gateway.fails(&format!("{id}:3"), "system");
    hub.report(&format!("{id}:3")).await;
    assert_eq!(hub.row(&id).await.status, Status::Failed);
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
    assert_eq!(hub.gateway.script().begun, [format!("{id}:1")]);
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
    hub.gateway.stands(
        &format!("{id}:1"),
        serde_json::json!({"state": "cancelled"}),
    );
    hub.report(&format!("{id}:1")).await;
    assert_eq!(hub.row(&id).await.status, Status::Pending);
    hub.pass(5).await;
    assert_eq!(hub.gateway.script().begun.len(), 2);
}

#[tokio::test]
async fn a_run_that_never_ends_is_given_up() {
    let hub = Hub::start().await;
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
}
