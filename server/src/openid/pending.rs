//! A sign-in that was begun: all of it is in a cookie of the browser that began it. What the service is told is made of
//! the cookie's secret, so that nothing is stored until somebody comes back.

use data_encoding::BASE64URL_NOPAD;
use hmac::{Hmac, KeyInit, Mac};
use hub::id::random_secret;
use hub::time::Timestamp;
use sha2::{Digest, Sha256};

/// Seconds that somebody may take to sign in there.
pub const PENDING_S: i64 = 600;

/// A sign-in that was begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    secret: String,
    /// Second until which it holds.
    until: i64,
    /// The page of the hub that it leads to.
    next: String,
}

impl Pending {
    /// A new one.
    pub fn begin(next: &str, now: Timestamp) -> Self {
        Self {
            secret: random_secret(),
            until: now.as_seconds() + PENDING_S,
            next: next.to_owned(),
        }
    }

    /// The value of the cookie.
    pub fn cookie(&self) -> String {
        let next = BASE64URL_NOPAD.encode(self.next.as_bytes());
        format!("{}.{}.{next}", self.secret, self.until)
    }

    /// Reads the value of the cookie. Whoever changed it has another state than the service was told.
    pub fn read(cookie: &str) -> Option<Self> {
        let mut parts = cookie.split('.');
        let (secret, until, next) = (parts.next()?, parts.next()?, parts.next()?);
        Some(Self {
            secret: secret.to_owned(),
            until: until.parse().ok()?,
            next: String::from_utf8(BASE64URL_NOPAD.decode(next.as_bytes()).ok()?).ok()?,
        })
    }

    /// What it is known by when it is used up.
    pub fn secret(&self) -> &str {
        &self.secret
    }

    /// Until when it holds.
    pub fn expires_at(&self) -> Timestamp {
        Timestamp::from_micros(self.until.saturating_mul(1_000_000))
    }

    /// The page that it leads to.
    pub fn next(&self) -> &str {
        &self.next
    }

    /// What the service gives back with its answer.
    pub fn state(&self) -> String {
        self.made("state")
    }

    /// What the ID token must name.
    pub fn nonce(&self) -> String {
        self.made("nonce")
    }

    /// What proves to the service that the code is used by whoever asked for it.
    pub fn verifier(&self) -> String {
        self.made("verifier")
    }

    /// The hash of the verifier, which is sent ahead.
    pub fn challenge(&self) -> String {
        BASE64URL_NOPAD.encode(&Sha256::digest(self.verifier()))
    }

    fn made(&self, purpose: &str) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.secret.as_bytes())
            .expect("a key of any length is taken");
        mac.update(format!("{purpose}\n{}\n{}", self.until, self.next).as_bytes());
        BASE64URL_NOPAD.encode(&mac.finalize().into_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_that_was_changed_has_another_state() {
        let pending = Pending::begin("/jobs/a?x=é", Timestamp::from_micros(7_000_000));
        let cookie = pending.cookie();
        assert_eq!(Pending::read(&cookie).as_ref(), Some(&pending));
        assert_eq!(pending.expires_at().as_seconds(), 607);
        let later = cookie.replace(".607.", ".9607.");
        assert_ne!(Pending::read(&later).unwrap().state(), pending.state());
        for broken in ["", "a.b.c", "a.1", "a.1.?"] {
            assert_eq!(Pending::read(broken), None, "{broken}");
        }
        let all = [pending.state(), pending.nonce(), pending.verifier()];
        assert!(all.iter().all(|text| text.len() == 43));
        assert!(all[0] != all[1] && all[1] != all[2]);
    }
}
