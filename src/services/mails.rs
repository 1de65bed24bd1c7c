//! The outbox: mails are stored in the commit of what they are about, composed when they are due, and sent by whoever
//! took them. A mail is due again until it was sent, so that neither a crash nor a mail server that is down loses it.

use super::Services;
use super::accounts::user_key;
use super::mail_links::Purpose;
use super::store::{self, Stored, gone, job_key};
use crate::account::{Email, Membership, User};
use crate::actor::Owner;
use crate::error::Result;
use crate::id::{JobId, UserId, random_text};
use crate::job::Job;
use crate::mail::{About, Letter, Mail, Words};
use crate::ports::documents::{Collection, Direction, Expect, Key, Query, Write};
use crate::time::Timestamp;

/// Due mails that are looked at in one turn.
const READ: u32 = 20;
/// Seconds until the second try; each further one waits twice as long. Whoever took a mail has sent it by then.
const FIRST_DELAY_S: i64 = 120;
/// Seconds between two tries at most.
const LONGEST_DELAY_S: i64 = 4 * 3_600;
/// Seconds after which a mail is given up.
const GIVEN_UP_S: i64 = 24 * 3_600;

fn mail_key(id: &str) -> Key {
    Key::new(Collection::Mails, id)
}

/// The write that puts a mail into the outbox.
pub(super) fn posted(to: &Email, about: About, now: Timestamp) -> Result<Write> {
    let mail = Mail {
        schema: 1,
        to: to.clone(),
        about,
        created_at: now,
        due_at: now,
        attempts: 0,
    };
    store::put(mail_key(&random_text()), &mail, Expect::Absent)
}

/// Seconds from a try to the next one.
fn delay_s(attempts: u32) -> i64 {
    (FIRST_DELAY_S << attempts.saturating_sub(1).min(10)).min(LONGEST_DELAY_S)
}

impl Services {
    /// A mail that is to be sent now, which nobody else takes for the next two minutes; none when none is due.
    pub async fn take_mail(&self) -> Result<Option<Letter>> {
        let now = self.store.now().await?;
        let query = Query::new(Collection::Mails, "due_at", Direction::Ascending, READ)
            .until(now.to_string());
        for mail in self.store.query::<Mail>(&query).await? {
            let letter = self.take(mail, now).await?;
            if letter.is_some() {
                return Ok(letter);
            }
        }
        Ok(None)
    }

    /// Forgets a mail that was sent.
    pub async fn mail_sent(&self, letter: &Letter) -> Result<()> {
        self.store.write(vec![gone(mail_key(&letter.id))]).await
    }

    /// Claims a mail with the link that it brings; none when somebody else did, or when there is nothing to say.
    async fn take(&self, mut mail: Stored<Mail>, now: Timestamp) -> Result<Option<Letter>> {
        let id = mail.key.id.clone();
        let late = mail.value.created_at.plus_seconds(GIVEN_UP_S) <= now;
        if late {
            let attempts = mail.value.attempts;
            tracing::error!(
                mail = id,
                attempts,
                "a mail could not be sent within a day and is given up"
            );
        }
        let composed = match late {
            true => None,
            false => self.compose(&mail.value, now).await?,
        };
        let Some((words, link)) = composed else {
            self.store.commit(vec![mail.deleted()]).await.map(drop)?;
            return Ok(None);
        };
        mail.value.attempts += 1;
        mail.value.due_at = now.plus_seconds(delay_s(mail.value.attempts));
        let mut writes = vec![mail.replaced()?];
        writes.extend(link);
        let taken = self.store.commit(writes).await? == store::Committed::Done;
        Ok(taken.then_some(Letter {
            id,
            to: mail.value.to,
            subject: words.subject,
            text: words.text,
        }))
    }

    /// What a mail says, and the write of the link in it; none when there is nothing to say any more.
    async fn compose(&self, mail: &Mail, now: Timestamp) -> Result<Option<(Words, Option<Write>)>> {
        let hub = self.settings.public_url.as_str();
        let known = async || self.user_of(&mail.to).await;
        Ok(match &mail.about {
            About::Confirmation => {
                let user = known().await?.map(|user| user.value);
                match user.filter(|user| user.verified_at.is_none()) {
                    Some(user) => {
                        let (link, write) = Purpose::Confirm.link(hub, &user, &mail.to, now)?;
                        Some((Words::of_confirmation(hub, &link), Some(write)))
                    }
                    None => None,
                }
            }
            About::Reset => match known().await? {
                Some(user) => {
                    let (link, write) = Purpose::Reset.link(hub, &user.value, &mail.to, now)?;
                    Some((Words::of_reset(hub, &link), Some(write)))
                }
                None => None,
            },
            About::Move { user } => match (self.recipient(user).await?, known().await?) {
                (Some(_), Some(_)) => Some((Words::of_taken(hub), None)),
                (Some(user), None) => {
                    let (link, write) = Purpose::Confirm.link(hub, &user, &mail.to, now)?;
                    Some((Words::of_move(hub, &link), Some(write)))
                }
                (None, _) => None,
            },
            About::Taken => Some((Words::of_taken(hub), None)),
            About::Moved => Some((Words::of_moved(hub), None)),
            About::BatchEnded { batch, user } => {
                let words = self.of_batch(hub, batch, user).await?;
                words.map(|words| (words, None))
            }
        })
    }

    async fn recipient(&self, id: &UserId) -> Result<Option<User>> {
        let user = self.store.get::<User>(user_key(id)).await?;
        Ok(user.map(|user| user.value))
    }

    async fn of_batch(&self, hub: &str, id: &JobId, user: &UserId) -> Result<Option<Words>> {
        let job = self.store.get::<Job>(job_key(id)).await?;
        let user = self.recipient(user).await?;
        let (Some(Stored { value: job, .. }), Some(user)) = (job, user) else {
            return Ok(None);
        };
        let counts = job.batch.as_ref().map(|state| state.counts);
        let said = |counts| Words::of_batch(hub, id, &job.name, counts);
        Ok(counts.filter(|_| wants_end(&user, &job)).map(said))
    }

    /// The write of a mail that a batch has ended, when whoever made it wants one.
    pub(super) async fn end_posted(&self, batch: &Job, now: Timestamp) -> Result<Option<Write>> {
        if !self.settings.post.confirms() {
            return Ok(None);
        }
        let user = self.recipient(&batch.created_by).await?;
        let about = |user: &User| About::BatchEnded {
            batch: batch.id.clone(),
            user: user.id.clone(),
        };
        user.filter(|user| wants_end(user, batch))
            .map(|user| posted(&user.email, about(&user), now))
            .transpose()
    }
}

/// Whether a person wants to be told that a batch ended, at an address that is theirs, and may still read it.
fn wants_end(user: &User, batch: &Job) -> bool {
    let belongs = match &batch.owner {
        Owner::User(id) => *id == user.id,
        Owner::Organization(id) => {
            let own = user.membership.as_ref();
            own.is_some_and(|Membership { organization, .. }| organization == id)
        }
    };
    user.notices.batch_ended && user.verified_at.is_some() && belongs
}

#[cfg(test)]
mod tests {
    use super::delay_s;

    #[test]
    fn tries_come_ever_later() {
        assert_eq!([1, 2, 3].map(delay_s), [120, 240, 480]);
        assert_eq!([9, 100].map(delay_s), [14_400; 2]);
    }
}
