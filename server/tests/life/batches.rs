//! Batches: children take turns with single jobs and other batches, and the summary is what the children say.

use hub::job::Status;
use hub::list::ChildrenQuery;

use crate::hub::{Hub, sound};
use crate::stores::Store;

on_each_store!(
    the_summary_is_what_the_children_say,
    failed_children_are_retried_in_place_after_it_was_said_how_many,
    a_single_job_does_not_wait_for_a_batch_and_batches_take_turns,
    cancelling_a_batch_ends_every_child_once,
    a_deleted_batch_leaves_nothing,
    a_batch_is_deleted_or_runs_again_and_never_half_of_each,
    a_batch_of_more_records_than_one_commit_takes_is_summed_up
);

async fn the_summary_is_what_the_children_say(store: Store) {
    let hub = Hub::start_on(store).await;
    let id = hub.submit_batch(3).await;
    assert_eq!(hub.row(&id).await.status, Status::Pending);
    hub.dispatch().await;
    let mut starts = Vec::new();
    for child in 0..3 {
        starts.push(hub.row(&id.child(child)).await.started_at.unwrap());
    }
    hub.clock.advance_seconds(3);
    hub.services.roll_up(&id).await.unwrap();
    let row = hub.row(&id).await;
    assert_eq!(row.status, Status::Running);
    assert_eq!(
        row.started_at,
        starts.into_iter().min(),
        "not when it was summed up"
    );
    hub.succeed(&format!("{id}-00000:1"), sound).await;
    hub.gateway.fails(&format!("{id}-00001:1"), "user");
    hub.report(&format!("{id}-00001:1")).await;
    hub.services.cancel(&hub.actor, &id.child(2)).await.unwrap();
    hub.services.roll_up(&id).await.unwrap();

    let row = hub.row(&id).await;
    let batch = row.batch.unwrap();
    assert_eq!(row.status, Status::PartiallyCompleted);
    assert_eq!(
        (
            batch.completed,
            batch.failed,
            batch.cancelled,
            batch.finished_percent
        ),
        (1, 1, 1, 100.0)
    );
    assert_eq!(row.best.unwrap().value, -7.25);
    assert_eq!(
        hub.children(&id).await,
        ["completed", "failed", "cancelled"]
    );
}

async fn failed_children_are_retried_in_place_after_it_was_said_how_many(store: Store) {
    let hub = Hub::start_on(store).await;
    let id = hub.submit_batch(3).await;
    hub.dispatch().await;
    hub.succeed(&format!("{id}-00000:1"), sound).await;
    for child in [1, 2] {
        hub.gateway.fails(&format!("{id}-0000{child}:1"), "user");
        hub.report(&format!("{id}-0000{child}:1")).await;
    }
    hub.services.roll_up(&id).await.unwrap();
    let plan = hub
        .services
        .retry_failed(&hub.actor, &id, true)
        .await
        .unwrap();
    assert_eq!(
        (plan.children, hub.row(&id).await.status),
        (2, Status::PartiallyCompleted),
        "only said"
    );

    hub.services
        .retry_failed(&hub.actor, &id, false)
        .await
        .unwrap();
    assert_eq!(
        hub.row(&id).await.status,
        Status::Running,
        "an ended batch goes on"
    );
    hub.dispatch().await;
    for child in [1, 2] {
        hub.succeed(&format!("{id}-0000{child}:3"), sound).await;
    }
    hub.services.roll_up(&id).await.unwrap();
    assert_eq!(hub.row(&id).await.status, Status::Completed);
    assert_eq!(
        hub.usage().await,
        [0, 5, 0],
        "three, and two that were tried anew"
    );
}

async fn a_single_job_does_not_wait_for_a_batch_and_batches_take_turns(store: Store) {
    let hub = Hub::start_on(store).await;
    let (one, other) = (hub.submit_batch(30).await, hub.submit_batch(30).await);
    let single = hub.submit().await;
    hub.dispatch().await;
    let begun = hub.gateway.script().begun.clone();
    assert!(begun.contains(&format!("{single}:1")), "{begun:?}");
    let of = |batch: &hub::id::JobId| {
        begun
            .iter()
            .filter(|run| run.starts_with(batch.as_str()))
            .count()
    };
    assert!(of(&one).abs_diff(of(&other)) <= 1, "{begun:?}");
    assert!(begun.len() < 61, "no more than the gateway has room for");
}

async fn cancelling_a_batch_ends_every_child_once(store: Store) {
    let hub = Hub::start_on(store).await;
    let id = hub.submit_batch(450).await;
    hub.dispatch().await;
    hub.services.cancel(&hub.actor, &id).await.unwrap();
    hub.pass(1).await;
    hub.pass(31).await;
    let row = hub.row(&id).await;
    assert_eq!(
        (row.status, row.batch.unwrap().cancelled),
        (Status::Cancelled, 450)
    );
    let begun = hub.gateway.script().begun.len() as i64;
    assert_eq!(
        hub.usage().await,
        [0, begun, 450 - begun],
        "what had begun is charged, the rest given back"
    );
}

async fn a_deleted_batch_leaves_nothing(store: Store) {
    let hub = Hub::start_on(store).await;
    let id = hub.submit_batch(3).await;
    assert!(
        hub.services.delete(&hub.actor, &id).await.is_err(),
        "not while it runs"
    );
    hub.services.cancel(&hub.actor, &id).await.unwrap();
    hub.services.delete(&hub.actor, &id).await.unwrap();
    assert!(hub.services.job(&hub.actor, &id).await.is_err());
    assert!(hub.services.job(&hub.actor, &id.child(0)).await.is_err());
}

async fn a_batch_is_deleted_or_runs_again_and_never_half_of_each(store: Store) {
    let hub = Hub::start_on(store).await;
    for _ in 0..8 {
        let id = hub.submit_batch(5).await;
        hub.services.cancel(&hub.actor, &id).await.unwrap();
        let retry = hub.other.retry_failed(&hub.actor, &id, false);
        let delete = hub.services.delete(&hub.actor, &id);
        let (retried, deleted) = tokio::join!(retry, delete);
        let held = hub.usage().await[0];
        if deleted.is_ok() {
            assert_eq!(held, 0, "{retried:?}");
            assert!(hub.services.job(&hub.actor, &id.child(0)).await.is_err());
        } else {
            assert_eq!((retried.unwrap().children, held), (5, 5));
            for index in 0..5 {
                assert_eq!(hub.row(&id.child(index)).await.status, Status::Pending);
            }
            hub.services.cancel(&hub.actor, &id).await.unwrap();
            hub.clock.advance_seconds(5);
            hub.services.roll_up(&id).await.unwrap();
            hub.services.delete(&hub.actor, &id).await.unwrap();
        }
    }
}

async fn a_batch_of_more_records_than_one_commit_takes_is_summed_up(store: Store) {
    let hub = Hub::start_on(store).await;
    let id = hub.submit_batch(3_000).await;
    hub.services.cancel(&hub.actor, &id).await.unwrap();
    let row = hub.row(&id).await;
    assert_eq!(
        (row.status, row.batch.unwrap().cancelled),
        (Status::Cancelled, 3_000)
    );
    let query = ChildrenQuery {
        status: vec![Status::Cancelled],
        limit: 1,
        ..ChildrenQuery::default()
    };
    let page = hub.other.children(&hub.actor, &id, &query).await.unwrap();
    assert_eq!(page.total_results, 3_000);
}
