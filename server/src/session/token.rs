//! The token of a session: a JWT, HS256. It names a session, and the session is what counts: a token whose session was
//! ended lets nobody in.

use data_encoding::HEXLOWER;
use hub::account::Role;
use hub::id::{OrganizationId, SessionId, UserId};
use hub::services::Entered;
use hub::{Error, Result};
use jsonwebtoken::{
    Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, decode_header, encode,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

const AUDIENCE: &str = "omtx-hub";

/// What a token says.
#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    user_id: UserId,
    email: String,
    org_id: Option<OrganizationId>,
    roles: Vec<Role>,
    iss: String,
    aud: String,
    iat: i64,
    exp: i64,
    jti: SessionId,
}

/// One key of tokens.
struct Key {
    /// Its name in a token's header, made of its hash.
    id: String,
    signing: EncodingKey,
    reading: DecodingKey,
}

/// Makes and reads tokens.
pub struct Tokens {
    /// The one that signs first.
    keys: Vec<Key>,
    issuer: String,
}

impl Tokens {
    /// Tokens of the hub at `issuer`; the first key signs, all of them are read.
    pub fn new(keys: &[impl AsRef<[u8]>], issuer: String) -> Self {
        let key = |key: &[u8]| Key {
            id: HEXLOWER.encode(&Sha256::digest(key)[..4]),
            signing: EncodingKey::from_secret(key),
            reading: DecodingKey::from_secret(key),
        };
        Self {
            keys: keys.iter().map(|one| key(one.as_ref())).collect(),
            issuer,
        }
    }

    /// The hub's own address.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The token of a session.
    pub fn issue(&self, entered: &Entered) -> Result<String> {
        let key = self
            .keys
            .first()
            .ok_or_else(|| Error::internal("no key for sessions"))?;
        let claims = Claims {
            user_id: entered.user.id.clone(),
            email: entered.user.email.to_string(),
            org_id: entered.user.organization.clone(),
            roles: entered.user.roles.clone(),
            iss: self.issuer.clone(),
            aud: AUDIENCE.to_owned(),
            iat: entered.began_at.as_seconds(),
            exp: entered.expires_at.as_seconds(),
            jti: entered.session.clone(),
        };
        let header = Header {
            kid: Some(key.id.clone()),
            ..Header::new(Algorithm::HS256)
        };
        encode(&header, &claims, &key.signing).map_err(Error::internal)
    }

    /// The session that a token names; none when the token is not ours, not whole, or over.
    pub fn read(&self, token: &str) -> Option<SessionId> {
        let header = decode_header(token).ok()?;
        let key = self
            .keys
            .iter()
            .find(|key| header.kid.as_deref() == Some(key.id.as_str()))?;
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_issuer(&[&self.issuer]);
        validation.set_audience(&[AUDIENCE]);
        validation.set_required_spec_claims(&["exp", "iss", "aud"]);
        validation.leeway = 0;
        let claims = decode::<Claims>(token, &key.reading, &validation).ok()?;
        Some(claims.claims.jti)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_old_key_reads_and_signs_no_more() {
        let user = json!({"schema": 1, "id": "ada", "email": "ada@example.org", "name": "Ada", "roles": ["user"],
            "created_at": "2026-01-01T00:00:00Z"});
        let entered = Entered {
            session: SessionId::random(),
            user: serde_json::from_value(user).unwrap(),
            began_at: "2026-01-01T00:00:00Z".parse().unwrap(),
            expires_at: "2126-01-01T00:00:00Z".parse().unwrap(),
        };
        let hub = |keys: &[&str]| Tokens::new(keys, "https://hub.example.org".to_owned());
        let (before, meanwhile, after) = (hub(&["old"]), hub(&["new", "old"]), hub(&["new"]));
        let session = Some(entered.session.clone());
        let (old, new) = (
            before.issue(&entered).unwrap(),
            meanwhile.issue(&entered).unwrap(),
        );
        assert_eq!(meanwhile.read(&old), session);
        assert_eq!(after.read(&old), None);
        assert_eq!(after.read(&new), session);
        assert_eq!(before.read(&new), None);
    }
}
