//! Accounts: making one, reading and changing it. What takes a link by mail is in `mail_links.rs`.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Services;
use super::audit::{entry, noted};
use super::idempotency::hex;
use super::mails::posted;
use super::sessions::by_themselves;
use super::sign_ins::{Count, of_mail, of_password, of_sign_up};
use super::store::{self, Committed, Stored};
use crate::account::{Email, Notices, Role, User, check_password};
use crate::actor::Actor;
use crate::audit::Act;
use crate::error::{self, Error, Fault, Result};
use crate::id::UserId;
use crate::ligand::check_name;
use crate::mail::About;
use crate::ports::documents::{Collection, Expect, Key, Write};
use crate::session::Visitor;
use crate::time::Timestamp;

/// What somebody fills in to get an account.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignUp {
    /// Their address.
    pub email: String,
    /// Their password.
    pub password: String,
    /// Their name; made of the address when empty.
    #[serde(default)]
    pub name: String,
}

/// What came of a form that asks for an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignedUp {
    /// There is an account, which can be used.
    Made(UserId),
    /// A mail is on its way that says how to go on. Whether there was an account before is said there only.
    Told,
}

/// What somebody wants to change of their account; what is absent stays.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AccountChange {
    /// Another name.
    pub name: Option<String>,
    /// The mails that they want.
    pub notices: Option<Notices>,
}

/// An account as its owner reads it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Account {
    /// The id.
    pub id: UserId,
    /// The address.
    pub email: Email,
    /// Whether it was shown to be theirs.
    pub email_verified: bool,
    /// The name.
    pub name: String,
    /// Whether there is a password; without one they sign in elsewhere.
    pub has_password: bool,
    /// The mails that they want.
    pub notices: Notices,
    /// What the person may do.
    pub roles: Vec<Role>,
    /// When it was made.
    pub created_at: Timestamp,
    /// The sign-in before this one.
    pub last_sign_in_at: Option<Timestamp>,
}

/// Whose an address is.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Claimed {
    user: UserId,
}

pub(super) fn user_key(id: &UserId) -> Key {
    Key::new(Collection::Users, id.as_str())
}

pub(super) fn email_key(email: &Email) -> Key {
    Key::new(Collection::Emails, hex(Sha256::digest(email.as_str())))
}

/// Somebody new. A name that cannot be one is made of the address.
pub(super) fn new_user(
    email: &Email,
    name: &str,
    password: Option<String>,
    now: Timestamp,
) -> User {
    let name = match name.trim() {
        good if check_name(good, 100).is_ok() => good.to_owned(),
        _ => {
            let before = email.as_str().split('@').next().unwrap_or_default();
            before.chars().take(100).collect()
        }
    };
    User {
        schema: 1,
        id: UserId::random(),
        email: email.clone(),
        name,
        password,
        verified_at: None,
        membership: None,
        organization: None,
        roles: vec![Role::User],
        notices: Notices::default(),
        limits: None,
        sessions_since: None,
        kept_session: None,
        keys_since: None,
        created_at: now,
        last_sign_in_at: None,
    }
}

/// The address of a form for an account, or everything that is wrong with the form.
fn checked(form: &SignUp) -> Result<Email> {
    let mut faults = Vec::new();
    let email = Email::new(&form.email);
    match &email {
        Err(message) => faults.push(Fault::new("email", *message)),
        Ok(email) => faults.extend(
            check_password(&form.password, email)
                .err()
                .map(|message| Fault::new("password", message)),
        ),
    }
    let name = form.name.trim();
    if !name.is_empty()
        && let Err(message) = check_name(name, 100)
    {
        faults.push(Fault::new("name", format!("the name {message}")));
    }
    error::check(faults)?;
    email.map_err(|message| Error::invalid("email", message))
}

impl Services {
    /// Makes an account. Where addresses are confirmed, whoever asks is told to look in their mail, in the same words
    /// and after the same work whether or not the address has an account.
    pub async fn sign_up(&self, form: SignUp, visitor: &Visitor) -> Result<SignedUp> {
        let email = checked(&form)?;
        let confirms = self.settings.post.confirms();
        let now = self.store.now().await?;
        self.take_try(&of_sign_up(visitor), now).await?;
        if confirms {
            self.take_try(&of_mail(&email, visitor), now).await?;
        }
        let password = self.passwords.hash(form.password).await?;
        let now = self.store.now().await?;
        let user = new_user(&email, &form.name, Some(password), now);
        let mut writes = vec![
            store::put(user_key(&user.id), &user, Expect::Absent)?,
            Self::claimed(&email, &user.id)?,
            noted(&by_themselves(&user, Act::SignedUp, visitor, now))?,
        ];
        if confirms {
            writes.push(posted(&email, About::Confirmation, now)?);
        }
        let free = !confirms
            || self
                .store
                .get::<Claimed>(email_key(&email))
                .await?
                .is_none();
        if free && self.store.commit(writes).await? == Committed::Done {
            return Ok(match confirms {
                true => SignedUp::Told,
                false => SignedUp::Made(user.id),
            });
        }
        if confirms {
            let taken = posted(&email, About::Taken, now)?;
            self.store.write(vec![taken]).await?;
            return Ok(SignedUp::Told);
        }
        Err(Error::invalid(
            "email",
            "this address has an account; sign in, or ask for a new password",
        ))
    }

    /// The write that makes an address somebody's, which nobody else has.
    pub(super) fn claimed(email: &Email, user: &UserId) -> Result<Write> {
        let claimed = Claimed { user: user.clone() };
        store::put(email_key(email), &claimed, Expect::Absent)
    }

    /// The actor's own account; none on a hub without accounts.
    pub async fn account(&self, actor: &Actor) -> Result<Option<Account>> {
        let user = self.store.get::<User>(user_key(&actor.user)).await?;
        Ok(user.map(|Stored { value: user, .. }| Account {
            id: user.id,
            email: user.email,
            email_verified: user.verified_at.is_some(),
            name: user.name,
            has_password: user.password.is_some(),
            notices: user.notices,
            roles: user.roles,
            created_at: user.created_at,
            last_sign_in_at: user.last_sign_in_at,
        }))
    }

    /// Gives the account another name, or says which mails its owner wants.
    pub async fn change_account(&self, actor: &Actor, change: AccountChange) -> Result<()> {
        actor.in_person()?;
        let mut user = self.own_record(actor).await?;
        if let Some(name) = change.name.as_deref().map(str::trim) {
            check_name(name, 100)
                .map_err(|message| Error::invalid("name", format!("the name {message}")))?;
            name.clone_into(&mut user.value.name);
        }
        if let Some(notices) = change.notices {
            if notices.batch_ended && !self.settings.post.confirms() {
                return Err(Error::conflict("this hub sends no mail"));
            }
            user.value.notices = notices;
        }
        self.replace_user(user, Vec::new()).await
    }

    /// The actor's record after a look at their password. The tries are counted, and given back with what is done.
    pub(super) async fn with_password(
        &self,
        actor: &Actor,
        current: String,
        visitor: &Visitor,
    ) -> Result<(Stored<User>, [Count; 3])> {
        actor.in_person()?;
        let user = self.own_record(actor).await?;
        if user.value.password.is_none() {
            return Err(Error::invalid(
                "current",
                "the account has no password yet; ask for a link to one where one signs in",
            ));
        }
        let wrong = Error::invalid("current", "this is not the password of the account");
        let counts = self.known_password(&user.value, current, visitor, wrong);
        let counts = counts.await?;
        Ok((user, counts))
    }

    /// Looks whether a password is that of an account, and says what is wrong when it is not. The tries are counted, and
    /// given back with what is done.
    pub(super) async fn known_password(
        &self,
        user: &User,
        given: String,
        visitor: &Visitor,
        wrong: Error,
    ) -> Result<[Count; 3]> {
        let counts = of_password(&user.email, visitor);
        self.take_try(&counts, self.store.now().await?).await?;
        match self.passwords.matches(given, user.password.clone()).await? {
            true => Ok(counts),
            false => Err(wrong),
        }
    }

    /// Gives the account another password and ends every other session of it.
    pub async fn change_password(
        &self,
        actor: &Actor,
        current: String,
        new: String,
        visitor: &Visitor,
    ) -> Result<()> {
        let (mut user, counts) = self.with_password(actor, current, visitor).await?;
        check_password(&new, &user.value.email)
            .map_err(|message| Error::invalid("password", message))?;
        user.value.password = Some(self.passwords.hash(new).await?);
        let now = self.store.now().await?;
        user.value.sessions_since = Some(now);
        user.value.kept_session = actor.session.clone();
        let email = user.value.email.as_str();
        let entry = entry(actor, Act::PasswordChanged, email, &actor.owner, now);
        let mut with: Vec<Write> = counts.iter().map(Count::given_back).collect();
        with.push(noted(&entry)?);
        self.replace_user(user, with).await
    }

    /// The account of an address. It takes as many reads when there is none, so that the time does not tell.
    pub(super) async fn user_of(&self, email: &Email) -> Result<Option<Stored<User>>> {
        let claimed = self.store.get::<Claimed>(email_key(email)).await?;
        let user = claimed.map_or_else(UserId::random, |claimed| claimed.value.user);
        self.store.get(user_key(&user)).await
    }

    /// The record of whoever has an account.
    pub(super) async fn own_record(&self, actor: &Actor) -> Result<Stored<User>> {
        self.store
            .get(user_key(&actor.user))
            .await?
            .ok_or_else(|| Error::conflict("this hub runs without accounts"))
    }

    /// Writes an account over what was read, with what belongs to the same commit.
    pub(super) async fn replace_user(
        &self,
        user: Stored<User>,
        mut with: Vec<Write>,
    ) -> Result<()> {
        with.insert(0, user.replaced()?);
        match self.store.commit(with).await? {
            Committed::Done => {
                self.known.0.invalidate_all();
                Ok(())
            }
            Committed::Conflict(_) => Err(Error::conflict(
                "the account was changed meanwhile; try again",
            )),
        }
    }
}
