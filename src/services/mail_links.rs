//! Links that mails bring: to a new password, and to show that an address is somebody's own. Only the hash of a token is
//! stored, and what changes nothing but a mail is answered alike whether or not there is an account.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Services;
use super::accounts::{email_key, user_key};
use super::audit::noted;
use super::idempotency::hex;
use super::mails::posted;
use super::sessions::{Entered, by_themselves};
use super::settings::Post;
use super::sign_ins::{Count, of_mail};
use super::store::{self, Stored, gone};
use crate::account::{Email, User, check_password};
use crate::actor::Actor;
use crate::audit::Act;
use crate::error::{Error, Result};
use crate::id::{UserId, random_secret};
use crate::mail::About;
use crate::ports::documents::{Collection, Expect, Key, Write};
use crate::session::Visitor;
use crate::time::Timestamp;

/// What a link is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// A new password.
    Reset,
    /// An address that was not shown to be somebody's own yet.
    Confirm,
}

/// What a link shows: that whoever has it reads the mail of an address. Stored under the hash of its token.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Proof {
    user: UserId,
    /// Where the link was sent.
    email: Email,
    /// The address of the account then: a link is void when it has another one since.
    of: Email,
    /// The hash of the password then, for the same reason.
    password: Option<String>,
    expires_at: Timestamp,
}

/// What became of a link that was followed.
#[derive(Clone, Debug, PartialEq)]
pub enum Confirmed {
    /// The account can be used; whoever followed the link is signed in.
    Entered(Box<Entered>),
    /// The account has another address.
    Moved,
}

impl Purpose {
    const fn word(self) -> &'static str {
        match self {
            Self::Reset => "reset",
            Self::Confirm => "verify",
        }
    }

    /// Seconds that a link is good.
    const fn lasts_s(self) -> i64 {
        match self {
            Self::Reset => 3_600,
            Self::Confirm => 24 * 3_600,
        }
    }

    fn key(self, token: &str) -> Key {
        let hash = hex(Sha256::digest(format!("{}\n{token}", self.word())));
        Key::new(Collection::Invitations, hash)
    }

    /// A link for the owner of an account, to be sent to an address, and the write that makes it good.
    pub fn link(
        self,
        hub: &str,
        user: &User,
        to: &Email,
        now: Timestamp,
    ) -> Result<(String, Write)> {
        let token = random_secret();
        let proof = Proof {
            user: user.id.clone(),
            email: to.clone(),
            of: user.email.clone(),
            password: user.password.clone(),
            expires_at: now.plus_seconds(self.lasts_s()),
        };
        let write = store::put(self.key(&token), &proof, Expect::Absent)?;
        Ok((format!("{hub}/{}?token={token}", self.word()), write))
    }
}

/// The link is of no use to whoever has it: the same words for every reason.
fn void_link() -> Error {
    Error::conflict("this link is not good any more; ask for another")
}

impl Services {
    /// Refuses what takes a mail on a hub that has none.
    fn has_post(&self) -> Result<()> {
        match self.settings.post {
            Post::Sent | Post::Shown => Ok(()),
            Post::None => Err(Error::conflict(
                "this hub sends no mail; ask whoever runs it",
            )),
        }
    }

    /// Sends the owner of an address a link to a new password.
    pub async fn request_reset(&self, email: &str, visitor: &Visitor) -> Result<()> {
        self.request_mail(email, About::Reset, visitor).await
    }

    /// Sends another link to whoever made an account and has not confirmed its address.
    pub async fn request_confirmation(&self, email: &str, visitor: &Visitor) -> Result<()> {
        self.request_mail(email, About::Confirmation, visitor).await
    }

    /// Whether there is an account is looked up when the mail is composed, so that nobody learns it here.
    async fn request_mail(&self, email: &str, about: About, visitor: &Visitor) -> Result<()> {
        self.has_post()?;
        let email = Email::new(email).map_err(|message| Error::invalid("email", message))?;
        let now = self.store.now().await?;
        self.take_try(&of_mail(&email, visitor), now).await?;
        let mail = posted(&email, about, now)?;
        self.store.write(vec![mail]).await
    }

    /// Sends a link to the address that is to be that of the account. Whether another account has it is said there only.
    pub async fn request_move(
        &self,
        actor: &Actor,
        current: String,
        email: &str,
        visitor: &Visitor,
    ) -> Result<()> {
        self.has_post()?;
        let email = Email::new(email).map_err(|message| Error::invalid("email", message))?;
        let (user, counts) = self.with_password(actor, current, visitor).await?;
        if user.value.email == email {
            return Err(Error::invalid("email", "this is your address already"));
        }
        let now = self.store.now().await?;
        self.take_try(&of_mail(&email, visitor), now).await?;
        let about = About::Move {
            user: actor.user.clone(),
        };
        let mut writes = vec![posted(&email, about, now)?];
        writes.extend(counts.iter().map(Count::given_back));
        self.store.write(writes).await
    }

    /// The link and the account that a token leads to.
    async fn followed(
        &self,
        purpose: Purpose,
        token: &str,
        now: Timestamp,
    ) -> Result<(Stored<Proof>, Stored<User>)> {
        let proof = self.store.get::<Proof>(purpose.key(token)).await?;
        let proof = proof.ok_or_else(void_link)?;
        let user = self.store.get::<User>(user_key(&proof.value.user)).await?;
        let user = user.ok_or_else(void_link)?;
        let (link, account) = (&proof.value, &user.value);
        let as_then = link.of == account.email && link.password == account.password;
        if link.expires_at <= now || !as_then {
            return Err(void_link());
        }
        Ok((proof, user))
    }

    /// Takes a new password by a link, once; every session and key of the account ends with the old one.
    pub async fn reset_password(&self, token: &str, new: String, visitor: &Visitor) -> Result<()> {
        let now = self.store.now().await?;
        let (proof, mut user) = self.followed(Purpose::Reset, token, now).await?;
        check_password(&new, &user.value.email)
            .map_err(|message| Error::invalid("password", message))?;
        user.value.password = Some(self.passwords.hash(new).await?);
        // Now, and not before the hash was made: whoever came in meanwhile came in with the old one.
        let changed_at = Some(self.store.now().await?);
        user.value.sessions_since = changed_at;
        user.value.kept_session = None;
        user.value.keys_since = changed_at;
        // Whoever reads the mail of the address has it.
        user.value.verified_at = user.value.verified_at.or(Some(now));
        let entry = by_themselves(&user.value, Act::PasswordReset, visitor, now);
        self.replace_user(user, vec![proof.deleted(), noted(&entry)?])
            .await
    }

    /// Confirms an address by a link, once: that of a new account, which can be used from then on, or the next one of
    /// an account, whose old one is told. It takes the account's password too: else whoever makes an account with the
    /// address of somebody else would have them work in it.
    pub async fn confirm_address(
        &self,
        token: &str,
        password: String,
        visitor: &Visitor,
    ) -> Result<Confirmed> {
        let now = self.store.now().await?;
        let (proof, mut user) = self.followed(Purpose::Confirm, token, now).await?;
        let (id, old, new) = (
            user.value.id.clone(),
            user.value.email.clone(),
            proof.value.email.clone(),
        );
        if old == new && user.value.verified_at.is_some() {
            return Err(void_link());
        }
        let wrong = Error::invalid(
            "password",
            "this is not the password that the account was made with; if you did not make it, take a new one",
        );
        let counts = self.known_password(&user.value, password, visitor, wrong);
        let right: Vec<Write> = counts.await?.iter().map(Count::given_back).collect();
        user.value.verified_at = Some(now);
        user.value.email = new.clone();
        let act = match old == new {
            true => Act::EmailConfirmed,
            false => Act::EmailChanged,
        };
        let entry = by_themselves(&user.value, act, visitor, now);
        let mut writes = vec![proof.deleted(), noted(&entry)?];
        writes.extend(right);
        if old == new {
            self.replace_user(user, writes).await?;
            let user = self.store.get::<User>(user_key(&id)).await?;
            let user = user.ok_or_else(void_link)?;
            let entered = self.enter(user, visitor, Vec::new()).await?;
            return Ok(Confirmed::Entered(Box::new(entered)));
        }
        writes.push(gone(email_key(&old)));
        writes.push(Self::claimed(&new, &id)?);
        writes.push(posted(&old, About::Moved, now)?);
        self.replace_user(user, writes).await?;
        Ok(Confirmed::Moved)
    }
}
