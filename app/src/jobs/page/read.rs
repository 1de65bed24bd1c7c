//! How the server puts together what a page of jobs shows, and where a form leads.

pub mod record;

use std::future::Future;

use hub::actor::Actor;
use hub::id::JobId;
use hub::list::{ChildrenQuery, JobRow, ListQuery};
use hub::search::Filters;
use hub::services::Services;
use hub::time::Timestamp;
use hub::{Error, Result};

use super::place::Place;
use crate::address::{Address, own_path, pairs};
use crate::jobs::api::{Link, ListData, Opened};
use crate::sheet::{Grid, Sheet};

/// Children that a batch shows in place.
const OPENED: u32 = 8;

/// The id that an address or a form names. What is no id names nothing.
pub fn id(text: &str) -> Result<JobId> {
    text.parse().map_err(|_| Error::NotFound)
}

/// Leads to `back` when all went well. Only a place of this hub is gone to.
pub async fn and_back<T>(back: &str, act: impl Future<Output = Result<T>>) -> Result<T> {
    let done = act.await?;
    leptos_axum::redirect(own_path(back));
    Ok(done)
}

/// My Results, by the query of its address.
pub async fn list(services: &Services, actor: &Actor, query: &str) -> Result<ListData> {
    let (address, pairs) = (Address::new("/", query), pairs(query));
    let wanted = ListQuery::from_query(&pairs)?;
    let sort = address.get("sort");
    let chips = wanted.filters.chips().into_iter().map(|chip| {
        let href = Address::new("/", &chip.without).with("sort", sort).href();
        Link {
            label: chip.label,
            href,
        }
    });
    let chips = chips.collect();
    spell_out(&wanted.filters, &address);
    let page = services.list(actor, &wanted).await?;
    let opened = address.get("open").parse().ok();
    let opened = match opened.filter(|id| page.results.iter().any(|row| row.id == *id)) {
        Some(id) => {
            let first = ChildrenQuery {
                limit: OPENED,
                ..ChildrenQuery::default()
            };
            Some(Opened {
                children: services.children(actor, &id, &first).await.ok(),
                id,
            })
        }
        None => None,
    };
    Ok(ListData {
        page,
        chips,
        opened,
        now: services.now().await?,
    })
}

/// Leads on to the address in which keys typed into the search line are parameters.
fn spell_out(filters: &Filters, address: &Address) {
    let typed = address.get("search");
    if !typed.contains(':') {
        return;
    }
    let filtered = ["status", "model", "task", "date_from", "date_to", "search"];
    let mut spelt = address.clone().without(&filtered);
    for (name, value) in filters.to_query() {
        spelt = spelt.with(&name, value);
    }
    if spelt.get("search") != typed {
        leptos_axum::redirect(&spelt.href());
    }
}

/// One job in full, in words, with its neighbours when it is a child.
#[derive(Clone, Debug)]
pub struct JobData {
    /// What its row shows, and the end of the log when it failed.
    pub row: JobRow,
    /// What came out.
    pub measures: Vec<Measure>,
    /// What was asked, how it was done, and when.
    pub sheets: Vec<Sheet>,
    /// Poses, tries and files.
    pub grids: Vec<Grid>,
    /// Its batch, when it has one.
    pub batch: Option<Neighbour>,
    /// The child before.
    pub before: Option<Neighbour>,
    /// The child after.
    pub after: Option<Neighbour>,
    /// From where it is looked at.
    pub place: Place,
    /// When this was read.
    pub now: Timestamp,
}

/// A metric in words.
#[derive(Clone, Debug)]
pub struct Measure {
    /// Its name.
    pub label: String,
    /// Which end is the good one.
    pub better: String,
    /// Its value with its unit; none when it is missing.
    pub value: Option<String>,
    /// All digits, or why it is missing.
    pub full: String,
    /// What it means, or why it is missing.
    pub meaning: String,
}

/// Another job, by name.
#[derive(Clone, Debug)]
pub struct Neighbour {
    /// Its id.
    pub id: JobId,
    /// Its name.
    pub name: String,
}

/// One job in full, with its poses and, when it is a child, its neighbours.
pub async fn job(services: &Services, actor: &Actor, id: &str) -> Result<JobData> {
    let id = self::id(id)?;
    let job = services.job(actor, &id).await?;
    let (mut batch, mut before, mut after) = (None, None, None);
    if let (Some(parent), Some(index)) = (&job.row.batch_id, job.row.index) {
        // A child whose batch is gone is a page of its own.
        batch = services
            .job(actor, parent)
            .await
            .ok()
            .map(|parent| Neighbour {
                id: parent.row.id,
                name: parent.row.name,
            });
        (before, after) = beside(services, actor, parent, index).await;
    }
    // Without them the page still has the best pose's score.
    let poses = services.poses(actor, &id).await.unwrap_or_default();
    let now = services.now().await?;
    Ok(JobData {
        measures: record::measures(&job),
        sheets: record::sheets(&job),
        grids: record::grids(&job, &poses, &Place::Home),
        row: job.row,
        place: Place::Home,
        batch,
        before,
        after,
        now,
    })
}

/// The children before and after a place of a batch.
async fn beside(
    services: &Services,
    actor: &Actor,
    batch: &JobId,
    index: u32,
) -> (Option<Neighbour>, Option<Neighbour>) {
    let around = ChildrenQuery {
        limit: 3,
        sort: "index".to_owned(),
        offset: index.saturating_sub(1),
        ..ChildrenQuery::default()
    };
    let around = services.children(actor, batch, &around).await;
    let mut rows = around.map(|page| page.results).unwrap_or_default();
    let mut at = |place: Option<u32>| {
        let found = rows.iter().position(|row| Some(row.index) == place)?;
        let row = rows.swap_remove(found);
        Some(Neighbour {
            id: row.id,
            name: row.name,
        })
    };
    (at(index.checked_sub(1)), at(index.checked_add(1)))
}
