//! Mails: what is put into the outbox, for whom, and what their links do.

use axum::http::{Method, StatusCode};
use hub::mail::Letter;
use hub::services::Post;
use hub::session::Visitor;
use serde_json::{Value, json};
use server::mail::Mailer;

use crate::audit::{acts, said};
use crate::hub::{Answer, Chosen, Hub};
use crate::lines::Lines;
use crate::people::{PASSWORD, ask, changed_elsewhere, enter, founded, invited, job, me};
use crate::sign_in::{cookie, open, send, text};

/// The mail that waits longest.
pub async fn mailed(hub: &Hub) -> Letter {
    let letter = hub.services.take_mail().await.unwrap();
    let letter = letter.expect("a mail waits");
    hub.services.mail_sent(&letter).await.unwrap();
    letter
}

async fn none_waits(hub: &Hub) -> bool {
    hub.services.take_mail().await.unwrap().is_none()
}

/// The token of the link that a mail brings.
pub fn token_in(letter: &Letter) -> String {
    let link = letter.text.lines().find(|line| line.contains("?token="));
    let token = link.and_then(|link| link.split("?token=").nth(1));
    token.expect("a link").to_owned()
}

async fn sign_up(hub: &Hub, email: &str, password: &str) -> Answer {
    let body = json!({"email": email, "password": password, "name": "Ada"});
    hub.post("/api/v1/auth/signup", &body).await
}

/// Follows a link to the button that confirms an address, and presses it.
async fn follow(hub: &Hub, token: &str, password: &str) -> Answer {
    send(
        hub,
        "/verify",
        &format!("token={token}&password={password}"),
        "",
    )
    .await
}

/// Signs up and confirms the address; the token of a session.
pub async fn confirmed(hub: &Hub, email: &str) -> String {
    sign_up(hub, email, PASSWORD)
        .await
        .expect(StatusCode::ACCEPTED);
    let token = token_in(&mailed(hub).await);
    let visitor = Visitor::default();
    let confirmed = hub
        .services
        .confirm_address(&token, PASSWORD.to_owned(), &visitor);
    confirmed.await.unwrap();
    let entered = enter(hub, email, PASSWORD).await.expect(StatusCode::OK);
    entered["access_token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn an_account_begins_with_a_link_to_its_address() {
    let hub = Hub::start_with_mail().await;
    let made = sign_up(&hub, "ada@example.org", PASSWORD).await;
    let before = enter(&hub, "ada@example.org", PASSWORD).await;
    assert!(before.problem(403, "forbidden").is_empty());
    enter(&hub, "ada@example.org", "another password")
        .await
        .problem(422, "invalid");

    let letter = mailed(&hub).await;
    assert_eq!(letter.to.as_str(), "ada@example.org");
    let hub_name = format!("http://{}", hub.address);
    assert!(letter.text.contains("OMTX-Hub") && letter.text.ends_with(&format!("{hub_name}\n")));
    let token = token_in(&letter);
    assert!(
        letter
            .text
            .contains(&format!("{hub_name}/verify?token={token}\n"))
    );
    let stored = hub.on_disk();
    let is_stored = |text: &str| {
        stored
            .windows(text.len())
            .any(|part| part == text.as_bytes())
    };
    assert!(is_stored("ada@example.org") && !is_stored(&token));

    let appointed = hub.services.appoint("ada@example.org").await;
    assert_eq!(appointed.unwrap_err().status(), 422);
    let page = open(&hub, &format!("/verify?token={token}"), "").await;
    assert_eq!(page.status, 200);
    enter(&hub, "ada@example.org", PASSWORD)
        .await
        .problem(403, "forbidden");
    let entered = follow(&hub, &token, PASSWORD).await;
    assert_eq!((entered.status, entered.header("location")), (303, "/"));
    assert_eq!(open(&hub, "/account", &cookie(&entered)).await.status, 200);
    let again = follow(&hub, &token, PASSWORD).await;
    assert!(again.status == 409 && text(&again).contains("not good any more"));
    enter(&hub, "ada@example.org", PASSWORD)
        .await
        .expect(StatusCode::OK);
    assert_eq!(made.status, 202);
    hub.services.appoint("ada@example.org").await.unwrap();
    let log = send_as(&hub, "/api/v1/admin/audit", &cookie(&entered)).await;
    for act in ["signed_up", "email_confirmed", "signed_in"] {
        assert!(text(&log).contains(act), "{act} in {}", text(&log));
    }
}

async fn send_as(hub: &Hub, path: &str, cookie: &str) -> Answer {
    let request = hub.request(Method::GET, path).header("cookie", cookie);
    hub.send(request.body(axum::body::Body::empty()).unwrap())
        .await
}

#[tokio::test]
async fn whether_an_address_is_taken_is_said_there_alone() {
    let hub = Hub::start_with_mail().await;
    let new = sign_up(&hub, "ada@example.org", PASSWORD).await;
    mailed(&hub).await;
    let taken = sign_up(&hub, "Ada@example.org", "another-good-one").await;
    assert_eq!((new.status, new.body), (taken.status, taken.body));
    let letter = mailed(&hub).await;
    assert!(!letter.text.contains("token=") && letter.text.contains("/reset"));
    let form = "email=ada%40example.org&name=A&password=ligand-pose-box";
    let page = text(&send(&hub, "/signup", form, "").await);
    assert!(page.contains("Look in your mail") && !page.contains("<form class=\"ask\""));
    assert!(!mailed(&hub).await.text.contains("token="));
    // The owner of the address has it in the end, whoever made the account.
    let visitor = Visitor::default();
    hub.later(2_000);
    let asked = hub.services.request_reset("ada@example.org", &visitor);
    asked.await.unwrap();
    let token = token_in(&mailed(&hub).await);
    let reset = hub
        .services
        .reset_password(&token, "a-third-good-one".into(), &visitor);
    reset.await.unwrap();
    enter(&hub, "ada@example.org", PASSWORD)
        .await
        .problem(422, "invalid");
    enter(&hub, "ada@example.org", "a-third-good-one")
        .await
        .expect(StatusCode::OK);
}

#[tokio::test]
async fn nobody_makes_an_account_for_somebody_else_to_work_in() {
    let hub = Hub::start_with_mail().await;
    sign_up(&hub, "ada@example.org", "eve-knows-this-one").await;
    let link = token_in(&mailed(&hub).await);
    // Ada wanted an account too, and takes the link for hers.
    sign_up(&hub, "ada@example.org", PASSWORD).await;
    mailed(&hub).await;
    let refused = follow(&hub, &link, PASSWORD).await;
    let page = text(&refused);
    assert!(
        refused.status == 422 && page.contains("id=\"password-wrong\""),
        "{page}"
    );
    assert!(
        page.contains(&link) && page.contains("href=\"/reset\""),
        "{page}"
    );
    assert!(refused.header("set-cookie").is_empty());
    enter(&hub, "ada@example.org", "eve-knows-this-one")
        .await
        .problem(403, "forbidden");
    let visitor = Visitor::default();
    let asked = hub.services.request_reset("ada@example.org", &visitor);
    asked.await.unwrap();
    let token = token_in(&mailed(&hub).await);
    let reset = hub
        .services
        .reset_password(&token, PASSWORD.into(), &visitor);
    reset.await.unwrap();
    enter(&hub, "ada@example.org", "eve-knows-this-one")
        .await
        .problem(422, "invalid");
    enter(&hub, "ada@example.org", PASSWORD)
        .await
        .expect(StatusCode::OK);
    assert_eq!(follow(&hub, &link, "eve-knows-this-one").await.status, 409);
}

#[tokio::test]
async fn another_link_is_sent_to_those_who_wait_for_one_and_not_without_end() {
    let hub = Hub::start_with_mail().await;
    sign_up(&hub, "ada@example.org", PASSWORD).await;
    let first = token_in(&mailed(&hub).await);
    let refused = send(
        &hub,
        "/login",
        "email=ada%40example.org&password=ligand-pose-box",
        "",
    )
    .await;
    assert_eq!(refused.status, 403);
    assert!(text(&refused).contains("Send another link"));
    let known = send(&hub, "/verify", "email=ada%40example.org", "").await;
    let unknown = send(&hub, "/verify", "email=eve%40example.org", "").await;
    assert_eq!((known.status, unknown.status), (200, 200));
    let said = |answer: &Answer| text(answer).contains("a link is on its way");
    assert!(said(&known) && said(&unknown));
    let second = token_in(&mailed(&hub).await);
    assert!(none_waits(&hub).await);
    follow(&hub, &second, PASSWORD).await;
    let late = follow(&hub, &first, PASSWORD).await;
    assert_eq!(late.status, 409);
    send(&hub, "/verify", "email=ada%40example.org", "").await;
    assert!(
        none_waits(&hub).await,
        "there is nothing to confirm any more"
    );
    let mut statuses = Vec::new();
    for _ in 0..4 {
        let asked = send(&hub, "/verify", "email=bea%40example.org", "").await;
        statuses.push(asked.status);
        statuses.push(
            send(&hub, "/verify", "email=bea%40example.org", "")
                .await
                .status,
        );
    }
    assert_eq!(statuses.last(), Some(&429));
}

#[tokio::test]
async fn a_mail_is_sent_by_one_and_tried_again_until_it_was() {
    let hub = Hub::start_with_mail().await;
    let visitor = Visitor::default();
    sign_up(&hub, "ada@example.org", PASSWORD).await;
    let both = tokio::join!(hub.services.take_mail(), hub.services.take_mail());
    let taken: Vec<_> = [both.0.unwrap(), both.1.unwrap()]
        .into_iter()
        .flatten()
        .collect();
    assert_eq!(taken.len(), 1);
    assert!(none_waits(&hub).await);
    hub.later(121);
    let again = hub.services.take_mail().await.unwrap().unwrap();
    assert!(again.id == taken[0].id && token_in(&again) != token_in(&taken[0]));
    hub.later(121);
    assert!(none_waits(&hub).await, "the third try waits twice as long");
    hub.later(120);
    let third = hub.services.take_mail().await.unwrap().unwrap();
    hub.services.mail_sent(&third).await.unwrap();
    hub.later(20_000);
    assert!(none_waits(&hub).await);

    hub.services
        .request_confirmation("ada@example.org", &visitor)
        .await
        .unwrap();
    let (lines, _logging) = Lines::heard(tracing::Level::ERROR);
    hub.later(86_401);
    assert!(none_waits(&hub).await);
    assert!(lines.text().contains("is given up"), "{}", lines.text());
    hub.later(86_401);
    assert!(none_waits(&hub).await);
}

#[tokio::test]
async fn an_account_moves_to_an_address_that_is_its_owners() {
    let hub = Hub::start_with_mail().await;
    let ada = confirmed(&hub, "ada@example.org").await;
    confirmed(&hub, "bea@example.org").await;
    let entered = send(
        &hub,
        "/login",
        "email=ada%40example.org&password=ligand-pose-box",
        "",
    )
    .await;
    let session = cookie(&entered);
    let to = async |email: &str, current: &str| {
        let form = format!("act=email&email={email}&current={current}");
        send(&hub, "/account", &form, &session).await
    };
    let wrong = to("new%40example.org", "not-the-password").await;
    assert!(wrong.status == 422 && text(&wrong).contains("id=\"email-current-wrong\""));
    assert!(none_waits(&hub).await);

    let taken = to("bea%40example.org", PASSWORD).await;
    assert_eq!(taken.status, 200);
    let told = mailed(&hub).await;
    assert!(told.to.as_str() == "bea@example.org" && !told.text.contains("token="));

    hub.services
        .request_reset("ada@example.org", &Visitor::default())
        .await
        .unwrap();
    let visitor = Visitor::default();
    let old_reset = token_in(&mailed(&hub).await);
    let free = to("New%40example.org", PASSWORD).await;
    let same = |answer: &Answer| text(answer).contains("on its way to the new address");
    assert!(same(&free) && same(&taken));
    let letter = mailed(&hub).await;
    assert_eq!(letter.to.as_str(), "new@example.org");
    assert_eq!(
        me(&hub, &ada).await.json()["account"]["email"],
        "ada@example.org"
    );
    let token = token_in(&letter);
    let wrong = follow(&hub, &token, "not-the-password").await;
    assert!(wrong.status == 422 && text(&wrong).contains("id=\"password-wrong\""));
    let moved = follow(&hub, &token, PASSWORD).await;
    assert_eq!((moved.status, moved.header("location")), (303, "/account"));
    assert_eq!(
        me(&hub, &ada).await.json()["account"]["email"],
        "new@example.org"
    );
    let told = mailed(&hub).await;
    assert!(told.to.as_str() == "ada@example.org" && told.text.contains("another e-mail address"));

    let reset = hub
        .services
        .reset_password(&old_reset, "a-third-good-one".into(), &visitor);
    assert_eq!(
        reset.await.unwrap_err().status(),
        409,
        "the old address opens nothing"
    );
    enter(&hub, "ada@example.org", PASSWORD)
        .await
        .problem(422, "invalid");
    enter(&hub, "new@example.org", PASSWORD)
        .await
        .expect(StatusCode::OK);
    confirmed(&hub, "ada@example.org").await;
    let root = appointed(&hub).await;
    let all = acts(&hub, "/api/v1/admin/audit", &root).await;
    let moved = ("new@example.org", "new@example.org");
    assert_eq!(said(&all, "email_changed"), [moved]);
}

/// Somebody who looks after the hub.
pub async fn appointed(hub: &Hub) -> String {
    let root = confirmed(hub, "root@example.org").await;
    hub.services.appoint("root@example.org").await.unwrap();
    root
}

#[tokio::test]
async fn whoever_has_not_confirmed_an_address_joins_nothing() {
    let hub = Hub::start_with_mail().await;
    let owner = confirmed(&hub, "owner@example.org").await;
    let guest = confirmed(&hub, "guest@example.org").await;
    let path = "/api/v1/organizations";
    ask(&hub, Method::POST, path, &owner, &json!({"name": "Lab"}))
        .await
        .expect(StatusCode::CREATED);
    let path = "/api/v1/organizations/own/invitations";
    let made = ask(&hub, Method::POST, path, &owner, &json!({"role": "member"})).await;
    let made = made.expect(StatusCode::CREATED);
    let link = made["url"]
        .as_str()
        .unwrap()
        .split("token=")
        .nth(1)
        .unwrap();
    unconfirm(&hub, &guest).await;
    let path = "/api/v1/organizations/join";
    let refused = ask(&hub, Method::POST, path, &guest, &json!({"token": link})).await;
    assert!(
        refused.json()["detail"]
            .as_str()
            .unwrap()
            .contains("confirm")
    );
    assert_eq!(refused.status, 409);
}

/// Makes somebody whose account is older than the hub's mail.
pub async fn unconfirm(hub: &Hub, who: &str) {
    let forget = |user: &mut Value| drop(user.as_object_mut().unwrap().remove("verified_at"));
    changed_elsewhere(hub, who, forget).await;
}

#[tokio::test]
async fn a_hub_without_mail_says_so_and_asks_for_no_address() {
    let hub = Hub::start_as(Chosen {
        accounts: true,
        post: Some(Post::None),
        ..Chosen::default()
    })
    .await;
    sign_up(&hub, "ada@example.org", PASSWORD)
        .await
        .expect(StatusCode::CREATED);
    let taken = sign_up(&hub, "ada@example.org", PASSWORD).await;
    assert_eq!(taken.problem(422, "invalid")[0].0, "email");
    enter(&hub, "ada@example.org", PASSWORD)
        .await
        .expect(StatusCode::OK);
    let reset = send(&hub, "/reset", "email=ada%40example.org", "").await;
    assert!(reset.status == 409 && text(&reset).contains("sends no mail"));
    assert!(none_waits(&hub).await);
}

#[tokio::test]
async fn what_opens_something_is_stored_as_a_hash_and_not_as_it_is() {
    let hub = Hub::start_with_mail().await;
    let ada = confirmed(&hub, "ada@example.org").await;
    let post = async |path: &str, body: &Value| {
        let made = ask(&hub, Method::POST, path, &ada, body).await;
        made.expect(StatusCode::CREATED)
    };
    let text_of = |made: &Value, field: &str| made[field].as_str().unwrap().to_owned();
    let key = json!({"name": "cluster", "scope": "write"});
    let key = post("/api/v1/api-keys", &key).await;
    let made = post("/api/v1/jobs", &job("kinase")).await;
    let link = json!({"job_id": made["id"], "password": "a-long-secret"});
    let link = post("/api/v1/shares", &link).await;
    founded(&hub, &ada).await;
    let invitation = invited(&hub, &ada, "member").await;
    let visitor = Visitor::default();
    let asked = hub.services.request_reset("ada@example.org", &visitor);
    asked.await.unwrap();
    let reset = token_in(&mailed(&hub).await);

    let stored = hub.on_disk();
    let stored = String::from_utf8_lossy(&stored);
    let (key_id, link_id) = (text_of(&key, "id"), text_of(&link, "id"));
    for told in [
        "ada@example.org",
        "cluster",
        "Structural biology",
        &key_id,
        &link_id,
    ] {
        assert!(stored.contains(told), "{told} is looked for elsewhere");
    }
    let (key, url) = (text_of(&key, "key"), text_of(&link, "url"));
    let key = key.strip_prefix("omtx_").unwrap();
    let shared = url.rsplit('/').next().unwrap();
    for secret in [
        PASSWORD,
        "a-long-secret",
        key,
        shared,
        &invitation,
        &reset,
        &ada,
    ] {
        assert!(!stored.contains(secret), "{secret}");
    }
}

#[tokio::test]
async fn a_hub_without_a_mail_server_shows_what_it_would_have_sent() {
    let hub = Hub::start_with_accounts().await;
    let made = sign_up(&hub, "ada@example.org", PASSWORD).await;
    made.expect(StatusCode::CREATED);
    let visitor = Visitor::default();
    let asked = hub.services.request_reset("ada@example.org", &visitor);
    asked.await.unwrap();
    let letter = mailed(&hub).await;
    let (lines, _listening) = Lines::heard(tracing::Level::INFO);
    Mailer::Log.send(&letter).await.unwrap();
    let link = format!("/reset?token={}", token_in(&letter));
    assert!(lines.text().contains(&link), "{}", lines.text());
}
