//! My Results: pages both ways, filters, words.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::far_gateway::HOPELESS;
use crate::hub::Hub;
use crate::input;
use crate::stores::Store;

on_each_store!(
    pages_are_walked_both_ways_and_show_each_job_once,
    filters_narrow_together,
    pages_by_number_are_exact_or_refused,
    a_page_reads_its_rows_and_one_more,
    a_search_reads_five_hundred_and_goes_on_where_it_stopped,
    a_page_reads_of_a_job_what_its_row_shows,
);

const JOBS: usize = 137;

async fn filled(store: Store) -> Hub {
    let hub = Hub::start_on(store).await;
    for place in 0..JOBS {
        let mut job = input::job("CCO");
        let word = if place % 10 == 0 { "rare" } else { "usual" };
        job["name"] = format!("{word} number {place:03}").into();
        hub.post("/api/v1/jobs", &job)
            .await
            .expect(StatusCode::CREATED);
    }
    hub
}

fn names(page: &Value) -> Vec<String> {
    page["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["name"].as_str().unwrap().to_owned())
        .collect()
}

/// Every page from the first to the last, by its token; each looked at from behind too.
async fn walk(hub: &Hub, query: &str) -> Vec<String> {
    let mut page = hub
        .get(&format!("/api/v1/jobs?{query}"))
        .await
        .expect(StatusCode::OK);
    let mut seen = names(&page);
    let mut number = 1;
    while let Some(token) = page["next_page_token"].as_str() {
        assert_eq!(
            (
                page["has_more"].as_bool(),
                page["pagination"]["has_next"].as_bool()
            ),
            (Some(true), Some(true))
        );
        let next = hub
            .get(&format!("/api/v1/jobs?{query}&page_token={token}"))
            .await
            .expect(StatusCode::OK);
        number += 1;
        assert_eq!(next["pagination"]["page"], number);
        let back = next["prev_page_token"].as_str().unwrap();
        let before = hub
            .get(&format!("/api/v1/jobs?{query}&page_token={back}"))
            .await
            .expect(StatusCode::OK);
        assert_eq!(
            names(&before),
            names(&page),
            "back from page {number} of {query}"
        );
        assert_eq!(before["pagination"]["page"], number - 1);
        seen.extend(names(&next));
        page = next;
    }
    assert_eq!(page["has_more"], false);
    seen
}

async fn pages_are_walked_both_ways_and_show_each_job_once(store: Store) {
    let hub = filled(store).await;
    let all: Vec<String> = (0..JOBS)
        .rev()
        .map(|place| {
            format!(
                "{} number {place:03}",
                if place % 10 == 0 { "rare" } else { "usual" }
            )
        })
        .collect();
    for query in [
        "",
        "per_page=7",
        "per_page=100",
        "per_page=1&search=rare",
        "per_page=5&search=-usual&status=pending",
    ] {
        let expected: Vec<String> = all
            .iter()
            .filter(|name| !query.contains("search") || name.starts_with("rare"))
            .cloned()
            .collect();
        assert_eq!(walk(&hub, query).await, expected, "{query}");
    }
    let oldest: Vec<String> = all.iter().rev().cloned().collect();
    assert_eq!(walk(&hub, "sort=created_at&per_page=50").await, oldest);
    let third = hub
        .get("/api/v1/jobs?per_page=50&page=3")
        .await
        .expect(StatusCode::OK);
    assert_eq!(names(&third), all[100..]);
    let counts = &third["pagination"];
    assert_eq!(
        (
            counts["total_results"].as_u64(),
            counts["total_pages"].as_u64()
        ),
        (Some(137), Some(3))
    );
    assert_eq!(
        (counts["has_next"].as_bool(), counts["has_prev"].as_bool()),
        (Some(false), Some(true))
    );
    assert_eq!(counts["total_is_lower_bound"], false);
    let beyond = hub
        .get("/api/v1/jobs?per_page=50&page=4")
        .await
        .expect(StatusCode::OK);
    assert_eq!(names(&beyond), [""; 0]);
    let both = hub
        .get("/api/v1/jobs?page=2&page_token=WyJ2IiwiYSIsMiwwXQ")
        .await
        .problem(400, "bad-request");
    assert_eq!(both[0].0, "page");
}

async fn filters_narrow_together(store: Store) {
    let hub = filled(store).await;
    hub.post("/api/v1/batches", &input::batch(&["CCO", "CCC"]))
        .await
        .expect(StatusCode::CREATED);
    let total = async |query: &str| {
        let page = hub
            .get(&format!("/api/v1/jobs?{query}"))
            .await
            .expect(StatusCode::OK);
        page["pagination"]["total_results"].as_u64().unwrap()
    };
    assert_eq!(
        total("").await,
        138,
        "a batch is one row, its children none"
    );
    assert_eq!(total("status=completed,failed").await, 0);
    assert_eq!(
        total("status=pending&model=vina&task=docking&search=rare").await,
        14
    );
    assert_eq!(total("model=boltz2").await, 0);
    assert_eq!(total("search=kinase").await, 1);
    let without = hub
        .get("/api/v1/jobs?search=status:pending+rare+-120")
        .await
        .expect(StatusCode::OK);
    assert_eq!(names(&without).len(), 13);
    assert_eq!(total("date_from=2099-01-01").await, 0);
    assert_eq!(
        total("date_to=2099-01-01&scope=mine&include_children=false").await,
        138
    );
    let row = &hub.get("/api/v1/jobs?search=kinase").await.json()["results"][0];
    assert_eq!(
        (row["kind"].as_str(), row["batch"]["total"].as_u64()),
        (Some("batch"), Some(2))
    );
    assert!(
        row.get("input").is_none() && row.get("metrics").is_none(),
        "a row carries what it shows only"
    );
}

async fn pages_by_number_are_exact_or_refused(store: Store) {
    let hub = filled(store).await;
    // One in ten is rare, so that the second page of them begins with the eleventh from the end.
    let second = hub
        .get("/api/v1/jobs?search=rare&per_page=10&page=2")
        .await
        .expect(StatusCode::OK);
    let expected: Vec<_> = (0..4)
        .rev()
        .map(|place| format!("rare number {place:02}0"))
        .collect();
    assert_eq!(names(&second), expected);
    let lists = "status=pending,running,completed,failed&model=vina,boltz2";
    let second = hub
        .get(&format!("/api/v1/jobs?{lists}&per_page=100&page=2"))
        .await
        .expect(StatusCode::OK);
    assert_eq!(names(&second).len(), JOBS - 100);
    let too_many = format!("{lists},chai1,rfantibody&task=docking,protein_structure");
    for query in ["search=rare+number", "search=-usual", &too_many] {
        let path = format!("/api/v1/jobs?{query}&per_page=10");
        let first = hub
            .get(&format!("{path}&page=1"))
            .await
            .expect(StatusCode::OK);
        assert_eq!(names(&first).len(), 10, "{query}");
        let refused = hub
            .get(&format!("{path}&page=2"))
            .await
            .problem(400, "bad-request");
        assert_eq!(refused[0].0, "page", "{query}");
        assert!(refused[0].1.contains("use page_token"), "{refused:?}");
    }
}

async fn a_page_reads_its_rows_and_one_more(store: Store) {
    let hub = filled(store).await;
    let read = async |query: &str| {
        hub.documents.read();
        let page = hub
            .get(&format!("/api/v1/jobs?per_page=10{query}"))
            .await
            .expect(StatusCode::OK);
        (hub.documents.read(), page)
    };
    for more in [0, 60] {
        for place in 0..more {
            let mut job = input::job("CCO");
            job["name"] = format!("usual again {place}").into();
            hub.post("/api/v1/jobs", &job)
                .await
                .expect(StatusCode::CREATED);
        }
        for filter in [
            "",
            "&status=pending&model=vina",
            "&status=pending,failed&model=vina,boltz2",
            "&search=usual",
            "&sort=created_at",
        ] {
            let mut token = String::new();
            for number in 1..=9 {
                let (documents, page) = read(&format!("{filter}{token}")).await;
                assert_eq!(documents, 11, "page {number} of {filter}");
                let next = page["next_page_token"].as_str().unwrap();
                token = format!("&page_token={next}");
            }
            // By its number, a page also reads the row before it.
            for number in [2, 9] {
                let (documents, _) = read(&format!("{filter}&page={number}")).await;
                assert_eq!(documents, 12, "page {number} of {filter} by its number");
            }
        }
    }
}

async fn a_search_reads_five_hundred_and_goes_on_where_it_stopped(store: Store) {
    let hub = Hub::start_alone_on(store).await;
    for place in 0..620 {
        let mut job = input::job("CCO");
        let word = if place == 0 { "odd" } else { "even" };
        job["name"] = format!("number {place} {word}").into();
        hub.post("/api/v1/jobs", &job)
            .await
            .expect(StatusCode::CREATED);
    }
    // The longest word is looked up, and is in all of them.
    let search = "/api/v1/jobs?per_page=100&search=number+odd";
    hub.documents.read();
    let page = hub.get(search).await.expect(StatusCode::OK);
    assert_eq!(hub.documents.read(), 500);
    assert_eq!(
        (names(&page).len(), &page["search_incomplete"]),
        (0, &json!(true))
    );
    let token = page["next_page_token"].as_str().unwrap();
    let page = hub
        .get(&format!("{search}&page_token={token}"))
        .await
        .expect(StatusCode::OK);
    assert_eq!(names(&page), ["number 0 odd"]);
    assert_eq!(hub.documents.read(), 120);
}

async fn a_page_reads_of_a_job_what_its_row_shows(store: Store) {
    let hub = Hub::start_on(store).await;
    hub.work();
    let mut ended = Vec::new();
    for (smiles, status) in [("CCCCCC", "completed"), (HOPELESS, "failed")] {
        let mut job = input::job(smiles);
        job["name"] = format!("one that {status}").into();
        let made = hub.post("/api/v1/jobs", &job).await;
        let id = made.expect(StatusCode::CREATED)["id"].clone();
        let path = format!("/api/v1/jobs/{}", id.as_str().unwrap());
        hub.until(&path, |job| job["status"] == status).await;
        ended.push(path);
    }
    let read = async |path: &str| {
        hub.documents.read();
        hub.get(path).await.expect(StatusCode::OK);
        hub.documents.texts().concat()
    };
    let long = [
        ["CCCCCC", "\"metrics\":{\"", "\"provenance\":{\""],
        [HOPELESS, "\"terms\":[\"", "reading a ligand"],
    ];
    for (path, long) in ended.iter().zip(long) {
        let whole = read(path).await;
        assert!(long.iter().all(|long| whole.contains(long)), "{whole}");
    }
    for query in ["", "search=one+that", "search=-other&per_page=1"] {
        let parts = read(&format!("/api/v1/jobs?{query}")).await;
        assert!(parts.contains("one that failed"), "{parts}");
        let found = long.iter().flatten().find(|long| parts.contains(**long));
        assert_eq!(found, None, "{parts}");
    }
}
