//! Tokens of sessions: those that are not quite ours, and what else looks like one, let nobody in.

use axum::body::Body;
use axum::http::{Method, StatusCode, header};
use data_encoding::BASE64URL_NOPAD;
use hmac::{Hmac, KeyInit, Mac};
use hub::session::Visitor;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::hub::{Hub, SESSION_KEY};
use crate::mails::{mailed, token_in};
use crate::people::{OWN, PASSWORD, ask, enter, founded, invited, job, me, member, token};

/// A token of these parts, signed with a key.
fn forged(header: &Value, claims: &Value, key: &[u8]) -> String {
    let part = |value: &Value| BASE64URL_NOPAD.encode(value.to_string().as_bytes());
    let text = format!("{}.{}", part(header), part(claims));
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(text.as_bytes());
    format!(
        "{text}.{}",
        BASE64URL_NOPAD.encode(&mac.finalize().into_bytes())
    )
}

/// What a token says: its header and its claims.
fn said(token: &str) -> (Value, Value) {
    let read = |part: &str| -> Value {
        serde_json::from_slice(&BASE64URL_NOPAD.decode(part.as_bytes()).unwrap()).unwrap()
    };
    let mut parts = token.split('.');
    (read(parts.next().unwrap()), read(parts.next().unwrap()))
}

/// The token as it would be had its time passed.
pub fn expired(token: &str) -> String {
    let (header, mut claims) = said(token);
    claims["exp"] = json!(1);
    forged(&header, &claims, SESSION_KEY)
}

#[tokio::test]
async fn a_token_that_is_not_quite_ours_lets_nobody_in() {
    let hub = Hub::start_with_accounts().await;
    let good = token(&hub, "ada@example.org").await;
    let (header, claims) = said(&good);
    me(&hub, &forged(&header, &claims, SESSION_KEY))
        .await
        .expect(StatusCode::OK);

    let with = |of: &Value, name: &str, value: Value| {
        let mut changed = of.clone();
        changed[name] = value;
        changed
    };
    let without = |of: &Value, name: &str| {
        let mut changed = of.clone();
        changed.as_object_mut().unwrap().remove(name);
        changed
    };
    let other_session = json!("0000000000000000000000aaaa");
    let mut corpus = vec![
        String::new(),
        "a.b.c".to_owned(),
        good[..good.len() - 2].to_owned(),
        forged(&header, &claims, b"another key of the same length......"),
        format!("{}.", good.rsplit_once('.').unwrap().0),
        forged(&with(&header, "alg", json!("none")), &claims, SESSION_KEY),
        forged(&with(&header, "alg", json!("HS512")), &claims, SESSION_KEY),
        forged(&with(&header, "alg", json!("RS256")), &claims, SESSION_KEY),
        forged(&with(&header, "kid", json!("../../dev/null")), &claims, b""),
        forged(&with(&header, "kid", json!("")), &claims, SESSION_KEY),
        forged(&without(&header, "kid"), &claims, SESSION_KEY),
    ];
    let unsigned = forged(&with(&header, "alg", json!("none")), &claims, b"");
    corpus.push(format!("{}.", unsigned.rsplit_once('.').unwrap().0));
    // Everything but the organisation, which not everybody has.
    for name in [
        "iss", "aud", "exp", "iat", "jti", "user_id", "email", "roles",
    ] {
        corpus.push(forged(&header, &without(&claims, name), SESSION_KEY));
    }
    for (name, value) in [
        ("iss", json!("https://evil.example")),
        ("aud", json!("another-service")),
        ("exp", json!(1)),
        ("jti", other_session),
        ("jti", json!("../x")),
    ] {
        corpus.push(forged(&header, &with(&claims, name, value), SESSION_KEY));
    }
    for token in corpus {
        me(&hub, &token).await.problem(401, "unauthenticated");
        let cookie = hub
            .request(Method::GET, "/api/v1/me")
            .header(header::COOKIE, format!("omtx={token}"));
        hub.send(cookie.body(Body::empty()).unwrap())
            .await
            .problem(401, "unauthenticated");
    }
    let cookie = hub
        .request(Method::GET, "/api/v1/me")
        .header(header::COOKIE, format!("a=b; omtx={good}"));
    hub.send(cookie.body(Body::empty()).unwrap())
        .await
        .expect(StatusCode::OK);
}

#[tokio::test]
async fn a_token_that_is_truly_signed_in_another_way_lets_nobody_in() {
    let hub = Hub::start_with_accounts().await;
    let good = token(&hub, "ada@example.org").await;
    let (header, claims) = said(&good);
    let signed = |algorithm: Algorithm| {
        let header = Header {
            kid: header["kid"].as_str().map(str::to_owned),
            ..Header::new(algorithm)
        };
        encode(&header, &claims, &EncodingKey::from_secret(SESSION_KEY)).unwrap()
    };
    // The key is that of the hub, and with its own algorithm it opens.
    me(&hub, &signed(Algorithm::HS256))
        .await
        .expect(StatusCode::OK);
    for algorithm in [Algorithm::HS384, Algorithm::HS512] {
        me(&hub, &signed(algorithm))
            .await
            .problem(401, "unauthenticated");
    }
}

#[tokio::test]
async fn a_session_lasts_a_day() {
    let hub = Hub::start_with_accounts().await;
    let first = token(&hub, "ada@example.org").await;
    let second = enter(&hub, "ada@example.org", PASSWORD)
        .await
        .expect(StatusCode::OK);
    let second = second["access_token"].as_str().unwrap();
    let (_, claims) = said(&first);
    let time = |name: &str| claims[name].as_i64().unwrap();
    assert_eq!(time("exp") - time("iat"), 86_400);
    hub.later(86_000);
    me(&hub, &first).await.expect(StatusCode::OK);
    // Whoever was let in a moment ago is not looked up again: the other session was not yet.
    hub.later(401);
    me(&hub, second).await.problem(401, "unauthenticated");
}

#[tokio::test]
async fn a_token_names_the_organisation_of_whoever_signs_in() {
    let hub = Hub::start_with_accounts().await;
    let owner = token(&hub, "owner@example.org").await;
    founded(&hub, &owner).await;
    let ada = member(&hub, &owner, "ada@example.org", "member").await;
    // Both signed in before they were in any.
    for before in [&owner, &ada] {
        assert_eq!(said(before).1.get("org_id"), Some(&Value::Null));
    }
    let own = ask(&hub, Method::GET, OWN, &owner, &Value::Null).await;
    let id = own.expect(StatusCode::OK)["id"].clone();
    assert!(id.is_string(), "{id}");
    for email in ["owner@example.org", "ada@example.org"] {
        let entered = enter(&hub, email, PASSWORD).await.expect(StatusCode::OK);
        let (_, claims) = said(entered["access_token"].as_str().unwrap());
        assert_eq!(claims["org_id"], id, "{email}");
    }
}

#[tokio::test]
async fn what_a_link_ends_in_lets_nobody_in_by_itself() {
    let hub = Hub::start_with_accounts().await;
    let ada = token(&hub, "ada@example.org").await;
    founded(&hub, &ada).await;
    let made = ask(&hub, Method::POST, "/api/v1/jobs", &ada, &job("shared")).await;
    let shown = json!({"job_id": made.expect(StatusCode::CREATED)["id"]});
    let share = ask(&hub, Method::POST, "/api/v1/shares", &ada, &shown).await;
    let share = share.expect(StatusCode::CREATED)["url"].clone();
    let share = share.as_str().unwrap().rsplit('/').next().unwrap();
    let visitor = Visitor::default();
    let asked = hub.services.request_reset("ada@example.org", &visitor);
    asked.await.unwrap();
    let reset = token_in(&mailed(&hub).await);
    for secret in [share, &reset, &invited(&hub, &ada, "member").await] {
        for bearer in [secret.to_owned(), format!("omtx_{secret}")] {
            me(&hub, &bearer).await.problem(401, "unauthenticated");
        }
        let cookie = hub
            .request(Method::GET, "/api/v1/me")
            .header(header::COOKIE, format!("omtx={secret}"));
        hub.send(cookie.body(Body::empty()).unwrap())
            .await
            .problem(401, "unauthenticated");
    }
}
