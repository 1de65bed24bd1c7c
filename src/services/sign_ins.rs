//! Slowing down whoever guesses. What was tried is kept in the store, so that a restart forgives nobody, and is counted
//! before it is looked at, so that asking a hundred times at once gains nothing; what was right is given back. An account
//! as such is slowed by seconds only, since its owner must come in whoever else tries.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Services;
use super::idempotency::hex;
use super::store::{self, Committed, Stored, gone};
use crate::account::Email;
use crate::error::{Error, Result};
use crate::ports::documents::{Collection, Expect, Key, Write};
use crate::session::Visitor;
use crate::time::Timestamp;

/// Seconds after which the store may drop a count.
const KEPT_S: i64 = 24 * 3_600;
/// Seconds without a try after which counting begins anew.
const FORGOTTEN_S: i64 = 900;
/// How often a count is written again when somebody was quicker.
const TRIES: u32 = 50;

/// Tries that are counted together: how many are free, and how many seconds a further one waits at most.
pub(super) struct Count {
    key: Key,
    free: i64,
    most_s: i64,
}

/// Tries as they are stored.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Tries {
    failures: i64,
    next_at: Timestamp,
    expires_at: Timestamp,
}

impl Count {
    fn new(what: String, free: i64, most_s: i64) -> Self {
        Self {
            key: Key::new(Collection::SignIns, hex(Sha256::digest(what))),
            free,
            most_s,
        }
    }

    /// The write that gives back a try that was right.
    pub fn given_back(&self) -> Write {
        Write::Add {
            key: self.key.clone(),
            amounts: vec![("failures", -1)],
        }
    }

    /// The write that forgets all tries.
    pub fn forgotten(&self) -> Write {
        gone(self.key.clone())
    }
}

/// Passwords of an account: by account and network, by network, by account.
pub(super) fn of_password(email: &Email, visitor: &Visitor) -> [Count; 3] {
    let network = &visitor.network;
    [
        Count::new(format!("pair\n{email}\n{network}"), 5, 900),
        Count::new(format!("network\n{network}"), 30, 900),
        Count::new(format!("account\n{email}"), 50, 5),
    ]
}

/// Mails that are asked for: to one address, from one network.
pub(super) fn of_mail(email: &Email, visitor: &Visitor) -> [Count; 2] {
    [
        Count::new(format!("mail\n{email}"), 3, 900),
        Count::new(format!("mails\n{}", visitor.network), 20, 900),
    ]
}

/// Sign-ins elsewhere that are come back from.
pub(super) fn of_elsewhere(visitor: &Visitor) -> [Count; 1] {
    [Count::new(
        format!("elsewhere\n{}", visitor.network),
        30,
        900,
    )]
}

/// Accounts that are made: from one network, and on the whole hub, which a crowd of networks slows down by seconds only.
pub(super) fn of_sign_up(visitor: &Visitor) -> [Count; 2] {
    [
        Count::new(format!("signups\n{}", visitor.network), 20, 900),
        Count::new("signups".to_owned(), 100, 10),
    ]
}

/// Passwords of a link, whoever sends them.
pub(super) fn of_link(link: &str) -> [Count; 1] {
    [Count::new(format!("link\n{link}"), 20, 60)]
}

impl Services {
    /// Counts a try, or refuses it when it comes too soon after others. One that is refused is not looked at, and counts
    /// nowhere: who is kept waiting for others' tries does not wait for their own afterwards.
    pub(super) async fn take_try(&self, counts: &[Count], now: Timestamp) -> Result<()> {
        for (place, count) in counts.iter().enumerate() {
            let Err(refused) = self.take_one(count, now).await else {
                continue;
            };
            let taken = counts[..place].iter().map(Count::given_back);
            self.store.write(taken.collect()).await?;
            return Err(refused);
        }
        Ok(())
    }

    async fn take_one(&self, count: &Count, now: Timestamp) -> Result<()> {
        for _ in 0..TRIES {
            let found = self.store.get::<Tries>(count.key.clone()).await?;
            let before = found.as_ref().map(|found| &found.value);
            // A free try makes nobody wait, not even whoever came a moment earlier and is counted a moment later.
            let waits = |before: &&Tries| before.failures > count.free && before.next_at > now;
            if let Some(before) = before.filter(waits) {
                return Err(too_soon(before.next_at, now));
            }
            let recent = before.filter(|before| before.next_at.plus_seconds(FORGOTTEN_S) > now);
            let failures = recent.map_or(0, |before| before.failures.max(0)) + 1;
            let wait_s = match failures - count.free {
                over if over > 0 => (1i64 << over.min(20)).min(count.most_s),
                _ => 0,
            };
            let after = Tries {
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
        Err(Error::conflict("too many tries at once; try again"))
    }
}

fn too_soon(resets_at: Timestamp, now: Timestamp) -> Error {
    let seconds = resets_at.millis_since(now).div_ceil(1_000);
    Error::LimitReached {
        message: format!("this was tried too often; try again in {seconds} s"),
        remaining: 0,
        resets_at,
    }
}
