//! Links that show a result: made, listed, revoked. Reading by a link is in `reading`, showing to one's organisation in
//! `organization`.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::Services;
use super::audit::{entry, noted, told};
use super::store::{Committed, Stored, job_key, put};
use crate::account::User;
use crate::actor::{Actor, Owner};
use crate::audit::Act;
use crate::error::{Error, Fault, Result, check};
use crate::id::ShareId;
use crate::job::Job;
use crate::organization::MemberRole;
use crate::ports::documents::{Collection, Direction, Expect, Key, Query};
use crate::share::{
    MAX_DAYS, MAX_PASSWORD, MIN_PASSWORD, NewShare, Share, ShareRequest, ShareRow, ShareState,
};
use crate::time::Timestamp;

mod organization;
mod reading;
mod token;

pub use reading::{Opened, Pass, Shared};
use token::Token;

/// Links that are listed at most.
const LISTED: u32 = 500;
/// How often a link is revoked again when somebody was quicker.
const TRIES: u32 = 12;
const DAY_S: i64 = 86_400;
/// Seconds that a revoked link without an end of its own is listed, until the store may forget it.
const REVOKED_S: i64 = 30 * DAY_S;

/// How often a link was looked at: a record of its own, so that counting never stands in the way of revoking.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Views {
    #[serde(default)]
    views: u64,
}

impl Services {
    /// Makes a link to a job or batch of the actor's.
    pub async fn create_share(&self, actor: &Actor, request: ShareRequest) -> Result<NewShare> {
        let job = self.own(actor, &request.job_id).await?.value;
        check(faults(&request))?;
        let selection = selection(&job, &request)?;
        let now = self.store.now().await?;
        let (token, id) = (Token::random(), ShareId::random());
        let entry = entry(actor, Act::LinkMade, told(&job), &job.owner, now);
        let share = Share {
            schema: 1,
            id: id.clone(),
            job_id: job.id,
            selection,
            owner: job.owner,
            created_by: actor.user.clone(),
            shared_by: self.told_name(actor).await?,
            created_at: now,
            expires_at: request
                .expires_in_days
                .map(|days| now.plus_seconds(i64::from(days) * DAY_S)),
            revoked_at: None,
            password: match request.password {
                Some(password) => Some(self.passwords.hash(password).await?),
                None => None,
            },
        };
        let write = put(share_key(&token), &share, Expect::Absent)?;
        self.store.write(vec![write, noted(&entry)?]).await?;
        Ok(NewShare {
            id,
            url: format!("{}/s/{}", self.settings.public_url, token.secret()),
            expires_at: share.expires_at,
        })
    }

    /// The links that the actor made, newest first, the last 500.
    pub async fn shares(&self, actor: &Actor) -> Result<Vec<ShareRow>> {
        let query = Query::new(
            Collection::Shares,
            "created_at",
            Direction::Descending,
            LISTED,
        )
        .equal("created_by", actor.user.as_str());
        self.rows_of(actor, query).await
    }

    /// The links to work of the organisation that the actor leads, whoever made them, newest first, the last 500.
    pub async fn organization_shares(&self, actor: &Actor) -> Result<Vec<ShareRow>> {
        let owner = Owner::Organization(self.led(actor).await?);
        let query = Query::new(
            Collection::Shares,
            "created_at",
            Direction::Descending,
            LISTED,
        )
        .equal("owner", owner.to_string());
        self.rows_of(actor, query).await
    }

    async fn rows_of(&self, actor: &Actor, query: Query) -> Result<Vec<ShareRow>> {
        let found = self.store.query::<Share>(&query).await?;
        let counters: Vec<Key> = found.iter().map(|share| views_key(&share.key)).collect();
        let jobs: Vec<Key> = found
            .iter()
            .map(|share| job_key(&share.value.job_id))
            .collect();
        let views = self.store.get_many::<Views>(&counters).await?;
        let jobs = self.store.get_many::<Job>(&jobs).await?;
        let now = self.store.now().await?;
        let rows = found.into_iter().zip(jobs).zip(views);
        Ok(rows
            .map(|((share, job), views)| {
                // A link of somebody who left goes on, and says no more than that.
                let job = job.filter(|job| job.value.owner == share.value.owner);
                let name = job.as_ref().filter(|job| actor.sees(&job.value));
                let name = name.map(|job| job.value.name.clone());
                let views = views.map(|views| views.value).unwrap_or_default();
                row(share.value, job.is_some(), name, views, now)
            })
            .collect())
    }

    /// Ends a link of the actor's for good. Whoever made it may, and the admins of their organisation.
    pub async fn revoke_share(&self, actor: &Actor, id: &ShareId) -> Result<()> {
        // A viewer made links before they were one; a key for reading ends none.
        if actor.key.is_some() {
            actor.may_write()?;
        }
        for _ in 0..TRIES {
            let mut share = self.revocable(actor, id).await?;
            if share.value.revoked_at.is_some() {
                return Ok(());
            }
            let now = self.store.now().await?;
            share.value.revoked_at = Some(now);
            // A link without an end would be kept for ever.
            let forgotten = now.plus_seconds(REVOKED_S);
            share.value.expires_at.get_or_insert(forgotten);
            let to = format!("the link to {}", share.value.job_id);
            let entry = entry(actor, Act::LinkRevoked, to, &share.value.owner, now);
            let writes = vec![share.replaced()?, noted(&entry)?];
            if self.store.commit(writes).await? == Committed::Done {
                return Ok(());
            }
        }
        Err(Error::conflict(
            "too many changes of this link at once; try again",
        ))
    }

    /// A link that the actor made, in whatever organisation they were then, or one of the organisation that they lead.
    async fn revocable(&self, actor: &Actor, id: &ShareId) -> Result<Stored<Share>> {
        let named = |field, value: &str| {
            Query::new(Collection::Shares, "created_at", Direction::Descending, 1)
                .equal(field, value)
                .equal("id", id.as_str())
        };
        let mut queries = vec![named("created_by", actor.user.as_str())];
        if actor.member.is_some_and(|role| role >= MemberRole::Admin) {
            queries.push(named("owner", &actor.owner.to_string()));
        }
        for query in queries {
            if let Some(found) = self.store.query::<Share>(&query).await?.pop() {
                return Ok(found);
            }
        }
        Err(Error::NotFound)
    }

    /// Who the actor is, as readers of a link are told.
    pub async fn told_name(&self, actor: &Actor) -> Result<String> {
        if Owner::User(actor.user.clone()).is_local() {
            return Ok("the owner of this hub".to_owned());
        }
        let user = Key::new(Collection::Users, actor.user.as_str());
        let user = self.store.get::<User>(user).await?;
        Ok(user.map_or_else(|| "a user of this hub".to_owned(), |user| user.value.name))
    }
}

/// The document of the link with this token.
fn share_key(token: &Token) -> Key {
    Key::new(Collection::Shares, token.hash())
}

/// The document that counts how often a link was looked at.
fn views_key(share: &Key) -> Key {
    Key::new(Collection::Shares, format!("{}:views", share.id))
}

fn faults(request: &ShareRequest) -> Vec<Fault> {
    let mut faults = Vec::new();
    if request
        .expires_in_days
        .is_some_and(|days| !(1..=MAX_DAYS).contains(&days))
    {
        faults.push(Fault::new(
            "expires_in_days",
            "a link holds for 1 to 365 days, or with null for ever",
        ));
    }
    let length = request
        .password
        .as_ref()
        .map(|password| password.chars().count());
    if length.is_some_and(|length| !(MIN_PASSWORD..=MAX_PASSWORD).contains(&length)) {
        faults.push(Fault::new(
            "password",
            "the password of a link has 8 to 200 characters; leave it out to have none",
        ));
    }
    faults
}

/// The places of the children that are asked for, in order.
fn selection(job: &Job, request: &ShareRequest) -> Result<Option<Vec<u32>>> {
    let Some(chosen) = &request.selection else {
        return Ok(None);
    };
    let Some(batch) = &job.batch else {
        return Err(Error::invalid(
            "selection",
            "only of a batch can ligands be selected; leave the selection out",
        ));
    };
    if chosen.is_empty() {
        return Err(Error::invalid(
            "selection",
            "select at least one ligand, or leave the selection out to show all",
        ));
    }
    let place = |(place, id): (usize, &crate::id::JobId)| {
        id.parent()
            .filter(|(parent, index)| *parent == job.id && *index < batch.total)
            .map(|(_, index)| index)
            .ok_or_else(|| {
                Error::invalid(
                    format!("selection[{place}]"),
                    "this is no ligand of the batch",
                )
            })
    };
    let places = chosen.iter().enumerate().map(place);
    let places = places.collect::<Result<BTreeSet<u32>>>()?;
    Ok(Some(places.into_iter().collect()))
}

fn row(
    share: Share,
    is_there: bool,
    name: Option<String>,
    views: Views,
    now: Timestamp,
) -> ShareRow {
    let state = if share.revoked_at.is_some() {
        ShareState::Revoked
    } else if !is_there {
        ShareState::Gone
    } else if share.holds(now) {
        ShareState::Open
    } else {
        ShareState::Expired
    };
    ShareRow {
        id: share.id,
        job_id: share.job_id,
        name,
        shared_by: share.shared_by,
        selected: share.selection.map(|places| places.len() as u32),
        state,
        has_password: share.password.is_some(),
        created_at: share.created_at,
        expires_at: share.expires_at,
        revoked_at: share.revoked_at,
        views: views.views,
    }
}
