//! Signing in at another service by OpenID Connect: the authorisation code with PKCE. What the service says is believed
//! after it was checked; what an account it leads to is not known here.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use data_encoding::BASE64;
use hub::search::query_string;
use hub::services::Identity;
use hub::time::Timestamp;
use hub::{Error, Result};
use jsonwebtoken::jwk::{Jwk, JwkSet};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use reqwest::{Client, Response, Url, redirect};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::config::openid::Provider;

mod held;
mod metadata;
mod pending;
mod token;

use held::Held;
use metadata::{Address, Metadata};
pub use pending::{PENDING_S, Pending};
use token::{About, Claims};

/// The path that the service leads browsers back to.
pub const CALLBACK: &str = "/openid/callback";
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
const TIMEOUT: Duration = Duration::from_secs(10);
/// Seconds for which it is believed where the service is and what its keys are.
const BELIEVED_S: i64 = 3_600;
/// Seconds after which its keys are asked for again, when it signs with an unknown one.
const RENEWED_S: i64 = 30;
/// Bytes of an answer at most.
const MAX_ANSWER: usize = 256 * 1024;

type Cause = Box<dyn std::error::Error + Send + Sync>;

/// The other service.
pub struct OpenId {
    provider: Provider,
    redirect_uri: String,
    client: Client,
    metadata: Held<Metadata>,
    keys: Held<JwkSet>,
}

/// What the service gives for a code.
#[derive(Deserialize)]
struct Given {
    access_token: String,
    id_token: String,
}

impl OpenId {
    /// The service, for the hub at this address. It is asked for nothing until somebody signs in.
    pub fn new(provider: Provider, hub: &str) -> reqwest::Result<Self> {
        let client = Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(TIMEOUT)
            .redirect(redirect::Policy::none())
            .build()?;
        Ok(Self {
            provider,
            redirect_uri: format!("{hub}{CALLBACK}"),
            client,
            metadata: Held::default(),
            keys: Held::default(),
        })
    }

    /// Begins a sign-in that leads to a page of the hub in the end: where the browser goes now, and what it keeps.
    pub async fn begin(&self, next: &str, now: Timestamp) -> Result<(String, Pending)> {
        let metadata = self.metadata(now).await?;
        let pending = Pending::begin(next, now);
        let Address(mut location) = metadata.authorization_endpoint.clone();
        location
            .query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.provider.client_id)
            .append_pair("redirect_uri", &self.redirect_uri)
            .append_pair("scope", "openid email profile")
            .append_pair("state", &pending.state())
            .append_pair("nonce", &pending.nonce())
            .append_pair("code_challenge", &pending.challenge())
            .append_pair("code_challenge_method", "S256");
        Ok((location.into(), pending))
    }

    /// The code in the answer that a browser brings back; whatever else it brings is refused.
    pub async fn code<'a>(
        &self,
        answer: &'a HashMap<String, String>,
        pending: &Pending,
        now: Timestamp,
    ) -> Result<&'a str> {
        let name = &self.provider.name;
        let get = |field: &str| answer.get(field).map(String::as_str);
        if get("state") != Some(pending.state().as_str()) {
            return Err(Error::conflict(
                "this answer belongs to no sign-in that was begun here; begin it anew",
            ));
        }
        // An answer of another service, sent here instead of there.
        let metadata = self.metadata(now).await?;
        let issuer = get("iss");
        let named = issuer.is_some() || !metadata.names_issuer;
        if !named || issuer.is_some_and(|issuer| issuer != self.provider.issuer) {
            return Err(self.odd("the answer names another issuer"));
        }
        match (get("error"), get("code")) {
            (Some("access_denied"), _) => Err(Error::conflict(format!(
                "{name} says that you did not agree; nobody was signed in"
            ))),
            (Some(error), _) => {
                let word: String = error
                    .chars()
                    .filter(char::is_ascii_graphic)
                    .take(40)
                    .collect();
                Err(self.odd(format!("the provider answered {word}")))
            }
            (None, Some(code)) => Ok(code),
            (None, None) => Err(self.odd("the answer has no code")),
        }
    }

    /// Who it is that brought a code.
    pub async fn identify(
        &self,
        code: &str,
        pending: &Pending,
        now: Timestamp,
    ) -> Result<Identity> {
        let metadata = self.metadata(now).await?;
        let given = self.exchange(&metadata, code, pending).await;
        let given = given.map_err(|cause| self.odd(cause))?;
        let claims = self
            .claims(&metadata, &given.id_token, pending, now)
            .await?;
        let about = match &metadata.userinfo_endpoint {
            Some(Address(endpoint)) if claims.about.email.is_none() => self
                .userinfo(endpoint, &given.access_token, &claims.sub)
                .await
                .map_err(|cause| self.odd(cause))?,
            _ => claims.about,
        };
        Ok(about.of(&self.provider.issuer, claims.sub))
    }

    /// What the service says of itself, when it can be believed.
    async fn metadata(&self, now: Timestamp) -> Result<Arc<Metadata>> {
        let since = now.plus_seconds(-BELIEVED_S);
        let held = self.metadata.get(since, now, || self.discover()).await;
        held.map_err(|cause| self.odd(cause))
    }

    async fn discover(&self) -> Result<Metadata, Cause> {
        let issuer = &self.provider.issuer;
        let url = format!(
            "{}/.well-known/openid-configuration",
            issuer.trim_end_matches('/')
        );
        let metadata: Metadata = read(self.client.get(url).send().await?).await?;
        metadata.believed(&self.provider)
    }

    async fn exchange(
        &self,
        metadata: &Metadata,
        code: &str,
        pending: &Pending,
    ) -> Result<Given, Cause> {
        let mut form = vec![
            ("grant_type", "authorization_code".to_owned()),
            ("code", code.to_owned()),
            ("redirect_uri", self.redirect_uri.clone()),
            ("code_verifier", pending.verifier()),
        ];
        let request = self.client.post(metadata.token_endpoint.0.clone());
        let (id, secret) = (&self.provider.client_id, &self.provider.client_secret);
        let request = if metadata.wants_secret_in_form() {
            form.push(("client_id", id.clone()));
            form.push(("client_secret", secret.clone()));
            request
        } else {
            let coded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
            let both = BASE64.encode(format!("{}:{}", coded(id), coded(secret)).as_bytes());
            request.header(AUTHORIZATION, format!("Basic {both}"))
        };
        let pairs: Vec<_> = form
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect();
        let request = request
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(ACCEPT, "application/json")
            .body(query_string(&pairs));
        read(request.send().await?).await
    }

    /// What an ID token says, after every check. A key that is not known is asked for, but not again and again.
    async fn claims(
        &self,
        metadata: &Metadata,
        token: &str,
        pending: &Pending,
        now: Timestamp,
    ) -> Result<Claims> {
        let header = token::header(token).map_err(|cause| self.odd(cause))?;
        let key = match self.key(metadata, &header, BELIEVED_S, now).await? {
            Some(key) => Some(key),
            None => self.key(metadata, &header, RENEWED_S, now).await?,
        };
        let key = key.ok_or_else(|| self.odd("the ID token is signed with an unknown key"))?;
        let (issuer, client_id) = (&self.provider.issuer, &self.provider.client_id);
        token::read(token, &header, &key, issuer, client_id, &pending.nonce())
            .map_err(|cause| self.odd(cause))
    }

    async fn key(
        &self,
        metadata: &Metadata,
        header: &jsonwebtoken::Header,
        believed_s: i64,
        now: Timestamp,
    ) -> Result<Option<Jwk>> {
        let fetch = async || read(self.client.get(metadata.jwks_uri.0.clone()).send().await?).await;
        let since = now.plus_seconds(-believed_s);
        let keys = self.keys.get(since, now, fetch).await;
        let keys = keys.map_err(|cause| self.odd(cause))?;
        Ok(token::key(&keys, header).cloned())
    }

    /// What the service says of somebody when it is asked with their token.
    async fn userinfo(&self, endpoint: &Url, token: &str, subject: &str) -> Result<About, Cause> {
        #[derive(Deserialize)]
        struct Userinfo {
            sub: String,
            #[serde(flatten)]
            about: About,
        }
        let request = self.client.get(endpoint.clone()).bearer_auth(token);
        let Userinfo { sub, about } = read(request.send().await?).await?;
        if sub != subject {
            return Err("the userinfo is of somebody else".into());
        }
        Ok(about)
    }

    /// The service does not answer as it should. Why is for the log.
    fn odd(&self, cause: impl Into<Cause>) -> Error {
        let name = &self.provider.name;
        Error::unavailable(
            format!(
                "{name} does not answer as it should, and nobody was signed in; try again in a moment"
            ),
            cause,
        )
    }
}

/// Reads a good answer that is no longer than it may be.
async fn read<T: DeserializeOwned>(mut answer: Response) -> Result<T, Cause> {
    let status = answer.status();
    let mut body = Vec::new();
    while let Some(part) = answer.chunk().await? {
        body.extend_from_slice(&part);
        if body.len() > MAX_ANSWER {
            return Err("an answer of the provider is too long".into());
        }
    }
    if !status.is_success() {
        let said: String = String::from_utf8_lossy(&body).chars().take(200).collect();
        return Err(format!("the provider answered {status}: {said:?}").into());
    }
    Ok(serde_json::from_slice(&body)?)
}
