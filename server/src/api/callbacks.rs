//! What the gateway tells of a run: what it is doing is kept as it is told, everything else only brings the look forward
//! at the gateway itself.

use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, StatusCode};
use hub::Error;
use hub::ports::compute::{Run, RunState};

use super::Api;
use super::read::whole_body;
use crate::gateway::{SIGNATURE_HEADER, TIMESTAMP_HEADER, verify_callback};
use crate::problem::Problem;

/// Bytes of a call at most: anybody can send some, and all must be read before it is known who did.
const MAX_BODY: usize = 1024 * 1024;

/// `POST /callbacks/{run_id}`, signed by the gateway.
pub async fn receive(
    State(api): State<Api>,
    Path(run_id): Path<String>,
    headers: HeaderMap,
    request: Request,
) -> Result<StatusCode, Problem> {
    let text = |name: &str| {
        headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    };
    let (signed_at, signature) = (text(TIMESTAMP_HEADER), text(SIGNATURE_HEADER));
    let body = whole_body(request, MAX_BODY).await?;
    let now = api.services.now().await?;
    if !verify_callback(
        &api.gateway_secret,
        signed_at,
        &run_id,
        &body,
        signature,
        now,
    ) {
        return Err(Error::Forbidden(
            "the signature of this call is missing, wrong or too old".into(),
        )
        .into());
    }
    match serde_json::from_slice::<Run>(&body) {
        Ok(Run {
            state: RunState::Running,
            progress: Some(progress),
            ..
        }) => api.services.run_progressed(&run_id, progress).await?,
        _ => api.services.run_reported(&run_id).await?,
    }
    Ok(StatusCode::NO_CONTENT)
}
