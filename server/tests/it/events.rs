//! Server-sent events: the first row, changes as they come, resumption, and the end.

use std::time::Duration;

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::hub::Hub;
use crate::input;
use crate::organizations::id_of;
use crate::people::{OWN, ask, founded, job, member, removed_elsewhere, token};
use crate::stores::Store;

on_each_store!(
    a_job_is_told_as_it_stands_and_as_it_changes,
    a_batch_is_followed_to_its_end,
    the_list_tells_what_is_new_and_resumes_where_it_was
);

const PATIENCE: Duration = Duration::from_secs(15);

/// Asks for a stream.
pub async fn asked(hub: &Hub, path: &str, headers: &[(&str, &str)]) -> reqwest::Response {
    let url = format!("http://{}{path}", hub.address);
    let mut request = reqwest::Client::new().get(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.send().await.unwrap()
}

/// A browser's end of a stream.
pub struct Listener {
    response: reqwest::Response,
    text: String,
}

/// One event: name, id, data.
struct Heard {
    id: String,
    row: Value,
}

impl Listener {
    async fn open(hub: &Hub, path: &str, last_event_id: Option<&str>) -> Self {
        let headers: Vec<_> = last_event_id
            .map(|id| ("last-event-id", id))
            .into_iter()
            .collect();
        Self::of(asked(hub, path, &headers).await)
    }

    /// A stream that was granted.
    pub fn of(response: reqwest::Response) -> Self {
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self {
            response,
            text: String::new(),
        }
    }

    /// The next block of the stream; `None` at its end.
    pub async fn block(&mut self) -> Option<String> {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.text = rest;
                return Some(block);
            }
            let chunk = tokio::time::timeout(PATIENCE, self.response.chunk())
                .await
                .expect("nothing was heard in time");
            self.text
                .push_str(std::str::from_utf8(&chunk.unwrap()?).unwrap());
        }
    }

    /// The next event of a job.
    async fn heard(&mut self) -> Heard {
        loop {
            let block = self.block().await.expect("the stream has ended");
            let field = |name: &str| {
                block
                    .lines()
                    .find_map(|line| line.strip_prefix(name))
                    .map(str::to_owned)
            };
            if field("event: ").as_deref() == Some("job") {
                let row = serde_json::from_str(&field("data: ").unwrap()).unwrap();
                return Heard {
                    id: field("id: ").unwrap(),
                    row,
                };
            }
        }
    }

    /// Hears on until a row is as wanted.
    async fn until(&mut self, wanted: impl Fn(&Value) -> bool) -> Heard {
        loop {
            let heard = self.heard().await;
            if wanted(&heard.row) {
                return heard;
            }
        }
    }
}

async fn submit(hub: &Hub) -> String {
    let job = hub
        .post("/api/v1/jobs", &input::job("CCO"))
        .await
        .expect(StatusCode::CREATED);
    job["id"].as_str().unwrap().to_owned()
}

async fn a_job_is_told_as_it_stands_and_as_it_changes(store: Store) {
    let hub = Hub::start_alone_on(store).await;
    let id = submit(&hub).await;
    let path = format!("/api/v1/jobs/{id}");
    let mut listener = Listener::open(&hub, &format!("{path}/events"), None).await;
    assert!(listener.block().await.unwrap().contains("retry: 2000"));
    let first = listener.heard().await;
    assert_eq!(
        (first.row["id"].as_str(), first.row["status"].as_str()),
        (Some(id.as_str()), Some("pending"))
    );
    assert_eq!(first.id, first.row["updated_at"].as_str().unwrap());
    hub.send_json(Method::PATCH, &path, &json!({ "name": "renamed" }), &[])
        .await
        .expect(StatusCode::OK);
    assert_eq!(listener.heard().await.row["name"], "renamed");
    hub.call(Method::POST, &format!("{path}/cancel"))
        .await
        .expect(StatusCode::OK);
    listener.until(|row| row["status"] == "cancelled").await;
    hub.call(Method::DELETE, &path).await;
    while listener.block().await.is_some() {}
}

async fn a_batch_is_followed_to_its_end(store: Store) {
    let hub = Hub::start_on(store).await;
    let batch = hub
        .post("/api/v1/batches", &input::batch(&["CCO", "CCC"]))
        .await
        .expect(StatusCode::CREATED);
    let path = format!("/api/v1/batches/{}/events", batch["id"].as_str().unwrap());
    let mut listener = Listener::open(&hub, &path, None).await;
    assert_eq!(listener.heard().await.row["batch"]["pending"], 2);
    hub.work();
    let end = listener.until(|row| row["status"] == "completed").await;
    assert_eq!(
        (
            end.row["batch"]["completed"].as_u64(),
            end.row["best"]["value"].as_f64()
        ),
        (Some(2), Some(-1.5))
    );
}

async fn the_list_tells_what_is_new_and_resumes_where_it_was(store: Store) {
    let hub = Hub::start_alone_on(store).await;
    let mut listener = Listener::open(&hub, "/api/v1/events", None).await;
    let first = submit(&hub).await;
    let heard = listener.until(|row| row["id"] == first.as_str()).await;
    drop(listener);
    let second = submit(&hub).await;
    let third = submit(&hub).await;
    let mut listener = Listener::open(&hub, "/api/v1/events", Some(&heard.id)).await;
    listener.until(|row| row["id"] == second.as_str()).await;
    listener.until(|row| row["id"] == third.as_str()).await;
}

#[tokio::test]
async fn one_person_has_so_many_streams_and_no_more() {
    let hub = Hub::start_with_accounts().await;
    let ada = format!("Bearer {}", token(&hub, "ada@x.org").await);
    let bea = format!("Bearer {}", token(&hub, "bea@x.org").await);
    let open =
        async |bearer: &str| asked(&hub, "/api/v1/events", &[("authorization", bearer)]).await;
    let mut streams = Vec::new();
    for _ in 0..20 {
        streams.push(Listener::of(open(&ada).await));
    }
    let refused = open(&ada).await;
    assert_eq!(refused.status(), 429);
    assert!(refused.text().await.unwrap().contains("close some pages"));
    Listener::of(open(&bea).await);
    streams.pop();
    let freed = async {
        while open(&ada).await.status() != 200 {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(PATIENCE, freed).await.unwrap();
}

#[tokio::test]
async fn a_member_who_was_removed_on_another_server_hears_no_more() {
    let hub = Hub::start_with_accounts().await;
    let owner = token(&hub, "owner@x.org").await;
    founded(&hub, &owner).await;
    let plain = member(&hub, &owner, "plain@x.org", "member").await;
    let made = ask(
        &hub,
        Method::POST,
        "/api/v1/jobs",
        &plain,
        &input::job("CCO"),
    )
    .await;
    let made = made.expect(StatusCode::CREATED);
    let path = format!("/api/v1/jobs/{}", made["id"].as_str().unwrap());
    let bearer = format!("Bearer {plain}");
    let stream = asked(
        &hub,
        &format!("{path}/events"),
        &[("authorization", &bearer)],
    )
    .await;
    let mut listener = Listener::of(stream);
    listener.heard().await;
    removed_elsewhere(&hub, &plain).await;
    let over = async { while listener.block().await.is_some() {} };
    tokio::time::timeout(Duration::from_secs(10), over)
        .await
        .unwrap();
    ask(&hub, Method::GET, &path, &plain, &Value::Null)
        .await
        .problem(404, "not-found");
}

#[tokio::test]
async fn a_list_that_is_followed_is_over_for_whoever_was_signed_out() {
    let hub = Hub::start_with_accounts().await;
    let ada = token(&hub, "ada@x.org").await;
    let bearer = format!("Bearer {ada}");
    let stream = asked(&hub, "/api/v1/events", &[("authorization", &bearer)]).await;
    let mut listener = Listener::of(stream);
    listener.block().await.unwrap();
    let path = "/api/v1/auth/logout";
    ask(&hub, Method::POST, path, &ada, &Value::Null)
        .await
        .expect(StatusCode::NO_CONTENT);
    let over = async { while listener.block().await.is_some() {} };
    tokio::time::timeout(Duration::from_secs(10), over)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_list_that_is_followed_tells_a_removed_member_nothing_of_the_organisation() {
    let hub = Hub::start_with_accounts().await;
    let owner = token(&hub, "owner@x.org").await;
    founded(&hub, &owner).await;
    let plain = member(&hub, &owner, "plain@x.org", "member").await;
    let submit = async |body: &Value| {
        let made = ask(&hub, Method::POST, "/api/v1/jobs", &plain, body).await;
        made.expect(StatusCode::CREATED)["id"].clone()
    };
    let there = submit(&job("made there")).await;
    let bearer = format!("Bearer {plain}");
    let stream = asked(&hub, "/api/v1/events", &[("authorization", &bearer)]).await;
    let mut listener = Listener::of(stream);
    listener.until(|row| row["id"] == there).await;
    let member = format!("{OWN}/members/{}", id_of(&hub, &owner, "plain@x.org").await);
    ask(&hub, Method::DELETE, &member, &owner, &Value::Null)
        .await
        .expect(StatusCode::NO_CONTENT);
    let path = format!("/api/v1/jobs/{}", there.as_str().unwrap());
    let name = json!({"name": "renamed there"});
    ask(&hub, Method::PATCH, &path, &owner, &name)
        .await
        .expect(StatusCode::OK);
    let own = submit(&job("their own")).await;
    // What the stream tells next is theirs again: the other change came before it.
    assert_eq!(listener.heard().await.row["id"], own);
}

#[tokio::test]
async fn a_stream_ends_with_the_server_and_says_when_to_come_back() {
    let hub = Hub::start_alone().await;
    let mut listener = Listener::open(&hub, "/api/v1/events", None).await;
    listener.block().await;
    hub.stopping.cancel();
    let mut last = String::new();
    while let Some(block) = listener.block().await {
        last = block;
    }
    assert!(
        last.contains("retry: 2000") && last.contains("ending"),
        "{last}"
    );
}
