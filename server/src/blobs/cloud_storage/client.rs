//! Requests to Cloud Storage: each with its credentials and a time after which it is given up.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::time::Duration;

use google_cloud_auth::credentials::{AccessTokenCredentials, Builder};
use google_cloud_auth::signer::Signer;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::{RequestBuilder, Response, StatusCode, header, redirect};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, de};
use tokio::time::timeout;

use super::fault::Fault;
use crate::blobs::path::BlobPath;

/// Where Cloud Storage answers.
const ADDRESS: &str = "https://storage.googleapis.com";
/// What the credentials are asked for.
const SCOPE: &str = "https://www.googleapis.com/auth/devstorage.read_write";
/// How long a small request may take, and each piece of a file; with its repetitions it ends before a browser loses
/// patience.
pub const PATIENCE: Duration = Duration::from_secs(5);
/// How long a connection may take.
const CONNECTING: Duration = Duration::from_secs(3);
/// How often something is tried at most.
pub const TRIES: u32 = 4;
/// The pause before the second try; it doubles, and varies by half.
const PAUSE_MS: u64 = 100;
/// The longest pause that is waited for because Cloud Storage asks for it.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Which bucket is talked to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Where Cloud Storage answers, without a slash at the end.
    pub address: String,
    /// The bucket's name.
    pub bucket: String,
    /// The setting that names it, for what an operator reads.
    pub setting: &'static str,
}

impl Place {
    /// The bucket that a setting names.
    pub fn bucket(name: &str, setting: &'static str) -> Self {
        Self {
            address: ADDRESS.to_owned(),
            bucket: name.to_owned(),
            setting,
        }
    }

    /// Host and port of the address.
    pub fn host(&self) -> &str {
        let (_, host) = self.address.split_once("://").unwrap_or_default();
        host
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "gs://{} ({})", self.bucket, self.setting)
    }
}

/// In whose name requests are made and addresses are signed.
#[derive(Clone, Debug)]
pub struct Account {
    /// What requests are made with.
    pub credentials: AccessTokenCredentials,
    /// What addresses are signed with: a key of this machine, or one that the platform keeps.
    pub signer: Signer,
}

impl Account {
    /// The account that this machine acts as.
    pub fn of_this_machine(place: &Place) -> Result<Self, Fault> {
        let credentials = Builder::default()
            .with_scopes([SCOPE])
            .build_access_token_credentials()
            .map_err(|error| Fault::without_credentials(&error, false, place))?;
        let signer = Builder::default()
            .build_signer()
            .map_err(|error| Fault::unsigned(&error, place))?;
        Ok(Self {
            credentials,
            signer,
        })
    }
}

/// What is known of an object.
#[derive(Debug, Deserialize)]
pub struct Object {
    /// Its length.
    #[serde(deserialize_with = "number")]
    pub size: u64,
    /// What was said of it when it was put.
    #[serde(default)]
    pub metadata: BTreeMap<String, String>,
}

/// The way to one bucket.
pub struct Client {
    place: Place,
    account: Account,
    pub(super) http: reqwest::Client,
}

impl Client {
    /// A client that connects when it is first used.
    pub fn new(place: Place, account: Account) -> Result<Self, Fault> {
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECTING)
            .redirect(redirect::Policy::none())
            .build()
            .map_err(|error| Fault::unanswered(error, &place))?;
        Ok(Self {
            place,
            account,
            http,
        })
    }

    /// The bucket.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// The address of the bucket's objects in the interface, below `upload` when something is put.
    pub fn objects(&self, upload: &str) -> String {
        let Place {
            address, bucket, ..
        } = &self.place;
        format!("{address}{upload}/storage/v1/b/{bucket}/o")
    }

    /// The address of an object in the interface.
    pub fn object(&self, path: &BlobPath) -> String {
        format!("{}/{}", self.objects(""), path.as_str().replace('/', "%2F"))
    }

    /// Whether the bucket is there and these may be done in it.
    pub async fn check(&self, permissions: &[&'static str]) -> Result<(), Fault> {
        #[derive(Deserialize)]
        struct Held {
            #[serde(default)]
            permissions: Vec<String>,
        }
        let Place {
            address, bucket, ..
        } = &self.place;
        let asked = permissions.join("&permissions=");
        let held: Held = self
            .ask(&format!(
                "{address}/storage/v1/b/{bucket}/iam/testPermissions?permissions={asked}"
            ))
            .await?;
        let mut lacking = permissions.to_vec();
        lacking.retain(|permission| !held.permissions.iter().any(|held| held == permission));
        if lacking.is_empty() {
            Ok(())
        } else {
            Err(Fault::without_permission(&lacking, &self.place))
        }
    }

    /// What is known of an object, `None` when there is none.
    pub async fn head(&self, path: &BlobPath) -> Result<Option<Object>, Fault> {
        let url = format!("{}?fields=size,metadata", self.object(path));
        match self.ask(&url).await {
            Ok(object) => Ok(Some(object)),
            Err(fault) if fault.is_absent() => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    /// Name and length of every object below a folder, in the order of names.
    pub async fn list(&self, folder: &BlobPath) -> Result<Vec<(String, u64)>, Fault> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Page {
            #[serde(default)]
            items: Vec<Item>,
            next_page_token: Option<String>,
        }
        #[derive(Deserialize)]
        struct Item {
            name: String,
            #[serde(deserialize_with = "number")]
            size: u64,
        }
        let first = format!(
            "{}?prefix={folder}/&fields=nextPageToken,items(name,size)",
            self.objects("")
        );
        let mut listed = Vec::new();
        let mut url = first.clone();
        loop {
            let page: Page = self.ask(&url).await?;
            listed.extend(page.items.into_iter().map(|item| (item.name, item.size)));
            let Some(token) = page.next_page_token else {
                return Ok(listed);
            };
            let token = utf8_percent_encode(&token, NON_ALPHANUMERIC);
            url = format!("{first}&pageToken={token}");
        }
    }

    /// Removes an object; there being none is as good.
    pub async fn delete(&self, path: &BlobPath) -> Result<(), Fault> {
        let url = self.object(path);
        match self
            .repeated(|| self.send(self.http.delete(&url), PATIENCE))
            .await
        {
            Err(fault) if !fault.is_absent() => Err(fault),
            _ => Ok(()),
        }
    }

    /// The e-mail address of the account that signs.
    pub async fn email(&self) -> Result<String, Fault> {
        let email = timeout(PATIENCE, self.account.signer.client_email()).await;
        let email = email.map_err(|_| Fault::late(&self.place))?;
        email.map_err(|error| Fault::unsigned(&error, &self.place))
    }

    /// Signs a text. On Google Cloud this is a request to whoever keeps the key.
    pub async fn sign(&self, text: &[u8]) -> Result<bytes::Bytes, Fault> {
        let signature = timeout(PATIENCE, self.account.signer.sign(text)).await;
        let signature = signature.map_err(|_| Fault::late(&self.place))?;
        signature.map_err(|error| Fault::unsigned(&error, &self.place))
    }

    /// Does something until it is done, or cannot be.
    pub async fn repeated<T, Doing>(&self, act: impl Fn() -> Doing) -> Result<T, Fault>
    where
        Doing: Future<Output = Result<T, Fault>>,
    {
        let mut tried = 1;
        loop {
            match act().await {
                Err(fault) if fault.passes() && tried < TRIES => {
                    pause(tried, &fault).await;
                    tried += 1;
                }
                done => return done,
            }
        }
    }

    /// Sends a request once and waits for the beginning of the answer. That an upload is to be continued is an answer, too.
    pub async fn send(
        &self,
        request: RequestBuilder,
        patience: Duration,
    ) -> Result<Response, Fault> {
        let token = self.token().await?;
        let answer = timeout(patience, request.bearer_auth(token).send()).await;
        let answer = answer.map_err(|_| Fault::late(&self.place))?;
        let answer = answer.map_err(|error| Fault::unanswered(error, &self.place))?;
        let status = answer.status();
        if status.is_success() || status == StatusCode::PERMANENT_REDIRECT {
            return Ok(answer);
        }
        let seconds = answer.headers().get(header::RETRY_AFTER);
        let seconds = seconds.and_then(|seconds| seconds.to_str().ok()?.parse().ok());
        let said = timeout(PATIENCE, answer.text()).await;
        let said = said.unwrap_or(Ok(String::new())).unwrap_or_default();
        let fault = Fault::of(status, &said, &self.place);
        Err(fault.after(seconds.map(Duration::from_secs)))
    }

    /// Asks for what an address tells.
    async fn ask<T: DeserializeOwned>(&self, url: &str) -> Result<T, Fault> {
        self.repeated(|| async {
            let answer = self.send(self.http.get(url), PATIENCE).await?;
            let told = timeout(PATIENCE, answer.json()).await;
            let told = told.map_err(|_| Fault::late(&self.place))?;
            told.map_err(|error| Fault::unanswered(error, &self.place))
        })
        .await
    }

    async fn token(&self) -> Result<String, Fault> {
        let token = timeout(PATIENCE, self.account.credentials.access_token()).await;
        let token = token.map_err(|_| Fault::late(&self.place))?;
        let token = token.map_err(|error| {
            Fault::without_credentials(&error, error.is_transient(), &self.place)
        })?;
        Ok(token.token)
    }
}

/// Waits before the try after this many, of which the last ended so.
pub async fn pause(tried: u32, fault: &Fault) {
    tracing::debug!(cause = %fault, tried, "trying again");
    let random = getrandom::u32().map_or(0.5, |random| f64::from(random) / f64::from(u32::MAX));
    let pause = (PAUSE_MS << tried.min(6)) as f64 * (0.5 + random);
    let asked = fault.retry_after().unwrap_or_default().min(LONGEST_PAUSE);
    tokio::time::sleep(Duration::from_millis(pause as u64).max(asked)).await;
}

/// A number of 64 bits, which the interface writes as a text.
fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    String::deserialize(deserializer)?
        .parse()
        .map_err(de::Error::custom)
}
