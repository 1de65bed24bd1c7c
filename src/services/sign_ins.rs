//! Slowing down whoever guesses passwords. What failed is kept in the store, so that a restart forgives nobody; what is
//! counted is the pair of account and address, the address, and the account, so that nobody is locked out of their own
//! account by others for longer than a minute.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Services;
use super::idempotency::hex;
use super::store::{self, Committed, Stored};
use crate::account::Email;
use crate::error::{Error, Result};
use crate::ports::documents::{Collection, Expect, Key, Write};
use crate::session::Visitor;
use crate::time::Timestamp;

/// Seconds after which failures are forgotten.
const KEPT_S: i64 = 24 * 3_600;
/// How often a count is written again when somebody was quicker.
const TRIES: u32 = 20;

/// Failures that are counted together: from which one on waiting begins, and how many seconds it takes at most.
struct Count {
    key: Key,
    free: u32,
    most_s: i64,
}

/// Failures as they are stored.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Failures {
    failures: u32,
    next_at: Timestamp,
    expires_at: Timestamp,
}

fn counts(email: &Email, visitor: &Visitor) -> [Count; 3] {
    let count = |what: String, free, most_s| Count {
        key: Key::new(Collection::SignIns, hex(Sha256::digest(what))),
        free,
        most_s,
    };
    [
        count(format!("pair\n{email}\n{}", visitor.address), 5, 900),
        count(format!("address\n{}", visitor.address), 30, 900),
        count(format!("account\n{email}"), 50, 60),
    ]
}

/// Wrong passwords of a link, whoever sends them.
fn of_link(link: &str) -> Count {
    Count {
        key: Key::new(
            Collection::SignIns,
            hex(Sha256::digest(format!("link\n{link}"))),
        ),
        free: 20,
        most_s: 60,
    }
}

impl Services {
    /// Refuses a sign-in that comes too soon after failed ones.
    pub(super) async fn may_try(
        &self,
        email: &Email,
        visitor: &Visitor,
        now: Timestamp,
    ) -> Result<()> {
        let keys = counts(email, visitor).map(|count| count.key);
        self.wait_is_over(&keys, "sign-ins failed", now).await
    }

    /// Refuses a password of a link that comes too soon after wrong ones.
    pub(super) async fn may_guess(&self, link: &str, now: Timestamp) -> Result<()> {
        let key = of_link(link).key;
        self.wait_is_over(&[key], "passwords were wrong", now).await
    }

    /// Counts a wrong password of a link.
    pub(super) async fn guessed(&self, link: &str, now: Timestamp) -> Result<()> {
        self.count_failure(&of_link(link), now).await
    }

    async fn wait_is_over(&self, keys: &[Key], what: &str, now: Timestamp) -> Result<()> {
        let found = self.store.get_many::<Failures>(keys).await?;
        let next_at = found
            .into_iter()
            .flatten()
            .map(|found| found.value.next_at)
            .max();
        match next_at.filter(|next_at| *next_at > now) {
            None => Ok(()),
            Some(resets_at) => {
                let seconds = resets_at.millis_since(now).div_ceil(1_000);
                Err(Error::LimitReached {
                    message: format!("too many {what}; try again in {seconds} s"),
                    remaining: 0,
                    resets_at,
                })
            }
        }
    }

    /// Counts a sign-in that failed.
    pub(super) async fn failed_to_enter(
        &self,
        email: &Email,
        visitor: &Visitor,
        now: Timestamp,
    ) -> Result<()> {
        for count in counts(email, visitor) {
            self.count_failure(&count, now).await?;
        }
        Ok(())
    }

    /// Forgets the failures of an account at an address, after a sign-in that went well.
    pub(super) fn forgiven(email: &Email, visitor: &Visitor) -> Write {
        let [pair, ..] = counts(email, visitor);
        Write::Delete {
            key: pair.key,
            expect: Expect::Any,
        }
    }

    async fn count_failure(&self, count: &Count, now: Timestamp) -> Result<()> {
        for _ in 0..TRIES {
            let found = self.store.get::<Failures>(count.key.clone()).await?;
            let before = found.as_ref().map(|found| found.value.clone());
            let failures = before.map_or(0, |before| before.failures) + 1;
            let wait_s = match failures.checked_sub(count.free) {
                None | Some(0) => 0,
                Some(over) => (1i64 << over.min(20)).min(count.most_s),
            };
            let after = Failures {
                failures,
                next_at: now.plus_seconds(wait_s),
                expires_at: now.plus_seconds(KEPT_S),
            };
            let write = match found {
                Some(Stored { key, version, .. }) => {
                    store::put(key, &after, Expect::Version(version))?
                }
                None => store::put(count.key.clone(), &after, Expect::Absent)?,
            };
            if self.store.commit(vec![write]).await? == Committed::Done {
                return Ok(());
            }
        }
        Err(Error::Conflict(
            "too many sign-ins at once; try again".to_owned(),
        ))
    }
}
