//! Limits: what an owner may still run is read from the store each time, never remembered. The units that work takes are
//! written in the commit that accepts it, which holds only if nobody else took or gave back any meanwhile.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::store::{self, Committed, Part, Stored};
use super::{Services, hours};
use crate::account::User;
use crate::actor::{Actor, Owner};
use crate::error::{Error, Result};
use crate::job::{Hold, Job, State};
use crate::limits::Limits;
use crate::organization::Organization;
use crate::ports::documents::{Collection, Direction, Expect, Key, Query, Write};
use crate::time::Timestamp;
use crate::usage::{Period, Remaining, Running, Units, Usage};

/// How often units are tried to be taken when somebody was quicker.
pub(super) const TRIES: u32 = 50;

/// The stretch of time that a limit is for. A unit counts in the one that its taking falls into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Window {
    Day,
    Month,
}

impl Window {
    /// The month first: whoever has used it up need not wait for tomorrow.
    const ALL: [Self; 2] = [Self::Month, Self::Day];

    /// The record of what was used.
    fn key(self, owner: &Owner, at: Timestamp) -> Key {
        let time = match self {
            Self::Day => at.day(),
            Self::Month => at.month(),
        };
        Key::new(Collection::Usage, format!("{owner}:{time}"))
    }

    const fn limit(self, limits: &Limits) -> u32 {
        match self {
            Self::Day => limits.per_day,
            Self::Month => limits.per_month,
        }
    }

    fn resets_at(self, at: Timestamp) -> Timestamp {
        match self {
            Self::Day => at.next_day(),
            Self::Month => at.next_month(),
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Month => "month",
        }
    }
}

/// When a job was submitted.
#[derive(Deserialize)]
struct Submitted {
    created_at: Timestamp,
}

impl Part for Submitted {
    const FIELDS: &'static [&'static str] = &["created_at"];
}

/// Owners who take units in turn on this server, so that they do not lose to one another; other servers are kept apart
/// by the commits alone.
#[derive(Clone)]
pub(super) struct Turns(moka::future::Cache<Owner, Arc<Mutex<()>>>);

impl Default for Turns {
    fn default() -> Self {
        Self(moka::future::Cache::new(10_000))
    }
}

impl Turns {
    /// Waits for a turn, which ends when the answer is dropped. Who has no limits needs none.
    pub async fn of(&self, owner: &Owner) -> Option<OwnedMutexGuard<()>> {
        if owner.is_local() {
            return None;
        }
        let turn = self.0.get_with(owner.clone(), async { Arc::default() });
        Some(turn.await.lock_owned().await)
    }
}

impl Services {
    /// What the actor's owner has used of their limits.
    pub async fn usage(&self, actor: &Actor) -> Result<Usage> {
        self.usage_of(&actor.owner).await
    }

    /// What an owner has used of their limits.
    pub(super) async fn usage_of(&self, owner: &Owner) -> Result<Usage> {
        let now = self.store.now().await?;
        let limits = self.limits_of(owner).await?;
        let [month, day] = self.books(owner, now).await?;
        let period = |window: Window, book: Option<Stored<Units>>| {
            let units = book.map(|book| book.value).unwrap_or_default();
            Period {
                units,
                remaining: limits.map(|limits| units.left(window.limit(&limits))),
                resets_at: window.resets_at(now),
            }
        };
        Ok(Usage {
            limits,
            day: period(Window::Day, day),
            month: period(Window::Month, month),
            running: Running {
                now: self.out_of(owner).await?,
                limit: limits.map(|limits| limits.running),
            },
            last_at: self.last_submitted(owner).await?,
        })
    }

    /// When a job or batch of an owner was submitted last.
    async fn last_submitted(&self, owner: &Owner) -> Result<Option<Timestamp>> {
        let states = State::ALL.iter().map(|state| state.name().into()).collect();
        let query = Query::new(Collection::Jobs, "created_at", Direction::Descending, 1)
            .equal("owner", owner.to_string())
            .any_of("state", states);
        let newest = self.store.parts::<Submitted>(query).await?;
        Ok(newest.first().map(|newest| newest.value.created_at))
    }

    /// Units that the actor's owner has left; `None` without limits.
    pub(super) async fn remaining(&self, actor: &Actor) -> Result<Option<Remaining>> {
        let Some(limits) = self.limits_of(&actor.owner).await? else {
            return Ok(None);
        };
        let now = self.store.now().await?;
        let [month, day] = self.books(&actor.owner, now).await?;
        let left = |limit, book: Option<Stored<Units>>| {
            book.map(|book| book.value).unwrap_or_default().left(limit)
        };
        Ok(Some(Remaining {
            today: left(limits.per_day, day),
            this_month: left(limits.per_month, month),
        }))
    }

    /// The limits of an owner as they stand now; `None` for the one who has none. Whose record is missing runs nothing.
    pub(super) async fn limits_of(&self, owner: &Owner) -> Result<Option<Limits>> {
        if owner.is_local() {
            return Ok(None);
        }
        let limits = match owner {
            Owner::User(id) => {
                let key = Key::new(Collection::Users, id.as_str());
                let user = self.store.get::<User>(key).await?;
                user.map(|user| user.value.limits.unwrap_or(Limits::PERSON))
            }
            Owner::Organization(id) => {
                let key = Key::new(Collection::Organizations, id.as_str());
                let organization = self.store.get::<Organization>(key).await?;
                organization
                    .map(|Stored { value, .. }| value.limits.unwrap_or_else(|| value.tier.limits()))
            }
        };
        limits.map(Some).ok_or_else(|| {
            Error::forbidden("the account that this would count for is not there any more, so nothing can be run for it")
        })
    }

    /// Refuses a batch of more children than its owner may have in one.
    pub(super) async fn check_children(&self, owner: &Owner, children: u32) -> Result<()> {
        match self.limits_of(owner).await? {
            Some(limits) if children > limits.children => Err(Error::invalid(
                "ligands",
                format!(
                    "a batch of yours has at most {} ligands, and this one has {children}; split it, or ask for a \
                     higher limit",
                    limits.children
                ),
            )),
            _ => Ok(()),
        }
    }

    /// The writes that take units, or which limit does not allow it.
    pub(super) async fn taken(
        &self,
        owner: &Owner,
        at: Timestamp,
        units: u32,
    ) -> Result<Vec<Write>> {
        // The books before the limits: an organisation that ends writes its books, so that whoever read them before is refused
        // by their version, and whoever reads them later finds no limits.
        let books = self.books(owner, at).await?;
        let Some(limits) = self.limits_of(owner).await? else {
            return Ok(added(owner, at, &[("held", i64::from(units))]));
        };
        let mut writes = Vec::new();
        for (window, book) in Window::ALL.into_iter().zip(books) {
            let (mut used, expect) = book.map_or((Units::default(), Expect::Absent), |book| {
                (book.value, Expect::Version(book.version))
            });
            let limit = window.limit(&limits);
            if units > used.left(limit) {
                return Err(refused(window, limit, units, used.left(limit), at));
            }
            used.held += i64::from(units);
            writes.push(store::put(window.key(owner, at), &used, expect)?);
        }
        Ok(writes)
    }

    /// Commits what accepts work together with the units that it takes. A conflict is one of the work itself.
    pub(super) async fn commit_taking(
        &self,
        owner: &Owner,
        at: Timestamp,
        units: u32,
        work: Vec<Write>,
    ) -> Result<Committed> {
        let _turn = self.turns.of(owner).await;
        for _ in 0..TRIES {
            let mut writes = work.clone();
            writes.extend(self.taken(owner, at, units).await?);
            match self.store.commit(writes).await? {
                Committed::Conflict(key) if key.collection == Collection::Usage => {}
                committed => return Ok(committed),
            }
        }
        Err(crowded())
    }

    /// The writes that move a job's unit of quota, in the commit that ends or reopens it. Ending it never fails.
    pub(super) async fn moved(&self, before: &Job, after: &Job) -> Result<Vec<Write>> {
        if before.hold != after.hold && after.hold == Some(Hold::Held) {
            // What was charged or refunded stays on the books: a retry is a new unit.
            return self.taken(&after.owner, after.unit_taken_at(), 1).await;
        }
        Ok(settled(before, after))
    }

    /// How many jobs and children of an owner are out at the gateway.
    pub(super) async fn out_of(&self, owner: &Owner) -> Result<u32> {
        self.count_out("owner", owner.to_string().into()).await
    }

    /// How many jobs and children whose `field` is `value` are out at the gateway.
    pub(super) async fn count_out(&self, field: &'static str, value: Value) -> Result<u32> {
        let mut out = 0;
        for collection in [Collection::Jobs, Collection::Children] {
            let states = State::OUT.iter().map(|state| state.name().into()).collect();
            let query = Query::new(collection, "created_at", Direction::Ascending, 10_000)
                .equal(field, value.clone())
                .any_of("state", states);
            out += self.store.count(&query).await?;
        }
        Ok(out)
    }

    /// What was used in the month and on the day of a time, in the order of [`Window::ALL`].
    async fn books(&self, owner: &Owner, at: Timestamp) -> Result<[Option<Stored<Units>>; 2]> {
        let keys = Window::ALL.map(|window| window.key(owner, at));
        let books = self.store.get_many::<Units>(&keys).await?;
        books
            .try_into()
            .map_err(|_| Error::internal("the store left out a document"))
    }
}

/// Somebody was quicker each time.
pub(super) fn crowded() -> Error {
    Error::unavailable(
        "many submissions are made for this account at once; try again in a moment",
        "somebody else changed the units used at every try",
    )
}

fn refused(window: Window, limit: u32, asked: u32, left: u32, at: Timestamp) -> Error {
    let units = |number: u32| format!("{number} unit{}", if number == 1 { "" } else { "s" });
    let (word, resets_at) = (window.word(), window.resets_at(at));
    let message = if limit == 0 {
        format!(
            "the limit is 0 units a {word}, so nothing can be run; an admin can set a higher one"
        )
    } else {
        format!(
            "the limit is {} a {word}: this needs {}, and {left} {} left until {}, 00:00 UTC",
            units(limit),
            units(asked),
            if left == 1 { "is" } else { "are" },
            resets_at.day(),
        )
    };
    Error::LimitReached {
        message,
        remaining: u64::from(left),
        resets_at,
    }
}

/// Adds to what was used in the month and on the day of a time, whoever else does.
pub(super) fn added(owner: &Owner, at: Timestamp, amounts: &[(&'static str, i64)]) -> Vec<Write> {
    let add = |window: Window| Write::Add {
        key: window.key(owner, at),
        amounts: amounts.to_vec(),
    };
    Window::ALL.map(add).into()
}

/// Moves the unit of a job that has ended, and counts the time of a run that has.
pub(super) fn settled(before: &Job, after: &Job) -> Vec<Write> {
    let mut amounts = match (before.hold, after.hold) {
        (Some(Hold::Held), Some(Hold::Charged)) => vec![("held", -1), ("charged", 1)],
        (Some(Hold::Held), Some(Hold::Refunded)) => vec![("held", -1), ("refunded", 1)],
        _ => Vec::new(),
    };
    let run_ms = hours::run_ms(before, after);
    amounts.extend(run_ms.map(|run_ms| ("run_ms", run_ms)));
    if amounts.is_empty() {
        return Vec::new();
    }
    let mut writes = added(&after.owner, after.unit_taken_at(), &amounts);
    writes.extend(run_ms.map(|run_ms| hours::added(after, run_ms)));
    writes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_which_limit_how_much_is_left_and_until_when() {
        let at: Timestamp = "2026-12-30T23:00:00Z".parse().unwrap();
        let said = |window, limit, asked, left| refused(window, limit, asked, left, at);
        let day = said(Window::Day, 100, 20, 1);
        assert_eq!(
            day.to_string(),
            "the limit is 100 units a day: this needs 20 units, and 1 is left until 2026-12-31, 00:00 UTC"
        );
        let Error::LimitReached {
            message,
            remaining,
            resets_at,
        } = said(Window::Month, 3_000, 1, 0)
        else {
            panic!("a limit");
        };
        assert_eq!(
            message,
            "the limit is 3000 units a month: this needs 1 unit, and 0 are left until 2027-01-01, 00:00 UTC"
        );
        assert_eq!((remaining, resets_at), (0, at.next_month()));
        assert!(
            said(Window::Day, 0, 1, 0)
                .to_string()
                .contains("0 units a day, so nothing can be run")
        );
    }
}
