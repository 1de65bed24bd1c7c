//! What was used of the limits, and what is left.

use axum::extract::State;
use hub::services::Services;
use hub::usage::Usage;

use super::jobs::Answer;
use crate::session::Signed;

/// `GET /usage`
pub async fn read(State(services): State<Services>, Signed(actor): Signed) -> Answer<Usage> {
    Ok(axum::Json(services.usage(&actor).await?))
}
