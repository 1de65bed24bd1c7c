//! One submission, one answer: what was answered to a key is answered again, and a key is never used for two things.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::Services;
use super::store::{self, Stored};
use crate::actor::Actor;
use crate::error::{Error, Result};
use crate::id::JobId;
use crate::job::Job;
use crate::list::JobRow;
use crate::ports::documents::{Collection, Expect, Key, Write};
use crate::time::Timestamp;

/// Seconds that an answer is kept.
const KEPT_S: i64 = 30 * 24 * 3_600;

/// What a client calls one submission: 1 to 200 visible ASCII characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// Checks a key.
    pub fn new(text: &str) -> Result<Self> {
        if (1..=200).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(Error::bad_request(
                "Idempotency-Key",
                "a key has 1 to 200 visible ASCII characters",
            ))
        }
    }
}

/// What is kept of a submission.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Record {
    body_sha256: String,
    job_id: JobId,
    /// The answer; absent while a batch is being written.
    answer: Option<JobRow>,
    expires_at: Timestamp,
}

/// A submission under a key, before it is known whether it was made already.
#[derive(Clone, Debug)]
pub(super) struct Claim {
    key: Key,
    body_sha256: String,
}

impl Claim {
    /// The claim of `actor` on `key` for a body sent to `route`.
    pub fn new<T: Serialize>(
        actor: &Actor,
        route: &str,
        key: &IdempotencyKey,
        body: &T,
    ) -> Result<Self> {
        let body = canonical(&serde_json::to_value(body).map_err(Error::internal)?);
        let name = hex(Sha256::digest(format!(
            "{}\n{}\n{route}\n{}",
            actor.user, actor.owner, key.0
        )));
        Ok(Self {
            key: Key::new(Collection::Idempotency, name),
            body_sha256: hex(Sha256::digest(body)),
        })
    }

    /// The write that takes the key, and with `answer` answers it.
    pub fn taken(&self, job_id: &JobId, answer: Option<JobRow>, now: Timestamp) -> Result<Write> {
        store::put(
            self.key.clone(),
            &self.record(job_id, answer, now),
            Expect::Absent,
        )
    }

    /// The write that answers a key that was taken before.
    pub fn answered(&self, job_id: &JobId, answer: JobRow, now: Timestamp) -> Result<Write> {
        store::put(
            self.key.clone(),
            &self.record(job_id, Some(answer), now),
            Expect::Any,
        )
    }

    /// Whether a commit failed because the key is taken.
    pub fn is(&self, key: &Key) -> bool {
        self.key == *key
    }

    fn record(&self, job_id: &JobId, answer: Option<JobRow>, now: Timestamp) -> Record {
        Record {
            body_sha256: self.body_sha256.clone(),
            job_id: job_id.clone(),
            answer,
            expires_at: now.plus_seconds(KEPT_S),
        }
    }
}

impl Services {
    /// The answer that was given before, if any.
    pub(super) async fn replay(&self, claim: &Claim) -> Result<Option<JobRow>> {
        let Some(record) = self.store.get::<Record>(claim.key.clone()).await? else {
            return Ok(None);
        };
        let Stored { value: record, .. } = record;
        if record.body_sha256 != claim.body_sha256 {
            return Err(Error::invalid(
                "Idempotency-Key",
                "this key was used for another submission; take a new key for a new submission",
            ));
        }
        if record.answer.is_some() {
            return Ok(record.answer);
        }
        // A batch whose writer died was completed by another, who did not know the key.
        let job = self
            .store
            .get::<Job>(store::job_key(&record.job_id))
            .await?;
        let sealed = job.filter(|job| job.value.batch.as_ref().is_some_and(|batch| batch.sealed));
        let row = sealed.map(|job| JobRow::from(&job.value));
        row.map(Some).ok_or_else(|| {
            Error::conflict("this submission is still being written; ask again in a moment")
        })
    }
}

/// A JSON text that is equal for equal values: keys in order, no white space.
fn canonical(value: &Value) -> String {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_unstable_by_key(|(key, _)| *key);
            let entries: Vec<_> = entries
                .into_iter()
                .map(|(key, value)| format!("{}:{}", Value::from(key.as_str()), canonical(value)))
                .collect();
            format!("{{{}}}", entries.join(","))
        }
        Value::Array(list) => format!(
            "[{}]",
            list.iter().map(canonical).collect::<Vec<_>>().join(",")
        ),
        plain => plain.to_string(),
    }
}

/// Bytes in hexadecimal.
pub(super) fn hex(bytes: impl AsRef<[u8]>) -> String {
    data_encoding::HEXLOWER.encode(bytes.as_ref())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_order_of_fields_makes_no_other_body() {
        let (one, other) = (
            json!({"a": [1, {"c": 2, "b": 3}], "d": null}),
            json!({"d": null, "a": [1, {"b": 3, "c": 2}]}),
        );
        assert_eq!(canonical(&one), canonical(&other));
        assert_ne!(
            canonical(&one),
            canonical(&json!({"a": [{"c": 2, "b": 3}, 1], "d": null}))
        );
    }
}
