//! The client against a gateway that answers as the golden files say, or fails.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Response as Answer, StatusCode};
use hub::job::Category;
use hub::ports::compute::RunState;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

/// A gateway on this machine: it keeps what it is asked and answers what it was told to.
struct FarGateway {
    url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

/// One request as it came.
#[derive(Debug, PartialEq)]
struct Asked {
    what: String,
    body: Value,
}

#[derive(Clone)]
struct Told {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl FarGateway {
    async fn answering(status: u16, body: impl Into<String>) -> Self {
        Self::answering_with(status, HeaderMap::new(), body).await
    }

    async fn answering_with(status: u16, headers: HeaderMap, body: impl Into<String>) -> Self {
        Self::failing_first(&[], status, headers, body).await
    }

    /// One that hangs up on the first it hears, after it said these words.
    async fn failing_first(
        words: &'static [&'static str],
        status: u16,
        headers: HeaderMap,
        body: impl Into<String>,
    ) -> Self {
        let asked = Arc::default();
        let status = StatusCode::from_u16(status).unwrap();
        let told = Told {
            status,
            headers,
            body: body.into(),
            asked: Arc::clone(&asked),
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/gateway/", listener.local_addr().unwrap());
        let router = Router::new().fallback(hear).with_state(told);
        tokio::spawn(async move {
            for words in words {
                hang_up(&listener, words).await;
            }
            axum::serve(listener, router).await
        });
        Self { url, asked }
    }

    fn client(&self) -> Gateway {
        Gateway::new(&self.url, "golden-secret", None).unwrap()
    }

    fn asked(&self) -> Asked {
        self.asked.lock().unwrap().pop().unwrap()
    }
}

/// Hears one question and hangs up, after it said these words.
async fn hang_up(listener: &TcpListener, words: &str) {
    let (mut line, _) = listener.accept().await.unwrap();
    let heard = line.read(&mut [0; 4_096]).await.unwrap();
    assert!(heard > 0);
    line.write_all(words.as_bytes()).await.unwrap();
}

async fn hear(State(told): State<Told>, request: Request) -> Answer<String> {
    assert_eq!(request.headers()["authorization"], "Bearer golden-secret");
    let mut what = format!("{} {}", request.method(), request.uri());
    for name in ["modal-key", "modal-secret"] {
        if let Some(value) = request.headers().get(name) {
            what.push_str(&format!(" {name}={}", value.to_str().unwrap()));
        }
    }
    let body: Bytes = axum::body::to_bytes(request.into_body(), usize::MAX)
        .await
        .unwrap();
    let body = if body.is_empty() {
        Value::Null
    } else {
        serde_json::from_slice(&body).unwrap()
    };
    told.asked.lock().unwrap().push(Asked { what, body });
    let mut answer = Answer::new(told.body);
    *answer.status_mut() = told.status;
    *answer.headers_mut() = told.headers;
    answer
}

macro_rules! golden {
    ($name:literal) => {
        include_str!(concat!("../../../worker/tests/golden/", $name, ".json"))
    };
}

const RUN: &str = "k7m2p4q6r8s1t3v5w7x9y2z4a6:1";

/// A number is the same whether it is written with a fraction of zero or without.
fn plain(value: Value) -> Value {
    match value {
        Value::Number(number) => json!(number.as_f64()),
        Value::Array(values) => values.into_iter().map(plain).collect(),
        Value::Object(fields) => fields
            .into_iter()
            .map(|(name, value)| (name, plain(value)))
            .collect(),
        other => other,
    }
}

#[tokio::test]
async fn a_run_is_asked_for_in_the_words_of_the_protocol() {
    for golden in [
        golden!("run_request_named"),
        golden!("run_request_receptor"),
    ] {
        let mut words: Value = serde_json::from_str(golden).unwrap();
        words["deadline_s"] = json!(words["deadline_s"].as_f64().unwrap() as u32);
        let run: RunRequest = serde_json::from_value(words.clone()).unwrap();
        let far = FarGateway::answering(202, golden!("run_accepted")).await;
        let accepted = far.client().submit(&run).await.unwrap();
        assert_eq!(
            (accepted.run_id.as_str(), accepted.state),
            (RUN, RunState::Queued)
        );
        let asked = far.asked();
        assert_eq!(asked.what, "POST /gateway/v1/runs");
        assert_eq!(plain(asked.body), plain(words));
    }
    let far = FarGateway::answering(200, golden!("run_accepted")).await;
    let run = serde_json::from_str(&golden!("run_request_named").replace("900.0", "900")).unwrap();
    assert_eq!(
        far.client().submit(&run).await.unwrap().call_id,
        "local-3f1c9a7be2d84c55a0f6d1b27c90e6aa"
    );
}

#[tokio::test]
async fn where_a_run_stands_is_read() {
    use RunState::*;
    for (golden, state) in [
        (golden!("run_queued"), Queued),
        (golden!("run_running"), Running),
        (golden!("run_succeeded"), Succeeded),
        (golden!("run_failed"), Failed),
        (golden!("run_cancelled"), Cancelled),
    ] {
        let far = FarGateway::answering(200, golden).await;
        let run = far.client().state(RUN).await.unwrap();
        assert_eq!((run.run_id.as_str(), run.state), (RUN, state));
        assert_eq!(
            far.asked(),
            Asked {
                what: format!("GET /gateway/v1/runs/{RUN}"),
                body: Value::Null
            }
        );

        // Nothing that the protocol says of a run is lost but the gateway's own name for it.
        let mut said: Value = serde_json::from_str(golden).unwrap();
        said.as_object_mut().unwrap().remove("call_id");
        assert_eq!(plain(serde_json::to_value(&run).unwrap()), plain(said));
    }
    let far = FarGateway::answering(200, golden!("run_cancelled")).await;
    assert_eq!(far.client().cancel(RUN).await.unwrap().state, Cancelled);
    assert_eq!(far.asked().what, format!("DELETE /gateway/v1/runs/{RUN}"));
}

#[tokio::test]
async fn a_run_that_is_not_known_there_is_unknown() {
    let said = r#"{"error": {"category": "user", "code": "not_found", "message": "there is no such run", "field": null}}"#;
    let far = FarGateway::answering(404, said).await;
    assert!(matches!(
        far.client().state(RUN).await,
        Err(ComputeError::Unknown)
    ));
    assert!(matches!(
        far.client().cancel(RUN).await,
        Err(ComputeError::Unknown)
    ));
    assert!(matches!(
        far.client().state("../models").await,
        Err(ComputeError::Unknown)
    ));
    assert_eq!(
        far.asked().what,
        "GET /gateway/v1/runs/..%2Fmodels",
        "an id is one segment whatever is in it"
    );
}

#[tokio::test]
async fn what_runs_there_is_read() {
    let far = FarGateway::answering(200, golden!("models")).await;
    let models = far.client().models().await.unwrap();
    assert_eq!(far.asked().what, "GET /gateway/v1/models");
    let vina = &models[0];
    assert_eq!((vina.id.as_str(), vina.available), ("vina", true));
    assert_eq!(vina.targets.len(), 58);
    for absent in ["boltz2", "chai1", "rfantibody"] {
        let offer = models.iter().find(|offer| offer.id == absent).unwrap();
        assert!(
            !offer.available && offer.reason.is_some(),
            "{absent} cannot run here, and says why"
        );
    }
}

#[tokio::test]
async fn ligands_are_looked_at_as_smiles_or_as_sdf() {
    let request: Value = serde_json::from_str(golden!("ligands_request")).unwrap();
    let smiles = request["ligands"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["smiles"].as_str().unwrap().to_owned());
    let smiles: Vec<_> = smiles.collect();
    let far = FarGateway::answering(200, golden!("ligands_answer")).await;
    let reports = far
        .client()
        .ligands("docking", Ligands::Smiles(&smiles))
        .await
        .unwrap();
    assert_eq!(
        far.asked(),
        Asked {
            what: "POST /gateway/v1/ligands".to_owned(),
            body: request
        }
    );
    let said: Value = serde_json::from_str(golden!("ligands_answer")).unwrap();
    assert_eq!(
        plain(serde_json::to_value(&reports).unwrap()),
        plain(said["rows"].clone())
    );

    far.client()
        .ligands("docking", Ligands::Sdf("ethanol\n"))
        .await
        .unwrap();
    assert_eq!(
        far.asked().body,
        json!({"task": "docking", "sdf": "ethanol\n"})
    );
    let fewer = far
        .client()
        .ligands("docking", Ligands::Smiles(&smiles[1..]))
        .await;
    assert!(
        matches!(fewer, Err(ComputeError::Unavailable(_))),
        "rows that fit no ligand are not guessed at"
    );
}

#[tokio::test]
async fn what_is_wrong_is_told_apart() {
    let said = r#"{"error": {"category": "user", "code": "box", "message": "the box is too large", "field": "input.target.box"}}"#;
    let far = |status| FarGateway::answering(status, said);
    for status in [400, 409, 413, 422] {
        let answer = far(status).await.client().models().await;
        assert!(
            matches!(answer, Err(ComputeError::Rejected(said)) if said.message == "the box is too large"
                && said.category == Category::User),
            "{status}"
        );
    }
    for status in [301, 401, 403, 408, 500, 502, 503, 504] {
        let answer = far(status).await.client().models().await;
        assert!(
            matches!(answer, Err(ComputeError::Unavailable(_))),
            "{status}"
        );
    }
    // One who says when to come again is not asked again at once.
    for status in [429, 503] {
        let headers = HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static("7"))]);
        let far = FarGateway::answering_with(status, headers, said).await;
        let client = far.client();
        let answer = client.models().await;
        let is_full = matches!(
            answer,
            Err(ComputeError::Full {
                retry_after_s: Some(7)
            })
        );
        assert!(is_full, "{status}: {answer:?}");
        let Figures {
            answered,
            unanswered,
            ..
        } = client.figures();
        assert_eq!(answered + unanswered, 1, "{status}");
    }
    assert!(matches!(
        far(429).await.client().models().await,
        Err(ComputeError::Full {
            retry_after_s: None
        })
    ));

    // What stands before the gateway says nothing of the request.
    for (status, body) in [
        (200, "<html>"),
        (400, "<html>"),
        (404, "modal-http: invalid function call"),
        (410, r#"{"detail": "gone"}"#),
    ] {
        let client = FarGateway::answering(status, body).await.client();
        assert!(
            matches!(client.models().await, Err(ComputeError::Unavailable(_))),
            "{status}"
        );
        assert!(
            matches!(client.state(RUN).await, Err(ComputeError::Unavailable(_))),
            "{status}"
        );
    }
}

#[tokio::test]
async fn a_gateway_that_is_down_or_hangs_up_is_unavailable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let gateway = Gateway::new(
        &format!("http://{}", listener.local_addr().unwrap()),
        "secret",
        None,
    )
    .unwrap();
    let hanging_up = tokio::spawn(async move { listener.accept().await.map(drop) });
    assert!(matches!(
        gateway.state(RUN).await,
        Err(ComputeError::Unavailable(_))
    ));
    hanging_up.await.unwrap().unwrap();
    // Now nobody listens there.
    assert!(matches!(
        gateway.state(RUN).await,
        Err(ComputeError::Unavailable(_))
    ));
}

#[tokio::test]
async fn where_a_run_stands_is_asked_once_more_when_there_is_no_answer() {
    const NOTHING: &str = "";
    const OUT_OF_ORDER: &str =
        "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    let after = |words: &'static [&'static str]| {
        FarGateway::failing_first(words, 200, HeaderMap::new(), golden!("run_cancelled"))
    };
    let once = Figures {
        answered: 1,
        unanswered: 1,
        withheld: 0,
        repeated: 1,
    };
    for words in [&[NOTHING], &[OUT_OF_ORDER]] {
        let far = after(words).await;
        let client = far.client();
        let run = client.state(RUN).await.unwrap();
        assert_eq!(run.state, RunState::Cancelled);
        assert_eq!(far.asked().what, format!("GET /gateway/v1/runs/{RUN}"));
        assert_eq!(client.figures(), once);

        let far = after(words).await;
        let client = far.client();
        let run = client.cancel(RUN).await.unwrap();
        assert_eq!(run.state, RunState::Cancelled);
        assert_eq!(far.asked().what, format!("DELETE /gateway/v1/runs/{RUN}"));
        assert_eq!(client.figures(), once);
    }

    // And no oftener than that.
    let far = after(&[OUT_OF_ORDER, OUT_OF_ORDER]).await;
    let answer = far.client().state(RUN).await;
    assert!(matches!(answer, Err(ComputeError::Unavailable(_))));
    assert!(far.asked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_gateway_that_is_silent_is_not_waited_for() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let gateway = Gateway::within(Duration::from_millis(200), &url, "golden-secret", None).unwrap();
    let asked = tokio::time::timeout(Duration::from_secs(20), gateway.state(RUN)).await;
    let answer = asked.expect("an end of the waiting");
    assert!(matches!(answer, Err(ComputeError::Unavailable(_))));
}

#[tokio::test]
async fn an_outage_is_no_storm() {
    let far = FarGateway::answering(503, "").await;
    let client = far.client();
    for _ in 0..50 {
        assert!(matches!(
            client.state(RUN).await,
            Err(ComputeError::Unavailable(_))
        ));
    }
    let asked = far.asked.lock().unwrap().len();
    assert!((5..=7).contains(&asked), "{asked} questions reached it");
    assert!(matches!(client.standing(), Standing::Open(_)));
}

#[tokio::test]
async fn a_run_is_not_asked_for_twice_when_there_is_no_answer() {
    let far = FarGateway::answering(502, "").await;
    let run = serde_json::from_str(&golden!("run_request_named").replace("900.0", "900")).unwrap();
    let answer = far.client().submit(&run).await;
    assert!(matches!(answer, Err(ComputeError::Unavailable(_))));
    assert_eq!(far.asked.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_gateway_at_modal_is_told_the_token_of_its_door() {
    let far = FarGateway::answering(200, r#"{"models": []}"#).await;
    let door = ProxyToken {
        key: "wk-1".into(),
        secret: "ws-2".into(),
    };
    let client = Gateway::new(&far.url, "golden-secret", Some(&door)).unwrap();
    client.models().await.unwrap();
    assert_eq!(
        far.asked().what,
        "GET /gateway/v1/models modal-key=wk-1 modal-secret=ws-2"
    );
}

#[test]
fn what_is_no_address_is_refused() {
    for address in [
        "",
        "gateway",
        "ftp://gateway",
        "data:text/plain,x",
        "http://",
    ] {
        assert!(
            matches!(
                Gateway::new(address, "secret", None),
                Err(GatewayError::Address(_))
            ),
            "{address}"
        );
    }
    assert!(matches!(
        Gateway::new("http://gateway", "sec\nret", None),
        Err(GatewayError::Secret)
    ));
}
