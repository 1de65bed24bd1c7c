//! What the pages of batches change.

#![expect(
    missing_docs,
    reason = "the fields that Leptos makes of parameters cannot be documented"
)]

use hub::list::RetryPlan;
use leptos::prelude::*;
use leptos::server_fn::codec::PostUrl;

use crate::codec::Json;
use crate::error::AppError;
use crate::fetch::Writes;

/// Runs the failed and cancelled children again, and goes to the batch's page.
#[server(prefix = "/api", endpoint = "batches/retry-failed", input = PostUrl, output = Json, client = Writes)]
pub async fn retry_failed(id: String) -> Result<RetryPlan, AppError> {
    use crate::jobs::page::read;

    let (services, actor) = crate::state::asker()?;
    let back = format!("/batches/{id}");
    crate::state::answer(
        read::and_back(&back, async {
            services.retry_failed(&actor, &read::id(&id)?, false).await
        })
        .await,
    )
}
