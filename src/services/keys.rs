//! Keys of programs: shown once, stored as their hash.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Services;
use super::audit::{entry, noted};
use super::idempotency::hex;
use super::store::{self, Committed, Stored, gone};
use crate::actor::Actor;
use crate::audit::Act;
use crate::error::{self, Error, Fault, Result};
use crate::id::{KeyId, random_secret};
use crate::ligand::check_name;
use crate::ports::documents::{Collection, Direction, Expect, Key, Query};
use crate::session::{ApiKey, KeyScope};
use crate::time::Timestamp;

/// What the text of every key begins with, so that one that lies about is recognised.
pub const PREFIX: &str = "omtx_";
/// Keys of one person at most.
const MOST: u32 = 50;
/// Days that a key may be made for.
const MOST_DAYS: u32 = 3_650;
/// Seconds between two notes of a key's use.
const NOTED_S: i64 = 60;

/// What a key is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewKey {
    /// What its owner calls it.
    pub name: String,
    /// What it is for.
    pub scope: KeyScope,
    /// Days that it holds; for good when absent.
    #[serde(default)]
    pub expires_in_days: Option<u32>,
}

/// A key as its owner reads it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeyRow {
    /// Its id.
    pub id: KeyId,
    /// Its name.
    pub name: String,
    /// What it is for.
    pub scope: KeyScope,
    /// When it was made.
    pub created_at: Timestamp,
    /// Until when it holds; for good when absent.
    pub expires_at: Option<Timestamp>,
    /// When it was used last, to the minute.
    pub last_used_at: Option<Timestamp>,
    /// Its text, in the answer to its making only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

impl From<ApiKey> for KeyRow {
    fn from(key: ApiKey) -> Self {
        Self {
            id: key.id,
            name: key.name,
            scope: key.scope,
            created_at: key.created_at,
            expires_at: key.expires_at,
            last_used_at: key.last_used_at,
            key: None,
        }
    }
}

fn hashed(text: &str) -> String {
    hex(Sha256::digest(text))
}

impl Services {
    /// Makes a key. A key cannot make another one: that takes somebody who is signed in.
    pub async fn create_key(&self, actor: &Actor, asked: NewKey) -> Result<KeyRow> {
        actor.in_person()?;
        if actor.session.is_none() {
            return Err(Error::conflict(
                "this hub runs on one machine, without accounts",
            ));
        }
        let mut faults = Vec::new();
        let name = asked.name.trim().to_owned();
        if let Err(message) = check_name(&name, 100) {
            faults.push(Fault::new("name", format!("the name {message}")));
        }
        if asked
            .expires_in_days
            .is_some_and(|days| !(1..=MOST_DAYS).contains(&days))
        {
            faults.push(Fault::new(
                "expires_in_days",
                "a key holds for 1 to 3,650 days, or for good",
            ));
        }
        error::check(faults)?;
        if self.keys_of(actor).await?.len() as u32 >= MOST {
            return Err(Error::conflict(
                "there are 50 keys already; remove one first",
            ));
        }
        let text = format!("{PREFIX}{}", random_secret());
        let now = self.store.now().await?;
        let key = ApiKey {
            schema: 1,
            id: KeyId::random(),
            user: actor.user.clone(),
            name,
            scope: asked.scope,
            created_at: now,
            expires_at: asked
                .expires_in_days
                .map(|days| now.plus_seconds(i64::from(days) * 86_400)),
            last_used_at: None,
        };
        let write = store::put(
            Key::new(Collection::Keys, hashed(&text)),
            &key,
            Expect::Absent,
        )?;
        let entry = entry(actor, Act::KeyMade, &key.name, &actor.owner, now);
        self.store.write(vec![write, noted(&entry)?]).await?;
        Ok(KeyRow {
            key: Some(text),
            ..key.into()
        })
    }

    /// The actor's keys, newest first.
    pub async fn keys(&self, actor: &Actor) -> Result<Vec<KeyRow>> {
        Ok(self
            .keys_of(actor)
            .await?
            .into_iter()
            .map(|key| key.value.into())
            .collect())
    }

    /// Removes a key of the actor; it stops working at once here, and within seconds on every other server.
    pub async fn remove_key(&self, actor: &Actor, id: &KeyId) -> Result<()> {
        actor.in_person()?;
        let keys = self.keys_of(actor).await?;
        let key = keys
            .into_iter()
            .find(|key| key.value.id == *id)
            .ok_or(Error::NotFound)?;
        let name = key.key.id.clone();
        let write = gone(key.key);
        let now = self.store.now().await?;
        let entry = entry(actor, Act::KeyRemoved, key.value.name, &actor.owner, now);
        self.store.write(vec![write, noted(&entry)?]).await?;
        self.known.0.invalidate(&name).await;
        Ok(())
    }

    /// Who stands behind the text of a key; none when there is no such key, or it has ended.
    pub async fn actor_of_key(&self, text: &str) -> Result<Option<Actor>> {
        self.actor_of_hash(&hashed(text)).await
    }

    pub(super) async fn actor_of_hash(&self, name: &str) -> Result<Option<Actor>> {
        if let Some(actor) = self.known.0.get(name).await {
            return Ok(Some(actor));
        }
        let now = self.store.now().await?;
        let key = self
            .store
            .get::<ApiKey>(Key::new(Collection::Keys, name))
            .await?;
        let holds = |key: &Stored<ApiKey>| {
            key.value
                .expires_at
                .is_none_or(|expires_at| expires_at > now)
        };
        let Some(mut key) = key.filter(holds) else {
            return Ok(None);
        };
        let actor = self.actor_by_key(&key).await?;
        if let Some(actor) = &actor {
            self.known.0.insert(name.to_owned(), actor.clone()).await;
            if key
                .value
                .last_used_at
                .is_none_or(|used| used.plus_seconds(NOTED_S) < now)
            {
                key.value.last_used_at = Some(now);
                // Whoever was quicker noted the same minute, or removed the key.
                let noted = self.store.commit(vec![key.replaced()?]).await?;
                tracing::debug!(done = noted == Committed::Done, "use of a key noted");
            }
        }
        Ok(actor)
    }

    async fn keys_of(&self, actor: &Actor) -> Result<Vec<Stored<ApiKey>>> {
        let query = Query::new(
            Collection::Keys,
            "created_at",
            Direction::Descending,
            MOST + 1,
        )
        .equal("user", actor.user.as_str());
        self.store.query(&query).await
    }
}
