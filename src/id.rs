//! Names of things: random, unguessable, one type for each noun.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

#[cfg(feature = "services")]
mod random;

#[cfg(feature = "services")]
pub use random::{random_secret, random_text};

/// A text that is not an id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an id")]
pub struct NotAnId;

/// Ids are kept in file paths and addresses: lower-case letters, digits, inner hyphens and low lines only.
fn well_formed(text: &str) -> bool {
    (1..=48).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte))
        && !text.starts_with(['-', '_'])
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The text of the id.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = NotAnId;

            fn from_str(text: &str) -> Result<Self, NotAnId> {
                if well_formed(text) { Ok(Self(text.to_owned())) } else { Err(NotAnId) }
            }
        }

        impl TryFrom<String> for $name {
            type Error = NotAnId;

            fn try_from(text: String) -> Result<Self, NotAnId> {
                if well_formed(&text) { Ok(Self(text)) } else { Err(NotAnId) }
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

id!(
    /// A single job, a batch, or a child of a batch.
    JobId
);
id!(
    /// A person.
    UserId
);
id!(
    /// An organisation.
    OrganizationId
);
id!(
    /// An input that was uploaded or typed and not yet submitted.
    DraftId
);
id!(
    /// A link that shows a result, for whoever made it; what lets somebody in is its token.
    ShareId
);

id!(
    /// A sign-in.
    SessionId
);
id!(
    /// A key of a program.
    KeyId
);

impl JobId {
    /// The id of a batch's child; derived, so that writing it again is the same write.
    pub fn child(&self, index: u32) -> Self {
        Self(format!("{}-{index:05}", self.0))
    }

    /// The batch and the index, when this is the id of a child.
    pub fn parent(&self) -> Option<(Self, u32)> {
        let (batch, index) = self.0.rsplit_once('-')?;
        if index.len() < 5 {
            return None;
        }
        Some((batch.parse().ok()?, index.parse().ok()?))
    }
}

#[cfg(all(test, feature = "services"))]
mod tests {
    use super::*;

    #[test]
    fn a_child_knows_its_parent() {
        let batch = JobId::random();
        assert_eq!(batch.as_str().len(), 26);
        assert_eq!(batch.child(7).as_str(), format!("{batch}-00007"));
        assert_eq!(
            batch.child(123_456).parent(),
            Some((batch.clone(), 123_456))
        );
        assert_eq!(batch.parent(), None);
    }

    #[test]
    fn paths_cannot_be_smuggled_in() {
        for text in ["", "../x", "a/b", "A", "-a", "é", &"a".repeat(49)] {
            assert_eq!(text.parse::<JobId>(), Err(NotAnId), "{text}");
        }
    }
}
