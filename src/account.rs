//! A person with an account: what is kept of them, and which e-mail addresses and passwords are taken.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::id::{OrganizationId, SessionId, UserId};
use crate::limits::Limits;
use crate::organization::MemberRole;
use crate::session::{ApiKey, Session};
use crate::time::Timestamp;

/// Characters of an e-mail address at most, as RFC 5321 bounds a path.
pub const MAX_EMAIL: usize = 254;
/// Characters of a password at least.
pub const MIN_PASSWORD: usize = 10;
/// Characters of a password at most, so that hashing one stays cheap.
pub const MAX_PASSWORD: usize = 200;

/// Words that passwords are made of too often; a password that is one of them with a few digits is refused.
const COMMON: [&str; 12] = [
    "password",
    "passwort",
    "qwerty",
    "qwertz",
    "letmein",
    "welcome",
    "iloveyou",
    "administrator",
    "changeme",
    "abcdefghij",
    "1234567890",
    "molecule",
];

/// An e-mail address in lower case. That somebody reads it is shown by a link sent there, not by its form.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Email(String);

impl Email {
    /// Reads an address; any script is taken. The message says what is wrong.
    pub fn new(text: &str) -> Result<Self, &'static str> {
        let text = text.trim();
        if text.is_empty() {
            return Err("give an e-mail address");
        }
        if text.chars().count() > MAX_EMAIL {
            return Err("an e-mail address has at most 254 characters");
        }
        let whole = "an e-mail address looks like name@example.org";
        let (name, domain) = text.rsplit_once('@').ok_or(whole)?;
        let plain = |part: &str| {
            !part.is_empty()
                && !part.contains('@')
                && part.chars().all(|letter| {
                    !letter.is_whitespace()
                        && !letter.is_control()
                        && !turns_plain(letter)
                        && !"<>(),;:\\\"[]".contains(letter)
                })
        };
        let labels = domain.split('.').all(|label| !label.is_empty());
        if plain(name) && plain(domain) && labels && domain.contains('.') {
            Ok(Self(text.to_lowercase()))
        } else {
            Err(whole)
        }
    }

    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<Email> for String {
    fn from(email: Email) -> Self {
        email.0
    }
}

impl TryFrom<String> for Email {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, &'static str> {
        Self::new(&text)
    }
}

/// Whether a letter becomes one of ASCII when case is left out, as the sign of Kelvin becomes a k: the address with it
/// would be taken for somebody else's.
fn turns_plain(letter: char) -> bool {
    !letter.is_ascii() && letter.to_lowercase().any(|small| small.is_ascii())
}

/// Whether a password may be taken by the owner of an address; the message says why not.
pub fn check_password(password: &str, email: &Email) -> Result<(), &'static str> {
    let length = password.chars().count();
    if length < MIN_PASSWORD {
        return Err(
            "a password has at least 10 characters; three or four words are easy to keep in mind",
        );
    }
    if length > MAX_PASSWORD {
        return Err("a password has at most 200 characters");
    }
    let lower = password.to_lowercase();
    let mut letters: Vec<char> = lower.chars().collect();
    letters.sort_unstable();
    letters.dedup();
    if letters.len() < 4 {
        return Err("this password repeats the same few characters; take another");
    }
    let name = email.as_str().split('@').next().unwrap_or_default();
    if lower == email.as_str() || (name.len() >= 4 && rest_is_trifling(&lower, name)) {
        return Err("this password is the e-mail address; take another");
    }
    if COMMON.iter().any(|word| rest_is_trifling(&lower, word)) {
        return Err("this password is among the first that are guessed; take another");
    }
    Ok(())
}

/// Whether a text is a word and hardly anything else.
fn rest_is_trifling(text: &str, word: &str) -> bool {
    text.contains(word) && text.chars().count() - word.chars().count() <= 4
}

/// The owner of what the former system kept without one.
pub const LEGACY: &str = "legacy_user";

/// What somebody may do beyond what everybody may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Everybody.
    User,
    /// Reads system errors and metrics, and nothing of a tenant.
    Developer,
    /// Everything; what they do is written in the audit log.
    Admin,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 3] = [Self::User, Self::Developer, Self::Admin];

    /// Its name in the API and the store.
    pub const fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Developer => "developer",
            Self::Admin => "admin",
        }
    }
}

/// The one organisation that a person belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Membership {
    /// Which.
    pub organization: OrganizationId,
    /// What they may do there.
    pub role: MemberRole,
    /// Since when.
    pub since: Timestamp,
}

/// Mails that a person wants beside those that they cannot do without.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Notices {
    /// When a batch of theirs has ended.
    pub batch_ended: bool,
}

/// A person as they are stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct User {
    /// The layout of this record, 1.
    pub schema: u32,
    /// Their id.
    pub id: UserId,
    /// Their address; nobody else has it.
    pub email: Email,
    /// Their name, 1 to 100 characters.
    pub name: String,
    /// The hash of their password in PHC form; absent when they sign in elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
    /// When it was shown that they read the mail of their address: by a link that was sent there, or by whoever signs
    /// them in elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified_at: Option<Timestamp>,
    /// Their organisation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub membership: Option<Membership>,
    /// The id of that organisation once more, at the top of the record, where members are looked up by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization: Option<OrganizationId>,
    /// What they may do.
    pub roles: Vec<Role>,
    /// Mails that they want.
    #[serde(default)]
    pub notices: Notices,
    /// Limits that an admin set instead of the usual ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<Limits>,
    /// Sessions that began before this have ended, but for the one named next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sessions_since: Option<Timestamp>,
    /// The session in which the password was changed last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept_session: Option<SessionId>,
    /// Keys that were made before this have ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys_since: Option<Timestamp>,
    /// When the account was made.
    pub created_at: Timestamp,
    /// When they signed in last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_sign_in_at: Option<Timestamp>,
}

impl User {
    /// Whether a session of theirs was ended by another password.
    pub fn has_left(&self, session: &Session) -> bool {
        self.sessions_since
            .is_some_and(|since| session.created_at < since)
            && self.kept_session.as_ref() != Some(&session.id)
    }

    /// Whether a key of theirs was ended by a new password that was taken by mail.
    pub fn has_dropped(&self, key: &ApiKey) -> bool {
        self.keys_since.is_some_and(|since| key.created_at < since)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_compared_without_case_and_take_any_script() {
        let long = format!("{}@example.org", "a".repeat(200));
        for (text, kept) in [
            (" Ada@Example.ORG ", "ada@example.org"),
            ("märie@übung.example", "märie@übung.example"),
            ("田中@例え.jp", "田中@例え.jp"),
            ("a+b.c@sub.example.org", "a+b.c@sub.example.org"),
            (long.as_str(), long.as_str()),
        ] {
            assert_eq!(Email::new(text).map(String::from).as_deref(), Ok(kept));
        }
        let too_long = format!("{}@example.org", "a".repeat(250));
        for text in [
            "",
            "ada",
            "ada@",
            "@example.org",
            "ada@example",
            "a b@example.org",
            "a@b@example.org",
            "a@example..org",
            "a\u{0}@example.org",
            "<a@example.org>",
            "mi\u{212a}e@example.org",
            "ada@\u{130}nstitute.example.org",
            too_long.as_str(),
        ] {
            assert!(Email::new(text).is_err(), "{text}");
        }
    }

    #[test]
    fn weak_and_endless_passwords_are_refused() {
        let email = Email::new("rosalind@example.org").expect("an address");
        for password in [
            "",
            "short",
            "aaaaaaaaaaaa",
            "ababababab",
            "Password2026",
            "rosalind@example.org",
            "Rosalind1951",
            "qwerty123456".get(..10).unwrap_or_default(),
            &"x y".repeat(100),
        ] {
            assert!(check_password(password, &email).is_err(), "{password}");
        }
        for password in [
            "correct horse battery",
            "ligand-pose-box",
            "пароль из трёх слов",
            &"aBc4".repeat(50),
        ] {
            assert_eq!(check_password(password, &email), Ok(()), "{password}");
        }
    }
}
