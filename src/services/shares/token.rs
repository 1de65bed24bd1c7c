//! The token of a link and the pass of a reader who knew its password: what must be kept out of stores and logs.

use std::fmt;

use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use crate::time::Timestamp;

/// Bytes of a token.
const BYTES: usize = 32;

/// What a link ends in: 256 random bits. Whoever has it is let in.
pub(super) struct Token(String);

impl Token {
    /// A new one.
    pub fn random() -> Self {
        let mut bytes = [0; BYTES];
        getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
        Self(BASE64URL_NOPAD.encode(&bytes))
    }

    /// A token as it stands in an address; `None` for what cannot be one.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = BASE64URL_NOPAD.decode(text.as_bytes()).ok()?;
        (bytes.len() == BYTES).then(|| Self(text.to_owned()))
    }

    /// The text of it, for the link alone.
    pub fn secret(&self) -> &str {
        &self.0
    }

    /// What of it is stored.
    pub fn hash(&self) -> String {
        HEXLOWER.encode(&Sha256::digest(self.0.as_bytes()))
    }

    /// What a reader shows who knew the password, good until `end`. It is made of the password's hash, which no reader
    /// has and which another password changes.
    pub fn pass(&self, password_hash: &str, end: Timestamp) -> String {
        let tag = self.mac(password_hash, end.as_seconds()).finalize();
        let tag = HEXLOWER.encode(&tag.into_bytes());
        format!("{}.{tag}", end.as_seconds())
    }

    /// Whether a pass is good still.
    pub fn admits(&self, pass: &str, password_hash: &str, now: Timestamp) -> bool {
        let read = || {
            let (end, tag) = pass.split_once('.')?;
            let end: i64 = end.parse().ok()?;
            let tag = HEXLOWER.decode(tag.as_bytes()).ok()?;
            let same = self.mac(password_hash, end).verify_slice(&tag).is_ok();
            Some(same && now.as_seconds() < end)
        };
        read().unwrap_or_default()
    }

    fn mac(&self, password_hash: &str, end_s: i64) -> Hmac<Sha256> {
        let mac = Hmac::<Sha256>::new_from_slice(password_hash.as_bytes())
            .expect("HMAC takes keys of any length");
        mac.chain_update(format!("share:{}:{end_s}", self.0))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_43_letters_and_tells_nothing_of_itself() {
        let token = Token::random();
        assert_eq!(token.secret().len(), 43);
        assert_eq!(
            Token::parse(token.secret()).unwrap().hash(),
            token.hash(),
            "what is in a link leads to what is stored"
        );
        assert_eq!(token.hash().len(), 64);
        assert!(!format!("{token:?}").contains(token.secret()));
        for text in ["", "a", "../..", &"a".repeat(42), &"ä".repeat(43)] {
            assert!(Token::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn a_pass_is_for_one_link_one_password_and_one_hour() {
        let (token, other) = (Token::random(), Token::random());
        let end = Timestamp::from_micros(0).plus_seconds(3_600);
        let pass = token.pass("hash", end);
        let now = end.plus_seconds(-1);
        assert!(token.admits(&pass, "hash", now));
        assert!(!token.admits(&pass, "hash", end));
        assert!(!token.admits(&pass, "another", now));
        assert!(!other.admits(&pass, "hash", now));
        let later = pass.replace("3600.", "9999.");
        assert!(!token.admits(&later, "hash", now));
        for text in ["", ".", "3600", "3600.", "x.00", "-1.00"] {
            assert!(!token.admits(text, "hash", now), "{text}");
        }
    }
}
