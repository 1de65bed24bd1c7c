//! Sessions: signing in and out, and who stands behind a session.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Services;
use super::accounts::user_key;
use super::audit::noted;
use super::sign_ins::{Count, of_password};
use super::store::{self, Committed, Stored};
use crate::account::{Email, Role, User};
use crate::actor::{Actor, Owner};
use crate::audit::{Act, Entry};
use crate::error::{Error, Result};
use crate::id::{SessionId, UserId};
use crate::organization::MemberRole;
use crate::ports::documents::{Collection, Direction, Expect, Key, Query, Write};
use crate::session::{ApiKey, KeyScope, SESSION_S, Session, Visitor};
use crate::time::Timestamp;

/// How long a session or key is taken for good without being looked up: what is revoked works no longer than that.
const KNOWN_FOR: Duration = Duration::from_secs(5);
/// How often a sign-in is written again when somebody was quicker.
const TRIES: u32 = 20;
/// Sessions of one person that are listed.
const LISTED: u32 = 100;

/// Actors by session or hash of a key.
#[derive(Clone)]
pub(super) struct Known(pub moka::future::Cache<String, Actor>);

impl Default for Known {
    fn default() -> Self {
        let cache = moka::future::Cache::builder()
            .max_capacity(10_000)
            .time_to_live(KNOWN_FOR);
        Self(cache.build())
    }
}

/// A sign-in that went well.
#[derive(Clone, Debug, PartialEq)]
pub struct Entered {
    /// The session.
    pub session: SessionId,
    /// Who signed in.
    pub user: User,
    /// When it began.
    pub began_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// A session as its owner reads it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SessionRow {
    /// Its id.
    pub id: SessionId,
    /// Whether it is the one that asks.
    pub current: bool,
    /// Since when.
    pub created_at: Timestamp,
    /// Until when.
    pub expires_at: Timestamp,
    /// The address it was begun from.
    pub address: String,
    /// The program it was begun with.
    pub agent: String,
}

fn session_key(id: &SessionId) -> Key {
    Key::new(Collection::Sessions, id.as_str())
}

fn refused() -> Error {
    Error::invalid("password", "address or password is wrong")
}

impl Services {
    /// Begins a session. An address without an account and a wrong password are answered alike, in words and work.
    pub async fn sign_in(
        &self,
        email: &str,
        password: String,
        visitor: &Visitor,
    ) -> Result<Entered> {
        let now = self.store.now().await?;
        let Ok(email) = Email::new(email) else {
            return Err(Error::invalid(
                "email",
                "an e-mail address looks like name@example.org",
            ));
        };
        let counts = of_password(&email, visitor);
        self.take_try(&counts, now).await?;
        let user = self.user_of(&email).await?;
        let hash = user.as_ref().and_then(|user| user.value.password.clone());
        let matches = self.passwords.matches(password, hash).await?;
        let Some(user) = user.filter(|_| matches) else {
            return Err(refused());
        };
        if self.settings.post.confirms() && user.value.verified_at.is_none() {
            let given_back = counts.iter().map(Count::given_back).collect();
            self.store.write(given_back).await?;
            return Err(Error::forbidden(
                "confirm your address first: open the link that was sent there",
            ));
        }
        let with = vec![
            counts[0].forgotten(),
            counts[1].given_back(),
            counts[2].given_back(),
        ];
        self.enter(user, visitor, with).await
    }

    /// Begins a session of somebody who showed who they are, with what belongs to the same commit.
    pub(super) async fn enter(
        &self,
        user: Stored<User>,
        visitor: &Visitor,
        with: Vec<Write>,
    ) -> Result<Entered> {
        let now = self.store.now().await?;
        let before = user.value.clone();
        let session = Session {
            schema: 1,
            id: SessionId::random(),
            user: before.id.clone(),
            created_at: now,
            expires_at: now.plus_seconds(SESSION_S),
            revoked_at: None,
            address: visitor.address.clone(),
            agent: visitor.agent.chars().take(200).collect(),
        };
        let entry = by_themselves(&before, Act::SignedIn, visitor, now);
        let mut found = Some(user);
        for _ in 0..TRIES {
            // Somebody else signing in changes the record too; another password ends this.
            let Some(mut user) = found.filter(|user| user.value.password == before.password) else {
                return Err(refused());
            };
            user.value.last_sign_in_at = Some(now);
            let mut writes = vec![
                store::put(session_key(&session.id), &session, Expect::Absent)?,
                user.replaced()?,
                noted(&entry)?,
            ];
            writes.extend(with.iter().cloned());
            if self.store.commit(writes).await? == Committed::Done {
                return Ok(Entered {
                    session: session.id,
                    user: before,
                    began_at: now,
                    expires_at: session.expires_at,
                });
            }
            found = self.store.get::<User>(user_key(&before.id)).await?;
        }
        Err(Error::conflict("too many sign-ins at once; try again"))
    }

    /// Who stands behind a session; none when it has ended.
    pub async fn actor_of_session(&self, id: &SessionId) -> Result<Option<Actor>> {
        if let Some(actor) = self.known.0.get(id.as_str()).await {
            return Ok(Some(actor));
        }
        let now = self.store.now().await?;
        let session = self.store.get::<Session>(session_key(id)).await?;
        let holds = |session: &Stored<Session>| {
            session.value.revoked_at.is_none() && session.value.expires_at > now
        };
        let Some(session) = session.filter(holds) else {
            return Ok(None);
        };
        let user = self
            .store
            .get::<User>(user_key(&session.value.user))
            .await?;
        let user = user.filter(|user| !user.value.has_left(&session.value));
        let actor = user.map(|user| Actor {
            session: Some(session.value.id),
            ..acting(user.value)
        });
        if let Some(actor) = &actor {
            self.known.0.insert(id.to_string(), actor.clone()).await;
        }
        Ok(actor)
    }

    /// The actor as they stand now: whoever keeps a stream open is asked again who they are.
    pub async fn again(&self, actor: &Actor) -> Result<Actor> {
        let found = match (&actor.session, &actor.key) {
            (Some(session), _) => self.actor_of_session(session).await?,
            (None, Some(key)) => self.actor_of_hash(key).await?,
            (None, None) => Some(actor.clone()),
        };
        found.ok_or(Error::Unauthenticated)
    }

    /// Refuses work in the name of an owner for whom the actor may not work any more. They were looked up when their
    /// request came, which may have waited for others since.
    pub(super) async fn still_works(&self, actor: &Actor) -> Result<()> {
        if actor.owner.is_local() {
            return Ok(());
        }
        let user = self.store.get::<User>(user_key(&actor.user)).await?;
        let now = user.map(|user| acting(user.value));
        match now.is_some_and(|now| now.owner == actor.owner && !now.reads_only) {
            true => Ok(()),
            false => Err(Error::forbidden(
                "you may not run anything for this account any more; load the page again to see what you may",
            )),
        }
    }

    /// Whoever has an account, as they act with a key.
    pub(super) async fn actor_by_key(&self, key: &Stored<ApiKey>) -> Result<Option<Actor>> {
        let user = self.store.get::<User>(user_key(&key.value.user)).await?;
        let user = user.filter(|user| !user.value.has_dropped(&key.value));
        let mut actor = user.map(|user| acting(user.value));
        if let Some(actor) = &mut actor {
            actor.key = Some(key.key.id.clone());
            actor.reads_only |= key.value.scope == KeyScope::Read;
            // A key that leaks opens what its owner has, and nothing of anybody else's: an admin's watches, and no more.
            for role in &mut actor.roles {
                if *role == Role::Admin {
                    *role = Role::Developer;
                }
            }
        }
        Ok(actor)
    }

    /// Ends the session that asks.
    pub async fn sign_out(&self, actor: &Actor) -> Result<()> {
        match &actor.session {
            Some(session) => self.end_session(actor, session).await,
            None => Ok(()),
        }
    }

    /// The sessions of the actor that hold, newest first.
    pub async fn sessions(&self, actor: &Actor) -> Result<Vec<SessionRow>> {
        let sessions = self.sessions_of(&actor.user).await?;
        let row = |session: Session| SessionRow {
            current: actor.session.as_ref() == Some(&session.id),
            id: session.id,
            created_at: session.created_at,
            expires_at: session.expires_at,
            address: session.address,
            agent: session.agent,
        };
        Ok(sessions
            .into_iter()
            .map(|session| row(session.value))
            .collect())
    }

    /// Ends a session of the actor.
    pub async fn end_session(&self, actor: &Actor, id: &SessionId) -> Result<()> {
        actor.in_person()?;
        let session = self.store.get::<Session>(session_key(id)).await?;
        let session = session
            .filter(|session| session.value.user == actor.user)
            .ok_or(Error::NotFound)?;
        self.end(session).await
    }

    async fn end(&self, mut session: Stored<Session>) -> Result<()> {
        let id = session.value.id.clone();
        session.value.revoked_at = session.value.revoked_at.or(Some(self.store.now().await?));
        // Whoever was quicker ended it too: nothing else changes a session.
        self.store
            .commit(vec![session.replaced()?])
            .await
            .map(drop)?;
        self.known.0.invalidate(id.as_str()).await;
        Ok(())
    }

    async fn sessions_of(&self, user: &UserId) -> Result<Vec<Stored<Session>>> {
        let now = self.store.now().await?;
        let query = Query::new(
            Collection::Sessions,
            "created_at",
            Direction::Descending,
            LISTED,
        )
        .equal("user", user.as_str());
        let mut sessions = self.store.query::<Session>(&query).await?;
        let record = self.store.get::<User>(user_key(user)).await?;
        let left = |session: &Session| {
            record
                .as_ref()
                .is_some_and(|user| user.value.has_left(session))
        };
        sessions.retain(|session| {
            let session = &session.value;
            session.revoked_at.is_none() && session.expires_at > now && !left(session)
        });
        Ok(sessions)
    }
}

/// What somebody does to their own account before they are known by a session.
pub(super) fn by_themselves(user: &User, act: Act, visitor: &Visitor, at: Timestamp) -> Entry {
    Entry {
        schema: 1,
        at,
        by: Some(user.id.clone()),
        act,
        to: user.email.to_string(),
        owner: owner_of(user),
        address: visitor.address.clone(),
    }
}

/// For whom somebody works.
pub(super) fn owner_of(user: &User) -> Owner {
    match &user.membership {
        Some(membership) => Owner::Organization(membership.organization.clone()),
        None => Owner::User(user.id.clone()),
    }
}

/// Somebody with an account, as they act.
fn acting(user: User) -> Actor {
    let owner = owner_of(&user);
    let member = user.membership.map(|membership| membership.role);
    Actor {
        user: user.id,
        owner,
        reads_only: member == Some(MemberRole::Viewer),
        member,
        roles: user.roles,
        session: None,
        key: None,
        address: String::new(),
    }
}
