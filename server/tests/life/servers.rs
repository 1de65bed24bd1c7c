//! Two servers over the same stores: each duty is done by one of them, and the other takes over; what comes late from one
//! harms nothing that the other does.

use std::time::Duration;

use hub::id::JobId;
use hub::job::Status;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::gateway::Taking;
use crate::hub::{Hub, sound};
use crate::stores::Store;

on_each_store!(
    one_server_looks_at_what_is_due_and_another_one_takes_over,
    a_batch_is_summed_up_by_one_server_and_soon_by_the_other,
    an_answer_that_comes_late_ends_no_run_that_another_server_follows,
    a_server_that_comes_back_late_changes_nothing,
    an_older_answer_that_arrives_after_a_newer_one_changes_nothing,
    a_failure_that_is_told_twice_is_one_try,
    an_end_that_is_told_to_both_servers_at_once_is_accepted_once,
);

async fn one_server_looks_at_what_is_due_and_another_one_takes_over(store: Store) {
    let hub = Hub::start_on(store).await;
    let id = hub.submit_and_dispatch().await;
    let looks = || hub.gateway.script().asked_after.len();
    for look in 1..=3 {
        hub.clock.advance_seconds(61);
        hub.services.poll_due().await.unwrap();
        hub.other.poll_due().await.unwrap();
        assert_eq!(looks(), look, "one of them looks");
    }
    hub.clock.advance_seconds(61);
    hub.other.poll_due().await.unwrap();
    assert_eq!(
        looks(),
        4,
        "the other one when the lease of the first has ended"
    );
    hub.clock.advance_seconds(10);
    hub.other.poll_due().await.unwrap();
    hub.clock.advance_seconds(51);
    hub.other.resign().await.unwrap();
    hub.services.poll_due().await.unwrap();
    assert_eq!(looks(), 5, "at once when the other one has left it");
    assert_eq!(hub.row(&id).await.status, Status::Running);
}

async fn a_batch_is_summed_up_by_one_server_and_soon_by_the_other(store: Store) {
    let hub = Hub::start_on(store).await;
    let id = hub.submit_batch(2).await;
    hub.dispatch().await;
    assert!(hub.services.roll_up(&id).await.unwrap());
    hub.succeed(&format!("{id}-00000:1"), sound).await;
    assert!(
        !hub.other.roll_up(&id).await.unwrap(),
        "the first one leads"
    );
    hub.clock.advance_seconds(5);
    assert!(hub.other.roll_up(&id).await.unwrap());
    assert_eq!(hub.row(&id).await.batch.unwrap().completed, 1);
    assert!(
        !hub.services.roll_up(&id).await.unwrap(),
        "and now the other one"
    );
}

/// A job whose run the gateway has begun, and the first server that still waits for the answer.
async fn asked_slowly(hub: &Hub) -> (JobId, JoinHandle<bool>) {
    hub.gateway.script().taking = Taking::TakenSlowly;
    let id = hub.submit().await;
    let first = hub.services.clone();
    let asking = tokio::spawn(async move { first.dispatch_due().await.unwrap() });
    while hub.gateway.script().begun.is_empty() {
        sleep(Duration::from_millis(5)).await;
    }
    (id, asking)
}

async fn an_answer_that_comes_late_ends_no_run_that_another_server_follows(store: Store) {
    let hub = Hub::start_on(store).await;
    let (id, asking) = asked_slowly(&hub).await;
    hub.clock.advance_seconds(61);
    hub.other.poll_due().await.unwrap();
    assert_eq!(hub.row(&id).await.status, Status::Running);
    hub.gateway.script().slow.notify_one();
    asking.await.unwrap();
    assert!(hub.gateway.script().cancelled.is_empty());
    hub.succeed(&format!("{id}:1"), sound).await;
    assert_eq!(hub.row(&id).await.status, Status::Completed);
}

async fn a_server_that_comes_back_late_changes_nothing(store: Store) {
    let hub = Hub::start_on(store).await;
    let (id, asking) = asked_slowly(&hub).await;
    // Meanwhile the person cancels it, and has it run again.
    hub.gateway.script().taking = Taking::Taken;
    hub.other.cancel(&hub.actor, &id).await.unwrap();
    assert_eq!(hub.row(&id).await.status, Status::Cancelled);
    hub.other.retry(&hub.actor, &id).await.unwrap();
    while hub.other.dispatch_due().await.unwrap() {}
    let begun = hub.gateway.script().begun.clone();
    assert_eq!(begun.len(), 2);
    hub.gateway.script().slow.notify_one();
    asking.await.unwrap();
    let cancelled = hub.gateway.script().cancelled.clone();
    assert!(
        cancelled.iter().all(|run| *run == begun[0]),
        "{cancelled:?}"
    );
    hub.succeed(&begun[1], sound).await;
    assert_eq!(hub.row(&id).await.status, Status::Completed);
    assert_eq!(hub.usage().await[0], 0);
}

async fn an_older_answer_that_arrives_after_a_newer_one_changes_nothing(store: Store) {
    let hub = Hub::start_on(store).await;
    let id = hub.submit_and_dispatch().await;
    let run = format!("{id}:1");
    let asking = hub.ask_after_slowly(&run).await;
    hub.gateway.succeeds(&run, &*hub.blobs, sound).await;
    hub.other.run_reported(&run).await.unwrap();
    assert_eq!(hub.row(&id).await.status, Status::Completed);
    hub.gateway.script().slow.notify_one();
    asking.await.unwrap();
    let job = hub.job(&id).await;
    assert_eq!(
        (job.row.status, job.row.progress),
        (Status::Completed, None)
    );
    assert_eq!(hub.usage().await, [0, 1, 0]);
}

async fn a_failure_that_is_told_twice_is_one_try(store: Store) {
    let hub = Hub::start_on(store).await;
    let id = hub.submit_and_dispatch().await;
    let run = format!("{id}:1");
    hub.gateway.fails(&run, "transient");
    let asking = hub.ask_after_slowly(&run).await;
    hub.other.run_reported(&run).await.unwrap();
    // The next try has begun before the first server hears of the failure.
    hub.pass(5).await;
    hub.gateway.script().slow.notify_one();
    asking.await.unwrap();
    let job = hub.job(&id).await;
    assert_eq!(
        (job.row.status, job.attempts.len()),
        (Status::Running, 2),
        "the second try goes on"
    );
    assert_eq!(
        hub.gateway.script().begun,
        [run, format!("{id}:2")],
        "and is the only one"
    );
}

async fn an_end_that_is_told_to_both_servers_at_once_is_accepted_once(store: Store) {
    let hub = Hub::start_on(store).await;
    let id = hub.submit_and_dispatch().await;
    let run = format!("{id}:1");
    hub.gateway.succeeds(&run, &*hub.blobs, sound).await;
    let (one, other) = tokio::join!(
        hub.services.run_reported(&run),
        hub.other.run_reported(&run)
    );
    one.unwrap();
    other.unwrap();
    let job = hub.job(&id).await;
    assert_eq!((job.row.status, job.attempts.len()), (Status::Completed, 1));
    assert_eq!(hub.usage().await, [0, 1, 0]);
}
