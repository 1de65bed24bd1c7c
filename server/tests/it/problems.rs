//! Errors as the API tells them, whatever went wrong.

use axum::body::Body;
use axum::http::{Method, header};
use leptos::server_fn::axum::server_fn_paths;
use serde_json::{Value, json};
use tracing::Level;

use crate::counted::GONE;
use crate::hub::Hub;
use crate::input;
use crate::lines::Lines;

#[tokio::test]
async fn what_is_not_there_is_a_problem_too() {
    let hub = Hub::start_alone().await;
    let missing = [
        "/api/v1",
        "/api/v1/",
        "/api/v1/nothing",
        "/api/nothing",
        "/api/v1/jobs/unknown",
        "/api/v1/jobs/..%2fx",
        "/api/v1/jobs/Ä",
        "/api/v1/batches/unknown",
        "/api/v1/batches/unknown/children",
        "/api/v1/jobs/unknown/export",
        "/api/v1/jobs/unknown/files",
        "/api/v1/jobs/unknown/files/x",
        "/api/v1/jobs/unknown/events",
        "/api/v1/batches/unknown/events",
        "/api/v1/drafts/unknown",
        "/api/v1/batches/unknown/status",
    ];
    for path in missing {
        let path = path.replace('Ä', "%C3%84");
        assert_eq!(hub.get(&path).await.problem(404, "not-found"), [], "{path}");
    }
    hub.call(Method::POST, "/api/v1/jobs/unknown/cancel")
        .await
        .problem(404, "not-found");
    hub.call(Method::DELETE, "/api/v1/jobs/unknown")
        .await
        .problem(404, "not-found");
}

#[tokio::test]
async fn the_wrong_method_names_the_right_ones() {
    let hub = Hub::start_alone().await;
    for (method, path, allowed) in [
        (Method::DELETE, "/api/v1/jobs", vec!["GET", "HEAD", "POST"]),
        (
            Method::POST,
            "/api/v1/jobs/unknown",
            vec!["DELETE", "GET", "HEAD", "PATCH"],
        ),
        (Method::GET, "/api/v1/preflight", vec!["POST"]),
        (Method::PUT, "/healthz", vec!["GET", "HEAD"]),
    ] {
        let answer = hub.call(method, path).await;
        let mut named: Vec<_> = answer
            .header("allow")
            .split(',')
            .map(|name| name.trim().to_owned())
            .collect();
        named.sort();
        assert_eq!(named, allowed, "{path}");
        answer.problem(405, "method-not-allowed");
    }
}

#[tokio::test]
async fn a_body_that_is_no_json_is_malformed() {
    let hub = Hub::start_alone().await;
    for (body, place) in [
        ("", "line 1, column 0"),
        ("{\"task\": \"docking\",\n nonsense}", "line 2, column 2"),
        ("{} {}", "line 1, column 4"),
        ("\u{0}", "line 1, column 1"),
    ] {
        let request = hub
            .request(Method::POST, "/api/v1/preflight")
            .header(header::CONTENT_TYPE, "application/json");
        let faults = hub
            .send(request.body(body.into()).unwrap())
            .await
            .problem(400, "bad-request");
        assert_eq!(faults[0].0, "body");
        assert!(faults[0].1.contains(place), "{} of {body:?}", faults[0].1);
    }
    let deep = "[".repeat(100_000);
    let request = hub
        .request(Method::POST, "/api/v1/preflight")
        .header(header::CONTENT_TYPE, "application/json");
    hub.send(request.body(deep.into()).unwrap())
        .await
        .problem(400, "bad-request");
    let request = hub
        .request(Method::POST, "/api/v1/jobs")
        .header(header::CONTENT_TYPE, "text/plain");
    hub.send(request.body("{}".into()).unwrap())
        .await
        .problem(415, "unsupported-media-type");
}

#[tokio::test]
async fn a_call_of_a_page_that_cannot_be_read_is_malformed() {
    let hub = Hub::start_alone().await;
    let send = async |path: &str, kind: &str, body: &'static str| {
        let request = hub
            .request(Method::POST, path)
            .header(header::CONTENT_TYPE, kind);
        hub.send(request.body(body.into()).unwrap()).await
    };
    let (json, form) = ("application/json", "application/x-www-form-urlencoded");
    let paths = server_fn_paths().map(|(path, _)| path);
    let paths: Vec<_> = paths.collect();
    assert!(paths.len() > 10);
    for path in paths {
        for (kind, body) in [
            (json, r#"{"path": 1, "query": 1}"#),
            (json, "nonsense"),
            (form, "x=1"),
            (form, "%ff=%ff&id"),
            ("text/plain", ""),
        ] {
            let answer = send(path, kind, body).await;
            assert!(answer.status < 500, "{path} of {body}: {answer:?}");
        }
    }
    for (path, kind, body, why) in [
        ("/api/jobs/rename", form, "id=x", "missing field `name`"),
        (
            "/api/pages/read",
            json,
            r#"{"path": 1}"#,
            "expected a string",
        ),
    ] {
        let answer = send(path, kind, body).await;
        assert_eq!(answer.status, 400, "{answer:?}");
        let said = answer.json();
        let bad = &said["error"]["bad_request"];
        assert_eq!(bad["field"], "body", "{said}");
        assert!(bad["message"].as_str().unwrap().contains(why), "{said}");
        assert_ne!(said["reference"], "");
    }
}

#[tokio::test]
async fn a_wrong_type_is_refused_at_its_field() {
    let hub = Hub::start_alone().await;
    let mut job = input::job("CCO");
    job["name"] = json!(7);
    let faults = hub.post("/api/v1/jobs", &job).await.problem(422, "invalid");
    assert_eq!(faults[0].0, "name");
    let mut batch = input::batch(&["CCO"]);
    batch["on_failed_rows"] = json!("perhaps");
    let faults = hub
        .post("/api/v1/batches", &batch)
        .await
        .problem(422, "invalid");
    assert_eq!(faults[0].0, "on_failed_rows");
    let faults = hub
        .post("/api/v1/jobs", &json!({ "task": "docking" }))
        .await
        .problem(422, "invalid");
    assert!(faults[0].1.contains("`input`"), "{faults:?}");
    assert_eq!(hub.stored().await, 0);
}

#[tokio::test]
async fn a_malformed_query_names_its_parameter() {
    let hub = Hub::start_alone().await;
    for (query, field) in [
        ("per_page=0", "per_page"),
        ("per_page=101", "per_page"),
        ("per_page=x", "per_page"),
        ("page=0", "page"),
        ("page=101", "page"),
        ("page_token=x", "page_token"),
        ("page_token=e30", "page_token"),
        ("status=odd", "status"),
        ("model=odd", "model"),
        ("task=odd", "task"),
        ("date_from=yesterday", "date_from"),
        ("sort=name", "sort"),
        ("scope=everybody", "scope"),
        ("include_children=true", "include_children"),
        ("search=%ff", "query"),
        ("search=%zz", "query"),
        ("search=status:odd", "search"),
        ("date_from=2026-05&date_to=2026-04", "date_to"),
    ] {
        let faults = hub
            .get(&format!("/api/v1/jobs?{query}"))
            .await
            .problem(400, "bad-request");
        assert_eq!(faults[0].0, field, "{query}");
    }
}

#[tokio::test]
async fn a_body_above_16_mb_is_too_large() {
    let hub = Hub::start_alone().await;
    let request = hub
        .request(Method::POST, "/api/v1/batches")
        .header(header::CONTENT_TYPE, "application/json");
    let chunk = bytes::Bytes::from(vec![b' '; 1 << 20]);
    let body = futures::stream::iter((0..17).map(move |_| Ok::<_, std::io::Error>(chunk.clone())));
    hub.send(request.body(Body::from_stream(body)).unwrap())
        .await
        .problem(413, "too-large");
}

#[tokio::test]
async fn a_body_of_very_many_values_is_too_large_before_it_is_read() {
    let hub = Hub::start_alone().await;
    let ligands = vec!["{}"; 250_001].join(",");
    let request = hub
        .request(Method::POST, "/api/v1/preflight")
        .header(header::CONTENT_TYPE, "application/json");
    let body = format!(r#"{{"task": "docking", "ligands": [{ligands}]}}"#);
    hub.send(request.body(Body::from(body)).unwrap())
        .await
        .problem(413, "too-large");
}

#[tokio::test]
async fn what_comes_with_ligands_is_bounded() {
    let hub = Hub::start_alone().await;
    let screen = |ligands: Value| json!({"task": "docking", "target": {"named": "ABL1"}, "ligands": ligands});
    let large = json!([{"smiles": "CCO", "note": "x".repeat(20_000)}]);
    let faults = hub.post("/api/v1/batches", &screen(large)).await;
    let faults = faults.problem(422, "invalid");
    assert_eq!(faults[0].0, "ligands[0]");
    let wide = |from: u32| {
        let mut ligand = json!({"smiles": "CCO"});
        for column in from..from + 300 {
            ligand[format!("c{column}")] = 0.into();
        }
        ligand
    };
    let wide = screen(json!([wide(0), wide(300)]));
    let faults = hub.post("/api/v1/batches", &wide).await;
    let faults = faults.problem(422, "invalid");
    assert_eq!(faults[0].0, "ligands");
    assert!(
        faults[0].1.contains("600 further columns"),
        "{}",
        faults[0].1
    );
    assert_eq!(hub.stored().await, 0);
}

#[tokio::test]
async fn what_anybody_may_send_is_small() {
    let hub = Hub::start_with_accounts().await;
    let long = json!({"state": "running", "log": "x".repeat(2 << 20)});
    hub.post("/api/v1/callbacks/abc:1", &long)
        .await
        .problem(413, "too-large");
    let long = json!({"email": "a@x.org", "password": "x".repeat(100_000)});
    for place in ["signup", "login"] {
        let answer = hub.post(&format!("/api/v1/auth/{place}"), &long).await;
        answer.problem(413, "too-large");
    }
    let request = hub
        .request(Method::POST, "/login")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    let form = format!("email=a%40x.org&password={}", "x".repeat(100_000));
    let answer = hub.send(request.body(Body::from(form)).unwrap()).await;
    assert_eq!(answer.status, 400);
}

#[tokio::test]
async fn an_unsigned_callback_is_refused() {
    let hub = Hub::start_alone().await;
    let answer = hub
        .post(
            "/api/v1/callbacks/abc:1",
            &json!({ "run_id": "abc:1", "state": "succeeded" }),
        )
        .await;
    assert_eq!(answer.status, 403);
}

#[tokio::test]
async fn while_the_database_is_gone_everybody_is_told_to_try_again_and_nothing_is_lost() {
    let hub = Hub::start_alone().await;
    let (lines, _listening) = Lines::heard(Level::WARN);
    let submit = async || {
        hub.post_once("/api/v1/jobs", &input::job("CCO"), "once")
            .await
    };
    hub.documents.go_away();
    for answer in [hub.get("/api/v1/jobs").await, submit().await] {
        let told = answer.json()["detail"].as_str().unwrap().to_owned();
        answer.problem(503, "unavailable");
        assert!(told.contains("try again"), "{told}");
    }
    assert!(lines.text().contains(GONE), "{}", lines.text());
    let request = hub
        .request(Method::GET, "/")
        .header(header::ACCEPT, "text/html");
    let page = hub.send(request.body(Body::empty()).unwrap()).await;
    let reference = page.header("x-request-id").to_owned();
    let text = String::from_utf8_lossy(&page.body);
    assert_eq!(page.status, 503);
    assert!(
        text.contains("try again") && text.contains(&reference),
        "{text}"
    );

    hub.documents.come_back();
    let accepted = submit().await;
    assert_eq!(
        (accepted.status, accepted.header("idempotency-replayed")),
        (201, "")
    );
    assert_eq!(hub.stored().await, 1);
}
