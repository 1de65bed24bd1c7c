//! The audit log: every entry is a write of the commit that it tells of, so that neither is without the other.

use std::collections::BTreeMap;
use std::time::Duration;

use super::accounts::user_key;
use super::store::{self, Stored};
use super::{Listing, Services};
use crate::account::User;
use crate::actor::{Actor, Owner};
use crate::audit::{Act, Entry, Line};
use crate::error::Result;
use crate::id::{JobId, OrganizationId, UserId, random_text};
use crate::job::Job;
use crate::page::PageRequest;
use crate::ports::documents::{Collection, Direction, Expect, Key, Query, Write};
use crate::time::Timestamp;

/// What admins of the hub did of late with what is not theirs, a job or the list of all: a page that is looked at for an
/// hour is one entry.
#[derive(Clone)]
pub(super) struct Looks(moka::future::Cache<(UserId, Option<JobId>, Act), ()>);

impl Default for Looks {
    fn default() -> Self {
        let cache = moka::future::Cache::builder()
            .max_capacity(10_000)
            .time_to_live(Duration::from_secs(3_600));
        Self(cache.build())
    }
}

/// The write of an entry.
pub(super) fn noted(entry: &Entry) -> Result<Write> {
    store::put(
        Key::new(Collection::Audit, random_text()),
        entry,
        Expect::Absent,
    )
}

/// What the actor does to a thing of `owner`.
pub(super) fn entry(
    actor: &Actor,
    act: Act,
    to: impl Into<String>,
    owner: &Owner,
    at: Timestamp,
) -> Entry {
    Entry {
        schema: 1,
        at,
        by: Some(actor.user.clone()),
        act,
        to: to.into(),
        owner: owner.clone(),
        address: actor.address.clone(),
    }
}

/// A job in words that stay true when it is gone.
pub(super) fn told(job: &Job) -> String {
    format!("{} ({})", job.name, job.id)
}

impl Services {
    /// A page of what happened on this hub, newest first. For its admins.
    pub async fn audit(&self, actor: &Actor, page: &PageRequest) -> Result<Listing<Line>> {
        actor.administers()?;
        self.lines(audit_query(), page, None).await
    }

    /// A page of what happened in the actor's organisation, newest first. For its admins.
    pub async fn organization_audit(
        &self,
        actor: &Actor,
        page: &PageRequest,
    ) -> Result<Listing<Line>> {
        let organization = self.led(actor).await?;
        let owner = Owner::Organization(organization.clone());
        let query = audit_query().equal("owner", owner.to_string());
        self.lines(query, page, Some(&organization)).await
    }

    /// Notes that an admin of the hub uses what they are for, before they are let in.
    pub(super) async fn note_admin(&self, actor: &Actor, act: Act, job: &Job) -> Result<()> {
        let now = self.store.now().await?;
        let entry = entry(actor, act, told(job), &job.owner, now);
        self.note_look(actor, Some(&job.id), &entry).await
    }

    /// Notes that an admin of the hub reads the list of everybody's jobs. The one owner of a hub has no other one's.
    pub(super) async fn note_list(&self, actor: &Actor) -> Result<()> {
        if actor.owner.is_local() {
            return Ok(());
        }
        let now = self.store.now().await?;
        let (to, own) = ("the list of all jobs", Owner::User(actor.user.clone()));
        let entry = entry(actor, Act::ReadAsAdmin, to, &own, now);
        self.note_look(actor, None, &entry).await
    }

    async fn note_look(&self, actor: &Actor, job: Option<&JobId>, entry: &Entry) -> Result<()> {
        let look = (actor.user.clone(), job.cloned(), entry.act);
        if self.looks.0.contains_key(&look) {
            return Ok(());
        }
        self.store.write(vec![noted(entry)?]).await?;
        self.looks.0.insert(look, ()).await;
        Ok(())
    }

    /// Lines of a log, for the admins of the hub or of an organisation: the latter know addresses of members only.
    async fn lines(
        &self,
        query: Query,
        page: &PageRequest,
        organization: Option<&OrganizationId>,
    ) -> Result<Listing<Line>> {
        let found = self.listing::<Entry>(query, page).await?;
        let mut who: Vec<UserId> = found
            .results
            .iter()
            .filter_map(|entry| entry.by.clone())
            .collect();
        who.sort_unstable();
        who.dedup();
        let keys: Vec<Key> = who.iter().map(user_key).collect();
        let users = self.store.get_many::<User>(&keys).await?;
        let known: BTreeMap<UserId, User> = users
            .into_iter()
            .flatten()
            .map(|Stored { value: user, .. }| (user.id.clone(), user))
            .collect();
        Ok(found.map(|entry| line(entry, &known, organization)))
    }
}

fn audit_query() -> Query {
    Query::new(Collection::Audit, "at", Direction::Descending, 1)
}

fn line(
    entry: Entry,
    known: &BTreeMap<UserId, User>,
    organization: Option<&OrganizationId>,
) -> Line {
    let called = |user: &User| {
        if organization.is_none() || user.organization.as_ref() == organization {
            user.email.to_string()
        } else {
            user.name.clone()
        }
    };
    let name = match &entry.by {
        None => "the operator".to_owned(),
        Some(id) if Owner::User(id.clone()).is_local() => "the local owner".to_owned(),
        Some(id) => known.get(id).map_or_else(|| id.to_string(), called),
    };
    Line {
        at: entry.at,
        by: entry.by,
        name,
        act: entry.act,
        to: entry.to,
        owner: entry.owner,
        address: entry.address,
    }
}
