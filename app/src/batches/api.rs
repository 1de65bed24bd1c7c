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
#[cfg(feature = "ssr")]
use crate::error::{answer, asker};
use crate::fetch::Writes;
#[cfg(feature = "ssr")]
use crate::jobs::read;

/// Runs the failed and cancelled children again, and goes to the batch's page.
#[server(prefix = "/api", endpoint = "batches/retry-failed", input = PostUrl, output = Json, client = Writes)]
pub async fn retry_failed(id: String) -> Result<RetryPlan, AppError> {
    let (services, actor) = asker()?;
    let back = format!("/batches/{id}");
    answer(
        read::and_back(&back, async {
            services.retry_failed(&actor, &read::id(&id)?, false).await
        })
        .await,
    )
}
