//! What goes out: nobody more than they may have out, whoever has least first, no more than a model's hours allow, and as
//! soon as there is something to send and room for it.

use std::time::Duration;

use futures::FutureExt;
use futures::future::join_all;
use hub::actor::Actor;
use hub::id::JobId;
use hub::job::Status;
use hub::limits::{Limits, Tier};
use hub::model::Model;
use hub::ports::documents::{Collection, Expect, Key, Write};
use serde_json::json;
use server::background;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::hub::{Hub, sound};
use crate::limits::{FEW, limited};
use crate::stores::Store;

on_each_store!(
    what_is_over_the_running_limit_waits_and_hides_nobody_elses_work,
    what_waits_for_other_work_of_its_owner_says_so,
    members_of_an_organisation_share_its_running_limit_and_hold_up_nobody_outside,
    whoever_has_least_out_comes_first_however_much_others_have_queued,
    of_many_owners_each_has_a_turn,
    hours_of_a_month_are_those_that_runs_took,
    hours_of_a_month_are_summed_anew_every_five_minutes,
    two_servers_that_dispatch_at_once_keep_to_the_running_limit,
    the_dispatcher_is_woken_by_what_is_accepted_and_by_what_ends,
);

/// How long a dispatcher rests that nothing wakes.
const REST: Duration = Duration::from_secs(2);

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

/// Founds an organisation with these limits, which are other than those of its members.
async fn found(hub: &Hub, organization: &str, limits: Limits) {
    let record = json!({
        "schema": 1, "id": organization, "name": "Lab", "owner": "ada", "tier": Tier::Free, "limits": limits,
        "created_at": hub.clock.now(),
    });
    let put = Write::Put {
        key: Key::new(Collection::Organizations, organization),
        json: record.to_string(),
        expect: Expect::Any,
    };
    hub.documents.commit(vec![put]).await.unwrap();
}

async fn members_of_an_organisation_share_its_running_limit_and_hold_up_nobody_outside(
    store: Store,
) {
    let mut hub = limited(store, FEW).await;
    found(&hub, "lab", Limits { running: 1, ..FEW }).await;
    hub.join("lab").await;
    let of_ada = hub.submit().await;
    hub.sign_in("bob", FEW).await;
    hub.join("lab").await;
    let of_bob = hub.submit_batch(2).await;
    let member = hub.actor.clone();
    hub.dispatch().await;
    assert_eq!(hub.gateway.script().begun, [format!("{of_ada}:1")]);

    hub.sign_in("zoe", FEW).await;
    let theirs = [hub.submit().await, hub.submit().await].map(|id| format!("{id}:1"));
    let of_lab = [
        format!("{of_ada}:1"),
        format!("{of_bob}-00000:1"),
        format!("{of_bob}-00001:1"),
    ];
    let outside = |run: &&String| theirs.contains(run);
    for (place, run) in of_lab.iter().enumerate() {
        hub.dispatch().await;
        let begun = hub.gateway.script().begun.clone();
        assert_eq!(begun.iter().filter(outside).count(), 2, "{begun:?}");
        let inside: Vec<_> = begun.iter().filter(|run| !outside(run)).cloned().collect();
        assert_eq!(inside, of_lab[..=place], "one of both members' at a time");
        let running = hub.services.usage(&member).await.unwrap().running;
        assert_eq!((running.now, running.limit), (1, Some(1)));
        hub.succeed(run, sound).await;
    }
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

async fn hours_of_a_month_are_summed_anew_every_five_minutes(store: Store) {
    let hub = limited(store, Limits::PERSON).await;
    let hours = async || {
        let rows = hub.services.model_settings(&Actor::local()).await.unwrap();
        let row = rows.into_iter().find(|row| row.id == Model::Vina);
        row.unwrap().hours_this_month
    };
    assert_eq!(hours().await, 0.0);
    let id = hub.submit_and_dispatch().await;
    let run = format!("{id}:1");
    let error = json!({"category": "user", "message": "no"});
    let timings = json!({"queued_s": 0.0, "run_s": 3_600.0});
    let failed = json!({"state": "failed", "error": error, "timings": timings});
    hub.gateway.stands(&run, failed);
    hub.report(&run).await;
    assert_eq!(hub.row(&id).await.status, Status::Failed);
    // By the time of the store, whatever that of the machine is.
    for (seconds, known) in [(0, 0.0), (299, 0.0), (1, 1.0)] {
        hub.clock.advance_seconds(seconds);
        assert_eq!(hours().await, known, "{seconds} s later");
    }
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

/// Whether the dispatcher was woken since it was last asked. No timer is looked at: it would hide that nothing woke it.
fn is_woken(hub: &Hub) -> bool {
    hub.services.changes().work().now_or_never().is_some()
}

async fn the_dispatcher_is_woken_by_what_is_accepted_and_by_what_ends(store: Store) {
    let hub = Hub::start_on(store).await;
    assert!(!is_woken(&hub), "nothing is there to be sent");
    let id = hub.submit().await;
    assert!(is_woken(&hub), "a job was accepted");
    let batch = hub.submit_batch(2).await;
    assert!(is_woken(&hub), "a batch was accepted");
    hub.dispatch().await;
    assert!(!is_woken(&hub), "what goes out makes no room");

    hub.succeed(&format!("{id}:1"), sound).await;
    assert!(is_woken(&hub), "a run ended well");
    let child = batch.child(0);
    hub.gateway.fails(&format!("{child}:1"), "transient");
    hub.report(&format!("{child}:1")).await;
    assert!(is_woken(&hub), "a run failed, and its place is free");
    hub.clock.advance_seconds(5);
    hub.services.poll_due().await.unwrap();
    assert!(
        is_woken(&hub),
        "it has waited long enough to be tried again"
    );
    hub.services
        .cancel(&hub.actor, &batch.child(1))
        .await
        .unwrap();
    assert!(is_woken(&hub), "a run was cancelled");
    hub.services
        .retry(&hub.actor, &batch.child(1))
        .await
        .unwrap();
    assert!(is_woken(&hub), "a ligand is to be run again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jobs_one_after_the_other_do_not_wait_until_the_dispatcher_has_rested() {
    const JOBS: u32 = 6;
    let hub = Hub::start().await;
    let stopping = CancellationToken::new();
    let duties = background::start(&hub.services, None, &stopping);
    let began = Instant::now();
    for sent in 1..=JOBS {
        let id = hub.submit().await;
        while hub.gateway.script().begun.len() < sent as usize {
            sleep(Duration::from_millis(5)).await;
        }
        hub.succeed(&format!("{id}:1"), sound).await;
    }
    // A dispatcher that nothing wakes rests before each of them.
    let took = began.elapsed();
    assert!(took < REST * (JOBS - 1), "{took:?}");
    stopping.cancel();
    duties.join_all().await;
}
