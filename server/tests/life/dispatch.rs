//! What goes out: nobody more than they may have out, whoever has least first, and no more than a model's hours allow.

use futures::future::join_all;
use hub::id::JobId;
use hub::job::Status;
use hub::limits::Limits;
use hub::ports::documents::{Collection, Expect, Key, Write};
use serde_json::json;

use crate::hub::{Hub, sound};
use crate::limits::{FEW, limited};
use crate::stores::Store;

on_each_store!(
    what_is_over_the_running_limit_waits_and_hides_nobody_elses_work,
    what_waits_for_other_work_of_its_owner_says_so,
    whoever_has_least_out_comes_first_however_much_others_have_queued,
    of_many_owners_each_has_a_turn,
    hours_of_a_month_are_those_that_runs_took,
    two_servers_that_dispatch_at_once_keep_to_the_running_limit,
);

async fn what_is_over_the_running_limit_waits_and_hides_nobody_elses_work(store: Store) {
    let mut hub = limited(
        store,
        Limits {
            per_day: 1_000,
            per_month: 1_000,
            ..FEW
        },
    )
    .await;
    for _ in 0..60 {
        hub.submit().await;
        hub.submit_batch(1).await;
    }
    hub.dispatch().await;
    assert_eq!(hub.gateway.script().begun.len(), 2);
    let usage = hub.services.usage(&hub.actor).await.unwrap();
    assert_eq!((usage.running.now, usage.running.limit), (2, Some(2)));

    hub.sign_in("zoe", Limits { running: 1, ..FEW }).await;
    let theirs = hub.submit_batch(2).await;
    hub.dispatch().await;
    let begun = hub.gateway.script().begun.clone();
    assert_eq!(begun[2..], [format!("{theirs}-00000:1")]);
    hub.succeed(&begun[2], sound).await;
    hub.dispatch().await;
    assert_eq!(hub.gateway.script().begun[3], format!("{theirs}-00001:1"));
    hub.succeed(&begun[0], sound).await;
    hub.dispatch().await;
    assert_eq!(
        hub.gateway.script().begun.len(),
        5,
        "one ended, one goes out"
    );
}

async fn what_waits_for_other_work_of_its_owner_says_so(store: Store) {
    let mut hub = limited(store, Limits { running: 1, ..FEW }).await;
    let (_, second) = (hub.submit().await, hub.submit().await);
    let batch = hub.submit_batch(2).await;
    let reason = async |hub: &Hub, id: &JobId| {
        let waiting = hub.row(id).await.waiting;
        waiting.map(|waiting| waiting.reason).unwrap_or_default()
    };
    for _ in 0..2 {
        hub.dispatch().await;
    }
    for id in [&second, &batch, &batch.child(1)] {
        let said = reason(&hub, id).await;
        assert_eq!(
            said,
            "another prediction of yours runs, and one may at once"
        );
    }
    let begun = hub.gateway.script().begun.clone();
    assert_eq!(begun.len(), 1);
    hub.succeed(&begun[0], sound).await;
    hub.dispatch().await;
    assert_eq!(reason(&hub, &second).await, "", "it runs");

    hub.sign_in("zoe", Limits { running: 0, ..FEW }).await;
    let nothing = hub.submit().await;
    hub.dispatch().await;
    let said = reason(&hub, &nothing).await;
    assert!(said.contains("limit of predictions at once is 0"), "{said}");
    assert!(said.contains("an admin raises it"), "{said}");
}

async fn whoever_has_least_out_comes_first_however_much_others_have_queued(store: Store) {
    let many = Limits {
        running: 10,
        ..Limits::PERSON
    };
    let mut hub = limited(store, many).await;
    for _ in 0..3 {
        hub.submit_batch(5).await;
    }
    hub.sign_in("zoe", many).await;
    let theirs = hub.submit_batch(5).await;
    hub.dispatch().await;
    let begun = hub.gateway.script().begun.clone();
    let of_zoe = begun.iter().filter(|run| run.starts_with(theirs.as_str()));
    assert_eq!((of_zoe.count(), begun.len()), (2, 4), "{begun:?}");
}

async fn of_many_owners_each_has_a_turn(store: Store) {
    let mut hub = limited(store, Limits::PERSON).await;
    let mut waiting = Vec::new();
    for person in 0..30 {
        hub.sign_in(&format!("person-{person:02}"), Limits::PERSON)
            .await;
        for _ in 0..3 {
            waiting.push(hub.submit().await);
        }
    }
    let mut turns: Vec<Vec<String>> = Vec::new();
    while !waiting.is_empty() {
        hub.dispatch().await;
        let begun = hub.gateway.script().begun.split_off(0);
        assert_eq!(begun.len(), 4.min(waiting.len()), "all places are taken");
        for run in &begun {
            hub.succeed(run, sound).await;
        }
        waiting.retain(|id| !begun.iter().any(|run| run.starts_with(id.as_str())));
        turns.push(begun);
    }
    // Nobody has their second job before everybody had their first.
    let mut owners = Vec::new();
    for run in turns[..7].concat() {
        let id = run.split(':').next().unwrap().parse().unwrap();
        owners.push(hub.stored(&id).await["owner"].to_string());
    }
    owners.sort();
    owners.dedup();
    assert_eq!(owners.len(), 28, "four in each of seven turns");
}

async fn hours_of_a_month_are_those_that_runs_took(store: Store) {
    let hub = limited(store, Limits::PERSON).await;
    let allow = async |hours: f64| {
        hub.clock.advance_seconds(11);
        let put = Write::Put {
            key: Key::new(Collection::Models, "vina"),
            json: json!({"hours_per_month": hours}).to_string(),
            expect: Expect::Any,
        };
        hub.documents.commit(vec![put]).await.unwrap();
    };
    // One ran for an hour after it had waited two, and one only waited.
    for (state, run_s) in [("failed", json!(3_600.0)), ("cancelled", json!(null))] {
        let id = hub.submit_and_dispatch().await;
        hub.clock.advance_seconds(3 * 3_600);
        let error = json!({"category": "user", "message": "no"});
        let queued_s = if state == "failed" { 7_200.0 } else { 10_800.0 };
        let timings = json!({"queued_s": queued_s, "run_s": run_s});
        hub.gateway.stands(
            &format!("{id}:1"),
            json!({"state": state, "error": error, "timings": timings}),
        );
        hub.services.cancel(&hub.actor, &id).await.unwrap();
        assert_eq!(hub.row(&id).await.status, Status::Cancelled);
    }
    let id = hub.submit().await;
    let begun = hub.gateway.script().begun.len();
    allow(1.5).await;
    hub.dispatch().await;
    assert_eq!(hub.gateway.script().begun.len(), begun);
    let waiting = hub.row(&id).await.waiting.unwrap();
    assert!(waiting.reason.contains("hours"), "{}", waiting.reason);
    allow(2.5).await;
    hub.dispatch().await;
    assert_eq!(hub.gateway.script().begun.len(), begun + 1);
    // Where the gateway knows what is left, its word counts.
    let id = hub.submit().await;
    hub.gateway.script().hours_left = Some(0.5);
    allow(100.0).await;
    hub.dispatch().await;
    assert_eq!(hub.gateway.script().begun.len(), begun + 1);
    let waiting = hub.row(&id).await.waiting.unwrap();
    assert!(waiting.reason.contains("hours"), "{}", waiting.reason);
}

async fn two_servers_that_dispatch_at_once_keep_to_the_running_limit(store: Store) {
    let hub = limited(
        store,
        Limits {
            running: 3,
            per_day: 100,
            per_month: 100,
            ..FEW
        },
    )
    .await;
    for _ in 0..12 {
        hub.submit().await;
    }
    for round in 1..=4 {
        let turn = |services: hub::services::Services| {
            tokio::spawn(async move { while services.dispatch_due().await.unwrap() {} })
        };
        let turns = (0..4).map(|n| turn([&hub.services, &hub.other][n % 2].clone()));
        join_all(turns).await;
        let begun = hub.gateway.script().begun.clone();
        assert_eq!(begun.len(), 3 * round);
        for run in &begun[3 * (round - 1)..] {
            hub.succeed(run, sound).await;
        }
    }
    assert_eq!(hub.usage().await, [0, 12, 0]);
}
