//! The store of documents, as narrow as Firestore and SQLite can both keep it: atomic commits with preconditions, and
//! queries that an index answers. What a document means is not known here.

use std::fmt;

use async_trait::async_trait;
use serde_json::Value;

use crate::time::Timestamp;

/// A collection of documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Collection {
    /// Single jobs and batches.
    Jobs,
    /// Children of batches.
    Children,
    /// Packed rows of batches, 500 children each.
    BatchRows,
    /// Inputs not yet submitted.
    Drafts,
    /// Folders of files whose job is not written yet.
    Unclaimed,
    /// Answers given to idempotency keys.
    Idempotency,
    /// Who does a duty that one server does at a time.
    Leases,
    /// Units held, charged and refunded, by owner and day and by owner and month; and the gate of each owner.
    Usage,
    /// People with accounts.
    Users,
    /// Whose an e-mail address is.
    Emails,
    /// Sign-ins that hold.
    Sessions,
    /// Keys of programs.
    Keys,
    /// Sign-ins that failed of late, and those elsewhere that were used up.
    SignIns,
    /// Whose a sign-in elsewhere is.
    Identities,
    /// Mails that wait to be sent.
    Mails,
    /// Organisations.
    Organizations,
    /// Links that let somebody in, or show that they read the mail of an address.
    Invitations,
    /// Links that show a result.
    Shares,
    /// Who did what to what.
    Audit,
    /// What admins set of the models.
    Models,
}

impl Collection {
    /// Every collection.
    pub const ALL: [Self; 20] = [
        Self::Jobs,
        Self::Children,
        Self::BatchRows,
        Self::Drafts,
        Self::Unclaimed,
        Self::Idempotency,
        Self::Leases,
        Self::Usage,
        Self::Users,
        Self::Emails,
        Self::Sessions,
        Self::Keys,
        Self::SignIns,
        Self::Identities,
        Self::Mails,
        Self::Organizations,
        Self::Invitations,
        Self::Shares,
        Self::Audit,
        Self::Models,
    ];

    /// Its name in the store.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Jobs => "jobs",
            Self::Children => "children",
            Self::BatchRows => "batch_rows",
            Self::Drafts => "drafts",
            Self::Unclaimed => "unclaimed",
            Self::Idempotency => "idempotency",
            Self::Leases => "leases",
            Self::Usage => "usage",
            Self::Users => "users",
            Self::Emails => "emails",
            Self::Sessions => "sessions",
            Self::Keys => "keys",
            Self::SignIns => "sign_ins",
            Self::Identities => "identities",
            Self::Mails => "mails",
            Self::Organizations => "organizations",
            Self::Invitations => "invitations",
            Self::Shares => "shares",
            Self::Audit => "audit",
            Self::Models => "models",
        }
    }
}

/// The name of one document.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// The collection it is in.
    pub collection: Collection,
    /// Its id there: at most 200 bytes, no slash.
    pub id: String,
}

impl Key {
    /// The document `id` of `collection`.
    pub fn new(collection: Collection, id: impl Into<String>) -> Self {
        Self {
            collection,
            id: id.into(),
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.collection.name(), self.id)
    }
}

/// What changes with every write of a document and is never used twice for the same key, not even after a deletion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub i64);

/// A document as it is stored.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// Its name.
    pub key: Key,
    /// Its version, for [`Expect::Version`].
    pub version: Version,
    /// Its fields, or those that were asked for: a JSON object as text, which whoever asked reads in one pass.
    pub json: String,
}

/// What must be true of a document for a write of it to happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// Nothing.
    Any,
    /// There is no such document.
    Absent,
    /// It has just this version.
    Version(Version),
}

/// One write of a commit. A commit writes each document at most once.
#[derive(Clone, Debug, PartialEq)]
pub enum Write {
    /// Creates or replaces the whole document.
    Put {
        /// Which.
        key: Key,
        /// A JSON object whose fields have names of small letters, digits and underscores, a letter first; at most 1 MiB
        /// as the store counts it.
        json: String,
        /// What must be true before.
        expect: Expect,
    },
    /// Removes the document; removing what is not there is no error unless `expect` says so.
    Delete {
        /// Which.
        key: Key,
        /// What must be true before.
        expect: Expect,
    },
    /// Adds to whole numbers at the top of the document, each 0 where missing; creates the document. For numbers that
    /// many writers bump at once.
    Add {
        /// Which.
        key: Key,
        /// Field and what is added to it.
        amounts: Vec<(&'static str, i64)>,
    },
}

impl Write {
    /// The document that is written.
    pub fn key(&self) -> &Key {
        match self {
            Self::Put { key, .. } | Self::Delete { key, .. } | Self::Add { key, .. } => key,
        }
    }
}

/// Why a commit or a read did not happen.
#[derive(Debug, thiserror::Error)]
pub enum DocumentsError {
    /// A precondition did not hold: nothing of the commit was written.
    #[error("{0} was changed by somebody else")]
    Conflict(Key),
    /// The store does not answer, or not in time. A commit has then not happened: an adapter whose store leaves that
    /// open finds out by reading before it answers.
    #[error("the database does not answer")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The store refused or holds something unreadable: a fault of ours or of the operator.
    #[error("the database refused")]
    Refused(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Which way an order runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Smallest first.
    Ascending,
    /// Largest first.
    Descending,
}

impl Direction {
    /// The other way.
    pub const fn reversed(self) -> Self {
        match self {
            Self::Ascending => Self::Descending,
            Self::Descending => Self::Ascending,
        }
    }
}

/// A place in an order: after (in the query's direction) the document with this value and id.
#[derive(Clone, Debug, PartialEq)]
pub struct Cursor {
    /// The value of the order's field there.
    pub value: Value,
    /// The id of the document there.
    pub id: String,
}

/// Bounds of the order's field: from (inclusive), until (exclusive).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Range {
    /// Smallest value that is taken.
    pub from: Option<Value>,
    /// Smallest value that is too large.
    pub until: Option<Value>,
}

/// Combinations of values that a query may ask for: each is a walk of its own over an index.
pub const COMBINATIONS: usize = 30;

/// A question that one index answers. Fields are names at the top of the document and hold texts, whole numbers or
/// booleans; a document without the order's field, or with null there, is not found.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    /// Where to look.
    pub collection: Collection,
    /// Fields that must equal a value.
    pub equal: Vec<(&'static str, Value)>,
    /// Fields that must each equal one of several values, of at most [`COMBINATIONS`] combinations.
    pub any_of: Vec<(&'static str, Vec<Value>)>,
    /// A list field that must contain a text.
    pub contains: Option<(&'static str, String)>,
    /// The field that orders the answer (ties by id, in the same direction), and that `range` bounds.
    pub order: (&'static str, Direction),
    /// Bounds of the order's field.
    pub range: Range,
    /// Where to begin.
    pub after: Option<Cursor>,
    /// How many documents at most.
    pub limit: u32,
    /// The fields that are read of each document; all when `None`.
    pub only: Option<&'static [&'static str]>,
}

impl Query {
    /// All of a collection in the order of a field, at most `limit`.
    pub fn new(
        collection: Collection,
        order: &'static str,
        direction: Direction,
        limit: u32,
    ) -> Self {
        Self {
            collection,
            equal: Vec::new(),
            any_of: Vec::new(),
            contains: None,
            order: (order, direction),
            range: Range::default(),
            after: None,
            limit,
            only: None,
        }
    }

    /// Only documents whose `field` is `value`.
    pub fn equal(mut self, field: &'static str, value: impl Into<Value>) -> Self {
        self.equal.push((field, value.into()));
        self
    }

    /// Only documents whose `field` is one of `values`; a single value is an equality.
    pub fn any_of(mut self, field: &'static str, mut values: Vec<Value>) -> Self {
        if values.len() == 1 {
            self.equal.extend(values.pop().map(|value| (field, value)));
        } else {
            self.any_of.push((field, values));
        }
        self
    }

    /// Only documents whose list `field` contains `text`.
    pub fn contains(mut self, field: &'static str, text: impl Into<String>) -> Self {
        self.contains = Some((field, text.into()));
        self
    }

    /// Only documents whose order field is at least this.
    pub fn from(mut self, value: impl Into<Value>) -> Self {
        self.range.from = Some(value.into());
        self
    }

    /// Only documents whose order field is less than this.
    pub fn until(mut self, value: impl Into<Value>) -> Self {
        self.range.until = Some(value.into());
        self
    }

    /// Begin after this place.
    pub fn after(mut self, cursor: Option<Cursor>) -> Self {
        self.after = cursor;
        self
    }

    /// Read only these fields of each document.
    pub fn only(mut self, fields: &'static [&'static str]) -> Self {
        self.only = Some(fields);
        self
    }
}

/// The store of documents.
#[async_trait]
pub trait Documents: Send + Sync {
    /// Several documents of any collections, each `None` where it is not, in the order asked.
    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Document>>, DocumentsError>;

    /// The documents that answer a query. Its shape must stand in [`super::shapes`].
    async fn query(&self, query: &Query) -> Result<Vec<Document>, DocumentsError>;

    /// The place of the last document that a query finds when it finds as many as its `limit`, `None` when there are not
    /// so many. Those before it are passed over in an index and not read.
    async fn last(&self, query: &Query) -> Result<Option<Cursor>, DocumentsError>;

    /// How many documents answer a query, counted up to its `limit`; its cursor is not looked at.
    async fn count(&self, query: &Query) -> Result<u32, DocumentsError>;

    /// Writes all or nothing; at most 500 writes and 10 MiB.
    async fn commit(&self, writes: Vec<Write>) -> Result<(), DocumentsError>;

    /// The time of the store: the one clock of the hub.
    async fn now(&self) -> Result<Timestamp, DocumentsError>;
}
