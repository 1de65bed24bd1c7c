//! A document of the former system as a job of this hub: what it says, said in this hub's words.

use std::fmt;

use serde_json::{Map, Value, json};

use super::{Document, new_id, text_of, values, whole};
use crate::actor::Owner;
use crate::id::{JobId, UserId};
use crate::input::Input;
use crate::job::{Asked, Best, Category, Former, Job, JobError, Kind, RunFault, State, Status};
use crate::ligand::Ligand;
use crate::ligand::MAX_SMILES;
use crate::metric::{self, Metrics};
use crate::task::Task;

/// Bytes of what was asked that are kept in a record; the rest is in the file that holds the document.
const INPUT_BYTES: usize = 100_000;
/// Characters of a name.
const NAME: usize = 200;
/// Characters of why it failed, and of the end of its log.
const MESSAGE: usize = 300;
const LOG: usize = 4_000;
/// What says whose something is, which the people that a result is shown to must not read.
const PRIVATE: [&str; 14] = [
    "user",
    "user_id",
    "user_email",
    "email",
    "owner",
    "owner_id",
    "owner_email",
    "created_by",
    "organization",
    "organization_id",
    "org_id",
    "token",
    "api_key",
    "password",
];

/// What the document does not say of the job that it becomes.
#[derive(Clone, Copy, Debug)]
pub struct Give<'a> {
    /// Whose it becomes.
    pub owner: &'a Owner,
    /// Who counts as having asked.
    pub made_by: &'a UserId,
    /// The database that it comes from.
    pub from: &'a str,
}

/// Why a document does not become a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftAlone(pub String);

impl fmt::Display for LeftAlone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The job of a document: a single one, or the child at a place of a batch.
pub fn job(
    document: &Document,
    give: Give<'_>,
    place: Option<(&JobId, u32)>,
) -> Result<Job, LeftAlone> {
    let word = document.status_word().unwrap_or_default();
    let status = match document.status() {
        Some(Status::PartiallyCompleted) => {
            return Err(LeftAlone(
                "it is a batch of which no child is left".to_owned(),
            ));
        }
        Some(status) => status,
        None if word.is_empty() => return Err(LeftAlone("it has no status".to_owned())),
        None => {
            return Err(LeftAlone(format!(
                "nobody knows what its status {word:?} means"
            )));
        }
    };
    let (id, kind) = match place {
        Some((batch, index)) => (batch.child(index), Kind::Child),
        None => (new_id(&document.id), Kind::Single),
    };
    let mut job = common(document, give, id, kind);
    let (state, error) = outcome(document, status);
    (job.state, job.status, job.error) = (state, state.status(), error);
    job.log_tail = job.error.as_mut().and_then(|error| error.log_tail.take());
    job.run_s = run_s(document);
    job.metrics = values(
        &document.fields,
        job.model,
        &format!("jobs/{}", document.id),
    );
    job.best = best(job.task, &job.metrics);
    match place {
        Some((batch, index)) => {
            (job.batch_id, job.index) = (Some(batch.clone()), Some(index));
        }
        None => job.index_texts(),
    }
    Ok(job)
}

/// The batch of a document, before its children are summed up.
pub fn batch(document: &Document, give: Give<'_>) -> Job {
    let mut job = common(document, give, new_id(&document.id), Kind::Batch);
    job.index_texts();
    job
}

/// The value that a job of a task is ranked by.
pub(crate) fn best(task: Task, metrics: &Metrics) -> Option<Best> {
    metric::of_task(task).iter().find_map(|kind| {
        let found = metrics.get(kind.key)?;
        Some(Best {
            metric: kind.key.to_owned(),
            value: found.value?,
            unverified: found.unverified.is_some(),
        })
    })
}

fn common(document: &Document, give: Give<'_>, id: JobId, kind: Kind) -> Job {
    let created_at = document.time(&["created_at", "submitted_at", "timestamp"]);
    let mut job = Job::from(Asked {
        id,
        kind,
        task: document.task(),
        model: document.model(),
        owner: give.owner.clone(),
        created_by: give.made_by.clone(),
        input: input(document, kind),
        parameters: None,
        created_at: created_at.unwrap_or(document.stored_at),
    });
    job.name = name(document);
    job.former = Some(Former {
        id: document.id.clone(),
        owner: document.owner().map(str::to_owned),
        organization: document.organization().map(str::to_owned),
    });
    (job.state, job.status) = (State::Completed, State::Completed.status());
    job.updated_at = document.stored_at;
    job.started_at = document.time(&["started_at"]);
    job.ended_at = document.time(&[
        "completed_at",
        "ended_at",
        "finished_at",
        "failed_at",
        "cancelled_at",
    ]);
    job.provenance = Some(provenance(document, give.from, kind, created_at.is_none()));
    job
}

/// How it ended. What had not ended cannot go on here: whoever ran it is gone.
fn outcome(document: &Document, status: Status) -> (State, Option<JobError>) {
    match status {
        Status::Completed | Status::PartiallyCompleted => (State::Completed, None),
        Status::Cancelled => (State::Cancelled, None),
        Status::Failed => (State::Failed, Some(failed(document))),
        Status::Pending | Status::Running => {
            let fault = RunFault::new(
                Category::System,
                "not_ended",
                "It had not ended when the former system was switched off.",
            );
            (State::Failed, Some(error(document, fault, None)))
        }
    }
}

fn failed(document: &Document) -> JobError {
    let output = || document.fields.get("output_data")?.as_object();
    let said = document
        .text(&["error_message", "error", "failure_reason"])
        .or_else(|| text_of(output()?.get("error")))
        .or_else(|| text_of(output()?.get("error_message")));
    let Some(said) = said else {
        let fault = RunFault::new(
            Category::System,
            "unknown",
            "The former system did not say why.",
        );
        return error(document, fault, None);
    };
    let first = said.lines().next().unwrap_or_default();
    let fault = RunFault {
        message: cut(first, MESSAGE),
        ..RunFault::of_text(said)
    };
    let log = (said != fault.message).then(|| cut(said, LOG));
    error(document, fault, log)
}

fn error(document: &Document, fault: RunFault, log_tail: Option<String>) -> JobError {
    JobError {
        category: fault.category,
        code: fault.code,
        message: fault.message,
        stage: None,
        reference: document.id.clone(),
        attempts: 0,
        retry_at: None,
        user_action_required: fault.category == Category::User,
        log_tail,
    }
}

/// What is known of how it came about, for every page and export. Whose it was is not in it.
fn provenance(document: &Document, from: &str, kind: Kind, undated: bool) -> Value {
    let mut said = Map::new();
    let mut say = |key: &str, value: Option<&str>| {
        said.extend(value.map(|value| (key.to_owned(), Value::from(value))));
    };
    say("former_id", Some(&document.id));
    say("former_database", Some(from));
    say("former_status", document.status_word());
    say("former_task", document.task_word());
    say("former_model", document.model_word());
    if kind == Kind::Single {
        say("former_batch", document.parent());
    }
    if undated {
        say(
            "submitted_at",
            Some("when the former system stored it; it did not say when it was submitted"),
        );
    }
    if document
        .status_word()
        .is_some_and(|word| word.eq_ignore_ascii_case("completed_reconstructed"))
    {
        said.insert("reconstructed".to_owned(), json!(true));
    }
    Value::Object(said)
}

/// Its name, or one made of what it is: every job has a name here.
fn name(document: &Document) -> String {
    let given = document
        .text(&["name", "job_name", "title"])
        .or_else(|| text_of(document.input()?.get("job_name")))
        .map(|name| {
            let plain = name
                .chars()
                .map(|letter| if letter.is_control() { ' ' } else { letter });
            cut(plain.collect::<String>().trim(), NAME)
        });
    given
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| cut(&format!("Former job {}", document.id), NAME))
}

/// What was asked. The ligands of a batch are its children's.
fn input(document: &Document, kind: Kind) -> Input {
    let mut asked: Map<String, Value> = document.input().cloned().unwrap_or_default();
    for name in ["parameters", "use_msa", "use_potentials"] {
        if let (Some(value), false) = (document.fields.get(name), asked.contains_key(name)) {
            asked.insert(name.to_owned(), value.clone());
        }
    }
    let ligand = match kind {
        Kind::Batch => None,
        Kind::Single | Kind::Child => ligand(document, &asked),
    };
    let mut former = Map::new();
    let mut bytes = 0;
    for (key, mut value) in asked {
        if PRIVATE.contains(&key.as_str()) {
            continue;
        }
        strip(&mut value);
        let size = value.to_string().len();
        bytes += size;
        if bytes > INPUT_BYTES {
            bytes -= size;
            value =
                format!("too large to be shown here ({size} bytes); it is in former.json").into();
        }
        former.insert(key, value);
    }
    Input::Former { former, ligand }
}

fn ligand(document: &Document, asked: &Map<String, Value>) -> Option<Ligand> {
    let text = |names: [&str; 2]| names.iter().find_map(|name| text_of(asked.get(*name)));
    let smiles = text(["ligand_smiles", "smiles"]).filter(|smiles| smiles.len() <= MAX_SMILES)?;
    let named = text(["ligand_name", "compound_name"]).map(|name| cut(name, 100));
    Some(Ligand {
        name: named.unwrap_or_else(|| name(document)),
        smiles: smiles.to_owned(),
        extra: Map::new(),
    })
}

/// The document as it was, less whose it was: for everybody who sees the job.
pub(crate) fn record(document: &Document) -> Value {
    let mut record = Value::Object(document.fields.clone());
    strip(&mut record);
    record
}

/// Takes out whose it was, however deep it stands.
fn strip(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|key, _| !PRIVATE.contains(&key.as_str()));
            map.values_mut().for_each(strip);
        }
        Value::Array(list) => list.iter_mut().for_each(strip),
        _ => {}
    }
}

/// Seconds that it ran, where that was measured.
fn run_s(document: &Document) -> Option<f64> {
    let named = [
        "execution_time_seconds",
        "execution_time",
        "run_time_seconds",
    ];
    let output = document
        .fields
        .get("output_data")
        .and_then(Value::as_object);
    let of = |map: &Map<String, Value>| {
        named.iter().find_map(|name| {
            let value = map.get(*name)?;
            let seconds = value
                .as_f64()
                .or_else(|| whole(value).map(|whole| whole as f64))?;
            (seconds.is_finite() && seconds >= 0.0).then_some(seconds)
        })
    };
    of(&document.fields).or_else(|| of(output?))
}

fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let shortened: String = text.chars().take(most - 1).collect();
    format!("{}…", shortened.trim_end())
}
