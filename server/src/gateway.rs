//! The client of the compute gateway: protocol version 1 over HTTP. What its answers mean for a job is not known here.

mod breaker;
mod callback;

use std::error::Error;
use std::time::Duration;

use async_trait::async_trait;
use hub::model::ModelOffer;
use hub::ports::Compute;
use hub::ports::compute::{
    Accepted, ComputeError, LigandReport, Ligands, Run, RunError, RunRequest,
};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode, Url, redirect};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use tokio::time::Instant;

use breaker::Breaker;

pub use breaker::{Figures, Standing};
pub use callback::{SIGNATURE_HEADER, TIMESTAMP_HEADER, verify_callback};

const MODAL_KEY: HeaderName = HeaderName::from_static("modal-key");
const MODAL_SECRET: HeaderName = HeaderName::from_static("modal-secret");
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const TIMEOUT: Duration = Duration::from_secs(30);
/// RDKit looks at up to 1,500 ligands, in a second or two; whoever waits for it gives up after 30 s.
const LIGANDS_TIMEOUT: Duration = Duration::from_secs(25);
/// What the gateway says of a run that it was never asked for.
const NO_SUCH_RUN: &str = "not_found";

/// How long a question that had no answer waits before it is asked again at once.
const PAUSE: Duration = Duration::from_millis(300);

/// The gateway at an address.
pub struct Gateway {
    client: Client,
    base_url: Url,
    breaker: Breaker,
}

/// What Modal asks for before it lets anybody through to an address of its own.
#[derive(Clone, PartialEq, Eq)]
pub struct ProxyToken {
    /// The id of the token.
    pub key: String,
    /// Its secret.
    pub secret: String,
}

/// Why no client can be made.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// What is given is no address of a gateway.
    #[error("{0:?} is no http or https address")]
    Address(String),
    /// The secret cannot be sent in a header.
    #[error("the gateway's secret has characters that a header cannot hold")]
    Secret,
    /// The HTTP client cannot be made.
    #[error("the HTTP client cannot be made")]
    Client(#[from] reqwest::Error),
}

impl Gateway {
    /// A client of the gateway at `base_url`, which knows `secret`, with what opens the door of Modal before it.
    pub fn new(
        base_url: &str,
        secret: &str,
        door: Option<&ProxyToken>,
    ) -> Result<Self, GatewayError> {
        Self::within(TIMEOUT, base_url, secret, door)
    }

    /// The same with another patience.
    fn within(
        patience: Duration,
        base_url: &str,
        secret: &str,
        door: Option<&ProxyToken>,
    ) -> Result<Self, GatewayError> {
        let address = || GatewayError::Address(base_url.to_owned());
        let url = Url::parse(base_url).map_err(|_| address())?;
        if !matches!(url.scheme(), "http" | "https") || url.cannot_be_a_base() {
            return Err(address());
        }
        let kept = |text: &str| {
            let mut value = HeaderValue::try_from(text).map_err(|_| GatewayError::Secret)?;
            value.set_sensitive(true);
            Ok::<_, GatewayError>(value)
        };
        let mut headers =
            HeaderMap::from_iter([(AUTHORIZATION, kept(&format!("Bearer {secret}"))?)]);
        if let Some(door) = door {
            headers.insert(MODAL_KEY, kept(&door.key)?);
            headers.insert(MODAL_SECRET, kept(&door.secret)?);
        }
        let client = Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(patience)
            .redirect(redirect::Policy::none())
            .default_headers(headers)
            .build()?;
        Ok(Self {
            client,
            base_url: url,
            breaker: Breaker::default(),
        })
    }

    fn request(&self, method: Method, path: &[&str]) -> RequestBuilder {
        let mut url = self.base_url.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().push("v1").extend(path);
        }
        self.client.request(method, url)
    }

    /// Whether the gateway is asked, or left alone after it did not answer.
    pub fn standing(&self) -> Standing {
        self.breaker.standing(Instant::now())
    }

    /// What became of the questions since the hub began.
    pub fn figures(&self) -> Figures {
        self.breaker.figures()
    }

    /// The answer, unless the gateway is left alone.
    async fn asked(&self, request: RequestBuilder) -> Result<Response, ComputeError> {
        let turn = self.breaker.enter(Instant::now()).ok_or_else(|| {
            unavailable("it did not answer several times and is left alone for a moment")
        })?;
        let answer = request.send().await;
        match &answer {
            Ok(answer) if !answer.status().is_server_error() => turn.answered(),
            _ => turn.unanswered(Instant::now()),
        }
        answer.map_err(unavailable)
    }

    /// The answer to what changes nothing, or the same change however often it is asked: once more, when there was none
    /// and the budget has something left.
    async fn asked_again(&self, request: RequestBuilder) -> Result<Response, ComputeError> {
        let again = request.try_clone();
        let answer = self.asked(request).await;
        // Who says when to come again means it.
        let lost = match &answer {
            Ok(answer) => answer.status().is_server_error() && retry_after_s(answer).is_none(),
            Err(_) => true,
        };
        match again.filter(|_| lost && self.breaker.spend()) {
            Some(again) => {
                tokio::time::sleep(PAUSE).await;
                self.asked(again).await
            }
            None => answer,
        }
    }

    async fn run(&self, method: Method, run_id: &str) -> Result<Run, ComputeError> {
        let request = self.request(method, &["runs", run_id]);
        match read(self.asked_again(request).await?).await {
            Err(ComputeError::Rejected(RunError {
                code: Some(code), ..
            })) if code == NO_SUCH_RUN => Err(ComputeError::Unknown),
            answer => answer,
        }
    }
}

#[async_trait]
impl Compute for Gateway {
    async fn submit(&self, run: &RunRequest) -> Result<Accepted, ComputeError> {
        // Not asked again when there is no answer: what became of it is asked for by its name.
        read(
            self.asked(self.request(Method::POST, &["runs"]).json(run))
                .await?,
        )
        .await
    }

    async fn state(&self, run_id: &str) -> Result<Run, ComputeError> {
        self.run(Method::GET, run_id).await
    }

    async fn cancel(&self, run_id: &str) -> Result<Run, ComputeError> {
        self.run(Method::DELETE, run_id).await
    }

    async fn models(&self) -> Result<Vec<ModelOffer>, ComputeError> {
        #[derive(Deserialize)]
        struct Models {
            models: Vec<ModelOffer>,
        }
        let request = self.request(Method::GET, &["models"]);
        let answer: Models = read(self.asked_again(request).await?).await?;
        Ok(answer.models)
    }

    async fn ligands(
        &self,
        task: &str,
        ligands: Ligands<'_>,
    ) -> Result<Vec<LigandReport>, ComputeError> {
        #[derive(Deserialize)]
        struct Rows {
            rows: Vec<LigandReport>,
        }
        let body = match ligands {
            Ligands::Smiles(smiles) => {
                let ligands: Vec<_> = smiles
                    .iter()
                    .map(|smiles| json!({"smiles": smiles}))
                    .collect();
                json!({"task": task, "ligands": ligands})
            }
            Ligands::Sdf(text) => json!({"task": task, "sdf": text}),
        };
        let request = self
            .request(Method::POST, &["ligands"])
            .timeout(LIGANDS_TIMEOUT)
            .json(&body);
        // Not asked again: somebody waits for the answer.
        let Rows { rows } = read(self.asked(request).await?).await?;
        match ligands {
            Ligands::Smiles(smiles) if smiles.len() != rows.len() => Err(unavailable(format!(
                "the gateway answered {} rows to {} ligands",
                rows.len(),
                smiles.len()
            ))),
            _ => Ok(rows),
        }
    }
}

fn unavailable(cause: impl Into<Box<dyn Error + Send + Sync>>) -> ComputeError {
    ComputeError::Unavailable(cause.into())
}

/// Reads an answer of the shape that was asked for, or what is said instead.
async fn read<T: DeserializeOwned>(answer: Response) -> Result<T, ComputeError> {
    if answer.status().is_success() {
        // An answer that cannot be read leaves open what was done, like none.
        return answer.json().await.map_err(unavailable);
    }
    Err(refusal(answer).await)
}

/// When to come again, in seconds, by an answer that says so.
fn retry_after_s(answer: &Response) -> Option<u32> {
    let header = answer.headers().get(RETRY_AFTER)?;
    header.to_str().ok()?.trim().parse().ok()
}

/// Only the gateway's own words say that a request is at fault. What stands before it, a proxy or Modal's own door,
/// answers with 4xx too, when it cannot find or reach the gateway: then nothing is known of the request.
async fn refusal(answer: Response) -> ComputeError {
    #[derive(Deserialize)]
    struct Refusal {
        error: RunError,
    }
    let status = answer.status();
    let retry_after_s = retry_after_s(&answer);
    let said = answer.json::<Refusal>().await.ok().map(|said| said.error);
    match (status, said) {
        (StatusCode::TOO_MANY_REQUESTS, _) => ComputeError::Full { retry_after_s },
        (StatusCode::SERVICE_UNAVAILABLE, _) if retry_after_s.is_some() => {
            ComputeError::Full { retry_after_s }
        }
        // Not the request is at fault but the secret: an operator can mend it, and the job must not fail of it.
        (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::REQUEST_TIMEOUT, said) => {
            let said = said.map_or_else(String::new, |said| said.message);
            unavailable(format!("the gateway answered {status} {said}"))
        }
        (_, Some(said)) if status.is_client_error() => ComputeError::Rejected(said),
        _ => unavailable(format!("the gateway answered {status}")),
    }
}

#[cfg(test)]
mod tests;
