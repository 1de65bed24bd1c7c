//! The one error of the product: what the reader is told, and, out of their sight, why.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// What every fallible function of the product answers.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// One thing wrong with what was sent, at the place where it is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// Path of the field in the body, as the API spells it: `parameters.exhaustiveness`, `ligands[3].smiles`.
    pub field: String,
    /// What is wrong and what to do about it, in words for a scientist.
    pub message: String,
}

impl Fault {
    /// A fault at `field`.
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            message: message.into(),
        }
    }
}

/// Everything that can go wrong, by what the caller can do about it.
///
/// The text of a variant is for the reader. The cause of [`Error::Internal`] and [`Error::Unavailable`] never leaves the
/// server: it is skipped by serde and logged once, where the error is handled.
#[derive(Clone, Debug, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Error {
    /// The body is well formed but cannot be accepted; nothing was stored.
    #[error("{}", list(.0))]
    Invalid(Vec<Fault>),
    /// The request itself is malformed or out of range: a query parameter, a token, a header.
    #[error("{}: {}", .0.field, .0.message)]
    BadRequest(Fault),
    /// There is no such thing, or it is not the caller's to know of.
    #[error("not found")]
    NotFound,
    /// The state of things does not allow it now.
    #[error("{0}")]
    Conflict(String),
    /// Nobody is signed in.
    #[error("sign in first")]
    Unauthenticated,
    /// The caller may see it but may not do this.
    #[error("{0}")]
    Forbidden(String),
    /// The body is larger than what is taken.
    #[error("{0}")]
    TooLarge(String),
    /// A limit is used up.
    #[error("{message}")]
    LimitReached {
        /// Which limit, in words.
        message: String,
        /// Units that are left.
        remaining: u64,
        /// When the limit is whole again.
        resets_at: Timestamp,
    },
    /// A part that the hub depends on does not answer; trying again later can help.
    #[error("{message}")]
    Unavailable {
        /// What does not answer, in words.
        message: String,
        /// Why, for the log.
        #[serde(skip)]
        cause: Cause,
    },
    /// A fault of ours.
    #[error("the hub failed to do this")]
    Internal {
        /// Why, for the log.
        #[serde(skip)]
        cause: Cause,
    },
}

impl Error {
    /// One faulty field.
    pub fn invalid(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Invalid(vec![Fault::new(field, message)])
    }

    /// What does not go as things stand.
    pub fn conflict(message: impl Into<String>) -> Self {
        Self::Conflict(message.into())
    }

    /// What this person may not do.
    pub fn forbidden(message: impl Into<String>) -> Self {
        Self::Forbidden(message.into())
    }

    /// One malformed or out-of-range part of the request.
    pub fn bad_request(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::BadRequest(Fault::new(field, message))
    }

    /// A fault of ours, with its cause for the log.
    pub fn internal(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Internal {
            cause: Cause::new(cause),
        }
    }

    /// A part that does not answer, with the cause for the log.
    pub fn unavailable(
        message: impl Into<String>,
        cause: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self::Unavailable {
            message: message.into(),
            cause: Cause::new(cause),
        }
    }

    /// The HTTP status that says the same.
    pub fn status(&self) -> u16 {
        match self {
            Self::Invalid(_) => 422,
            Self::BadRequest(_) => 400,
            Self::NotFound => 404,
            Self::Conflict(_) => 409,
            Self::Unauthenticated => 401,
            Self::Forbidden(_) => 403,
            Self::TooLarge(_) => 413,
            Self::LimitReached { .. } => 429,
            Self::Unavailable { .. } => 503,
            Self::Internal { .. } => 500,
        }
    }

    /// A stable word for the kind of error, the end of the API's `type`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Invalid(_) => "invalid",
            Self::BadRequest(_) => "bad-request",
            Self::NotFound => "not-found",
            Self::Conflict(_) => "conflict",
            Self::Unauthenticated => "unauthenticated",
            Self::Forbidden(_) => "forbidden",
            Self::TooLarge(_) => "too-large",
            Self::LimitReached { .. } => "limit-reached",
            Self::Unavailable { .. } => "unavailable",
            Self::Internal { .. } => "internal",
        }
    }

    /// What kind of error it is, in words: what stands above its text.
    pub const fn title(&self) -> &'static str {
        match self {
            Self::Invalid(_) => "The input cannot be accepted",
            Self::BadRequest(_) => "This cannot be read",
            Self::NotFound => "There is nothing here",
            Self::Conflict(_) => "This is not possible now",
            Self::Unauthenticated => "You are not signed in",
            Self::Forbidden(_) => "You may not do this",
            Self::TooLarge(_) => "This is too large",
            Self::LimitReached { .. } => "A limit is reached",
            Self::Unavailable { .. } => "A part of the hub does not answer",
            Self::Internal { .. } => "The hub failed",
        }
    }

    /// What a page says under the title: the text, or, where there is none to tell, what may be the reason.
    pub fn advice(&self) -> String {
        match self {
            Self::NotFound => "It was deleted, or it never was, or it is not yours.".to_owned(),
            other => other.to_string(),
        }
    }

    /// The faults at fields, none for errors of another kind.
    pub fn faults(&self) -> &[Fault] {
        match self {
            Self::Invalid(faults) => faults,
            Self::BadRequest(fault) => std::slice::from_ref(fault),
            _ => &[],
        }
    }
}

/// Answers `Ok` when there is no fault.
pub fn check(faults: Vec<Fault>) -> Result<()> {
    if faults.is_empty() {
        Ok(())
    } else {
        Err(Error::Invalid(faults))
    }
}

fn list(faults: &[Fault]) -> String {
    faults
        .iter()
        .map(|fault| fault.message.as_str())
        .collect::<Vec<_>>()
        .join("; ")
}

/// Why something failed, for the log only. Empty once an error has crossed the wire.
#[derive(Clone, Default)]
pub struct Cause(Option<Arc<dyn std::error::Error + Send + Sync>>);

impl Cause {
    /// Keeps the cause.
    pub fn new(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self(Some(Arc::from(cause.into())))
    }
}

impl fmt::Debug for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            None => f.write_str("unknown"),
            Some(cause) => {
                write!(f, "{cause}")?;
                let mut next = cause.source();
                while let Some(source) = next {
                    write!(f, ": {source}")?;
                    next = source.source();
                }
                Ok(())
            }
        }
    }
}
