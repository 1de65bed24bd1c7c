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
