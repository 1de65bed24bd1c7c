//! Chaos: people submit, cancel and retry, while hubs are killed and stand still at random, and the gateway refuses, loses
//! answers and fails. In the end two witnesses are heard: what the people were told, and what the gateway began.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use hub::ports::documents::{Collection, Expect, Key, Write};
use reqwest::Client;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep, timeout};

use crate::cluster::{Cluster, HUBS};
use crate::far_gateway::Manner;
use crate::stored::Stored;
use crate::{PLACES, job, screen};

/// People who work at the same time.
const PEOPLE: usize = 20;
/// How long everything may take to end when nothing goes wrong any more.
const CALM: Duration = Duration::from_secs(900);

/// A person, and what they were told.
struct Person {
    client: Client,
    user: String,
    /// Jobs and batches that were accepted, with their units.
    accepted: BTreeMap<String, usize>,
    /// Units that were run again: those they were told of, and those whose answer may have been lost.
    again: usize,
    perhaps_again: usize,
    /// Requests that had to be repeated.
    repeated: usize,
}

/// What was done to the hubs.
#[derive(Default)]
struct Harm {
    kills: usize,
    stops: usize,
    /// How many of these were for longer than any lease.
    long_stops: usize,
}

/// A number below `most`.
fn below(most: u64) -> u64 {
    getrandom::u64().unwrap() % most
}

/// Lets people work for so long on hubs that come and go; the report.
pub async fn chaos(duration: Duration) -> String {
    let manner = Manner {
        run_ms: 200..3_000,
        refused: 3,
        unanswered: 3,
        full: 2,
        failing: 3,
    };
    let cluster = Cluster::start(manner, true).await;
    let mut people = Vec::new();
    for number in 0..PEOPLE {
        people.push(enter(&cluster, number).await);
    }
    let cluster = Arc::new(Mutex::new(cluster));
    let end = Instant::now() + duration;
    let harming = tokio::spawn(harm(cluster.clone(), end));
    let address = cluster.lock().await.address("");
    let working = people
        .into_iter()
        .map(|person| tokio::spawn(work(person, address.clone(), end)));
    let mut people = Vec::new();
    for worker in working.collect::<Vec<_>>() {
        people.push(worker.await.unwrap());
    }
    let harm = harming.await.unwrap();
    let cluster = Arc::into_inner(cluster).unwrap().into_inner();
    let calm = Instant::now();
    let mut found = Found::default();
    let stored = Stored(cluster.documents().await);
    for person in &people {
        found.look(&cluster, &stored, person).await;
    }
    found.hear_the_gateway(&cluster, &people, &harm);
    report(duration, calm.elapsed(), &harm, &people, &found)
}

/// Signs up and in, with limits that suffice.
async fn enter(cluster: &Cluster, number: usize) -> Person {
    let from = HeaderName::from_static("x-forwarded-for");
    let address = HeaderValue::try_from(format!("203.0.113.{}", number + 1)).unwrap();
    let mut headers = HeaderMap::from_iter([(from, address)]);
    let client = |headers: &HeaderMap| {
        let builder = Client::builder().timeout(Duration::from_secs(10));
        builder.default_headers(headers.clone()).build().unwrap()
    };
    let body =
        json!({"email": format!("person-{number}@example.org"), "password": "ligand-pose-box"});
    let visitor = client(&headers);
    let post = |path: &str| visitor.post(cluster.address(path)).json(&body).send();
    let made: Value = post("/api/v1/auth/signup")
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let user = made["user_id"]
        .as_str()
        .unwrap_or_else(|| panic!("{made}"))
        .to_owned();
    let entered: Value = post("/api/v1/auth/login")
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let token = entered["access_token"].as_str().unwrap();
    headers.insert(
        AUTHORIZATION,
        HeaderValue::try_from(format!("Bearer {token}")).unwrap(),
    );

    let documents = cluster.documents().await;
    let key = Key::new(Collection::Users, user.clone());
    let found = documents
        .get_many(std::slice::from_ref(&key))
        .await
        .unwrap()
        .pop()
        .flatten()
        .unwrap();
    let mut record: Value = serde_json::from_str(&found.json).unwrap();
    record["limits"] =
        json!({"per_day": 100_000, "per_month": 100_000, "running": 4, "children": 50});
    let expect = Expect::Version(found.version);
    let put = Write::Put {
        key,
        json: record.to_string(),
        expect,
    };
    documents.commit(vec![put]).await.unwrap();
    Person {
        client: client(&headers),
        user,
        accepted: BTreeMap::new(),
        again: 0,
        perhaps_again: 0,
        repeated: 0,
    }
}

/// Kills hubs and lets them stand still; in the end all of them run.
async fn harm(cluster: Arc<Mutex<Cluster>>, end: Instant) -> Harm {
    let mut harm = Harm::default();
    // When each goes on that stands still.
    let mut stopped: [Option<Instant>; HUBS] = [None; HUBS];
    while Instant::now() < end {
        sleep(Duration::from_millis(500 + below(4_500))).await;
        let mut cluster = cluster.lock().await;
        for (hub, still) in stopped.iter_mut().enumerate() {
            match *still {
                Some(until) if Instant::now() >= until => {
                    cluster.signal(hub, "CONT");
                    *still = None;
                }
                None if !cluster.is_there(hub) => cluster.begin(hub),
                _ => {}
            }
        }
        let hub = below(HUBS as u64) as usize;
        if below(2) == 0 {
            harm.kills += 1;
            cluster.kill(hub);
            stopped[hub] = None;
        } else if stopped[hub].is_none() && cluster.is_there(hub) {
            harm.stops += 1;
            cluster.signal(hub, "STOP");
            // Mostly for a moment, at times for longer than any lease.
            let still = if below(5) == 0 {
                harm.long_stops += 1;
                30_000 + below(90_000)
            } else {
                below(10_000)
            };
            stopped[hub] = Some(Instant::now() + Duration::from_millis(still));
        }
    }
    let mut cluster = cluster.lock().await;
    for (hub, still) in stopped.iter().enumerate() {
        if still.is_some() {
            cluster.signal(hub, "CONT");
        }
        if !cluster.is_there(hub) {
            cluster.begin(hub);
        }
    }
    harm
}

/// A person works: submits, at times cancels, at times has something run again.
async fn work(mut person: Person, address: String, end: Instant) -> Person {
    while Instant::now() < end {
        match below(10) {
            0..=4 => {
                person
                    .submit(&format!("{address}/api/v1/jobs"), &job(), 1)
                    .await
            }
            5..=7 => {
                let ligands = 2 + below(10) as usize;
                person
                    .submit(
                        &format!("{address}/api/v1/batches"),
                        &screen(ligands),
                        ligands,
                    )
                    .await;
            }
            8 => person.cancel(&address).await,
            _ => person.retry(&address).await,
        }
        // No more than an emulator carries, which looks through all documents for every question.
        sleep(Duration::from_millis(20_000 + below(40_000))).await;
    }
    person
}

impl Person {
    /// The answer to a request that is repeated until there is one; `None` when the state of things does not allow it.
    async fn insist(&mut self, address: &str, body: &Value) -> Option<Value> {
        let key = format!("{:x}", getrandom::u64().unwrap());
        loop {
            let asked = self.client.post(address).json(body);
            let answer = asked.header("idempotency-key", &key).send().await;
            if let Ok(answer) = answer {
                let status = answer.status().as_u16();
                match answer.json::<Value>().await {
                    Ok(answer) if status < 300 => return Some(answer),
                    // A submission that is still being written is asked for again.
                    Ok(_) if status == 409 && !is_submission(address) => return None,
                    Ok(problem) if status < 500 && ![409, 429].contains(&status) => {
                        panic!("{address}: {problem}")
                    }
                    _ => {}
                }
            }
            self.repeated += 1;
            sleep(Duration::from_millis(500)).await;
        }
    }

    async fn submit(&mut self, address: &str, body: &Value, units: usize) {
        if let Some(answer) = self.insist(address, body).await {
            self.accepted
                .insert(answer["id"].as_str().unwrap().to_owned(), units);
        }
    }

    /// One of what was accepted.
    fn any(&self) -> Option<String> {
        let place = below(self.accepted.len().max(1) as u64) as usize;
        self.accepted.keys().nth(place).cloned()
    }

    async fn cancel(&mut self, address: &str) {
        if let Some(id) = self.any() {
            self.insist(&format!("{address}/api/v1/jobs/{id}/cancel"), &json!({}))
                .await;
        }
    }

    /// Has a job or a ligand of a batch run again: one unit.
    async fn retry(&mut self, address: &str) {
        let Some(id) = self.any() else { return };
        let units = self.accepted[&id];
        let id = match units {
            1 => id,
            _ => format!("{id}-{:05}", below(units as u64)),
        };
        let before = self.repeated;
        let address = format!("{address}/api/v1/jobs/{id}/retry");
        match self.insist(&address, &json!({})).await {
            Some(_) => self.again += 1,
            None if self.repeated > before => self.perhaps_again += 1,
            None => {}
        }
    }
}

fn is_submission(address: &str) -> bool {
    address.ends_with("/jobs") || address.ends_with("/batches")
}

/// What is there in the end.
#[derive(Default)]
struct Found {
    jobs: usize,
    units: usize,
    completed: usize,
    cancelled: usize,
    failed: usize,
    attempts: usize,
    /// Runs that the gateway was asked for once more.
    repeated: usize,
    broken: Vec<String>,
}

impl Found {
    fn hold(&mut self, is_so: bool, what: impl FnOnce() -> String) {
        if !is_so {
            self.broken.push(what());
        }
    }

    /// What became of what one person was told, by what is stored.
    async fn look(&mut self, cluster: &Cluster, stored: &Stored, person: &Person) {
        let list = cluster.get_as(&person.client, "/api/v1/jobs").await;
        let there = list["pagination"]["total_results"].as_u64();
        self.hold(there == Some(person.accepted.len() as u64), || {
            format!(
                "{} were accepted, and {there:?} are there",
                person.accepted.len()
            )
        });
        let mut ended = BTreeMap::<String, usize>::new();
        for (id, units) in &person.accepted {
            self.jobs += 1;
            let waiting = timeout(CALM, stored.until_ended(id)).await;
            let Ok(job) = waiting else {
                self.hold(false, || format!("{id} does not end"));
                continue;
            };
            let ids: Vec<String> = if job["kind"] == "batch" {
                (0..*units)
                    .map(|index| format!("{id}-{index:05}"))
                    .collect()
            } else {
                vec![id.clone()]
            };
            let mut counts = BTreeMap::<String, u64>::new();
            for (id, unit) in ids.iter().zip(stored.read(&ids).await) {
                let status = unit["status"].as_str().unwrap_or("lost").to_owned();
                let attempts = unit["attempts"].as_array().cloned().unwrap_or_default();
                let done = attempts
                    .iter()
                    .filter(|attempt| attempt["outcome"] == "completed")
                    .count();
                self.units += 1;
                self.attempts += attempts.len();
                if status == "completed" {
                    let run = format!("{id}:{}", unit["result_epoch"]);
                    let there = cluster.gateway.kept().runs.get(&run).cloned();
                    let there = there.map(|run| run["state"].clone());
                    self.hold(there == Some(json!("succeeded")), || {
                        format!("{run} was accepted, and the gateway says {there:?} of it")
                    });
                }
                self.hold(done == usize::from(status == "completed"), || {
                    format!("{id} is {status}, and {done} attempts completed")
                });
                *counts.entry(status.clone()).or_default() += 1;
                *ended.entry(status).or_default() += 1;
            }
            if let Some(summary) = job["batch"]["counts"].as_object() {
                for status in ["pending", "running", "completed", "failed", "cancelled"] {
                    let counted = counts.get(status).copied().unwrap_or_default();
                    self.hold(summary[status] == counted, || {
                        format!("{id}: {counted} are {status}, and the summary says {summary:?}")
                    });
                }
            }
        }
        let of = |status: &str| ended.get(status).copied().unwrap_or_default();
        self.completed += of("completed");
        self.cancelled += of("cancelled");
        self.failed += of("failed");
        let units: usize = ended.values().sum();
        let accepted: usize = person.accepted.values().sum();
        self.hold(units == accepted, || {
            format!("{units} units are there of {accepted}")
        });
        let [held, charged, refunded] = cluster.books(&format!("user:{}", person.user)).await;
        self.hold(held == 0, || format!("{held} units stay held"));
        let taken = accepted + person.again;
        let settled = (charged + refunded) as usize;
        let may_be = taken..=taken + person.perhaps_again;
        self.hold(may_be.contains(&settled), || {
            format!("{charged} charged and {refunded} given back of {may_be:?}")
        });
        let ids = || person.accepted.keys();
        let kept = cluster.gateway.kept();
        let runs = kept.begun.iter();
        let runs = runs.filter(|run| ids().any(|id| run.starts_with(id.as_str())));
        let may_be = of("completed")..=runs.count();
        drop(kept);
        self.hold(may_be.contains(&(charged as usize)), || {
            format!("{charged} are charged, and {may_be:?} completed or ran")
        });
    }

    /// Whether what the gateway began is what people were told of, each once and always asked for alike.
    fn hear_the_gateway(&mut self, cluster: &Cluster, people: &[Person], harm: &Harm) {
        let kept = cluster.gateway.kept();
        // Some fail by themselves and are tried again; that a server went is no reason to.
        let asked = |person: &Person| {
            person.accepted.values().sum::<usize>() + person.again + person.perhaps_again
        };
        let (begun, units) = (kept.begun.len(), people.iter().map(asked).sum::<usize>());
        self.hold(begun <= units + units / 10 + 10, || {
            format!("{begun} runs were begun for {units} units")
        });
        let failed = self.failed;
        self.hold(failed == 0, || format!("{failed} units failed"));
        let altered = kept.altered();
        self.hold(altered.is_empty(), || {
            format!("{altered:?} were asked for as one thing and as another")
        });
        // It is asked after a run before it is asked for again. Only a hub that stood still where it was about to ask, until
        // another one had, asks for what has begun: at most for all that there is room for, and seldom for anything.
        let (repeated, may_be) = (kept.repeated, harm.long_stops + PLACES);
        self.repeated = repeated;
        self.hold(repeated <= may_be, || {
            format!("{repeated} runs were asked for again, and {may_be} can be explained")
        });
        let known: BTreeSet<&str> = people
            .iter()
            .flat_map(|person| person.accepted.keys().map(String::as_str))
            .collect();
        for run in &kept.begun {
            let job = run.split([':', '-']).next().unwrap();
            self.hold(known.contains(job), || {
                format!("{run} is of no job that anybody was told of")
            });
        }
    }
}

fn report(
    duration: Duration,
    calm: Duration,
    harm: &Harm,
    people: &[Person],
    found: &Found,
) -> String {
    let repeated: usize = people.iter().map(|person| person.repeated).sum();
    let mut text = String::from("| what | number |\n|---|---:|\n");
    let mut line = |what: &str, number: String| writeln!(text, "| {what} | {number} |").unwrap();
    line("minutes", format!("{:.1}", duration.as_secs_f64() / 60.0));
    line("hubs killed", harm.kills.to_string());
    line("hubs that stood still", harm.stops.to_string());
    line(
        "of them for longer than any lease",
        harm.long_stops.to_string(),
    );
    line("requests that people had to repeat", repeated.to_string());
    line("jobs and batches accepted", found.jobs.to_string());
    line("units of work in them", found.units.to_string());
    line("completed", found.completed.to_string());
    line("cancelled", found.cancelled.to_string());
    line("failed", found.failed.to_string());
    line("attempts", found.attempts.to_string());
    line(
        "runs asked for again that had begun",
        found.repeated.to_string(),
    );
    line(
        "seconds until all had ended and were looked at",
        calm.as_secs().to_string(),
    );
    line(
        "invariants that did not hold",
        found.broken.len().to_string(),
    );
    for broken in &found.broken {
        writeln!(text, "\n* {broken}").unwrap();
    }
    text
}
