//! Figures for whoever watches over the hub, as Prometheus reads them: an admin, a developer, or a program with a key of
//! theirs. No figure tells of a person, an organisation or a job.

use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use hub::Error;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

use crate::gateway::{Figures, Gateway, Standing};
use crate::health::Watch;
use crate::problem::Problem;
use crate::session::Signed;

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// `GET /metrics`
pub async fn read(
    State(watch): State<Watch>,
    Signed(actor): Signed,
) -> Result<impl IntoResponse, Problem> {
    actor.watches()?;
    let mut text = String::new();
    encode(&mut text, &of_gateway(&watch.gateway)).map_err(Error::internal)?;
    Ok(([(header::CONTENT_TYPE, OPEN_METRICS)], text))
}

/// What became of the questions to the gateway, and whether it is left alone.
fn of_gateway(gateway: &Gateway) -> Registry {
    let mut registry = Registry::with_prefix("omtx_gateway");
    let Figures {
        answered,
        unanswered,
        withheld,
        repeated,
    } = gateway.figures();
    let requests = Family::<[(&str, &str); 1], Counter>::default();
    for (outcome, number) in [
        ("answered", answered),
        ("unanswered", unanswered),
        ("withheld", withheld),
    ] {
        requests
            .get_or_create(&[("outcome", outcome)])
            .inc_by(number);
    }
    registry.register(
        "requests",
        "Requests to the compute gateway; withheld ones were not sent, as it had not answered several times",
        requests,
    );
    registry.register(
        "repeats",
        "Requests that were sent again at once, out of a small budget",
        ConstCounter::new(repeated),
    );
    registry.register(
        "left_alone",
        "1 while the compute gateway is left alone after it did not answer",
        ConstGauge::new(i64::from(gateway.standing() != Standing::Closed)),
    );
    registry
}
