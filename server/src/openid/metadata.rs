//! What the service says of itself, and whether it can be believed.

use reqwest::Url;
use serde::Deserialize;

use super::Cause;
use crate::config::openid::{Provider, is_safe};

/// Where its parts are.
#[derive(Debug, Deserialize)]
pub struct Metadata {
    issuer: String,
    pub authorization_endpoint: Address,
    pub token_endpoint: Address,
    pub userinfo_endpoint: Option<Address>,
    pub jwks_uri: Address,
    #[serde(default)]
    token_endpoint_auth_methods_supported: Vec<String>,
    /// Whether every answer names its issuer.
    #[serde(default, rename = "authorization_response_iss_parameter_supported")]
    pub names_issuer: bool,
}

/// An address as it is read.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "String")]
pub struct Address(pub Url);

impl TryFrom<String> for Address {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let read = Url::parse(&text).map(Self);
        read.map_err(|_| format!("{text:?} is no address"))
    }
}

impl Metadata {
    /// The same, when it is of the provider that is meant and every address of it is safe.
    pub fn believed(self, provider: &Provider) -> Result<Self, Cause> {
        if self.issuer != provider.issuer {
            return Err(format!("the issuer calls itself {:?}", self.issuer).into());
        }
        let needed = [
            &self.authorization_endpoint,
            &self.token_endpoint,
            &self.jwks_uri,
        ];
        for Address(url) in needed.into_iter().chain(&self.userinfo_endpoint) {
            if !is_safe(url, provider.allows_loopback) {
                return Err(format!("{url} is not reached by https").into());
            }
        }
        Ok(self)
    }

    /// Whether the client's secret is taken in the form only. In a header goes without saying.
    pub fn wants_secret_in_form(&self) -> bool {
        let methods = &self.token_endpoint_auth_methods_supported;
        let takes = |method: &str| methods.iter().any(|one| one == method);
        takes("client_secret_post") && !takes("client_secret_basic")
    }
}
