//! Signing in elsewhere: who comes in, to which account, and what is refused.

use axum::http::StatusCode;
use data_encoding::BASE64URL_NOPAD;
use hmac::{Hmac, KeyInit, Mac};
use hub::services::Post;
use jsonwebtoken::{Algorithm, Header, encode};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::audit::{acts, said};
use crate::far_provider::{FarProvider, key};
use crate::hub::{Answer, Chosen, Hub};
use crate::mails::{appointed, confirmed};
use crate::people::sign_up;
use crate::sign_in::{cookie, open, text};

async fn start(post: Post) -> (Hub, FarProvider) {
    let far = FarProvider::start().await;
    let hub = Hub::start_as(Chosen {
        accounts: true,
        post: Some(post),
        provider: Some(far.settings()),
        ..Chosen::default()
    })
    .await;
    (hub, far)
}

fn ada() -> Value {
    json!({"sub": "ada-1", "email": "ada@example.org", "email_verified": true, "name": "Ada"})
}

/// Goes there: where the browser is led, and the cookie it keeps.
async fn begin(hub: &Hub, next: &str) -> (String, String) {
    let led = open(hub, &format!("/openid/start?next={next}"), "").await;
    assert_eq!(led.status, 303, "{led:?}");
    (led.header("location").to_owned(), cookie(&led))
}

/// Goes there, agrees, and comes back.
async fn come_in(hub: &Hub, far: &FarProvider, about: &Value) -> Answer {
    let (location, pending) = begin(hub, "/new").await;
    open(hub, &far.agree(&location, about), &pending).await
}

/// The cookie of the session that an answer begins.
fn session(answer: &Answer) -> String {
    assert_eq!(answer.status, 303, "{}", text(answer));
    cookie(answer)
}

async fn account(hub: &Hub, session: &str) -> Value {
    let request = hub
        .request(axum::http::Method::GET, "/api/v1/me")
        .header("cookie", session);
    let answer = hub
        .send(request.body(axum::body::Body::empty()).unwrap())
        .await;
    answer.expect(StatusCode::OK)
}

#[tokio::test]
async fn whoever_comes_again_has_the_same_account() {
    let (hub, far) = start(Post::Shown).await;
    assert!(
        text(&open(&hub, "/login?next=%2Fnew", "").await).contains("Sign in with Far University")
    );
    let led = open(&hub, "/openid/start?next=%2Fnew", "").await;
    let kept = led.header("set-cookie");
    for part in [
        "omtx-openid=",
        "; Path=/openid;",
        "; Max-Age=600;",
        "; HttpOnly; SameSite=Lax",
    ] {
        assert!(kept.contains(part), "{part} in {kept}");
    }
    let first = come_in(&hub, &far, &ada()).await;
    assert_eq!(first.header("location"), "/new");
    let before = account(&hub, &session(&first)).await;
    assert_eq!(before["account"]["name"], "Ada");
    assert_eq!(before["account"]["email_verified"], true);
    assert_eq!(before["account"]["has_password"], false);
    // Who they are there counts, not the address that they have by now.
    let moved = json!({"sub": "ada-1", "email": "other@example.org", "email_verified": false});
    let second = come_in(&hub, &far, &moved).await;
    assert_eq!(
        account(&hub, &session(&second)).await["user_id"],
        before["user_id"]
    );
    let other = json!({"sub": "bea-1", "email": "bea@example.org", "email_verified": "true"});
    let third = come_in(&hub, &far, &other).await;
    assert_ne!(
        account(&hub, &session(&third)).await["user_id"],
        before["user_id"]
    );
    let page = open(&hub, "/account", &session(&first)).await;
    assert!(text(&page).contains("You sign in elsewhere"));
}

#[tokio::test]
async fn an_account_is_linked_when_both_sides_know_its_address() {
    let (hub, far) = start(Post::Sent).await;
    let ada_here = confirmed(&hub, "ada@example.org").await;
    let id = crate::people::me(&hub, &ada_here).await.json()["user_id"].clone();
    let mut unverified = ada();
    unverified["email_verified"] = json!(false);
    for about in [
        unverified,
        json!({"sub": "ada-1", "email": "ada@example.org"}),
    ] {
        let refused = come_in(&hub, &far, &about).await;
        assert!(
            refused.status == 409 && text(&refused).contains("was confirmed"),
            "{refused:?}"
        );
        assert!(text(&refused).contains("Reference"));
    }
    let linked = come_in(&hub, &far, &ada()).await;
    assert_eq!(account(&hub, &session(&linked)).await["user_id"], id);
    let root = appointed(&hub).await;
    let all = acts(&hub, "/api/v1/admin/audit", &root).await;
    assert_eq!(
        said(&all, "linked"),
        [("ada@example.org", "ada@example.org")]
    );

    // Somebody made an account with an address that is not theirs, and waits for its owner.
    let body = json!({"email": "bea@example.org", "password": "ligand-pose-box"});
    hub.post("/api/v1/auth/signup", &body)
        .await
        .expect(StatusCode::ACCEPTED);
    let bea = json!({"sub": "bea-1", "email": "bea@example.org", "email_verified": true});
    let refused = come_in(&hub, &far, &bea).await;
    assert!(refused.status == 409 && text(&refused).contains("nobody has shown"));
    let (hub, far) = start(Post::None).await;
    sign_up(&hub, "bea@example.org").await;
    assert_eq!(come_in(&hub, &far, &bea).await.status, 409);
}

#[tokio::test]
async fn the_address_may_be_said_when_it_is_asked_for() {
    let (hub, far) = start(Post::Shown).await;
    let bare = json!({"sub": "ada-1"});
    let mut of_another = ada();
    of_another["sub"] = json!("eve-1");
    far.say_of_them(of_another);
    assert_eq!(come_in(&hub, &far, &bare).await.status, 503);
    far.say_of_them(ada());
    let in_time = come_in(&hub, &far, &bare).await;
    assert_eq!(
        account(&hub, &session(&in_time)).await["account"]["email"],
        "ada@example.org"
    );
}

#[tokio::test]
async fn only_the_browser_that_began_comes_back_and_once() {
    let (hub, far) = start(Post::Shown).await;
    let (location, pending) = begin(&hub, "%2F%2Fevil.example").await;
    let back = far.agree(&location, &ada());
    assert_eq!(open(&hub, &back, "").await.status, 409);
    let (_, other) = begin(&hub, "/").await;
    assert_eq!(
        open(&hub, &back, &other).await.status,
        409,
        "of another browser"
    );
    let state = back
        .split("state=")
        .nth(1)
        .unwrap()
        .split('&')
        .next()
        .unwrap();
    let changed = back.replace(state, "made-up");
    assert_eq!(open(&hub, &changed, &pending).await.status, 409);
    let later = pending.replacen('.', ".9", 1);
    assert_eq!(
        open(&hub, &back, &later).await.status,
        409,
        "no later than it was begun for"
    );
    let elsewhere = back.replace(&format!("iss={}", far.url), "iss=https://evil.example");
    assert_eq!(open(&hub, &elsewhere, &pending).await.status, 503);
    let unnamed = back.split("&iss=").next().unwrap();
    assert_eq!(open(&hub, unnamed, &pending).await.status, 503);
    let entered = open(&hub, &back, &pending).await;
    assert_eq!(entered.header("location"), "/", "to no other site");
    session(&entered);
    let forgotten: Vec<_> = entered.headers.get_all("set-cookie").iter().collect();
    assert!(
        forgotten[1]
            .to_str()
            .unwrap()
            .starts_with("omtx-openid=; Path=/openid; Max-Age=0")
    );
    assert_eq!(open(&hub, &back, &pending).await.status, 409, "it was used");

    let (location, pending) = begin(&hub, "/").await;
    let back = far.agree(&location, &ada());
    hub.later(601);
    assert_eq!(open(&hub, &back, &pending).await.status, 409, "it is over");
}

#[tokio::test]
async fn by_https_the_cookie_is_sent_by_nothing_else() {
    let far = FarProvider::start().await;
    let hub = Hub::start_as(Chosen {
        accounts: true,
        provider: Some(far.settings()),
        https: true,
        ..Chosen::default()
    })
    .await;
    let (location, pending) = begin(&hub, "/").await;
    assert!(pending.starts_with("__Secure-omtx-openid="), "{pending}");
    let entered = open(&hub, &far.agree(&location, &ada()), &pending).await;
    let kept = entered.headers.get_all("set-cookie").iter();
    let kept: Vec<_> = kept.map(|value| value.to_str().unwrap()).collect();
    assert!(kept[0].starts_with("__Host-omtx=") && kept[0].contains("; Path=/;"));
    assert!(
        kept.iter().all(|cookie| cookie.ends_with("; Secure")),
        "{kept:?}"
    );
}

#[tokio::test]
async fn what_the_service_refuses_is_told() {
    let (hub, far) = start(Post::Shown).await;
    let (location, pending) = begin(&hub, "/").await;
    let back = far.agree(&location, &ada());
    let (_, tail) = back.split_once("&state=").unwrap();
    let denied = format!("/openid/callback?error=access_denied&state={tail}");
    let denied = open(&hub, &denied, &pending).await;
    assert!(denied.status == 409 && text(&denied).contains("you did not agree"));
    let odd = format!("/openid/callback?error=%3Cscript%3E&state={tail}");
    let odd = open(&hub, &odd, &pending).await;
    assert!(odd.status == 503 && !text(&odd).contains("script"));
    let invented = format!("/openid/callback?code=made-up&state={tail}");
    assert_eq!(open(&hub, &invented, &pending).await.status, 503);
    let without = Hub::start_with_accounts().await;
    assert_eq!(open(&without, "/openid/start", "").await.status, 404);
    assert!(!text(&open(&without, "/login", "").await).contains("/openid"));
}

#[tokio::test]
async fn a_service_that_cannot_be_believed_lets_nobody_in() {
    for (field, value) in [
        ("issuer", json!("https://evil.example")),
        ("token_endpoint", json!("http://evil.example/token")),
        ("jwks_uri", json!("ftp://127.0.0.1/keys")),
        ("authorization_endpoint", json!("javascript:alert(1)")),
    ] {
        let (hub, far) = start(Post::Shown).await;
        far.say(field, value);
        let refused = open(&hub, "/openid/start", "").await;
        assert_eq!(refused.status, 503, "{field}");
        assert!(text(&refused).contains("Far University does not answer as it should"));
    }
    let (hub, far) = start(Post::Shown).await;
    drop(far);
    let mut looks = 0;
    while open(&hub, "/openid/start", "").await.status != 503 {
        looks += 1;
        assert!(looks < 500, "nobody answers there any more");
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}

/// A token that is signed with a secret that everybody knows.
fn with_secret(claims: &Value, algorithm: &str, secret: &[u8]) -> String {
    let part = |value: &Value| BASE64URL_NOPAD.encode(value.to_string().as_bytes());
    let text = format!(
        "{}.{}",
        part(&json!({"alg": algorithm, "kid": "first"})),
        part(claims)
    );
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).unwrap();
    mac.update(text.as_bytes());
    format!(
        "{text}.{}",
        BASE64URL_NOPAD.encode(&mac.finalize().into_bytes())
    )
}

#[tokio::test]
async fn a_token_that_is_not_quite_right_lets_nobody_in() {
    type Bend = fn(&mut Value);
    let bends: [(&str, Bend); 12] = [
        ("issuer", |claims| {
            claims["iss"] = json!("https://evil.example")
        }),
        ("no issuer", |claims| {
            drop(claims.as_object_mut().unwrap().remove("iss"))
        }),
        ("audience", |claims| claims["aud"] = json!("another client")),
        ("a second audience", |claims| {
            claims["aud"] = json!([claims["aud"], "another client"])
        }),
        ("party", |claims| claims["azp"] = json!("another client")),
        ("over", |claims| {
            claims["exp"] = json!(claims["iat"].as_i64().unwrap() - 120)
        }),
        ("no end", |claims| {
            drop(claims.as_object_mut().unwrap().remove("exp"))
        }),
        ("not yet", |claims| {
            claims["nbf"] = json!(claims["iat"].as_i64().unwrap() + 600)
        }),
        ("nonce", |claims| claims["nonce"] = json!("made-up")),
        ("no nonce", |claims| {
            drop(claims.as_object_mut().unwrap().remove("nonce"))
        }),
        ("nobody", |claims| claims["sub"] = json!("")),
        ("no subject", |claims| {
            drop(claims.as_object_mut().unwrap().remove("sub"))
        }),
    ];
    let (hub, far) = start(Post::Shown).await;
    let header = |kid: Option<&str>, algorithm| {
        let mut header = Header::new(algorithm);
        header.kid = kid.map(str::to_owned);
        header
    };
    let usual = header(Some("first"), Algorithm::ES256);
    let refused = async |what: &str, token: &dyn Fn(&Value) -> String| {
        hub.later(1_000);
        let (location, pending) = begin(&hub, "/").await;
        let token = token(&far.claims(&location, &ada()));
        let answer = open(&hub, &far.give(&location, token), &pending).await;
        assert_eq!(answer.status, 503, "{what}");
        assert!(!answer.header("set-cookie").contains("omtx="), "{what}");
    };
    for (what, bend) in bends {
        refused(what, &|claims| {
            let mut claims = claims.clone();
            bend(&mut claims);
            encode(&usual, &claims, &key(0)).unwrap()
        })
        .await;
    }
    let unknown = header(Some("unknown"), Algorithm::ES256);
    refused("an unknown key", &|claims| {
        encode(&unknown, claims, &key(0)).unwrap()
    })
    .await;
    refused("another key", &|claims| {
        encode(&usual, claims, &key(1)).unwrap()
    })
    .await;
    refused("none", &|claims| with_secret(claims, "none", b"")).await;
    let public = text(&open_far(&far, "/keys").await);
    refused("the public key as a secret", &|claims| {
        with_secret(claims, "HS256", public.as_bytes())
    })
    .await;
    refused("no token", &|_| "a.b.c".to_owned()).await;

    let nameless = header(None, Algorithm::ES256);
    let (location, pending) = begin(&hub, "/").await;
    let mut claims = far.claims(&location, &ada());
    claims["aud"] = json!([claims["aud"], "another client"]);
    claims["azp"] = claims["aud"][0].clone();
    let token = encode(&nameless, &claims, &key(0)).unwrap();
    session(&open(&hub, &far.give(&location, token), &pending).await);
}

async fn open_far(far: &FarProvider, path: &str) -> Answer {
    let answer = reqwest::get(format!("{}{path}", far.url)).await.unwrap();
    Answer {
        status: answer.status().as_u16(),
        headers: answer.headers().clone(),
        body: answer.bytes().await.unwrap(),
    }
}

#[tokio::test]
async fn another_key_of_the_service_is_fetched() {
    let (hub, far) = start(Post::Shown).await;
    session(&come_in(&hub, &far, &ada()).await);
    far.rotate();
    let with_second = |location: &str| {
        let mut header = Header::new(Algorithm::ES256);
        header.kid = Some("second".to_owned());
        let token = encode(&header, &far.claims(location, &ada()), &key(1)).unwrap();
        far.give(location, token)
    };
    let (location, pending) = begin(&hub, "/").await;
    let soon = open(&hub, &with_second(&location), &pending).await;
    assert_eq!(soon.status, 503, "not at every unknown name");
    hub.later(31);
    let (location, pending) = begin(&hub, "/").await;
    session(&open(&hub, &with_second(&location), &pending).await);
}

#[tokio::test]
async fn coming_back_is_slowed_down_like_guessing() {
    let (hub, far) = start(Post::Shown).await;
    let mut statuses = Vec::new();
    for _ in 0..33 {
        let (location, pending) = begin(&hub, "/").await;
        let back = far.give(&location, "no token".to_owned());
        statuses.push(open(&hub, &back, &pending).await.status);
    }
    assert_eq!((statuses[0], statuses[32]), (503, 429));
}
