//! Those who watch over the hub: they read what goes wrong by its own fault and its figures, and nothing of anybody's work.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::far_gateway::{FarGateway, Manner};
use crate::hub::{Chosen, Hub};
use crate::people::{admin, ask, developer, job, token};

#[tokio::test]
async fn a_developer_reads_what_the_system_failed_and_nothing_of_what_was_asked() {
    let failing = Manner {
        failing: 100,
        ..Manner::default()
    };
    let hub = Hub::start_as(Chosen {
        accounts: true,
        gateway: Some(FarGateway::start_as(failing).await),
        ..Chosen::default()
    })
    .await;
    let root = admin(&hub, "root@x.org").await;
    let watcher = developer(&hub, &root, "watcher@x.org").await;
    let ada = token(&hub, "ada@x.org").await;
    let get = async |path: &str, who: &str| ask(&hub, Method::GET, path, who, &Value::Null).await;
    let errors = "/api/v1/admin/errors";
    let none = get(errors, &watcher).await.expect(StatusCode::OK);
    assert_eq!(none["results"], json!([]));

    let secret = "unpublished";
    let screen = json!({"task": "docking", "name": secret, "target": {"named": "ABL1"}, "parameters": {"exhaustiveness": 1},
        "ligands": [{"name": secret, "smiles": "CCO"}, {"name": secret, "smiles": "CCC"}]});
    hub.work();
    for (path, body) in [("/api/v1/jobs", &job(secret)), ("/api/v1/batches", &screen)] {
        let made = ask(&hub, Method::POST, path, &ada, body).await;
        let id = made.expect(StatusCode::CREATED)["id"].clone();
        let path = format!("/api/v1/jobs/{}", id.as_str().unwrap());
        let mut looks = 0;
        while get(&path, &ada).await.expect(StatusCode::OK)["status"] != "failed" {
            looks += 1;
            assert!(looks < 150, "{path} does not end");
            // It is tried again after seconds, three times.
            hub.later(2);
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        }
    }
    let key = json!({"name": "monitoring", "scope": "read"});
    let key = ask(&hub, Method::POST, "/api/v1/api-keys", &root, &key).await;
    let key = key.expect(StatusCode::CREATED)["key"].clone();
    for who in [&watcher, &root, key.as_str().unwrap()] {
        let read = get(errors, who).await.expect(StatusCode::OK);
        let results = read["results"].as_array().unwrap();
        assert_eq!(results.len(), 3, "{read}");
        for error in results {
            assert_eq!(
                (&error["category"], &error["model"], &error["attempts"]),
                (&json!("transient"), &json!("vina"), &json!(4))
            );
        }
        for path in [errors, "/admin/errors", "/metrics"] {
            let answer = get(path, who).await;
            assert_eq!(answer.status, 200, "{path}");
            let text = String::from_utf8_lossy(&answer.body);
            for word in [secret, "CCO", "ada@x.org"] {
                assert!(!text.contains(word), "{path}: {text}");
            }
        }
    }
    get(errors, &ada).await.problem(404, "not-found");
    let all = get("/api/v1/jobs?scope=all", &watcher).await;
    all.problem(400, "bad-request");
}
