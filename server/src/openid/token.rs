//! ID tokens: by which key they are signed, and whether they are meant for this sign-in at this hub.

use hub::account::Email;
use hub::services::Identity;
use jsonwebtoken::jwk::{Jwk, JwkSet, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation, decode, decode_header};
use serde::Deserialize;
use serde_json::Value;

use super::Cause;

/// Signatures that are taken: each has a key that only the service has.
const ALGORITHMS: [Algorithm; 9] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];
/// Seconds that clocks may differ.
const LEEWAY_S: u64 = 60;

/// What an ID token says, as far as it matters here.
#[derive(Debug, Deserialize)]
pub struct Claims {
    pub sub: String,
    aud: Audience,
    azp: Option<String>,
    nonce: Option<String>,
    #[serde(flatten)]
    pub about: About,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

/// What is said of a person, in a token or when the service is asked.
#[derive(Debug, Deserialize)]
pub struct About {
    pub email: Option<String>,
    /// Some services say it as a text.
    #[serde(default)]
    email_verified: Value,
    name: Option<String>,
}

impl About {
    /// The person as use cases know them.
    pub fn of(self, issuer: &str, subject: String) -> Identity {
        let verified = self.email_verified == Value::Bool(true) || self.email_verified == "true";
        Identity {
            issuer: issuer.to_owned(),
            subject,
            email: self.email.and_then(|email| Email::new(&email).ok()),
            email_verified: verified,
            name: self.name.unwrap_or_default(),
        }
    }
}

/// The header of a token whose kind of signature is taken.
pub fn header(token: &str) -> Result<Header, Cause> {
    let header = decode_header(token)?;
    if !ALGORITHMS.contains(&header.alg) {
        return Err(format!("an ID token is signed by {:?}", header.alg).into());
    }
    Ok(header)
}

/// The key that a header names; the only one there is when it names none.
pub fn key<'a>(keys: &'a JwkSet, header: &Header) -> Option<&'a Jwk> {
    let signs = |key: &&Jwk| {
        !matches!(
            key.common.public_key_use,
            Some(PublicKeyUse::Encryption | PublicKeyUse::Other(_))
        )
    };
    let mut all = keys.keys.iter().filter(signs);
    match &header.kid {
        Some(kid) => all.find(|key| key.common.key_id.as_ref() == Some(kid)),
        None => all.next().filter(|_| all.next().is_none()),
    }
}

/// What a token says, when it is signed by the key and meant for this client and this sign-in.
pub fn read(
    token: &str,
    header: &Header,
    key: &Jwk,
    issuer: &str,
    client_id: &str,
    nonce: &str,
) -> Result<Claims, Cause> {
    let named = key.common.key_algorithm.map(|named| named.to_string());
    if named.is_some_and(|named| named != format!("{:?}", header.alg)) {
        return Err("the key is for another kind of signature".into());
    }
    let mut validation = Validation::new(header.alg);
    validation.set_issuer(&[issuer]);
    validation.set_audience(&[client_id]);
    validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    validation.validate_nbf = true;
    validation.leeway = LEEWAY_S;
    let claims = decode::<Claims>(token, &DecodingKey::from_jwk(key)?, &validation)?.claims;
    let meant = match (&claims.aud, &claims.azp) {
        (Audience::One(one), None) => one == client_id,
        (Audience::Several(all), None) => all.iter().all(|one| one == client_id),
        (_, Some(party)) => party == client_id,
    };
    if !meant {
        return Err("the ID token was made for another client".into());
    }
    if claims.nonce.as_deref() != Some(nonce) {
        return Err("the ID token belongs to another sign-in".into());
    }
    if claims.sub.is_empty() || claims.sub.len() > 255 {
        return Err("the ID token names nobody".into());
    }
    Ok(claims)
}
