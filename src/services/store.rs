//! Typed access to the documents, written once for every store: a new noun is a line here and touches no adapter.

use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::draft::Draft;
use crate::error::{Error, Result};
use crate::id::{DraftId, JobId};
use crate::job::{Job, JobSummary, Kind};
use crate::ports::documents::{
    Collection, Cursor, Document, Documents, DocumentsError, Expect, Key, Query, Version, Write,
};
use crate::time::Timestamp;

/// Documents written in one commit: less than half of what a store takes, so that each may bring one more.
pub(super) const CHUNK: usize = 200;

/// The documents, as nouns.
#[derive(Clone)]
pub(super) struct Store {
    documents: Arc<dyn Documents>,
}

/// A noun as it was read, with the version that a change of it must meet.
#[derive(Clone, Debug)]
pub(super) struct Stored<T> {
    pub value: T,
    pub key: Key,
    pub version: Version,
}

impl<T: Serialize> Stored<T> {
    /// The write of this value over the version that was read.
    pub fn replaced(&self) -> Result<Write> {
        put(self.key.clone(), &self.value, Expect::Version(self.version))
    }
}

impl<T> Stored<T> {
    /// The write that removes it, if it is as it was read.
    pub fn deleted(&self) -> Write {
        Write::Delete {
            key: self.key.clone(),
            expect: Expect::Version(self.version),
        }
    }
}

/// Some fields of a noun, for whoever needs no others.
pub(super) trait Part: DeserializeOwned {
    /// Which are read.
    const FIELDS: &'static [&'static str];
}

impl Part for JobSummary {
    const FIELDS: &'static [&'static str] = Self::FIELDS;
}

/// A part of a noun as it was read. It has no write: what is not the whole must not take its place.
#[derive(Clone, Debug)]
pub(super) struct Seen<T> {
    pub value: T,
    pub key: Key,
}

/// Whether a commit was done, or somebody was quicker.
#[must_use = "somebody may have been quicker, and nothing was written then"]
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Committed {
    Done,
    /// The first document that was not as expected; nothing was written.
    Conflict(Key),
}

impl Store {
    pub fn new(documents: Arc<dyn Documents>) -> Self {
        Self { documents }
    }

    pub async fn now(&self) -> Result<Timestamp> {
        self.documents.now().await.map_err(error)
    }

    pub async fn get<T: DeserializeOwned>(&self, key: Key) -> Result<Option<Stored<T>>> {
        let found = self
            .documents
            .get_many(std::slice::from_ref(&key))
            .await
            .map_err(error)?;
        found.into_iter().flatten().next().map(read).transpose()
    }

    pub async fn get_many<T: DeserializeOwned>(
        &self,
        keys: &[Key],
    ) -> Result<Vec<Option<Stored<T>>>> {
        let found = self.documents.get_many(keys).await.map_err(error)?;
        found
            .into_iter()
            .map(|document| document.map(read).transpose())
            .collect()
    }

    pub async fn query<T: DeserializeOwned>(&self, query: &Query) -> Result<Vec<Stored<T>>> {
        self.documents
            .query(query)
            .await
            .map_err(error)?
            .into_iter()
            .map(read)
            .collect()
    }

    /// What a query finds, as much of it as the part has.
    pub async fn parts<T: Part>(&self, query: Query) -> Result<Vec<Seen<T>>> {
        let found = self.query::<T>(&query.only(T::FIELDS)).await?;
        let seen = |Stored { value, key, .. }| Seen { value, key };
        Ok(found.into_iter().map(seen).collect())
    }

    pub async fn last(&self, query: &Query) -> Result<Option<Cursor>> {
        self.documents.last(query).await.map_err(error)
    }

    pub async fn count(&self, query: &Query) -> Result<u32> {
        self.documents.count(query).await.map_err(error)
    }

    /// Writes what nobody else can be quicker with: under a random id, or whatever is there.
    pub async fn write(&self, writes: Vec<Write>) -> Result<()> {
        match self.commit(writes).await? {
            Committed::Done => Ok(()),
            Committed::Conflict(key) => Err(Error::internal(format!("{key} is taken"))),
        }
    }

    pub async fn commit(&self, writes: Vec<Write>) -> Result<Committed> {
        match self.documents.commit(writes).await {
            Ok(()) => Ok(Committed::Done),
            Err(DocumentsError::Conflict(key)) => Ok(Committed::Conflict(key)),
            Err(failed) => Err(error(failed)),
        }
    }
}

/// The write of a whole noun.
pub(super) fn put<T: Serialize>(key: Key, value: &T, expect: Expect) -> Result<Write> {
    Ok(Write::Put {
        key,
        json: serde_json::to_string(value).map_err(Error::internal)?,
        expect,
    })
}

/// The write that removes a document, whatever is there.
pub(super) fn gone(key: Key) -> Write {
    Write::Delete {
        key,
        expect: Expect::Any,
    }
}

fn read<T: DeserializeOwned>(document: Document) -> Result<Stored<T>> {
    let value = serde_json::from_str(&document.json).map_err(Error::internal)?;
    Ok(Stored {
        value,
        key: document.key,
        version: document.version,
    })
}

fn error(failed: DocumentsError) -> Error {
    match failed {
        DocumentsError::Conflict(_) => {
            Error::conflict("somebody else changed it meanwhile; try again")
        }
        DocumentsError::Unavailable(_) => Error::unavailable(
            "the database does not answer; try again in a moment",
            failed,
        ),
        DocumentsError::Refused(_) => Error::internal(failed),
    }
}

/// The document of a job: children have a collection of their own.
pub(super) fn job_key(id: &JobId) -> Key {
    let collection = if id.parent().is_some() {
        Collection::Children
    } else {
        Collection::Jobs
    };
    Key::new(collection, id.as_str())
}

/// The document of a draft.
pub(super) fn draft_key(id: &DraftId) -> Key {
    Key::new(Collection::Drafts, id.as_str())
}

/// The document of a batch's packed rows.
pub(super) fn rows_key(batch: &JobId, record: u32) -> Key {
    Key::new(Collection::BatchRows, format!("{batch}-{record:03}"))
}

/// The write of a job that is new.
pub(super) fn created(job: &Job) -> Result<Write> {
    debug_assert_eq!(job.kind == Kind::Child, job.id.parent().is_some());
    put(job_key(&job.id), job, Expect::Absent)
}

/// The write of a draft that is new.
pub(super) fn created_draft(draft: &Draft) -> Result<Write> {
    put(draft_key(&draft.id), draft, Expect::Absent)
}
