//! Sign-ins elsewhere: whoever another service vouches for comes in to the account that is linked with them there.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Services;
use super::accounts::{new_user, user_key};
use super::audit::noted;
use super::idempotency::hex;
use super::sessions::{Entered, by_themselves};
use super::sign_ins::{Count, of_elsewhere};
use super::store::{self, Committed};
use crate::account::{Email, User};
use crate::audit::Act;
use crate::error::{Error, Result};
use crate::id::UserId;
use crate::ports::documents::{Collection, Expect, Key};
use crate::session::Visitor;
use crate::time::Timestamp;

/// Somebody as another service knows them, after its word was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The service.
    pub issuer: String,
    /// Who they are there; never given to anybody else.
    pub subject: String,
    /// Their address, when it can be one here.
    pub email: Option<Email>,
    /// Whether the service has seen that the address is theirs.
    pub email_verified: bool,
    /// Their name there.
    pub name: String,
}

/// Whose an identity is, stored under the hash of service and subject.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Linked {
    schema: u32,
    user: UserId,
    linked_at: Timestamp,
}

/// A sign-in that was come back from, kept until it would have expired by itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Used {
    expires_at: Timestamp,
}

fn identity_key(identity: &Identity) -> Key {
    let named = format!("{}\n{}", identity.issuer, identity.subject);
    Key::new(Collection::Identities, hex(Sha256::digest(named)))
}

impl Services {
    /// Uses up a sign-in elsewhere, which is known by `secret` and holds until `expires_at`. Tries are counted as those
    /// of passwords are.
    pub async fn use_elsewhere(
        &self,
        secret: &str,
        expires_at: Timestamp,
        visitor: &Visitor,
    ) -> Result<()> {
        let now = self.store.now().await?;
        self.take_try(&of_elsewhere(visitor), now).await?;
        let over = || Error::conflict("this sign-in is over; begin it anew");
        if expires_at <= now {
            return Err(over());
        }
        let hash = hex(Sha256::digest(format!("elsewhere\n{secret}")));
        let key = Key::new(Collection::SignIns, hash);
        let write = store::put(key, &Used { expires_at }, Expect::Absent)?;
        match self.store.commit(vec![write]).await? {
            Committed::Done => Ok(()),
            Committed::Conflict(_) => Err(over()),
        }
    }

    /// Begins a session of whoever another service vouches for. Their account is the one that was linked; else that of
    /// their address, when both sides have seen that it is theirs; else a new one.
    pub async fn sign_in_elsewhere(
        &self,
        identity: &Identity,
        visitor: &Visitor,
    ) -> Result<Entered> {
        let linked = self.store.get::<Linked>(identity_key(identity)).await?;
        let id = match linked {
            Some(linked) => linked.value.user,
            None => self.linked(identity, visitor).await?,
        };
        let user = self.store.get::<User>(user_key(&id)).await?;
        let user = user.ok_or_else(|| Error::internal("an identity is linked with nobody"))?;
        let tries = of_elsewhere(visitor);
        self.enter(user, visitor, tries.iter().map(Count::given_back).collect())
            .await
    }

    /// Links an identity with the account of its address, which is made when there is none.
    async fn linked(&self, identity: &Identity, visitor: &Visitor) -> Result<UserId> {
        let there = self.settings.elsewhere.as_deref().unwrap_or("the service");
        let confirmed = identity.email.as_ref().filter(|_| identity.email_verified);
        let Some(email) = confirmed else {
            return Err(Error::conflict(format!(
                "{there} does not say that your e-mail address was confirmed; confirm it there, then sign in again"
            )));
        };
        let now = self.store.now().await?;
        let (id, mut writes) = match self.user_of(email).await? {
            // Whoever made it may not be whom the address belongs to.
            Some(user) if user.value.verified_at.is_none() => {
                return Err(Error::conflict(format!(
                    "an account with the address {email} was made here, and nobody has shown that it is theirs; \
                     take a new password for it by mail, then sign in with {there} again"
                )));
            }
            // Written as it was read, so that nobody gives it another address meanwhile.
            Some(user) => {
                let entry = by_themselves(&user.value, Act::Linked, visitor, now);
                (
                    user.value.id.clone(),
                    vec![user.replaced()?, noted(&entry)?],
                )
            }
            None => {
                let mut user = new_user(email, &identity.name, None, now);
                user.verified_at = Some(now);
                let writes = vec![
                    store::put(user_key(&user.id), &user, Expect::Absent)?,
                    Self::claimed(email, &user.id)?,
                    noted(&by_themselves(&user, Act::SignedUp, visitor, now))?,
                ];
                (user.id, writes)
            }
        };
        let linked = Linked {
            schema: 1,
            user: id.clone(),
            linked_at: now,
        };
        writes.push(store::put(identity_key(identity), &linked, Expect::Absent)?);
        match self.store.commit(writes).await? {
            Committed::Done => Ok(id),
            Committed::Conflict(_) => Err(Error::conflict(
                "somebody else signed in with this address meanwhile; try again",
            )),
        }
    }
}
