//! The key of the one account, made for each test.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use data_encoding::{BASE64, BASE64URL_NOPAD};
use google_cloud_auth::credentials::AccessTokenCredentials;
use google_cloud_auth::credentials::service_account::{AccessSpecifier, Builder};
use google_cloud_auth::signer::Signer;
use serde_json::{Value, json};

/// Who the account is.
pub const EMAIL: &str = "hub@project.iam.gserviceaccount.com";

pub struct Key {
    public: Vec<u8>,
    file: Value,
}

impl Key {
    pub fn make() -> Self {
        let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
        let private: Pkcs8V1Der<'_> = pair.as_der().unwrap();
        let kind = "PRIVATE KEY";
        let text = BASE64.encode(private.as_ref());
        let file = json!({
            "type": "service_account",
            "client_email": EMAIL,
            "private_key_id": "made-for-a-test",
            "private_key": format!("-----BEGIN {kind}-----\n{text}\n-----END {kind}-----\n"),
            "project_id": "project",
            "universe_domain": "googleapis.com",
        });
        let public = pair.public_key().as_ref().to_vec();
        Self { public, file }
    }

    pub fn credentials(&self) -> AccessTokenCredentials {
        let scope = "https://www.googleapis.com/auth/devstorage.read_write";
        Builder::new(self.file.clone())
            .with_access_specifier(AccessSpecifier::from_scopes([scope]))
            .build_access_token_credentials()
            .unwrap()
    }

    pub fn signer(&self) -> Signer {
        Builder::new(self.file.clone()).build_signer().unwrap()
    }

    /// Whether this text was signed so.
    pub fn signed(&self, text: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &self.public)
            .verify(text, signature)
            .is_ok()
    }

    /// Whether a token says that the account asks, and was signed by it.
    pub fn admits(&self, token: &str) -> bool {
        let admitted = || {
            let (text, signature) = token.rsplit_once('.')?;
            let (_, claims) = text.split_once('.')?;
            let claims = BASE64URL_NOPAD.decode(claims.as_bytes()).ok()?;
            let claims: Value = serde_json::from_slice(&claims).ok()?;
            let signature = BASE64URL_NOPAD.decode(signature.as_bytes()).ok()?;
            let of_account = claims["iss"] == EMAIL
                && claims["scope"].as_str()?.contains("devstorage.read_write");
            (of_account && self.signed(text.as_bytes(), &signature)).then_some(())
        };
        admitted().is_some()
    }
}
