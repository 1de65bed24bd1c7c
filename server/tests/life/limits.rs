//! Limits: never exceeded however many ask at once and wherever, and never admitted on what was true before.

use futures::future::join_all;
use hub::Error;
use hub::actor::Actor;
use hub::job::Status;
use hub::limits::{Limits, Tier};
use hub::ports::documents::{Collection, Expect, Key, Write};
use hub::services::IdempotencyKey;
use serde_json::{Value, json};

use crate::hub::{Hub, batch, job};
use crate::stores::Store;

on_each_store!(
    two_hundred_submissions_at_once_fill_the_limit_and_no_more,
    one_submission_sent_fifty_times_takes_one_unit,
    a_day_begins_at_midnight_utc_and_a_retry_counts_on_its_own_day,
    more_than_is_left_is_refused_whole_and_says_what_is_left,
    a_limit_of_nothing_says_so_and_an_admins_word_counts_at_once,
    an_organisations_work_counts_for_the_organisation_by_its_tier,
    without_a_record_of_its_owner_nothing_is_accepted_and_nothing_goes_out,
    failed_ligands_run_again_all_or_none,
    a_retry_that_was_left_half_written_is_completed_and_what_it_does_not_need_given_back
);

pub const FEW: Limits = Limits {
    per_day: 4,
    per_month: 6,
    running: 2,
    children: 3,
};

pub async fn limited(store: Store, limits: Limits) -> Hub {
    let mut hub = Hub::start_on(store).await;
    hub.sign_in("ada", limits).await;
    hub
}

/// What is left, when a limit refuses.
#[track_caller]
fn left<T: std::fmt::Debug>(answer: hub::Result<T>) -> u64 {
    match answer {
        Err(Error::LimitReached { remaining, .. }) => remaining,
        other => panic!("not refused by a limit: {other:?}"),
    }
}

async fn two_hundred_submissions_at_once_fill_the_limit_and_no_more(store: Store) {
    let hub = limited(
        store,
        Limits {
            per_day: 100,
            ..Limits::PERSON
        },
    )
    .await;
    let submit = |place: usize| {
        let (services, actor) = match place % 2 {
            0 => (hub.services.clone(), hub.actor.clone()),
            _ => (hub.other.clone(), hub.actor.clone()),
        };
        tokio::spawn(async move {
            if place % 4 == 1 {
                let answer = services.submit_batch(&actor, batch(3), None).await;
                (3, answer)
            } else {
                (1, services.submit_job(&actor, job(), None).await)
            }
        })
    };
    let answers = join_all((0..200).map(submit)).await;
    let (mut accepted, mut ids) = (0, Vec::new());
    for answer in answers {
        match answer.unwrap() {
            (units, Ok(done)) => {
                accepted += units;
                ids.push(done.job.id);
            }
            (units, refused) => assert!(left(refused) < units),
        }
    }
    assert_eq!(
        accepted, 100,
        "a single job was refused only when none was left"
    );
    assert_eq!(hub.usage().await, [100, 0, 0]);
    assert_eq!(hub.usage_of("2027-01").await, [100, 0, 0]);

    // What does not come to an end that counts is given back, to the last unit.
    hub.dispatch().await;
    let begun = hub.gateway.script().begun.clone();
    assert!(!begun.is_empty());
    for run in &begun {
        hub.gateway.fails(run, "user");
        hub.report(run).await;
    }
    join_all(ids.iter().map(|id| hub.services.cancel(&hub.actor, id))).await;
    let charged = begun.len() as i64;
    assert_eq!(hub.usage().await, [0, charged, 100 - charged]);
    assert_eq!(hub.usage_of("2027-01").await, [0, charged, 100 - charged]);
}

async fn one_submission_sent_fifty_times_takes_one_unit(store: Store) {
    let hub = limited(store, Limits { per_day: 1, ..FEW }).await;
    let submit = |_| {
        let (services, actor) = (hub.services.clone(), hub.actor.clone());
        let key = IdempotencyKey::new("one").unwrap();
        tokio::spawn(async move { services.submit_job(&actor, job(), Some(key)).await })
    };
    let answers = join_all((0..50).map(submit)).await;
    let mut ids: Vec<_> = answers
        .into_iter()
        .map(|answer| answer.unwrap().unwrap().job.id)
        .collect();
    ids.dedup();
    assert_eq!((ids.len(), hub.usage().await), (1, [1, 0, 0]));
}

async fn a_day_begins_at_midnight_utc_and_a_retry_counts_on_its_own_day(store: Store) {
    let hub = limited(store, FEW).await;
    hub.clock
        .advance_to("2027-01-30T23:59:58Z".parse().unwrap());
    let ids = [
        hub.submit().await,
        hub.submit().await,
        hub.submit().await,
        hub.submit().await,
    ];
    let refused = hub
        .services
        .submit_job(&hub.actor, job(), None)
        .await
        .unwrap_err();
    let said = refused.to_string();
    assert!(
        said.contains("4 units a day") && said.contains("2027-01-31"),
        "{said}"
    );
    hub.services.cancel(&hub.actor, &ids[0]).await.unwrap();
    assert_eq!(hub.usage_of("2027-01-30").await, [3, 0, 1]);

    hub.clock.advance_seconds(3);
    hub.services.retry(&hub.actor, &ids[0]).await.unwrap();
    hub.services.cancel(&hub.actor, &ids[1]).await.unwrap();
    assert_eq!(hub.usage_of("2027-01-30").await, [2, 0, 2]);
    assert_eq!(hub.usage_of("2027-01-31").await, [1, 0, 0]);
    hub.services.cancel(&hub.actor, &ids[0]).await.unwrap();
    assert_eq!(hub.usage_of("2027-01-31").await, [0, 0, 1]);
    for _ in 0..4 {
        hub.submit().await;
    }
    let refused = hub
        .services
        .submit_job(&hub.actor, job(), None)
        .await
        .unwrap_err();
    let said = refused.to_string();
    assert!(
        said.contains("6 units a month") && said.contains("2027-02-01"),
        "{said}"
    );
    assert_eq!(hub.usage_of("2027-01").await, [6, 0, 3]);
    hub.clock.advance_seconds(24 * 3_600);
    hub.submit().await;
    assert_eq!(hub.usage_of("2027-02").await, [1, 0, 0]);
}

async fn more_than_is_left_is_refused_whole_and_says_what_is_left(store: Store) {
    let hub = limited(store, FEW).await;
    hub.submit_batch(3).await;
    let two = hub.services.submit_batch(&hub.actor, batch(2), None).await;
    assert_eq!(left(two), 1);
    let usage = hub.services.usage(&hub.actor).await.unwrap();
    assert_eq!(
        (
            usage.day.remaining,
            usage.month.remaining,
            usage.day.units.held
        ),
        (Some(1), Some(3), 3)
    );
    hub.submit().await;
    assert_eq!(
        left(hub.services.submit_job(&hub.actor, job(), None).await),
        0
    );
    let four = hub.services.submit_batch(&hub.actor, batch(4), None).await;
    let refused = four.unwrap_err();
    assert_eq!(
        (refused.status(), refused.faults()[0].field.as_str()),
        (422, "ligands")
    );
    assert!(refused.to_string().contains("at most 3 ligands"));
    let body = json!({"task": "docking", "input": {"target": {"named": "ABL1"}, "ligand": {"name": "a", "smiles": "C"}}});
    let preflight = hub.services.preflight(&hub.actor, body).await.unwrap();
    let remaining = preflight.remaining.unwrap();
    assert_eq!((remaining.today, remaining.this_month), (0, 2));
}

async fn a_limit_of_nothing_says_so_and_an_admins_word_counts_at_once(store: Store) {
    let mut hub = limited(store, Limits { per_day: 0, ..FEW }).await;
    let refused = hub.services.submit_job(&hub.actor, job(), None).await;
    let said = refused.unwrap_err().to_string();
    assert!(
        said.contains("0 units a day, so nothing can be run"),
        "{said}"
    );
    hub.sign_in("ada", FEW).await;
    hub.submit().await;
    hub.sign_in("ada", Limits { per_day: 1, ..FEW }).await;
    assert_eq!(
        left(hub.services.submit_job(&hub.actor, job(), None).await),
        0
    );
}

async fn an_organisations_work_counts_for_the_organisation_by_its_tier(store: Store) {
    let mut hub = limited(store, FEW).await;
    hub.submit().await;
    for (tier, set, [per_day, per_month, running, children]) in [
        (Tier::Free, None, [1_000, 30_000, 20, 500]),
        (Tier::Pro, None, [5_000, 100_000, 50, 1_500]),
        (Tier::Enterprise, None, [50_000, 1_000_000, 200, 10_000]),
        (Tier::Free, Some(FEW), [4, 6, 2, 3]),
    ] {
        let organization = json!({
            "schema": 1, "id": "lab", "name": "Lab", "owner": "ada", "tier": tier, "limits": set,
            "created_at": hub.clock.now(),
        });
        let put = Write::Put {
            key: Key::new(Collection::Organizations, "lab"),
            json: organization.to_string(),
            expect: Expect::Any,
        };
        hub.documents.commit(vec![put]).await.unwrap();
        hub.join("lab").await;
        let usage = hub.services.usage(&hub.actor).await.unwrap();
        let agreed = Limits {
            per_day,
            per_month,
            running,
            children,
        };
        assert_eq!(usage.limits, Some(agreed));
    }
    for _ in 0..4 {
        hub.submit().await;
    }
    assert_eq!(
        left(hub.services.submit_job(&hub.actor, job(), None).await),
        0
    );
    assert_eq!(hub.usage().await, [4, 0, 0], "not what is the person's own");
}

async fn without_a_record_of_its_owner_nothing_is_accepted_and_nothing_goes_out(store: Store) {
    let mut hub = limited(store, FEW).await;
    hub.submit().await;
    hub.submit_batch(2).await;
    let forget = Write::Delete {
        key: Key::new(Collection::Users, "ada"),
        expect: Expect::Any,
    };
    hub.documents.commit(vec![forget]).await.unwrap();
    let refused = hub.services.submit_job(&hub.actor, job(), None).await;
    assert_eq!(refused.unwrap_err().status(), 403);
    let refused = hub.services.submit_batch(&hub.actor, batch(2), None).await;
    assert_eq!(refused.unwrap_err().status(), 403);
    assert_eq!(hub.usage().await, [3, 0, 0]);
    hub.actor = Actor::local();
    hub.submit_and_dispatch().await;
    assert_eq!(hub.gateway.script().begun.len(), 1, "only the other's");
}

async fn failed_ligands_run_again_all_or_none(store: Store) {
    let hub = limited(
        store,
        Limits {
            per_day: 5,
            running: 3,
            ..FEW
        },
    )
    .await;
    let id = hub.submit_batch(3).await;
    hub.dispatch().await;
    let begun = hub.gateway.script().begun.clone();
    for run in begun {
        hub.gateway.fails(&run, "user");
        hub.report(&run).await;
    }
    hub.services.roll_up(&id).await.unwrap();
    assert_eq!(left(hub.services.retry(&hub.actor, &id).await), 2);
    assert_eq!(hub.row(&id).await.status, Status::Failed);
    assert_eq!(hub.children(&id).await, ["failed"; 3]);
    assert_eq!(hub.usage().await, [0, 3, 0]);

    let child = hub.services.retry(&hub.actor, &id.child(1)).await.unwrap();
    assert_eq!(child.status, Status::Pending);
    hub.services
        .retry_failed(&hub.actor, &id, false)
        .await
        .map(drop)
        .unwrap_err();
    hub.services.retry(&hub.actor, &id.child(0)).await.unwrap();
    assert_eq!(left(hub.services.retry(&hub.actor, &id.child(2)).await), 0);
    assert_eq!(hub.usage().await, [2, 3, 0]);
}

async fn a_retry_that_was_left_half_written_is_completed_and_what_it_does_not_need_given_back(
    store: Store,
) {
    let hub = limited(
        store,
        Limits {
            per_day: 100,
            per_month: 100,
            ..FEW
        },
    )
    .await;
    let id = hub.submit_batch(3).await;
    hub.services.cancel(&hub.actor, &id).await.unwrap();
    assert_eq!(hub.usage().await, [0, 0, 3]);
    hub.services.retry(&hub.actor, &id.child(1)).await.unwrap();
    assert_eq!(hub.usage().await, [1, 0, 3]);

    let key = Key::new(Collection::Jobs, id.as_str());
    let stored = hub.documents.get_many(std::slice::from_ref(&key)).await;
    let stored = stored.unwrap().remove(0).unwrap();
    let mut half: Value = serde_json::from_str(&stored.json).unwrap();
    let now = hub.clock.now();
    half["batch"]["reopening"] = json!({"held_at": now, "units": 3});
    half["due_at"] = json!(now.plus_seconds(30));
    let put = Write::Put {
        key,
        json: half.to_string(),
        expect: Expect::Version(stored.version),
    };
    let taken = ["2027-01-15", "2027-01"].map(|time| Write::Add {
        key: Key::new(Collection::Usage, format!("user:ada:{time}")),
        amounts: vec![("held", 3)],
    });
    let writes = [put].into_iter().chain(taken).collect();
    hub.documents.commit(writes).await.unwrap();

    hub.pass(20).await;
    assert_eq!(hub.usage().await, [4, 0, 3], "nobody looks yet");
    hub.pass(11).await;
    assert_eq!(hub.usage().await, [3, 0, 3]);
    assert_eq!(hub.usage_of("2027-01").await, [3, 0, 3]);
    let statuses = hub.children(&id).await;
    assert!(!statuses.contains(&"cancelled".to_owned()), "{statuses:?}");
}
