//! Cancelling: at once where nothing runs, confirmed by the gateway where something does, and by time where it is deaf.

use hub::job::Status;

use crate::hub::{Hub, sound};
use crate::stores::Store;

on_each_store!(
    a_waiting_job_is_cancelled_at_once_and_given_back,
    a_running_job_is_cancelled_when_the_gateway_confirms,
    a_deaf_gateway_is_shut_out_after_a_minute,
    a_job_whose_result_cannot_be_looked_at_is_cancelled_after_a_minute,
    a_cancelled_job_can_be_retried_in_place
);

async fn a_waiting_job_is_cancelled_at_once_and_given_back(store: Store) {
    let hub = Hub::start_on(store).await;
    let id = hub.submit().await;
    assert_eq!(
        hub.services.cancel(&hub.actor, &id).await.unwrap().status,
        Status::Cancelled
    );
    hub.dispatch().await;
    assert!(hub.gateway.script().begun.is_empty());
    assert_eq!(hub.usage().await, [0, 0, 1]);
    let again = hub.services.cancel(&hub.actor, &id).await.unwrap();
    assert_eq!(
        again.status,
        Status::Cancelled,
        "cancelling what has ended changes nothing"
    );
}

async fn a_running_job_is_cancelled_when_the_gateway_confirms(store: Store) {
    let hub = Hub::start_on(store).await;
    let id = hub.submit_and_dispatch().await;
    let row = hub.services.cancel(&hub.actor, &id).await.unwrap();
    assert_eq!(row.status, Status::Cancelled);
    assert_eq!(hub.gateway.script().cancelled, [format!("{id}:1")]);
    assert_eq!(hub.usage().await, [0, 1, 0], "it had begun");
}

async fn a_deaf_gateway_is_shut_out_after_a_minute(store: Store) {
    let hub = Hub::start_on(store).await;
    hub.gateway.script().deaf = true;
    let id = hub.submit_and_dispatch().await;
    let row = hub.services.cancel(&hub.actor, &id).await.unwrap();
    assert!(row.cancelling && row.status == Status::Running);
    hub.pass(30).await;
    assert!(hub.row(&id).await.cancelling);
    hub.pass(31).await;
    assert_eq!(hub.row(&id).await.status, Status::Cancelled);
    hub.succeed(&format!("{id}:1"), sound).await;
    assert_eq!(
        hub.row(&id).await.status,
        Status::Cancelled,
        "what comes later is not accepted"
    );
}

async fn a_job_whose_result_cannot_be_looked_at_is_cancelled_after_a_minute(store: Store) {
    let hub = Hub::start_on(store).await;
    let id = hub.submit_and_dispatch().await;
    let run = format!("{id}:1");
    hub.gateway.succeeds(&run, &*hub.blobs, sound).await;
    // It is asked where the run stands, and then for the result.
    let asking = hub.ask_after_slowly(&run).await;
    hub.gateway.script().away = true;
    hub.gateway.script().slow.notify_one();
    asking.await.unwrap();
    let row = hub.services.cancel(&hub.actor, &id).await.unwrap();
    assert!(row.cancelling, "its result is being collected");
    hub.pass(61).await;
    assert_eq!(hub.row(&id).await.status, Status::Cancelled);
    assert_eq!(hub.usage().await, [0, 1, 0], "it had begun");
}

async fn a_cancelled_job_can_be_retried_in_place(store: Store) {
    let hub = Hub::start_on(store).await;
    let id = hub.submit_and_dispatch().await;
    hub.services.cancel(&hub.actor, &id).await.unwrap();
    assert_eq!(
        hub.services.retry(&hub.actor, &id).await.unwrap().status,
        Status::Pending
    );
    hub.dispatch().await;
    let run = hub.gateway.script().begun.last().unwrap().clone();
    hub.succeed(&run, sound).await;
    let job = hub.job(&id).await;
    assert_eq!((job.row.status, job.attempts.len()), (Status::Completed, 2));
    assert_eq!(hub.usage().await, [0, 2, 0], "a retry is a new unit");
    assert!(
        hub.services.retry(&hub.actor, &id).await.is_err(),
        "what is completed is not retried"
    );
}
