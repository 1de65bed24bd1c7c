//! Only the hub's own addresses answer, and only its own pages change something.

use axum::body::Body;
use axum::http::{Method, Request, header};
use serde_json::json;

use crate::hub::{Answer, Hub};
use crate::input;

async fn ask(hub: &Hub, method: Method, headers: &[(&str, &str)]) -> Answer {
    let mut request = Request::builder().method(method).uri("/api/v1/preflight");
    for (name, value) in headers {
        request = request.header(
            *name,
            value.replace("PORT", &hub.address.port().to_string()),
        );
    }
    hub.send(
        request
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from("{}"))
            .unwrap(),
    )
    .await
}

#[tokio::test]
async fn another_host_is_not_ours() {
    let hub = Hub::start_alone().await;
    for own in [
        "127.0.0.1:PORT",
        "localhost:PORT",
        "LOCALHOST:PORT",
        "[::1]:PORT",
        "127.0.0.2:PORT",
    ] {
        assert_eq!(
            ask(&hub, Method::GET, &[("host", own)]).await.status,
            405,
            "{own}"
        );
    }
    let others = [
        "evil.example",
        "evil.example:PORT",
        "127.0.0.1",
        "127.0.0.1:1",
        "localhost.evil.example:PORT",
        "10.0.0.1:PORT",
        "0.0.0.0:PORT",
        "user@127.0.0.1:PORT",
        "127.0.0.1:PORT:1",
        "",
        "[::2]:PORT",
    ];
    for other in others {
        ask(&hub, Method::GET, &[("host", other)])
            .await
            .problem(421, "misdirected");
    }
    ask(&hub, Method::GET, &[])
        .await
        .problem(421, "misdirected");
    let page = hub
        .send(
            Request::builder()
                .uri("/")
                .header("host", "evil.example")
                .body(Body::empty())
                .unwrap(),
        )
        .await;
    assert_eq!(page.status, 421, "pages are ours as well");
}

#[tokio::test]
async fn another_sites_page_changes_nothing() {
    let hub = Hub::start_alone().await;
    let own = ("host", "127.0.0.1:PORT");
    let passes: [&[(&str, &str)]; 5] = [
        &[],
        &[("origin", "http://127.0.0.1:PORT")],
        &[
            ("origin", "http://127.0.0.1:PORT"),
            ("sec-fetch-site", "same-origin"),
        ],
        &[("sec-fetch-site", "same-origin")],
        &[("sec-fetch-site", "none")],
    ];
    for headers in passes {
        let answer = ask(&hub, Method::POST, &[&[own], headers].concat()).await;
        assert_eq!(
            answer.status, 422,
            "{headers:?} reaches the call, which finds nothing in the body"
        );
    }
    let refused: [&[(&str, &str)]; 8] = [
        &[("origin", "http://evil.example")],
        &[("origin", "null")],
        &[("origin", "https://127.0.0.1:PORT")],
        &[("origin", "http://127.0.0.1:1")],
        &[("origin", "http://localhost:PORT")],
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site")],
        &[
            ("origin", "http://127.0.0.1:PORT"),
            ("sec-fetch-site", "cross-site"),
        ],
    ];
    for headers in refused {
        let headers = [&[own], headers].concat();
        ask(&hub, Method::POST, &headers)
            .await
            .problem(403, "cross-site");
        assert_eq!(
            ask(&hub, Method::GET, &headers).await.status,
            405,
            "reading is free: {headers:?}"
        );
    }
}

#[tokio::test]
async fn server_functions_are_guarded_as_the_api_is() {
    let hub = Hub::start_alone().await;
    for path in ["/api/jobs/delete", "/api/jobs/anything"] {
        let answer = hub
            .send_json(
                Method::POST,
                path,
                &json!({}),
                &[("sec-fetch-site", "cross-site")],
            )
            .await;
        answer.problem(403, "cross-site");
    }
}

#[tokio::test]
async fn every_answer_is_strict_and_has_its_reference() {
    let hub = Hub::start_alone().await;
    let mut references = Vec::new();
    let asked = [
        ("/", 200),
        ("/api/v1/jobs", 200),
        ("/api/v1/nothing", 404),
        ("/healthz", 200),
        ("/nothing", 404),
        ("/pkg/nothing.js", 404),
    ];
    for (path, status) in asked {
        let answer = hub.get(path).await;
        assert_eq!(answer.status, status, "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("referrer-policy"), "same-origin", "{path}");
        let opener = answer.header("cross-origin-opener-policy");
        assert_eq!(opener, "same-origin", "{path}");
        let transport = answer.header("strict-transport-security");
        assert!(transport.starts_with("max-age="), "{path}");
        assert!(
            answer
                .header("content-security-policy")
                .contains("frame-ancestors 'none'"),
            "{path}"
        );
        assert_eq!(
            answer.header("cache-control"),
            "private, no-store",
            "{path}"
        );
        assert!(
            answer.header("server-timing").starts_with("total;dur="),
            "{path}"
        );
        references.push(answer.header("x-request-id").to_owned());
    }
    references.sort();
    references.dedup();
    assert_eq!((references.len(), references[0].len()), (6, 26));
}

#[tokio::test]
async fn a_form_leads_to_no_other_site() {
    let hub = Hub::start_alone().await;
    for (back, leads_to) in [
        ("%2Fjobs%2Fa", "/jobs/a"),
        ("%2F%09%2Fevil.example", "/"),
        ("%2F%2Fevil.example", "/"),
        ("%2F%5Cevil.example", "/"),
    ] {
        let made = hub.post("/api/v1/jobs", &input::job("CCO")).await.json();
        let id = made["id"].as_str().unwrap();
        let request = hub
            .request(Method::POST, "/api/jobs/cancel")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::ACCEPT, "text/html")
            .header("sec-fetch-site", "same-origin");
        let form = Body::from(format!("id={id}&back={back}"));
        let answer = hub.send(request.body(form).unwrap()).await;
        assert_eq!(
            (answer.status, answer.header("location")),
            (302, leads_to),
            "{back}"
        );
    }
}
