//! What was used of the limits: as the API tells it, as its page shows it, and as it refuses.

use axum::body::Body;
use axum::http::{Method, StatusCode, header};
use hub::actor::Actor;
use serde_json::{Value, json};

use crate::hub::{Answer, Hub};
use crate::input;

/// Signs somebody up and in; their token.
async fn sign_in(hub: &Hub, email: &str) -> String {
    let body = json!({"email": email, "password": "ligand-pose-box"});
    let signed_up = hub.post("/api/v1/auth/signup", &body).await;
    signed_up.expect(StatusCode::CREATED);
    let entered = hub.post("/api/v1/auth/login", &body).await;
    let entered = entered.expect(StatusCode::OK);
    entered["access_token"].as_str().unwrap().to_owned()
}

async fn ask(hub: &Hub, method: Method, path: &str, token: &str, body: &Value) -> Answer {
    let bearer = format!("Bearer {token}");
    hub.send_json(method, path, body, &[("authorization", &bearer)])
        .await
}

async fn page(hub: &Hub, token: &str) -> String {
    let request = hub
        .request(Method::GET, "/usage")
        .header(header::ACCEPT, "text/html")
        .header(header::AUTHORIZATION, format!("Bearer {token}"));
    let answer = hub.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.status, 200);
    String::from_utf8_lossy(&answer.body).into_owned()
}

#[tokio::test]
async fn a_hub_on_one_machine_has_no_limits_and_counts_all_the_same() {
    let hub = Hub::start().await;
    hub.post("/api/v1/jobs", &input::job("CCO"))
        .await
        .expect(StatusCode::CREATED);
    let usage = hub.get("/api/v1/usage").await.expect(StatusCode::OK);
    assert_eq!(
        (&usage["limits"], &usage["day"]["remaining"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(
        (&usage["day"]["held"], &usage["month"]["held"]),
        (&json!(1), &json!(1))
    );
    let page = hub.get("/usage").await;
    let text = String::from_utf8_lossy(&page.body).into_owned();
    assert!(
        page.status == 200 && text.contains("there are no limits"),
        "{text}"
    );
    assert!(!text.contains("<meter"));
}

/// The paragraphs of a page below a heading, as they are read.
fn below(heading: &str, page: &str) -> Vec<String> {
    let (_, below) = page.split_once(&format!("{heading}</h2>")).unwrap();
    let (below, _) = below.split_once("</section>").unwrap();
    let read = |paragraph: &str| {
        let parts = paragraph.split('<');
        let texts = parts.map(|part| part.split_once('>').map_or(part, |(_, text)| text));
        texts.collect::<String>()
    };
    let paragraphs = below.split("</p>").map(read);
    paragraphs.filter(|text| !text.is_empty()).collect()
}

#[tokio::test]
async fn the_page_says_what_takes_a_unit_what_charges_it_and_what_gives_it_back() {
    let hub = Hub::start_alone().await;
    let page = hub.get("/usage").await;
    let page = String::from_utf8_lossy(&page.body).into_owned();
    // These are the rules that the hub is held to whatever becomes of jobs: who changes one changes these words.
    assert_eq!(
        below("What counts", &page),
        [
            [
                "One unit is one single job, or one ligand of a batch.",
                "It is taken when the job is accepted, on that day in UTC.",
                "Trying again what the hub tries again by itself takes none; a retry that you ask for is a new unit.",
            ]
            .join(" "),
            [
                "A unit is charged when the job completes, when it fails by a fault of its input after it has begun, or when \
                 it is cancelled while it runs.",
                "It is given back when the job fails by no fault of yours, or ends before it has begun.",
            ]
            .join(" "),
        ]
    );
    assert_eq!(
        below("Running now", &page).last().unwrap(),
        "What is more than that waits, and starts by itself."
    );
}

#[tokio::test]
async fn somebody_with_an_account_reads_what_is_left_and_is_refused_beyond_it() {
    let hub = Hub::start_with_accounts().await;
    hub.get("/api/v1/usage")
        .await
        .problem(401, "unauthenticated");
    let token = sign_in(&hub, "ada@example.org").await;
    let ligands = ["C", "CC", "CCC"].repeat(16);
    let batch = input::batch(&ligands);
    for left in [52, 4] {
        ask(&hub, Method::POST, "/api/v1/batches", &token, &batch)
            .await
            .expect(StatusCode::CREATED);
        let usage = ask(&hub, Method::GET, "/api/v1/usage", &token, &Value::Null).await;
        let usage = usage.expect(StatusCode::OK);
        assert_eq!(usage["day"]["remaining"], left);
        assert_eq!(usage["month"]["remaining"], 2_900 + left);
        assert_eq!(usage["limits"]["children"], 50);
        assert_eq!(usage["running"], json!({"now": 0, "limit": 5}));
    }
    let refused = ask(&hub, Method::POST, "/api/v1/batches", &token, &batch).await;
    let problem = refused.json();
    assert_eq!(problem["remaining"], 4, "{problem}");
    let resets_at = problem["resets_at"].as_str().unwrap();
    assert!(resets_at.ends_with("T00:00:00.000000Z"), "{resets_at}");
    refused.problem(429, "limit-reached");
    let text = page(&hub, &token).await;
    assert!(text.contains("96 of 100 units; 4 left"), "{text}");
    assert!(
        text.contains("<meter") && !text.contains("style="),
        "{text}"
    );

    let other = sign_in(&hub, "grace@example.org").await;
    let usage = ask(&hub, Method::GET, "/api/v1/usage", &other, &Value::Null).await;
    assert_eq!(usage.expect(StatusCode::OK)["day"]["remaining"], 100);
    let local = hub.services.usage(&Actor::local()).await.unwrap();
    assert_eq!(local.day.units.counted(), 0, "nothing of this is another's");
}

#[tokio::test]
async fn a_batch_too_large_for_its_owner_is_told_at_its_field_and_takes_nothing() {
    let hub = Hub::start_with_accounts().await;
    let token = sign_in(&hub, "ada@example.org").await;
    let batch = input::batch(&["CCO"; 51]);
    let refused = ask(&hub, Method::POST, "/api/v1/batches", &token, &batch).await;
    let faults = refused.problem(422, "invalid");
    let (field, message) = &faults[0];
    assert_eq!(field, "ligands");
    assert!(
        message.contains("at most 50 ligands, and this one has 51"),
        "{message}"
    );
    let get = async |path: &str| ask(&hub, Method::GET, path, &token, &Value::Null).await;
    let listed = get("/api/v1/jobs").await.expect(StatusCode::OK);
    assert_eq!(listed["pagination"]["total_results"], 0);
    let usage = get("/api/v1/usage").await.expect(StatusCode::OK);
    assert_eq!(usage["day"]["remaining"], 100);
}

#[tokio::test]
async fn too_many_submissions_a_minute_are_told_when_to_come_back() {
    let hub = Hub::start_with_accounts().await;
    let token = sign_in(&hub, "ada@example.org").await;
    let job = input::job("CCO");
    for _ in 0..10 {
        ask(&hub, Method::POST, "/api/v1/jobs", &token, &job)
            .await
            .expect(StatusCode::CREATED);
    }
    let refused = ask(&hub, Method::POST, "/api/v1/jobs", &token, &job).await;
    let wait_s: u64 = refused.header("retry-after").parse().unwrap();
    assert!((1..=7).contains(&wait_s), "{wait_s}");
    refused.problem(429, "too-many-requests");
}
