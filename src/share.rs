//! A link that shows a result to whoever has it, for reading only. The link ends in a token; what is kept of the token
//! is its hash, so that no store and no backup lets anybody in.

use serde::{Deserialize, Serialize};

use crate::actor::Owner;
use crate::id::{JobId, ShareId, UserId};
use crate::time::Timestamp;

/// Days that a link holds when nothing else is asked.
pub const USUAL_DAYS: u32 = 30;
/// Days that a link holds at most, unless it holds for ever.
pub const MAX_DAYS: u32 = 365;
/// Characters of a link's password at least.
pub const MIN_PASSWORD: usize = 8;
/// Characters of a link's password at most.
pub const MAX_PASSWORD: usize = 200;

/// Files of a result that no link shows: its log, what else the run left, and the record of the former system. They
/// may tell what the pages of a link leave out.
const NOT_SHOWN: [&str; 3] = ["log.txt", "extra.zip", "former.json"];

/// Parts of the names of programs that fetch a page to index or to preview it, in lower case.
const BOTS: [&str; 7] = [
    "bot",
    "crawler",
    "spider",
    "preview",
    "facebookexternalhit",
    "slackbot",
    "whatsapp",
];

/// A link as it is stored, under the hash of its token.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Share {
    /// The layout of this record, 1.
    pub schema: u32,
    /// Its id, by which it is listed and revoked. It lets nobody in.
    pub id: ShareId,
    /// What it shows: a job, or a batch with its children.
    pub job_id: JobId,
    /// Places of the only children of the batch that it shows, in order; all when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selection: Option<Vec<u32>>,
    /// Whose the job is.
    pub owner: Owner,
    /// Who made the link.
    pub created_by: UserId,
    /// Who that is, as readers are told.
    pub shared_by: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends; never when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// When somebody ended it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Timestamp>,
    /// The hash of its password in PHC form, when it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
}

impl Share {
    /// Whether it lets anybody in.
    pub fn holds(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| now < end)
    }

    /// Whether it shows the child at a place of its batch.
    pub fn shows(&self, index: u32) -> bool {
        self.selection
            .as_ref()
            .is_none_or(|places| places.binary_search(&index).is_ok())
    }

    /// Whether a link shows a file of a result by its name.
    pub fn shows_file(name: &str) -> bool {
        !NOT_SHOWN.contains(&name) && !name.ends_with(".log")
    }
}

/// What is asked of a new link.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShareRequest {
    /// The job or batch to show.
    pub job_id: JobId,
    /// The only children of the batch to show.
    #[serde(default)]
    pub selection: Option<Vec<JobId>>,
    /// How long it holds, 1 to 365; `null` is for ever, 30 when absent.
    #[serde(default = "usual_days")]
    pub expires_in_days: Option<u32>,
    /// What readers have to know beside the link.
    #[serde(default)]
    pub password: Option<String>,
}

fn usual_days() -> Option<u32> {
    Some(USUAL_DAYS)
}

/// A link that was just made. It is told once and cannot be told again.
#[derive(Clone, Debug, Serialize)]
pub struct NewShare {
    /// The id of the link.
    pub id: ShareId,
    /// The whole link.
    pub url: String,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
}

/// How a link stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ShareState {
    /// It lets readers in.
    Open,
    /// Its time is over.
    Expired,
    /// Somebody ended it.
    Revoked,
    /// What it showed was deleted.
    Gone,
}

impl ShareState {
    /// Its name on a page.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Open => "Open",
            Self::Expired => "Expired",
            Self::Revoked => "Revoked",
            Self::Gone => "Result deleted",
        }
    }
}

/// A link as whoever made it sees it, and who leads the organisation whose work it shows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ShareRow {
    /// Its id.
    pub id: ShareId,
    /// What it shows.
    pub job_id: JobId,
    /// The name of that, as long as it is there.
    pub name: Option<String>,
    /// Who made the link, as its readers are told.
    pub shared_by: String,
    /// How many children of a batch it shows, when not all.
    pub selected: Option<u32>,
    /// How it stands.
    pub state: ShareState,
    /// Whether readers have to know a password.
    pub has_password: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
    /// When somebody ended it.
    pub revoked_at: Option<Timestamp>,
    /// How often somebody looked; programs that preview links are not counted.
    pub views: u64,
}

/// Whether a page is fetched by a program that indexes or previews, by the name it gives itself.
pub fn is_bot(user_agent: &str) -> bool {
    let name = user_agent.to_lowercase();
    BOTS.iter().any(|part| name.contains(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_that_preview_are_no_readers() {
        for name in [
            "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
            "facebookexternalhit/1.1",
            "Mozilla/5.0 (compatible; Discordbot/2.0; +https://discordapp.com)",
            "WhatsApp/2.23.20.0",
            "TelegramBot (like TwitterBot)",
            "Twitterbot/1.0",
            "LinkedInBot/1.0 (compatible; Mozilla/5.0; Apache-HttpClient)",
            "SkypeUriPreview Preview/0.5",
            "some-crawler",
            "Baiduspider",
        ] {
            assert!(is_bot(name), "{name}");
        }
        assert!(!is_bot(
            "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
        ));
        assert!(!is_bot(""));
    }

    #[test]
    fn days_that_are_not_said_are_thirty_and_null_is_for_ever() {
        let days = |text: &str| {
            serde_json::from_str::<ShareRequest>(text)
                .unwrap()
                .expires_in_days
        };
        assert_eq!(days(r#"{"job_id": "a"}"#), Some(30));
        assert_eq!(days(r#"{"job_id": "a", "expires_in_days": null}"#), None);
        assert_eq!(days(r#"{"job_id": "a", "expires_in_days": 7}"#), Some(7));
    }
}
