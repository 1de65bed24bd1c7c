//! Ids and secrets that nobody guesses. Only the server makes them.

use super::{DraftId, JobId, KeyId, OrganizationId, SessionId, ShareId, UserId};

macro_rules! random {
    ($($name:ident),*) => {
        $(impl $name {
            /// A new random id of 128 bits, 26 letters and digits.
            pub fn random() -> Self {
                Self(random_text())
            }
        })*
    };
}

random!(
    JobId,
    UserId,
    OrganizationId,
    DraftId,
    ShareId,
    SessionId,
    KeyId
);

/// 128 random bits as lower-case base 32.
pub fn random_text() -> String {
    let mut bytes = [0u8; 16];
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    data_encoding::BASE32HEX_NOPAD.encode(&bytes).to_lowercase()
}

/// 256 random bits as lower-case base 32: what lets in whoever has it.
pub fn random_secret() -> String {
    random_text() + &random_text()
}
