//! The one call that lets something run.

#![expect(
    missing_docs,
    reason = "the fields that Leptos makes of parameters cannot be documented"
)]

use hub::list::JobRow;
use leptos::prelude::*;
use leptos::server_fn::codec::PostUrl;

use crate::codec::Json;
use crate::error::AppError;
use crate::fetch::Writes;

/// Submits a draft and goes to what was made of it.
#[server(prefix = "/api", endpoint = "drafts/submit", input = PostUrl, output = Json, client = Writes)]
pub async fn submit_draft(
    draft: String,
    key: String,
    on_failed_rows: String,
) -> Result<JobRow, AppError> {
    use hub::services::OnFailedRows;

    let (services, actor) = crate::state::asker()?;
    let rows = if on_failed_rows == "skip" {
        OnFailedRows::Skip
    } else {
        OnFailedRows::Refuse
    };
    crate::state::answer(super::page::read::submit(&services, &actor, &draft, &key, rows).await)
}
