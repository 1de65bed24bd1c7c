//! Every effect of the hub on the world outside goes wrong once, in every way that it can, and every question that it asks
//! goes unanswered once; and for a single job, any two effects go wrong. Whatever it was: when the hub goes on, what was
//! accepted ends, once, and the books are in order.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fmt::Write as _;
use std::io::Write as _;

#[path = "../common/stores.rs"]
mod stores;

#[path = "../common/gateway.rs"]
#[expect(dead_code, reason = "each program of tests uses what it needs")]
mod gateway;

mod faulty;
mod invariants;
mod lives;
mod world;

use faulty::{Effects, Fault};
use invariants::Broken;
use lives::Life;
use stores::Store;

/// What can happen to an effect.
const FAULTS: [Fault; 4] = [
    Fault::CrashBefore,
    Fault::CrashAfter,
    Fault::Fails,
    Fault::DoneButFails,
];

/// Lives that did not end as they must.
#[derive(Default)]
struct Report {
    lived: usize,
    broken: Vec<String>,
}

impl Report {
    /// Lives once with what goes wrong; how many effects, or questions, there were.
    async fn live(&mut self, life: Life, store: Store, plan: &[(usize, Fault)]) -> usize {
        let effects = Effects::planned(plan.to_vec());
        let outcome = life.live(store, effects.clone()).await;
        self.lived += 1;
        if let Err(Broken(invariant, found)) = outcome {
            let mut what = String::new();
            for (place, fault) in plan {
                let names = effects.names(*fault);
                let name = names.get(*place).map_or("never reached", String::as_str);
                write!(what, "{fault:?} at {place} ({name}); ").unwrap();
            }
            self.broken
                .push(format!("NOT {invariant}: {found}\n    after {what}"));
        }
        effects
            .names(plan.last().map_or(Fault::Fails, |(_, fault)| *fault))
            .len()
    }

    #[track_caller]
    fn hold(self, fault: Fault) {
        let (lived, broken) = (self.lived, self.broken);
        #[expect(
            clippy::disallowed_methods,
            reason = "whoever runs it by hand names a file"
        )]
        if let Some(path) = std::env::var_os("OMTX_REPORT") {
            let mut report = std::fs::File::options()
                .create(true)
                .append(true)
                .open(path)
                .unwrap();
            writeln!(
                report,
                "* `{fault:?}` first: {lived} lives, {} of which did not end as they must",
                broken.len()
            )
            .unwrap();
        }
        assert!(
            broken.is_empty(),
            "{} of {lived} lives:\n{}",
            broken.len(),
            broken.join("\n")
        );
    }
}

/// Every `step`th place goes wrong, alone.
async fn each(life: Life, store: Store, fault: Fault, step: usize) {
    let mut report = Report::default();
    let mut place = 0;
    while report.live(life, store, &[(place, fault)]).await > place {
        place += step;
    }
    assert!(report.lived > 10 / step, "something went wrong");
    report.hold(fault);
}

/// Any two effects go wrong, the first of them so.
async fn pairs(life: Life, first: Fault) {
    let mut report = Report::default();
    let mut place = 0;
    loop {
        let effects = report.live(life, Store::Sqlite, &[(place, first)]).await;
        if effects <= place {
            break;
        }
        for other in place + 1..effects {
            for second in FAULTS {
                let plan = [(place, first), (other, second)];
                report.live(life, Store::Sqlite, &plan).await;
            }
        }
        place += 1;
    }
    report.hold(first);
}

/// A case for each fault of an effect.
macro_rules! cases {
    ($module:ident, $run:expr $(, #[$ignored:meta])?) => {
        mod $module {
            use super::*;

            $(#[$ignored])?
            #[tokio::test]
            async fn crash_before() {
                ($run)(Fault::CrashBefore).await;
            }

            $(#[$ignored])?
            #[tokio::test]
            async fn crash_after() {
                ($run)(Fault::CrashAfter).await;
            }

            $(#[$ignored])?
            #[tokio::test]
            async fn fails() {
                ($run)(Fault::Fails).await;
            }

            $(#[$ignored])?
            #[tokio::test]
            async fn done_but_fails() {
                ($run)(Fault::DoneButFails).await;
            }
        }
    };
}

cases!(single, |fault| each(Life::Single, Store::Sqlite, fault, 1));
cases!(failed, |fault| each(Life::Failed, Store::Sqlite, fault, 1));
cases!(screen, |fault| each(Life::Screen, Store::Sqlite, fault, 1));
cases!(cancelled, |fault| each(
    Life::Cancelled,
    Store::Sqlite,
    fault,
    1
));
cases!(retried, |fault| each(
    Life::Retried,
    Store::Sqlite,
    fault,
    1
));
cases!(deleted, |fault| each(
    Life::Deleted,
    Store::Sqlite,
    fault,
    1
));
cases!(pairs, |fault| pairs(Life::Single, fault));
cases!(
    firestore,
    |fault| each(Life::Screen, Store::Firestore, fault, 9),
    #[ignore = "needs the Firestore emulator: bin/test starts it"]
);
cases!(
    by_hand,
    |fault| pairs(Life::Screen, fault),
    #[ignore = "takes long: bin/bench sweep"]
);

/// A case for each life whose questions go unanswered.
macro_rules! unanswered {
    ($($case:ident: $life:ident),*) => {
        mod unanswered {
            use super::*;

            $(#[tokio::test]
            async fn $case() {
                each(Life::$life, Store::Sqlite, Fault::Unanswered, 1).await;
            })*
        }
    };
}

unanswered!(
    single: Single,
    failed: Failed,
    screen: Screen,
    cancelled: Cancelled,
    retried: Retried,
    deleted: Deleted
);
