//! Accounts: making one, reading it, changing and resetting its password.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Services;
use super::audit::{entry, noted};
use super::idempotency::hex;
use super::sessions::by_themselves;
use super::sign_ins::{Count, of_password, of_reset, of_sign_up};
use super::store::{self, Committed, Stored};
use crate::account::{Email, Role, User, check_password};
use crate::actor::Actor;
use crate::audit::Act;
use crate::error::{self, Error, Fault, Result};
use crate::id::{UserId, random_secret};
use crate::ligand::check_name;
use crate::ports::documents::{Collection, Expect, Key, Write};
use crate::session::Visitor;
use crate::time::Timestamp;

/// Seconds that a link to a new password is good.
const RESET_S: i64 = 3_600;

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

/// An account as its owner reads it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Account {
    /// The id.
    pub id: UserId,
    /// The address.
    pub email: Email,
    /// The name.
    pub name: String,
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

/// A link to a new password, stored under the hash of its token.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Reset {
    user: UserId,
    /// The hash that the new password replaces: a link is void when the password was changed meanwhile.
    replaces: Option<String>,
    expires_at: Timestamp,
}

pub(super) fn user_key(id: &UserId) -> Key {
    Key::new(Collection::Users, id.as_str())
}

fn email_key(email: &Email) -> Key {
    Key::new(Collection::Emails, hex(Sha256::digest(email.as_str())))
}

fn reset_key(token: &str) -> Key {
    Key::new(
        Collection::Invitations,
        hex(Sha256::digest(format!("reset\n{token}"))),
    )
}

/// The link is of no use to whoever has it: the same words for every reason.
fn void_link() -> Error {
    Error::Conflict("this link is not good any more; ask for another".to_owned())
}

impl Services {
    /// Makes an account.
    pub async fn sign_up(&self, form: SignUp, visitor: &Visitor) -> Result<UserId> {
        let mut faults = Vec::new();
        let email =
            Email::new(&form.email).map_err(|message| faults.push(Fault::new("email", message)));
        if let Ok(email) = &email {
            faults.extend(
                check_password(&form.password, email)
                    .err()
                    .map(|message| Fault::new("password", message)),
            );
        }
        let name = match (form.name.trim(), &email) {
            ("", Ok(email)) => email
                .as_str()
                .split('@')
                .next()
                .unwrap_or_default()
                .chars()
                .take(100)
                .collect(),
            (name, _) => name.to_owned(),
        };
        if !(name.is_empty() && email.is_err())
            && let Err(message) = check_name(&name, 100)
        {
            faults.push(Fault::new("name", format!("the name {message}")));
        }
        error::check(faults)?;
        let Ok(email) = email else {
            return Err(Error::invalid("email", "give an e-mail address"));
        };
        self.take_try(&of_sign_up(visitor), self.store.now().await?)
            .await?;
        let password = self.passwords.hash(form.password).await?;
        let user = User {
            schema: 1,
            id: UserId::random(),
            email: email.clone(),
            name,
            password: Some(password),
            verified_at: None,
            membership: None,
            organization: None,
            roles: vec![Role::User],
            limits: None,
            sessions_since: None,
            kept_session: None,
            keys_since: None,
            created_at: self.store.now().await?,
            last_sign_in_at: None,
        };
        let writes = vec![
            store::put(user_key(&user.id), &user, Expect::Absent)?,
            store::put(
                email_key(&email),
                &Claimed {
                    user: user.id.clone(),
                },
                Expect::Absent,
            )?,
            noted(&by_themselves(
                &user,
                Act::SignedUp,
                visitor,
                user.created_at,
            ))?,
        ];
        match self.store.commit(writes).await? {
            Committed::Done => Ok(user.id),
            Committed::Conflict(_) => Err(Error::invalid(
                "email",
                "this address has an account; sign in, or ask for a new password",
            )),
        }
    }

    /// The actor's own account; none on a hub without accounts.
    pub async fn account(&self, actor: &Actor) -> Result<Option<Account>> {
        let user = self.store.get::<User>(user_key(&actor.user)).await?;
        Ok(user.map(|Stored { value: user, .. }| Account {
            id: user.id,
            email: user.email,
            name: user.name,
            roles: user.roles,
            created_at: user.created_at,
            last_sign_in_at: user.last_sign_in_at,
        }))
    }

    /// Gives the account another password and ends every other session of it.
    pub async fn change_password(
        &self,
        actor: &Actor,
        current: String,
        new: String,
        visitor: &Visitor,
    ) -> Result<()> {
        actor.in_person()?;
        let mut user = self.own_record(actor).await?;
        let now = self.store.now().await?;
        let email = user.value.email.clone();
        let counts = of_password(&email, visitor);
        self.take_try(&counts, now).await?;
        if !self
            .passwords
            .matches(current, user.value.password.clone())
            .await?
        {
            return Err(Error::invalid(
                "current",
                "this is not the password of the account",
            ));
        }
        check_password(&new, &email).map_err(|message| Error::invalid("password", message))?;
        user.value.password = Some(self.passwords.hash(new).await?);
        user.value.sessions_since = Some(self.store.now().await?);
        user.value.kept_session = actor.session.clone();
        let entry = entry(
            actor,
            Act::PasswordChanged,
            email.as_str(),
            &actor.owner,
            now,
        );
        let mut with: Vec<Write> = counts.iter().map(Count::given_back).collect();
        with.push(noted(&entry)?);
        self.replace_user(user, with).await
    }

    /// The link that lets the owner of an address take a new password, to be sent there; none when nobody has the
    /// address. Whoever asks is not told which.
    pub async fn request_reset(
        &self,
        email: &str,
        visitor: &Visitor,
    ) -> Result<Option<(Email, String)>> {
        let email = Email::new(email).map_err(|message| Error::invalid("email", message))?;
        let now = self.store.now().await?;
        self.take_try(&of_reset(&email, visitor), now).await?;
        let Some(user) = self.user_of(&email).await? else {
            return Ok(None);
        };
        let token = random_secret();
        let reset = Reset {
            user: user.value.id,
            replaces: user.value.password,
            expires_at: now.plus_seconds(RESET_S),
        };
        let write = store::put(reset_key(&token), &reset, Expect::Absent)?;
        self.store.commit(vec![write]).await?;
        Ok(Some((email, token)))
    }

    /// Takes a new password by a link, once; every session and key of the account ends with the old one.
    pub async fn reset_password(&self, token: &str, new: String, visitor: &Visitor) -> Result<()> {
        let now = self.store.now().await?;
        let reset = self
            .store
            .get::<Reset>(reset_key(token))
            .await?
            .ok_or_else(void_link)?;
        let mut user = self
            .store
            .get::<User>(user_key(&reset.value.user))
            .await?
            .ok_or_else(void_link)?;
        if reset.value.expires_at <= now || reset.value.replaces != user.value.password {
            return Err(void_link());
        }
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
        let used = Write::Delete {
            key: reset.key,
            expect: Expect::Version(reset.version),
        };
        let entry = by_themselves(&user.value, Act::PasswordReset, visitor, now);
        self.replace_user(user, vec![used, noted(&entry)?]).await
    }

    /// The account of an address.
    pub(super) async fn user_of(&self, email: &Email) -> Result<Option<Stored<User>>> {
        match self.store.get::<Claimed>(email_key(email)).await? {
            Some(claimed) => self.store.get(user_key(&claimed.value.user)).await,
            None => Ok(None),
        }
    }

    /// The record of whoever has an account.
    pub(super) async fn own_record(&self, actor: &Actor) -> Result<Stored<User>> {
        self.store
            .get(user_key(&actor.user))
            .await?
            .ok_or_else(|| Error::Conflict("this hub runs without accounts".to_owned()))
    }

    /// Writes an account over what was read, with what belongs to the same commit.
    async fn replace_user(&self, user: Stored<User>, mut with: Vec<Write>) -> Result<()> {
        with.insert(0, user.replaced()?);
        match self.store.commit(with).await? {
            Committed::Done => {
                self.known.0.invalidate_all();
                Ok(())
            }
            Committed::Conflict(_) => Err(Error::Conflict(
                "the account was changed meanwhile; try again".to_owned(),
            )),
        }
    }
}
