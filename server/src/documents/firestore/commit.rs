//! Commits: all or nothing, on what they expect. When it is not known whether one happened, reading tells: each write
//! leaves the mark of its commit in the document.

use std::collections::HashMap;

use googleapis_tonic_google_firestore_v1::google::firestore::v1 as api;
use hub::ports::documents::{DocumentsError, Expect, Key, Version, Write};
use hub::ports::shapes;
use hub::time::Timestamp;

use api::document_transform::FieldTransform;
use api::document_transform::field_transform::TransformType;
use api::precondition::ConditionType;
use api::write::Operation;

use super::client::Client;
use super::layout::{self, MARK};

/// Writes all or nothing.
pub async fn commit(client: &Client, writes: &[Write]) -> Result<(), DocumentsError> {
    let commit = Commit::new(client, writes)?;
    let mut tried = 1;
    // Whether an earlier try may have happened.
    let mut open = false;
    loop {
        let Err(fault) = client.commit(commit.request.clone()).await else {
            return Ok(());
        };
        tracing::debug!(cause = %fault, tried, "a commit did not go through");
        open |= fault.leaves_open();
        if !fault.is_conflict() && !fault.passes() {
            return Err(fault.into());
        }
        if open || fault.is_conflict() {
            match commit.verdict(open).await? {
                Verdict::Happened => return Ok(()),
                Verdict::Conflict(key) => return Err(DocumentsError::Conflict(key)),
                Verdict::Nothing => {}
            }
        }
        // What is still under way may happen after all: a repetition is stopped by what it expects, an addition is not.
        if !Client::may_repeat(tried, &fault) || (open && commit.adds_unguarded()) {
            return Err(commit.given_up(fault));
        }
        Client::pause(tried).await;
        tried += 1;
    }
}

/// A commit that is tried until its outcome is known.
struct Commit<'a> {
    client: &'a Client,
    writes: &'a [Write],
    names: Vec<String>,
    mark: i64,
    request: Vec<api::Write>,
}

/// What the documents say of a commit.
enum Verdict {
    /// It was done.
    Happened,
    /// It was not, since this document is not as expected.
    Conflict(Key),
    /// It was not, and could be.
    Nothing,
}

impl<'a> Commit<'a> {
    fn new(client: &'a Client, writes: &'a [Write]) -> Result<Self, DocumentsError> {
        let mark = getrandom::u64().map_err(|error| DocumentsError::Unavailable(error.into()))?;
        let mark = mark.cast_signed();
        let names: Vec<_> = writes
            .iter()
            .map(|write| format!("{}/{}", client.documents(), write.key()))
            .collect();
        let request = writes.iter().zip(&names);
        Ok(Self {
            client,
            writes,
            mark,
            request: request
                .map(|(write, name)| as_sent(write, name.clone(), mark))
                .collect::<Result<_, _>>()?,
            names,
        })
    }

    /// Reads what is there now; `open` when a try may have happened. One that did, and of which others have overwritten
    /// every document since, is taken for a conflict: whoever was cut off begins again from what is there.
    async fn verdict(&self, open: bool) -> Result<Verdict, DocumentsError> {
        let found = self.client.get(&self.names, Some(MARK)).await?;
        let found: HashMap<_, _> = found
            .iter()
            .map(|document| (document.name.as_str(), document))
            .collect();
        let there: Vec<_> = self
            .names
            .iter()
            .map(|name| found.get(name.as_str()).copied())
            .collect();
        let deletes = |write: &Write| matches!(write, Write::Delete { .. });
        let happened = if self.writes.iter().all(deletes) {
            // A deletion leaves no mark; when all is gone, what was wanted is so.
            there.iter().all(Option::is_none)
        } else {
            let mut there = there.iter().flatten();
            there.any(|document| layout::mark(document) == Some(self.mark))
        };
        if open && happened {
            return Ok(Verdict::Happened);
        }
        let mut looked_at = self.writes.iter().zip(there);
        let conflict = looked_at.find(|(write, there)| {
            let version = there.and_then(layout::version);
            match expected(write) {
                Expect::Any => false,
                Expect::Absent => there.is_some(),
                Expect::Version(expected) => version != Some(expected),
            }
        });
        Ok(conflict.map_or(Verdict::Nothing, |(write, _)| {
            Verdict::Conflict(write.key().clone())
        }))
    }

    /// Whether it adds to numbers, and nothing keeps it from doing so twice.
    fn adds_unguarded(&self) -> bool {
        let adds = |write: &Write| matches!(write, Write::Add { .. });
        let guards = |write: &Write| !matches!(expected(write), Expect::Any);
        self.writes.iter().any(adds) && !self.writes.iter().any(guards)
    }

    /// Others were quicker time and again, or Firestore does not do it.
    fn given_up(&self, fault: super::fault::Fault) -> DocumentsError {
        let guarded = self
            .writes
            .iter()
            .find(|write| expected(write) != Expect::Any);
        match guarded {
            Some(write) if fault.is_conflict() => DocumentsError::Conflict(write.key().clone()),
            _ => DocumentsError::Unavailable(fault.into()),
        }
    }
}

fn expected(write: &Write) -> Expect {
    match write {
        Write::Put { expect, .. } | Write::Delete { expect, .. } => *expect,
        Write::Add { .. } => Expect::Any,
    }
}

fn as_sent(write: &Write, name: String, mark: i64) -> Result<api::Write, DocumentsError> {
    let collection = write.key().collection;
    let mut sent = api::Write {
        current_document: precondition(expected(write)),
        ..api::Write::default()
    };
    sent.operation = Some(match write {
        Write::Put { json, .. } => Operation::Update(api::Document {
            name,
            fields: layout::fields(collection, json, mark)?,
            ..api::Document::default()
        }),
        Write::Delete { .. } => Operation::Delete(name),
        Write::Add { amounts, .. } => {
            let copied = shapes::fields(collection);
            for (field, amount) in amounts {
                sent.update_transforms
                    .push(added(layout::carried(field), *amount));
                if copied.contains(field) {
                    sent.update_transforms
                        .push(added((*field).to_owned(), *amount));
                }
            }
            sent.update_mask = Some(api::DocumentMask {
                field_paths: vec![MARK.to_owned()],
            });
            Operation::Update(api::Document {
                name,
                fields: HashMap::from([(MARK.to_owned(), layout::whole(mark))]),
                ..api::Document::default()
            })
        }
    });
    Ok(sent)
}

fn added(field_path: String, amount: i64) -> FieldTransform {
    FieldTransform {
        field_path,
        transform_type: Some(TransformType::Increment(layout::whole(amount))),
    }
}

fn precondition(expect: Expect) -> Option<api::Precondition> {
    let condition = match expect {
        Expect::Any => return None,
        Expect::Absent => ConditionType::Exists(false),
        Expect::Version(Version(micros)) => {
            ConditionType::UpdateTime(layout::api_time(Timestamp::from_micros(micros)))
        }
    };
    Some(api::Precondition {
        condition_type: Some(condition),
    })
}
