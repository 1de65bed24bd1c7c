//! What is told to those who watch over the hub.

use crate::counted::GONE;
use crate::hub::Hub;

#[tokio::test]
async fn a_hub_whose_parts_answer_is_healthy() {
    let hub = Hub::start().await;
    let health = hub.get("/health").await;
    assert_eq!(health.status, 200);
    let health = health.json();
    assert_eq!(health["status"], "healthy", "{health}");
    assert_eq!(health["environment"], "development");
    for part in ["database", "storage", "compute"] {
        assert_eq!(health["services"][part]["status"], "healthy", "{health}");
    }
    assert_eq!(hub.get("/readyz").await.status, 200);
}

#[tokio::test]
async fn without_a_gateway_jobs_wait_and_the_hub_is_degraded() {
    let hub = Hub::start_alone().await;
    let mut health = hub.get("/health").await.json();
    assert_eq!(health["status"], "degraded", "{health}");
    // Asked often enough, it is left alone, which is said.
    for _ in 0..3 {
        hub.later(4);
        health = hub.get("/health").await.json();
    }
    let compute = &health["services"]["compute"];
    assert!(
        compute["message"]
            .as_str()
            .unwrap()
            .contains("asked again in"),
        "{health}"
    );
    assert_eq!(hub.get("/readyz").await.status, 200, "pages are served");
}

#[tokio::test]
async fn without_a_database_nothing_can_be_done() {
    let hub = Hub::start().await;
    hub.documents.go_away();
    let health = hub.get("/health").await;
    assert_eq!(health.status, 503);
    assert_eq!(health.json()["status"], "unhealthy");
    assert!(!String::from_utf8_lossy(&health.body).contains(GONE));
    assert_eq!(hub.get("/readyz").await.status, 503);
}

#[tokio::test]
async fn a_hub_that_ends_gets_no_traffic_any_more() {
    let hub = Hub::start().await;
    hub.stopping.cancel();
    assert_eq!(hub.get("/readyz").await.status, 503);
    assert_eq!(hub.get("/healthz").await.status, 200);
}

#[tokio::test]
async fn what_became_of_questions_to_the_gateway_is_told_in_figures() {
    let hub = Hub::start_alone().await;
    for _ in 0..4 {
        hub.get("/health").await;
        hub.later(4);
    }
    let metrics = hub.get("/metrics").await;
    assert_eq!(metrics.status, 200);
    assert!(
        metrics
            .header("content-type")
            .starts_with("application/openmetrics-text")
    );
    assert_eq!(metrics.header("cache-control"), "private, no-store");
    let text = String::from_utf8(metrics.body.to_vec()).unwrap();
    let figure = |name: &str| -> f64 {
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap_or_else(|| panic!("{name} in {text}"))
            .trim()
            .parse()
            .unwrap()
    };
    assert_eq!(
        figure("omtx_gateway_requests_total{outcome=\"answered\"}"),
        0.0
    );
    assert!(figure("omtx_gateway_requests_total{outcome=\"unanswered\"}") >= 5.0);
    assert!(figure("omtx_gateway_requests_total{outcome=\"withheld\"}") >= 1.0);
    assert!(figure("omtx_gateway_repeats_total") >= 1.0);
    assert_eq!(figure("omtx_gateway_left_alone"), 1.0);
}
