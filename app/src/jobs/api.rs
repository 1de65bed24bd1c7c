//! What the pages ask of jobs. Reads are JSON; what changes something is a form that works without script.

#![expect(
    missing_docs,
    reason = "the fields that Leptos makes of parameters cannot be documented"
)]

use hub::list::{ChildrenPage, JobRow, ListPage};
use hub::time::Timestamp;
use leptos::prelude::*;
use leptos::server_fn::codec::PostUrl;
use serde::{Deserialize, Serialize};

use crate::codec::Json;
use crate::error::AppError;
use crate::fetch::{Reads, Writes};

/// My Results, as one address asks for it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ListData {
    /// The page of rows.
    pub page: ListPage,
    /// The filters that hold, each with the address that takes it away.
    pub chips: Vec<Link>,
    /// The first children of the batch that is opened in place.
    pub opened: Option<Opened>,
    /// When this was read.
    pub now: Timestamp,
}

/// A batch that is opened in place.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Opened {
    /// The batch.
    pub id: hub::id::JobId,
    /// Its first children; none when they cannot be had.
    pub children: Option<ChildrenPage>,
}

/// Where a word leads.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Link {
    /// The word.
    pub label: String,
    /// The address.
    pub href: String,
}

/// My Results, by the query of its address.
#[server(prefix = "/api", endpoint = "jobs/list", input = Json, output = Json, client = Reads)]
pub async fn list_jobs(query: String) -> Result<ListData, AppError> {
    use super::page::read;

    let (services, actor) = crate::state::asker()?;
    crate::state::answer(read::list(&services, &actor, &query).await)
}

/// Gives a job or batch another name.
#[server(prefix = "/api", endpoint = "jobs/rename", input = PostUrl, output = Json, client = Writes)]
pub async fn rename_job(id: String, name: String) -> Result<JobRow, AppError> {
    use super::page::read;

    let (services, actor) = crate::state::asker()?;
    crate::state::answer(async { services.rename(&actor, &read::id(&id)?, &name).await }.await)
}

/// Ends a job or batch, and goes to its page.
#[server(prefix = "/api", endpoint = "jobs/cancel", input = PostUrl, output = Json, client = Writes)]
pub async fn cancel_job(id: String, back: String) -> Result<JobRow, AppError> {
    use super::page::read;

    let (services, actor) = crate::state::asker()?;
    crate::state::answer(
        read::and_back(&back, async {
            services.cancel(&actor, &read::id(&id)?).await
        })
        .await,
    )
}

/// Runs a failed or cancelled job again, in place.
#[server(prefix = "/api", endpoint = "jobs/retry", input = PostUrl, output = Json, client = Writes)]
pub async fn retry_job(id: String) -> Result<JobRow, AppError> {
    use super::page::read;

    let (services, actor) = crate::state::asker()?;
    crate::state::answer(async { services.retry(&actor, &read::id(&id)?).await }.await)
}

/// Removes a job or batch with its files.
#[server(prefix = "/api", endpoint = "jobs/delete", input = PostUrl, output = Json, client = Writes)]
pub async fn delete_job(id: String, back: String) -> Result<(), AppError> {
    use super::page::read;

    let (services, actor) = crate::state::asker()?;
    crate::state::answer(
        read::and_back(&back, async {
            services.delete(&actor, &read::id(&id)?).await
        })
        .await,
    )
}
