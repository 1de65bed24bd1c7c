//! The client of the compute gateway: protocol version 1 over HTTP. What its answers mean for a job is not known here.

mod callback;

use std::error::Error;
use std::time::Duration;

use async_trait::async_trait;
use hub::model::ModelOffer;
use hub::ports::Compute;
use hub::ports::compute::{Accepted, ComputeError, LigandReport, Ligands, Run, RunRequest};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode, Url, redirect};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;

pub use callback::{SIGNATURE_HEADER, TIMESTAMP_HEADER, verify_callback};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const TIMEOUT: Duration = Duration::from_secs(30);
/// RDKit looks at up to 1,500 ligands.
const LIGANDS_TIMEOUT: Duration = Duration::from_secs(120);

/// The gateway at an address.
pub struct Gateway {
    client: Client,
    base_url: Url,
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
    /// A client of the gateway at `base_url`, which knows `secret`.
    pub fn new(base_url: &str, secret: &str) -> Result<Self, GatewayError> {
        let address = || GatewayError::Address(base_url.to_owned());
        let url = Url::parse(base_url).map_err(|_| address())?;
        if !matches!(url.scheme(), "http" | "https") || url.cannot_be_a_base() {
            return Err(address());
        }
        let mut bearer =
            HeaderValue::try_from(format!("Bearer {secret}")).map_err(|_| GatewayError::Secret)?;
        bearer.set_sensitive(true);
        let client = Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(TIMEOUT)
            .redirect(redirect::Policy::none())
            .default_headers(HeaderMap::from_iter([(AUTHORIZATION, bearer)]))
            .build()?;
        Ok(Self {
            client,
            base_url: url,
        })
    }

    fn request(&self, method: Method, path: &[&str]) -> RequestBuilder {
        let mut url = self.base_url.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().push("v1").extend(path);
        }
        self.client.request(method, url)
    }

    async fn run(&self, method: Method, run_id: &str) -> Result<Run, ComputeError> {
        let answer = answer(self.request(method, &["runs", run_id])).await?;
        if answer.status() == StatusCode::NOT_FOUND {
            Err(ComputeError::Unknown)
        } else {
            read(answer).await
        }
    }
}

#[async_trait]
impl Compute for Gateway {
    async fn submit(&self, run: &RunRequest) -> Result<Accepted, ComputeError> {
        read(answer(self.request(Method::POST, &["runs"]).json(run)).await?).await
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
        let answer: Models = read(answer(self.request(Method::GET, &["models"])).await?).await?;
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
        let Rows { rows } = read(answer(request).await?).await?;
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

async fn answer(request: RequestBuilder) -> Result<Response, ComputeError> {
    request.send().await.map_err(unavailable)
}

/// Reads an answer of the shape that was asked for, or what is said instead.
async fn read<T: DeserializeOwned>(answer: Response) -> Result<T, ComputeError> {
    if answer.status().is_success() {
        // An answer that cannot be read leaves open what was done, like none.
        return answer.json().await.map_err(unavailable);
    }
    Err(refusal(answer).await)
}

async fn refusal(answer: Response) -> ComputeError {
    let status = answer.status();
    let retry_after_s = answer
        .headers()
        .get(RETRY_AFTER)
        .and_then(|value| value.to_str().ok()?.trim().parse().ok());
    let said = message(answer).await;
    match status {
        StatusCode::TOO_MANY_REQUESTS => ComputeError::Full { retry_after_s },
        // Not the request is at fault but the secret: an operator can mend it, and the job must not fail of it.
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::REQUEST_TIMEOUT => {
            unavailable(format!("the gateway answered {status}: {said}"))
        }
        _ if status.is_client_error() => ComputeError::Rejected(said),
        _ => unavailable(format!("the gateway answered {status}: {said}")),
    }
}

/// What the gateway says of why it refused.
async fn message(answer: Response) -> String {
    #[derive(Deserialize)]
    struct Refusal {
        error: Said,
    }
    #[derive(Deserialize)]
    struct Said {
        message: String,
    }
    let status = answer.status();
    match answer.json::<Refusal>().await {
        Ok(refusal) => refusal.error.message,
        Err(_) => format!("the compute gateway answered {status} and nothing more"),
    }
}

#[cfg(test)]
mod tests;
