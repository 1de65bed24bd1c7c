//! Whatever becomes of jobs, each unit is held, charged or given back, once, and no limit is exceeded on the way.

use std::collections::HashMap;

use hub::Error;
use hub::id::JobId;
use hub::job::{Category, Status};
use hub::limits::Limits;
use hub::list::JobRow;
use proptest::prelude::*;

use crate::gateway::Taking;
use crate::hub::{Hub, batch, job, sound};

const LIMITS: Limits = Limits {
    per_day: 12,
    per_month: 30,
    running: 3,
    children: 4,
};

/// Something that happens. A number picks one of what there is.
#[derive(Clone, Copy, Debug)]
enum Event {
    Submit,
    SubmitBatch(usize),
    Dispatch,
    Succeed(usize),
    Fail(usize, &'static str),
    Cancel(usize),
    Retry(usize),
    Pass(u32),
    Gateway(Taking),
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let category = prop::sample::select(vec!["transient", "system", "user", "quota"]);
    let taking = prop::sample::select(vec![
        Taking::Taken,
        Taking::Taken,
        Taking::TakenUnanswered,
        Taking::Unanswered,
        Taking::Full,
        Taking::Rejected,
    ]);
    let event = prop_oneof![
        3 => Just(Event::Submit),
        2 => (1usize..5).prop_map(Event::SubmitBatch),
        4 => Just(Event::Dispatch),
        3 => any::<usize>().prop_map(Event::Succeed),
        3 => (any::<usize>(), category).prop_map(|(place, category)| Event::Fail(place, category)),
        2 => any::<usize>().prop_map(Event::Cancel),
        3 => any::<usize>().prop_map(Event::Retry),
        2 => prop::sample::select(vec![1, 31, 130, 40_000]).prop_map(Event::Pass),
        1 => taking.prop_map(Event::Gateway),
    ];
    prop::collection::vec(event, 5..40)
}

/// The books, as the jobs say they must be.
#[derive(Default)]
struct Books {
    /// Single jobs and batches.
    jobs: Vec<JobId>,
    /// Every unit, as it stood last.
    units: HashMap<JobId, Status>,
    charged: i64,
    refunded: i64,
}

impl Books {
    /// Looks at every unit, and books those that have ended since the last look.
    async fn look(&mut self, hub: &Hub) {
        for id in self.jobs.clone() {
            let row = hub.row(&id).await;
            let children = row.batch.as_ref().map_or(0, |batch| batch.total);
            let ids = (0..children).map(|index| id.child(index));
            let ids: Vec<JobId> = if children == 0 {
                vec![id]
            } else {
                ids.collect()
            };
            for id in ids {
                let row = hub.row(&id).await;
                let before = self.units.insert(id, row.status);
                if row.status.has_ended() && !before.is_some_and(Status::has_ended) {
                    if is_charged(&row) {
                        self.charged += 1;
                    } else {
                        self.refunded += 1;
                    }
                }
            }
        }
    }

    fn held(&self) -> i64 {
        let unfinished = self.units.values().filter(|status| !status.has_ended());
        unfinished.count() as i64
    }
}

fn is_charged(row: &JobRow) -> bool {
    let began = row.started_at.is_some();
    match row.status {
        Status::Completed => true,
        Status::Failed => {
            began
                && row
                    .error
                    .as_ref()
                    .is_some_and(|error| error.category == Category::User)
        }
        _ => began,
    }
}

async fn happens(hub: &Hub, books: &mut Books, event: Event) {
    let pick = |of: usize, place: usize| (of > 0).then(|| place % of.max(1));
    let refused = match event {
        Event::Submit => match hub.services.submit_job(&hub.actor, job(), None).await {
            Ok(submitted) => {
                books.jobs.push(submitted.job.id);
                None
            }
            Err(error) => Some(error),
        },
        Event::SubmitBatch(ligands) => {
            match hub
                .services
                .submit_batch(&hub.actor, batch(ligands), None)
                .await
            {
                Ok(submitted) => {
                    books.jobs.push(submitted.job.id);
                    None
                }
                Err(error) => Some(error),
            }
        }
        Event::Dispatch => {
            hub.dispatch().await;
            None
        }
        Event::Succeed(place) | Event::Fail(place, _) => {
            let begun = hub.gateway.script().begun.clone();
            if let Some(run) = pick(begun.len(), place).map(|place| &begun[place])
                && hub.gateway.script().runs[run]["state"] == "running"
            {
                match event {
                    Event::Fail(_, category) => {
                        hub.gateway.fails(run, category);
                        hub.report(run).await;
                    }
                    _ => hub.succeed(run, sound).await,
                }
            }
            None
        }
        Event::Cancel(place) | Event::Retry(place) => {
            let ids: Vec<_> = books.jobs.iter().chain(books.units.keys()).collect();
            let id = pick(ids.len(), place).map(|place| ids[place].clone());
            match (id, event) {
                (Some(id), Event::Cancel(_)) => hub.services.cancel(&hub.actor, &id).await.err(),
                (Some(id), _) => hub.services.retry(&hub.actor, &id).await.err(),
                (None, _) => None,
            }
        }
        Event::Pass(seconds) => {
            hub.pass(seconds).await;
            None
        }
        Event::Gateway(taking) => {
            hub.gateway.script().taking = taking;
            None
        }
    };
    match refused {
        None | Some(Error::LimitReached { .. } | Error::Conflict(_)) => {}
        Some(error) => panic!("{event:?}: {error:?}"),
    }
}

async fn balances(events: Vec<Event>) {
    let mut hub = Hub::start().await;
    hub.sign_in("ada", LIMITS).await;
    let mut books = Books::default();
    for event in events {
        happens(&hub, &mut books, event).await;
        books.look(&hub).await;
        let mut days = [0; 3];
        for day in 15..=31 {
            let day = hub.usage_of(&format!("2027-01-{day}")).await;
            assert!(day.iter().all(|units| *units >= 0), "{event:?}: {day:?}");
            assert!(day[0] + day[1] <= i64::from(LIMITS.per_day), "{day:?}");
            days = [0, 1, 2].map(|place| days[place] + day[place]);
        }
        let expected = [books.held(), books.charged, books.refunded];
        assert_eq!(days, expected, "held, charged, refunded after {event:?}");
        assert_eq!(hub.usage_of("2027-01").await, expected);
        assert!(days[0] + days[1] <= i64::from(LIMITS.per_month));
        let running = hub.services.usage(&hub.actor).await.unwrap().running;
        assert!(running.now <= LIMITS.running, "{running:?} after {event:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, max_shrink_iters: 60, ..ProptestConfig::default() })]

    #[test]
    fn every_unit_is_on_the_books_once(events in events()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(balances(events));
    }
}
