//! The page of a batch. It works on what is there: while the batch runs, it is read again as it moves.

mod columns;
mod filter;
pub mod retry;
mod summary;
mod table;

use hub::Result;
use hub::actor::Actor;
use hub::list::{ChildrenPage, ChildrenQuery, JobRow};
use hub::services::Services;
use hub::time::Timestamp;
use leptos::prelude::*;

use crate::address::Address;
use crate::frame::Breadcrumbs;
use crate::jobs::page::place::Place;
use crate::jobs::page::read::{self, record::common};
use crate::served::{Page, write};
use crate::sheet::Fact;
use crate::status;

/// A batch with a page of its children.
pub struct BatchData {
    /// The batch.
    pub row: JobRow,
    /// What its children have in common, in words.
    pub facts: Vec<Fact>,
    /// The children that the address asks for.
    pub children: ChildrenPage,
    /// From where it is looked at.
    pub place: Place,
    /// When this was read.
    pub now: Timestamp,
}

/// The page of a batch, with the children that its address asks for.
pub async fn page(services: &Services, actor: &Actor, id: &str, address: &Address) -> Result<Page> {
    let (id, wanted) = (read::id(id)?, ChildrenQuery::from_query(address.pairs())?);
    let batch = services.batch(actor, &id).await?;
    let data = BatchData {
        facts: common(&batch),
        row: batch.row,
        children: services.children(actor, &id, &wanted).await?,
        place: Place::Home,
        now: services.now().await?,
    };
    let said = data
        .row
        .batch
        .as_ref()
        .map(status::counts)
        .unwrap_or_default();
    let events = Some(format!("/api/v1/batches/{id}/events"));
    Ok(Page {
        events,
        said,
        ..write::still(status::tab_title(&data.row), shown(&data, address))
    })
}

fn shown(data: &BatchData, address: &Address) -> impl IntoView + use<> {
    let batch = &data.row;
    view! {
        <Breadcrumbs above=Vec::new() here=batch.name.clone() />
        <header class="head">
            <h1>{batch.name.clone()}</h1>
            {status::of_job(batch)}
            {summary::tools(batch)}
        </header>
        {result(data, address)}
    }
}

/// The sum and the table, as everybody sees them who sees the batch.
pub fn result(data: &BatchData, address: &Address) -> impl IntoView + use<> {
    let batch = &data.row;
    view! {
        {summary::summary(batch, &data.facts, data.now)}
        <h2 class="visually-hidden">"Ligands"</h2>
        {filter::bar(batch, address)}
        {table::table(data, address)}
    }
}
