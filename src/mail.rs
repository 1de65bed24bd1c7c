//! A mail that waits to be sent, and the words of each kind. What waits holds no link: that is made when the mail is
//! composed, so that nothing that lets somebody in is stored.

use serde::{Deserialize, Serialize};

use crate::account::Email;
use crate::batch::Counts;
use crate::id::{JobId, UserId};
use crate::time::Timestamp;

/// Characters of a name that stands in a mail at most.
const MAX_NAME: usize = 100;

/// A mail that waits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mail {
    /// The layout of this record, 1.
    pub schema: u32,
    /// Where it goes.
    pub to: Email,
    /// What it is about.
    pub about: About,
    /// Since when it waits.
    pub created_at: Timestamp,
    /// When it is to be tried next.
    pub due_at: Timestamp,
    /// How often it was tried.
    pub attempts: u32,
}

/// What a mail is about. Whether there is anything to say is found out when it is composed: whoever asks for a mail is
/// answered the same and made to wait as long, whether or not there is an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum About {
    /// An account was made with the address, and is to be used once it is confirmed.
    Confirmation,
    /// Somebody wanted an account with an address that has one.
    Taken,
    /// A new password is asked for.
    Reset,
    /// Somebody wants this to be the address of their account.
    Move {
        /// Who.
        user: UserId,
    },
    /// The account has another address now.
    Moved,
    /// A batch has ended.
    BatchEnded {
        /// Which.
        batch: JobId,
        /// Who made it.
        user: UserId,
    },
}

/// A mail in its words, ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// The id of the mail, the same at every try.
    pub id: String,
    /// Where it goes.
    pub to: Email,
    /// Its subject, one line.
    pub subject: String,
    /// What it says, plain text.
    pub text: String,
}

/// Subject and text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words {
    /// One line.
    pub subject: String,
    /// Lines with `\n` between them.
    pub text: String,
}

impl Words {
    /// Every mail names the hub and where it is.
    fn new(hub: &str, subject: impl Into<String>, paragraphs: &[&str]) -> Self {
        Self {
            subject: subject.into(),
            text: format!("{}\n\n-- \nOMTX-Hub\n{hub}\n", paragraphs.join("\n\n")),
        }
    }

    /// A link that confirms the address of a new account.
    pub fn of_confirmation(hub: &str, link: &str) -> Self {
        Self::new(
            hub,
            "Confirm your address for OMTX-Hub",
            &[
                "Hello,",
                "an account was made with this address. To begin, open this link within a day and confirm it:",
                link,
                "If that was not you, do nothing: without your word the account cannot be used.",
            ],
        )
    }

    /// That an address has an account already.
    pub fn of_taken(hub: &str) -> Self {
        Self::new(
            hub,
            "You have an account at OMTX-Hub",
            &[
                "Hello,",
                "somebody wanted to make an account with this address. It has one already, and nothing was changed.",
                &format!("If that was you, sign in:\n{hub}/login"),
                &format!("If you do not know the password any more, take a new one:\n{hub}/reset"),
                "If that was not you, you need do nothing.",
            ],
        )
    }

    /// A link to a new password.
    pub fn of_reset(hub: &str, link: &str) -> Self {
        Self::new(
            hub,
            "A new password for OMTX-Hub",
            &[
                "Hello,",
                "a new password was asked for your account. Open this link within an hour to take one:",
                link,
                "If that was not you, do nothing: your password stays as it is.",
            ],
        )
    }

    /// A link that gives an account another address.
    pub fn of_move(hub: &str, link: &str) -> Self {
        Self::new(
            hub,
            "Confirm your new address for OMTX-Hub",
            &[
                "Hello,",
                "this is to be the address of an account. If that is yours, open this link within a day and confirm it:",
                link,
                "If it is not, do nothing: nothing changes.",
            ],
        )
    }

    /// That an account left this address.
    pub fn of_moved(hub: &str) -> Self {
        Self::new(
            hub,
            "Your account at OMTX-Hub has another address now",
            &[
                "Hello,",
                "your account was given another e-mail address, with its password and from there. Mails go there from now on.",
                "If that was not you, tell whoever runs this hub.",
            ],
        )
    }

    /// How a batch ended.
    pub fn of_batch(hub: &str, id: &JobId, name: &str, counts: Counts) -> Self {
        let name = one_line(name);
        let mut ended = vec![format!(
            "{} of {} completed",
            counts.completed,
            counts.total()
        )];
        for (count, word) in [(counts.failed, "failed"), (counts.cancelled, "cancelled")] {
            if count > 0 {
                ended.push(format!("{count} {word}"));
            }
        }
        Self::new(
            hub,
            format!("{name} has ended"),
            &[
                "Hello,",
                &format!("{name} has ended: {}.", ended.join(", ")),
                &format!("{hub}/batches/{id}"),
                &format!(
                    "You asked for this mail; your account says otherwise in a moment:\n{hub}/account"
                ),
            ],
        )
    }
}

/// A name as it may stand in a mail: no control character, no line break of any script, no endless text.
fn one_line(name: &str) -> String {
    let plain = |letter: char| {
        let breaks = letter.is_control() || matches!(letter, '\u{2028}' | '\u{2029}');
        if breaks { ' ' } else { letter }
    };
    let line: String = name.chars().map(plain).take(MAX_NAME).collect();
    line.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_somebody_typed_stays_on_its_line() {
        let counts = Counts {
            completed: 18,
            failed: 2,
            ..Counts::default()
        };
        let id = "b0".parse().unwrap();
        let name = "kinases\r\nBcc: eve@example.org\u{2028}x";
        let words = Words::of_batch("https://hub.example.org", &id, name, counts);
        assert!(!words.subject.contains(['\r', '\n', '\u{2028}']));
        assert!(words.text.contains("ended: 18 of 20 completed, 2 failed."));
        assert!(
            words
                .text
                .contains("\nhttps://hub.example.org/batches/b0\n")
        );
        assert!(!words.text.contains("\nBcc"), "{}", words.text);
        assert_eq!(one_line(&"é".repeat(500)).chars().count(), MAX_NAME);
    }
}
