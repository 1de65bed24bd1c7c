//! What can run now: the gateway's word, asked at most every few seconds, beside what the models declare of themselves.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::Services;
use crate::actor::{Actor, Owner};
use crate::error::{Error, Result};
use crate::job::{State, Waiting};
use crate::list::JobRow;
use crate::model::{Model, ModelCard, ModelOffer, TargetOffer};
use crate::ports::compute::ComputeError;
use crate::time::Timestamp;

/// Seconds that the gateway's word is taken for true.
const FRESH_S: i64 = 10;
/// Seconds after which a gateway that did not answer is asked again.
const DOWN_S: i64 = 3;

/// Hours of a month below which nothing is begun.
const LEAST_HOURS: f64 = 1.0;

/// The gateway's last word, and what admins set beside it.
#[derive(Clone, Default)]
pub(super) struct Offers {
    last: Arc<Mutex<Option<Asked>>>,
    /// Until when there is no room for a model, by the gateway's last word.
    full_until: Arc<Mutex<HashMap<Model, Timestamp>>>,
}

#[derive(Clone)]
struct Asked {
    at: Timestamp,
    /// The offers; when the gateway did not answer, since when it has not.
    answer: std::result::Result<Arc<Vec<ModelOffer>>, Timestamp>,
}

impl Offers {
    fn last(&self) -> Option<Asked> {
        self.lock().clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Asked>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets a word that an unanswered call has shown to be old.
    pub fn went_down(&self, now: Timestamp) {
        let since = self.last().and_then(|last| last.answer.err());
        *self.lock() = Some(Asked {
            at: now,
            answer: Err(since.unwrap_or(now)),
        });
    }

    /// Until when there is no room for a model, if there is none now.
    pub fn full_until(&self, model: Model, now: Timestamp) -> Option<Timestamp> {
        let full = self.full_until.lock();
        let full = full.unwrap_or_else(PoisonError::into_inner);
        full.get(&model).copied().filter(|until| now < *until)
    }

    /// Keeps in mind that there is no room for a model: whatever else is queued for it need not ask.
    pub fn is_full(&self, model: Model, until: Timestamp) {
        let full = self.full_until.lock();
        full.unwrap_or_else(PoisonError::into_inner)
            .insert(model, until);
    }

    /// Forgets what an admin has changed.
    pub fn forget(&self) {
        *self.lock() = None;
    }
}

impl Services {
    /// The offers as they stand; `Err` with the time since which the gateway does not answer.
    pub(super) async fn offers(
        &self,
        now: Timestamp,
    ) -> Result<std::result::Result<Arc<Vec<ModelOffer>>, Timestamp>> {
        let last = self.offers.last();
        if let Some(last) = &last {
            let kept_s = if last.answer.is_ok() { FRESH_S } else { DOWN_S };
            if now < last.at.plus_seconds(kept_s) {
                return Ok(last.answer.clone());
            }
        }
        let since = last.and_then(|last| last.answer.err()).unwrap_or(now);
        let answer = match self.compute.models().await {
            Ok(mut offers) => {
                for offer in &mut offers {
                    self.restrict(offer, now).await?;
                }
                Ok(Arc::new(offers))
            }
            Err(failed) => {
                if since == now {
                    tracing::warn!(cause = %describe(&failed), "the compute gateway does not answer");
                }
                Err(since)
            }
        };
        *self.offers.lock() = Some(Asked {
            at: now,
            answer: answer.clone(),
        });
        Ok(answer)
    }

    /// Holds an offer to what admins set: maintenance, and hours of a month, of which the gateway may know better.
    async fn restrict(&self, offer: &mut ModelOffer, now: Timestamp) -> Result<()> {
        let Ok(model) = offer.id.parse::<Model>() else {
            return Ok(());
        };
        let settings = self.settings_of(model).await?;
        if settings.maintenance.is_some() {
            offer.maintenance = settings.maintenance;
        }
        if let (None, Some(allowed)) = (offer.gpu_hours_left, settings.hours_per_month) {
            offer.gpu_hours_left = Some((allowed - self.hours.of(model, now).await?).max(0.0));
        }
        if offer.gpu_hours_left.is_some_and(|left| left < LEAST_HOURS)
            && offer.maintenance.is_none()
        {
            offer.available = false;
            offer.reason = Some(format!(
                "its hours of this month are used up; they begin anew on {}, 00:00 UTC",
                now.next_month().day()
            ));
        }
        Ok(())
    }

    /// Every model, with what the gateway offers of it.
    pub async fn models(&self, _actor: &Actor) -> Result<Vec<ModelCard>> {
        let offers = self.offers(self.store.now().await?).await?;
        Ok(Model::ALL
            .into_iter()
            .map(|model| card(model, offers.as_ref().ok()))
            .collect())
    }

    /// The named targets, with their boxes.
    pub async fn targets(&self, _actor: &Actor) -> Result<Vec<TargetOffer>> {
        match self.offers(self.store.now().await?).await? {
            Ok(offers) => Ok(find(&offers, Model::Vina)
                .map(|offer| offer.targets.clone())
                .unwrap_or_default()),
            Err(_) => Err(Error::unavailable(NO_ANSWER, "models could not be asked")),
        }
    }

    /// What the gateway offers of a model, or why it cannot run now.
    pub(super) async fn offer(
        &self,
        model: Model,
    ) -> Result<std::result::Result<ModelOffer, Waiting>> {
        let now = self.store.now().await?;
        let waits = |reason: String, since| Waiting {
            reason,
            since,
            until: now.plus_seconds(DOWN_S),
        };
        Ok(match self.offers(now).await? {
            Err(since) => Err(waits(NO_ANSWER.to_owned(), since)),
            Ok(offers) => match find(&offers, model) {
                Some(offer) if offer.takes_runs() => Ok(offer.clone()),
                offer => Err(waits(unavailable_reason(model, offer), now)),
            },
        })
    }

    /// Says in a row why it waits, when it is the gateway that it waits for, or other work of its owner. Costs no request.
    pub(super) fn explain_waiting(&self, row: &mut JobRow, owner: &Owner, state: State) {
        if row.waiting.is_some()
            || !matches!(state, State::Queued | State::Open | State::Dispatching)
        {
            return;
        }
        if row.batch.as_ref().is_some_and(|batch| batch.pending == 0) {
            return;
        }
        row.waiting = match self.offers.last() {
            Some(Asked {
                at,
                answer: Err(since),
            }) => Some(Waiting {
                reason: NO_ANSWER.to_owned(),
                since,
                until: at.plus_seconds(DOWN_S),
            }),
            Some(Asked {
                at,
                answer: Ok(offers),
            }) => {
                let offer = find(&offers, row.model);
                let waits = |reason, until| Waiting {
                    reason,
                    since: row.created_at,
                    until,
                };
                if offer.is_some_and(ModelOffer::takes_runs) {
                    let full = self.offers.full_until(row.model, at);
                    let full = full.map(|until| (NO_ROOM.to_owned(), until));
                    // Of a batch that goes on there is nothing to explain: some of it is that other work.
                    let rests = row.batch.as_ref().is_none_or(|batch| batch.running == 0);
                    let held = || self.places.wait(owner, at).filter(|_| rests);
                    let wait = full.or_else(held);
                    wait.map(|(reason, until)| waits(reason, until))
                } else {
                    let reason = unavailable_reason(row.model, offer);
                    Some(waits(reason, at.plus_seconds(FRESH_S)))
                }
            }
            None => None,
        };
    }
}

/// What is said while the gateway takes no more runs.
pub(super) const NO_ROOM: &str = "The compute gateway has no room now.";

/// What is said while the gateway does not answer.
const NO_ANSWER: &str =
    "The compute gateway does not answer. Jobs wait and start by themselves when it is back.";

fn find(offers: &[ModelOffer], model: Model) -> Option<&ModelOffer> {
    offers.iter().find(|offer| offer.id == model.name())
}

fn unavailable_reason(model: Model, offer: Option<&ModelOffer>) -> String {
    match offer {
        Some(ModelOffer {
            maintenance: Some(reason),
            ..
        }) => format!("{} is in maintenance: {reason}", model.title()),
        Some(ModelOffer {
            reason: Some(reason),
            ..
        }) => format!("{} is not available: {reason}", model.title()),
        _ => format!(
            "{} is not offered by the connected compute gateway",
            model.title()
        ),
    }
}

fn card(model: Model, offers: Option<&Arc<Vec<ModelOffer>>>) -> ModelCard {
    let offer = offers.and_then(|offers| find(offers, model));
    let available = offer.is_some_and(ModelOffer::takes_runs);
    let reason = match offers {
        None => Some(NO_ANSWER.to_owned()),
        Some(_) if available => None,
        Some(_) => Some(unavailable_reason(model, offer)),
    };
    ModelCard {
        id: model,
        title: model.title().to_owned(),
        tasks: model.tasks().to_vec(),
        available,
        reason,
        version: offer.and_then(|offer| offer.version.clone()),
        gpu: offer.and_then(|offer| offer.gpu.clone()),
        slots: offer.map_or(0, |offer| offer.slots),
        price_per_hour: offer.and_then(|offer| offer.price_per_hour),
    }
}

/// An error of the gateway with its cause, for the log.
pub(super) fn describe(failed: &ComputeError) -> String {
    match failed {
        ComputeError::Unavailable(cause) => format!("{failed}: {cause}"),
        other => other.to_string(),
    }
}
