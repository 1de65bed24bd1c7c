//! Documents of the former system, read as they are: every spelling in which it said the same thing is known here and
//! nowhere else, and what a document does not say stays unsaid. It knows neither where they come from nor where they go.

use std::str::FromStr;

use data_encoding::BASE32HEX_NOPAD;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::id::JobId;
use crate::job::Status;
use crate::model::Model;
use crate::task::Task;
use crate::time::Timestamp;

mod mapping;
mod places;
mod sorting;
mod values;

pub use mapping::{Give, LeftAlone, batch, job};
pub(crate) use mapping::{best, record};
pub use places::places;
pub use sorting::{FIELDS, Sorting, Work};
pub use values::{is_of_results, values};

/// Names of the object that holds what was asked.
const INPUTS: [&str; 3] = ["input_data", "inputs", "input"];
/// Seconds that are taken for a time: from 2000 to 2100.
const SECONDS: std::ops::Range<f64> = 946_684_800.0..4_102_444_800.0;

/// A document as it was read. Times are texts like `2026-05-04T10:20:30.123456Z`, and numbers that JSON has no word for
/// are texts too: `NaN`, `Infinity`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Document {
    /// Its name in the collection.
    pub id: String,
    /// Its fields.
    pub fields: Map<String, Value>,
    /// When it was first stored, by the store's clock.
    pub stored_at: Timestamp,
}

/// What a document is among the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    /// A parent of others.
    Batch,
    /// Of a batch, where there is that batch.
    Child,
    /// Alone, whatever it names.
    Single,
}

/// The id that a job of the former system has here: the same whenever it is brought.
pub fn new_id(former: &str) -> JobId {
    let digest = Sha256::digest(format!("job of the former system: {former}"));
    let text = BASE32HEX_NOPAD.encode(&digest[..16]).to_lowercase();
    text.parse().expect("letters and digits")
}

impl Document {
    /// The first of these fields that is a text with something in it.
    fn text(&self, names: &[&str]) -> Option<&str> {
        names
            .iter()
            .find_map(|name| text_of(self.fields.get(*name)))
    }

    /// The first of these fields that is a time, in any of the ways in which it was written.
    fn time(&self, names: &[&str]) -> Option<Timestamp> {
        names
            .iter()
            .find_map(|name| time_of(self.fields.get(*name)?))
    }

    /// What was asked, as an object.
    fn input(&self) -> Option<&Map<String, Value>> {
        INPUTS
            .iter()
            .find_map(|name| self.fields.get(*name)?.as_object())
    }

    /// The word for where it stands, as it was written.
    fn status_word(&self) -> Option<&str> {
        self.text(&["status"])
    }

    /// Where it stands.
    fn status(&self) -> Option<Status> {
        Status::from_str(self.status_word()?).ok()
    }

    /// The word for what was asked; `type` sometimes says what kind of record it is instead.
    fn task_word(&self) -> Option<&str> {
        let typed = self.text(&["type"]).filter(|word| role_of(word).is_none());
        self.text(&["task_type"])
            .or(typed)
            .or_else(|| self.text(&["task"]))
    }

    /// What was asked.
    fn task(&self) -> Task {
        let word = self.task_word().map(|word| simple(word, '_'));
        word.and_then(|word| word.parse().ok())
            .unwrap_or(Task::Unknown)
    }

    /// The word for who did it.
    fn model_word(&self) -> Option<&str> {
        self.text(&["model", "model_id", "model_name"])
    }

    /// Who did it.
    fn model(&self) -> Model {
        let word = self.model_word().map(|word| {
            let plain = word.chars().filter(char::is_ascii_alphanumeric);
            plain.collect::<String>().to_ascii_lowercase()
        });
        word.and_then(|word| word.parse().ok())
            .unwrap_or(Model::Unknown)
    }

    /// Whose it was, as it was written.
    pub fn owner(&self) -> Option<&str> {
        self.text(&["user_id", "owner_id", "owner", "created_by", "user"])
            .or_else(|| self.email())
    }

    /// The address of whose it was.
    pub fn email(&self) -> Option<&str> {
        let named = self.text(&["user_email", "email", "owner_email"]);
        named.or_else(|| {
            self.text(&["user_id", "owner_id", "owner", "created_by", "user"])
                .filter(|word| word.contains('@'))
        })
    }

    /// The organisation that it was made in.
    fn organization(&self) -> Option<&str> {
        self.text(&["organization_id", "org_id", "organization"])
    }

    /// The batch that it names as its own.
    fn parent(&self) -> Option<&str> {
        let inner = || {
            let input = self.input()?;
            text_of(input.get("parent_batch_id")).or_else(|| text_of(input.get("batch_parent_id")))
        };
        self.text(&[
            "batch_parent_id",
            "parent_batch_id",
            "parent_id",
            "batch_id",
        ])
        .or_else(inner)
        .filter(|parent| *parent != self.id)
    }

    /// Its place in its batch, counted from wherever the batch counts.
    fn index(&self) -> Option<u64> {
        let inner = || self.input()?.get("batch_index").and_then(whole);
        self.fields
            .get("batch_index")
            .and_then(whole)
            .or_else(inner)
    }

    /// What it is among the others. A word that nobody knows makes it a single job.
    fn role(&self) -> Role {
        let word = self
            .text(&["job_type"])
            .or_else(|| self.text(&["type"]).filter(|word| role_of(word).is_some()));
        let screens = self.task() == Task::BatchProteinLigandScreening;
        match word.map(role_of) {
            Some(Some(Role::Child)) => Role::Child,
            Some(Some(Role::Batch)) => Role::Batch,
            Some(None) => Role::Single,
            // Every job was called single where nothing else was said.
            Some(Some(Role::Single)) | None if screens && self.parent().is_none() => Role::Batch,
            Some(Some(Role::Single)) | None => Role::Child,
        }
    }
}

fn role_of(word: &str) -> Option<Role> {
    Some(match simple(word, '_').as_str() {
        "batch_parent" | "batch" => Role::Batch,
        "batch_child" | "child" => Role::Child,
        "individual" | "single" => Role::Single,
        _ => return None,
    })
}

/// A word in lower case, its parts joined alike.
fn simple(word: &str, joint: char) -> String {
    let parted = |letter: char| letter.is_whitespace() || matches!(letter, '-' | '_');
    let parts: Vec<String> = word
        .split(parted)
        .filter(|part| !part.is_empty())
        .map(str::to_lowercase)
        .collect();
    parts.join(&joint.to_string())
}

fn text_of(value: Option<&Value>) -> Option<&str> {
    value?
        .as_str()
        .map(str::trim)
        .filter(|text| !text.is_empty())
}

/// A whole number, however it was written.
fn whole(value: &Value) -> Option<u64> {
    match value {
        Value::Number(number) => number.as_u64().or_else(|| {
            let number = number.as_f64()?;
            (number.fract() == 0.0 && (0.0..1e9).contains(&number)).then_some(number as u64)
        }),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// A time: seconds or milliseconds since 1970, or a text. A text without a zone is in UTC, as the former system's clocks
/// were.
fn time_of(value: &Value) -> Option<Timestamp> {
    match value {
        Value::Number(number) => {
            let number = number.as_f64()?;
            let seconds = [number, number / 1_000.0]
                .into_iter()
                .find(|seconds| SECONDS.contains(seconds))?;
            Some(Timestamp::from_micros((seconds * 1e6).round() as i64))
        }
        Value::String(text) => {
            let text = text.trim().replacen(' ', "T", 1);
            text.parse().or_else(|_| format!("{text}Z").parse()).ok()
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;
