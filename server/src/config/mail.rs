//! By whom mails are sent, and in whose name.

use lettre::message::Mailbox;
use reqwest::Url;

use crate::request::is_loopback;

/// A server that takes mails.
#[derive(Clone, PartialEq, Eq)]
pub struct MailServer {
    /// Its address, with user and password.
    pub url: String,
    /// Whom mails come from.
    pub from: Mailbox,
}

/// Both settings or none. What is wrong is told without the address, which holds a password.
pub fn check(
    url: Option<&str>,
    from: Option<&str>,
    faults: &mut Vec<String>,
) -> Option<MailServer> {
    let from = match (url, from) {
        (None, None) => return None,
        (None, Some(_)) => {
            faults.push("MAIL_FROM is set and SMTP_URL is not; mail needs both".into());
            return None;
        }
        (Some(_), None) => {
            faults.push("SMTP_URL is set and MAIL_FROM is not; mail needs both".into());
            None
        }
        (Some(_), Some(from)) => {
            let read = from.parse::<Mailbox>();
            if read.is_err() {
                faults.push(format!(
                    "MAIL_FROM is {from:?}; it must be like hub@example.org or OMTX-Hub <hub@example.org>"
                ));
            }
            read.ok()
        }
    };
    let url = url?;
    if let Err(fault) = check_url(url) {
        faults.push(format!("SMTP_URL {fault}"));
        return None;
    }
    Some(MailServer {
        url: url.to_owned(),
        from: from?,
    })
}

fn check_url(url: &str) -> Result<(), &'static str> {
    const FORM: &str = "must be like smtps://user:password@mail.example.org or smtp://user:password@mail.example.org?tls=required";
    let url = Url::parse(url).map_err(|_| FORM)?;
    let host = url.host_str().filter(|host| !host.is_empty()).ok_or(FORM)?;
    let named = url.username().is_empty() == url.password().is_none();
    if !named {
        return Err("has a user without a password, or a password without a user");
    }
    let tls = url.query_pairs().find(|(name, _)| name == "tls");
    match (url.scheme(), tls.as_ref().map(|(_, value)| value.as_ref())) {
        ("smtps", None) | ("smtp", Some("required")) => Ok(()),
        ("smtp", None) if is_loopback(host) => Ok(()),
        ("smtp", None) => Err("would send mails in the clear; add ?tls=required, or take smtps://"),
        _ => Err(FORM),
    }
}
