//! A service far away where people sign in, as the hub sees it: discovery, keys, codes for tokens, userinfo. What it says
//! is as each test wants it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Form, Json, Router};
use data_encoding::{BASE64, BASE64URL_NOPAD};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};
use server::config::openid::Provider;
use server::documents::Clock;
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

const CLIENT: &str = "the hub & its tests";
const CLIENT_SECRET: &str = "a secret: of client & provider";
/// Keys of tests, as PKCS #8.
const KEYS: [&str; 2] = [
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgOEqgTLtpdXqcHD4DPwt519XMC/6k+FmMayPRp3m6Uw6hRANCAATJHBeblvS5tTgNJ3ZZ9H3w7+EFz6VRAq3dPgp1MawzhnZpPoYz1wsAv95bzqm7vCN8EA43p7FJVi54+OnXTTJU",
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgMUDrfo92GNstg265ph10bU0xqeb6+pwkXIyMG4K1y+2hRANCAAQjslqYSoceDMYrCQrkk9dX+VxwVikCAeO56Z6HzlA8dMMsF7CaglfaxFh2AQCrVgTeUfADhxyboV1EIxNmwUPR",
];

/// A service that listens until it is dropped.
pub struct FarProvider {
    pub url: String,
    says: Arc<Mutex<Says>>,
    _open: DropGuard,
}

#[derive(Default)]
struct Says {
    url: String,
    /// What it says of itself otherwise than usual.
    metadata: Value,
    /// The names of its keys.
    kids: Vec<&'static str>,
    /// Codes, each with its challenge and the token that it is good for.
    codes: HashMap<String, (String, String)>,
    userinfo: Value,
}

/// The key of this number.
pub fn key(number: usize) -> EncodingKey {
    EncodingKey::from_ec_der(&BASE64.decode(KEYS[number].as_bytes()).unwrap())
}

fn value_of(location: &str, name: &str) -> String {
    let url = reqwest::Url::parse(location).unwrap();
    let found = url.query_pairs().find(|(key, _)| key == name);
    found
        .unwrap_or_else(|| panic!("no {name} in {location}"))
        .1
        .into_owned()
}

impl FarProvider {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let says = Arc::new(Mutex::new(Says {
            url: url.clone(),
            kids: vec!["first"],
            metadata: json!({}),
            ..Says::default()
        }));
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(metadata))
            .route("/keys", get(keys))
            .route("/token", post(token))
            .route("/userinfo", get(userinfo))
            .with_state(says.clone());
        let open = CancellationToken::new();
        let serving =
            axum::serve(listener, router).with_graceful_shutdown(open.clone().cancelled_owned());
        tokio::spawn(serving.into_future());
        let _open = open.drop_guard();
        Self { url, says, _open }
    }

    /// What the hub is told of it.
    pub fn settings(&self) -> Provider {
        Provider {
            issuer: self.url.clone(),
            client_id: CLIENT.to_owned(),
            client_secret: CLIENT_SECRET.to_owned(),
            name: "Far University".to_owned(),
            allows_loopback: true,
        }
    }

    /// Says something else of itself from now on.
    pub fn say(&self, field: &str, value: Value) {
        self.says.lock().unwrap().metadata[field] = value;
    }

    /// What it says of whoever has a token.
    pub fn say_of_them(&self, userinfo: Value) {
        self.says.lock().unwrap().userinfo = userinfo;
    }

    /// Has another key from now on.
    pub fn rotate(&self) {
        self.says.lock().unwrap().kids = vec!["second"];
    }

    /// What it says in an ID token to whoever was led to `location`.
    pub fn claims(&self, location: &str, about: &Value) -> Value {
        let now = Clock::system().now().as_seconds();
        let mut claims = json!({"iss": self.url, "aud": CLIENT, "iat": now, "exp": now + 300,
            "nonce": value_of(location, "nonce")});
        let more = about.as_object().unwrap().clone();
        claims.as_object_mut().unwrap().extend(more);
        claims
    }

    /// Signs in whoever was led to `location`: where they are led back to.
    pub fn agree(&self, location: &str, about: &Value) -> String {
        let mut header = Header::new(Algorithm::ES256);
        header.kid = Some("first".to_owned());
        let token = encode(&header, &self.claims(location, about), &key(0)).unwrap();
        self.give(location, token)
    }

    /// The same with a token as it is.
    pub fn give(&self, location: &str, token: String) -> String {
        assert!(
            location.starts_with(&format!("{}/authorize?", self.url)),
            "{location}"
        );
        assert_eq!(value_of(location, "code_challenge_method"), "S256");
        let code = hub::id::random_text();
        let challenge = value_of(location, "code_challenge");
        let mut says = self.says.lock().unwrap();
        says.codes.insert(code.clone(), (challenge, token));
        let state = value_of(location, "state");
        format!(
            "/openid/callback?code={code}&state={state}&iss={}",
            self.url
        )
    }
}

type Told = State<Arc<Mutex<Says>>>;

async fn metadata(State(says): Told) -> Json<Value> {
    let says = says.lock().unwrap();
    let url = &says.url;
    let mut metadata = json!({
        "issuer": url, "authorization_endpoint": format!("{url}/authorize"), "token_endpoint": format!("{url}/token"),
        "userinfo_endpoint": format!("{url}/userinfo"), "jwks_uri": format!("{url}/keys"),
        "authorization_response_iss_parameter_supported": true,
    });
    let otherwise = says.metadata.as_object().unwrap().clone();
    metadata.as_object_mut().unwrap().extend(otherwise);
    Json(metadata)
}

async fn keys(State(says): Told) -> Json<Value> {
    let says = says.lock().unwrap();
    let jwk = |kid: &&str| {
        let number = usize::from(*kid == "second");
        let mut jwk = Jwk::from_encoding_key(&key(number), Algorithm::ES256).unwrap();
        jwk.common.key_id = Some((*kid).to_owned());
        jwk
    };
    Json(json!({"keys": says.kids.iter().map(jwk).collect::<Vec<_>>()}))
}

async fn token(
    State(says): Told,
    headers: HeaderMap,
    Form(form): Form<HashMap<String, String>>,
) -> Response {
    let coded = |text: &str| {
        percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
    };
    let both = format!("{}:{}", coded(CLIENT), coded(CLIENT_SECRET));
    let given = format!("Basic {}", BASE64.encode(both.as_bytes()));
    if headers
        .get(header::AUTHORIZATION)
        .map(|value| value.as_bytes())
        != Some(given.as_bytes())
    {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let mut says = says.lock().unwrap();
    let known = says.codes.remove(&form["code"]);
    let challenge = BASE64URL_NOPAD.encode(&Sha256::digest(&form["code_verifier"]));
    match known.filter(|(known, _)| *known == challenge) {
        Some((_, token)) if form["redirect_uri"].ends_with("/openid/callback") => {
            Json(json!({"access_token": "access", "token_type": "Bearer", "id_token": token}))
                .into_response()
        }
        _ => (
            StatusCode::BAD_REQUEST,
            Json(json!({"error": "invalid_grant"})),
        )
            .into_response(),
    }
}

async fn userinfo(State(says): Told, headers: HeaderMap) -> Response {
    let known = headers
        .get(header::AUTHORIZATION)
        .map(|value| value.as_bytes());
    if known != Some(b"Bearer access") {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    Json(says.lock().unwrap().userinfo.clone()).into_response()
}
