//! How many streams each person has open: each is a connection that lasts, and a server has only so many.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::http::StatusCode;
use hub::id::UserId;

use crate::problem::Problem;

/// Streams of one person at most, on each server: a page has one.
pub const MOST: usize = 20;

/// The streams that are open, by person.
#[derive(Clone, Default)]
pub struct Streams(Arc<Mutex<HashMap<UserId, usize>>>);

/// An open stream's place, which is free again when this is dropped.
pub struct Place {
    streams: Streams,
    user: UserId,
}

impl Streams {
    /// A place for another stream of somebody.
    pub fn open(&self, user: &UserId) -> Result<Place, Problem> {
        let mut open = self.open_now();
        let own = open.entry(user.clone()).or_default();
        if *own >= MOST {
            let message = format!(
                "{MOST} streams of events are open for you already; close some pages of the hub first"
            );
            let status = StatusCode::TOO_MANY_REQUESTS;
            return Err(Problem::new(status, "too-many-requests", message));
        }
        *own += 1;
        Ok(Place {
            streams: self.clone(),
            user: user.clone(),
        })
    }

    fn open_now(&self) -> MutexGuard<'_, HashMap<UserId, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.streams.open_now();
        if let Some(own) = open.get_mut(&self.user) {
            *own -= 1;
            if *own == 0 {
                open.remove(&self.user);
            }
        }
    }
}
