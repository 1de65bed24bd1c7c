//! Who has as much out at once as they may, as this server saw it last: what else of theirs is queued says so.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::actor::Owner;
use crate::time::Timestamp;

/// Seconds after which it is not known any more: whoever has something queued is looked at far more often.
const KNOWN_S: i64 = 10;

/// The owners whose places are all taken.
#[derive(Clone, Default)]
pub(in crate::services) struct Places(Arc<Mutex<HashMap<Owner, Taken>>>);

/// How many places an owner has, none of them free.
struct Taken {
    places: u32,
    until: Timestamp,
}

impl Places {
    fn lock(&self) -> MutexGuard<'_, HashMap<Owner, Taken>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps in mind that all of an owner's places are taken.
    pub fn are_taken(&self, owner: &Owner, places: u32, now: Timestamp) {
        let mut taken = self.lock();
        taken.retain(|_, taken| now < taken.until);
        let until = now.plus_seconds(KNOWN_S);
        taken.insert(owner.clone(), Taken { places, until });
    }

    /// Forgets an owner who has one that is free.
    pub fn have_room(&self, owner: &Owner) {
        self.lock().remove(owner);
    }

    /// Why work of an owner waits for their other work, if it does, and when it is looked at again.
    pub fn wait(&self, owner: &Owner, now: Timestamp) -> Option<(String, Timestamp)> {
        let taken = self.lock();
        let Taken { places, until } = taken.get(owner).filter(|taken| now < taken.until)?;
        let whose = match owner {
            Owner::User(_) => "yours",
            Owner::Organization(_) => "your organisation",
        };
        let reason = match places {
            0 => "the limit of predictions at once is 0: nothing may run until an admin raises it"
                .to_owned(),
            1 => format!("another prediction of {whose} runs, and one may at once"),
            places => {
                format!("{places} predictions of {whose} run, and no more may at once")
            }
        };
        Some((reason, *until))
    }
}
