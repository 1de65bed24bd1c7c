//! Sending a letter: to a mail server, or into the log of a hub at somebody's desk. What it says is not known here.

use std::time::Duration;

use hub::mail::Letter;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message};
use lettre::{Address, AsyncSmtpTransport, AsyncTransport, Tokio1Executor};

use crate::config::mail::MailServer;

/// How long a mail server may take; less than a mail is taken for.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long each step may take.
const STEP: Duration = Duration::from_secs(20);

/// Whoever sends mails.
#[derive(Clone)]
pub enum Mailer {
    /// A mail server, and whom mails come from.
    Smtp(Box<AsyncSmtpTransport<Tokio1Executor>>, Mailbox),
    /// The log.
    Log,
}

/// Why a mail was not sent.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// The address is none to which mails can be sent.
    #[error("the address cannot be written to")]
    Address(#[from] lettre::address::AddressError),
    /// The mail cannot be put into words that a server takes.
    #[error("the mail cannot be written")]
    Message(#[from] lettre::error::Error),
    /// The server did not take it.
    #[error("the mail server did not take it")]
    Server(#[from] lettre::transport::smtp::Error),
    /// The server did not answer.
    #[error("the mail server did not answer in time")]
    Late,
}

impl Mailer {
    /// Sends by a server. It is not asked for anything until there is a mail.
    pub fn to(server: &MailServer) -> anyhow::Result<Self> {
        let transport = AsyncSmtpTransport::<Tokio1Executor>::from_url(&server.url)?;
        let transport = transport.timeout(Some(STEP)).build();
        Ok(Self::Smtp(Box::new(transport), server.from.clone()))
    }

    /// Sends a letter.
    pub async fn send(&self, letter: &Letter) -> Result<(), MailError> {
        match self {
            Self::Smtp(transport, from) => {
                let message = message(letter, from)?;
                let sent = tokio::time::timeout(PATIENCE, transport.send(message)).await;
                sent.map_err(|_| MailError::Late)?.map(drop)?;
            }
            Self::Log => tracing::info!(
                to = %letter.to,
                "this hub sends no mail; it would have sent:\n\n{}\n\n{}",
                letter.subject,
                letter.text
            ),
        }
        Ok(())
    }
}

/// The letter as servers take it. Its id is the same at every try, so that one that came twice is shown once.
fn message(letter: &Letter, from: &Mailbox) -> Result<Message, MailError> {
    let to: Address = letter.to.as_str().parse()?;
    let id = format!("<{}@{}>", letter.id, from.email.domain());
    let mut message = Message::builder()
        .from(from.clone())
        .to(Mailbox::new(None, to))
        .subject(letter.subject.clone())
        .message_id(Some(id))
        .header(ContentType::TEXT_PLAIN)
        .body(letter.text.clone())?;
    // Nobody's assistant is to answer.
    message.headers_mut().insert_raw(HeaderValue::new(
        HeaderName::new_from_ascii_str("Auto-Submitted"),
        "auto-generated".to_owned(),
    ));
    Ok(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINK: &str = "https://hub.example.org/reset?token=a-long-token-of-a-hub-that-does-not-fit-in-one-line-of-a-mail";

    /// What a reader of mails makes of a body.
    fn decoded(head: &str, body: &str) -> String {
        let of_one_byte = ["7bit", "8bit"].map(|way| format!("Content-Transfer-Encoding: {way}"));
        if of_one_byte.iter().any(|way| head.contains(way)) {
            return body.to_owned();
        }
        assert!(
            head.contains("Content-Transfer-Encoding: quoted-printable"),
            "{head}"
        );
        let escaped = body.replace("=\r\n", "").replace('%', "=25");
        let escaped = escaped.replace('=', "%");
        let text = percent_encoding::percent_decode_str(&escaped).decode_utf8();
        text.unwrap().into_owned()
    }

    #[test]
    fn a_link_arrives_whole_whatever_the_text_around_it() {
        for words in ["Hello Ada", "Grüße, Märie: 100 % = alles"] {
            let letter = Letter {
                id: "m1".to_owned(),
                to: hub::account::Email::new("ada@example.org").unwrap(),
                subject: "Reset".to_owned(),
                text: format!("{words}\n\n{LINK}\n"),
            };
            let from = "OMTX-Hub <hub@example.org>".parse().unwrap();
            let message = message(&letter, &from).unwrap();
            let text = String::from_utf8(message.formatted()).unwrap();
            let (head, body) = text.split_once("\r\n\r\n").unwrap();
            let lines: Vec<String> = decoded(head, body).lines().map(str::to_owned).collect();
            assert_eq!(lines, [words, "", LINK], "{text}");
        }
    }

    #[test]
    fn a_letter_is_one_plain_mail_to_one_person() {
        let letter = Letter {
            id: "m1".to_owned(),
            to: hub::account::Email::new("märie@übung.example").unwrap(),
            subject: "Kinasen für Ä\r\nBcc: eve@example.org".to_owned(),
            text: "line\n.\n--\nhttps://hub.example.org/reset?token=a".to_owned(),
        };
        let from = "OMTX-Hub <hub@example.org>".parse().unwrap();
        let message = message(&letter, &from).unwrap();
        let text = String::from_utf8(message.formatted()).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        for line in [
            "From: OMTX-Hub <hub@example.org>",
            "Message-ID: <m1@example.org>",
            "Auto-Submitted: auto-generated",
        ] {
            assert!(head.contains(line), "{line} in {head}");
        }
        assert!(!head.contains("\r\nBcc"), "{head}");
        assert!(head.contains("text/plain; charset=utf-8"), "{head}");
        let link = decoded(head, body).lines().last().map(str::to_owned);
        assert_eq!(
            link.as_deref(),
            Some("https://hub.example.org/reset?token=a")
        );
    }
}
