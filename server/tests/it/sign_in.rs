//! Accounts through the pages: what a browser sends and sees; and whose sessions and keys one ends there and by the
//! API.

use axum::body::Body;
use axum::http::{Method, StatusCode, header};
use serde_json::{Value, json};

use crate::hub::{Answer, Hub};
use crate::people::{PASSWORD, ask, enter, me, token};

/// Sends a form as a browser does, with the cookie it has.
pub async fn send(hub: &Hub, path: &str, form: &str, cookie: &str) -> Answer {
    let request = hub
        .request(Method::POST, path)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(header::ACCEPT, "text/html")
        .header(header::COOKIE, cookie)
        .header("sec-fetch-site", "same-origin");
    hub.send(request.body(Body::from(form.to_owned())).unwrap())
        .await
}

pub async fn open(hub: &Hub, path: &str, cookie: &str) -> Answer {
    let request = hub
        .request(Method::GET, path)
        .header(header::ACCEPT, "text/html")
        .header(header::COOKIE, cookie);
    hub.send(request.body(Body::empty()).unwrap()).await
}

pub fn text(answer: &Answer) -> String {
    String::from_utf8_lossy(&answer.body).into_owned()
}

/// The cookie that an answer sets, as it is sent back.
pub fn cookie(answer: &Answer) -> String {
    answer
        .header("set-cookie")
        .split(';')
        .next()
        .unwrap()
        .to_owned()
}

#[tokio::test]
async fn a_stranger_is_led_to_the_door_and_back() {
    let hub = Hub::start_with_accounts().await;
    let led = open(&hub, "/batches/abc?sort=name", "").await;
    assert_eq!(
        (led.status, led.header("location")),
        (303, "/login?next=%2Fbatches%2Fabc%3Fsort%3Dname")
    );
    let door = open(&hub, led.header("location"), "").await;
    assert_eq!(door.status, 200);
    assert!(
        text(&door).contains("value=\"/batches/abc?sort=name\""),
        "{}",
        text(&door)
    );

    let made = send(
        &hub,
        "/signup",
        "email=ada%40example.org&name=Ada&password=ligand-pose-box",
        "",
    )
    .await;
    assert_eq!((made.status, made.header("location")), (303, "/"));
    let set = made.header("set-cookie");
    assert!(
        set.starts_with("omtx=")
            && set.contains("; HttpOnly; SameSite=Lax")
            && set.contains("Path=/;"),
        "{set}"
    );
    let list = open(&hub, "/", &cookie(&made)).await;
    assert_eq!(list.status, 200);
    assert!(text(&list).contains("href=\"/account\""));

    let out = send(&hub, "/logout", "", &cookie(&made)).await;
    assert_eq!((out.status, out.header("location")), (303, "/login"));
    assert!(out.header("set-cookie").contains("Max-Age=0"));
    assert_eq!(open(&hub, "/", &cookie(&made)).await.status, 303);
    let back = send(
        &hub,
        "/login",
        "email=ada%40example.org&password=ligand-pose-box&next=%2Fnew",
        "",
    )
    .await;
    assert_eq!((back.status, back.header("location")), (303, "/new"));
    let elsewhere = send(
        &hub,
        "/login",
        "email=ada%40example.org&password=ligand-pose-box&next=%2F%2Fevil.example",
        "",
    )
    .await;
    assert_eq!(elsewhere.header("location"), "/");
}

#[tokio::test]
async fn what_is_wrong_stands_at_its_field_and_passwords_are_not_shown_again() {
    let hub = Hub::start_with_accounts().await;
    let weak = send(
        &hub,
        "/signup",
        "email=%3Cscript%3E&name=%22%3E%3Cb%3E&password=too-weak",
        "",
    )
    .await;
    assert_eq!(weak.status, 422);
    let page = text(&weak);
    assert!(
        page.contains("id=\"email-wrong\"") && page.contains("name@example.org"),
        "{page}"
    );
    assert!(
        !page.contains("<script>\"") && !page.contains("\"><b>"),
        "what was typed is text: {page}"
    );
    assert!(!page.contains("too-weak"));
    let wrong = send(
        &hub,
        "/login",
        "email=ada%40example.org&password=another-one",
        "",
    )
    .await;
    assert_eq!(wrong.status, 422);
    assert!(
        text(&wrong).contains("id=\"password-wrong\"")
            && text(&wrong).contains("value=\"ada@example.org\"")
    );
    let foreign = hub
        .request(Method::POST, "/login")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header("sec-fetch-site", "cross-site")
        .header(header::ORIGIN, "https://evil.example");
    assert_eq!(
        hub.send(foreign.body(Body::from("email=a&password=b")).unwrap())
            .await
            .status,
        403
    );
}

#[tokio::test]
async fn a_form_that_comes_too_late_says_so_on_a_page() {
    let hub = Hub::start_with_accounts().await;
    let late = send(&hub, "/account", "act=profile&name=Ada", "").await;
    let page = text(&late);
    assert_eq!(late.status, 401);
    assert!(
        page.contains("href=\"/login\"") && page.contains("/problem.css"),
        "{page}"
    );
    let policy = late.header("content-security-policy");
    assert!(
        policy.contains("style-src 'self'") && !policy.contains("script"),
        "{policy}"
    );
}

#[tokio::test]
async fn a_key_is_shown_once_on_the_page_and_removed_there() {
    let hub = Hub::start_with_accounts().await;
    let made = send(
        &hub,
        "/signup",
        "email=ada%40example.org&name=Ada&password=ligand-pose-box",
        "",
    )
    .await;
    let session = cookie(&made);
    let shown = send(
        &hub,
        "/account",
        "act=key&name=cluster&scope=write&days=30",
        &session,
    )
    .await;
    assert_eq!(shown.status, 200);
    let page = text(&shown);
    let key = page
        .split("<code>omtx_")
        .nth(1)
        .and_then(|rest| rest.split('<').next())
        .unwrap();
    let bearer = [("authorization", format!("Bearer omtx_{key}"))];
    let bearer: Vec<_> = bearer
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let me = hub
        .send_json(Method::GET, "/api/v1/me", &Value::Null, &bearer)
        .await
        .expect(StatusCode::OK);
    assert_eq!(me["account"]["name"], "Ada");
    let again = text(&open(&hub, "/account", &session).await);
    assert!(again.contains("cluster") && !again.contains(key));
    let id = again
        .split("remove-key")
        .nth(1)
        .and_then(|rest| rest.split("value=\"").nth(1))
        .and_then(|rest| rest.split('"').next())
        .unwrap();
    assert_eq!(
        send(
            &hub,
            "/account",
            &format!("act=remove-key&id={id}"),
            &session
        )
        .await
        .status,
        303
    );
    hub.send_json(Method::GET, "/api/v1/me", &Value::Null, &bearer)
        .await
        .problem(401, "unauthenticated");
    let nameless = send(
        &hub,
        "/account",
        "act=key&name=&scope=read&days=30",
        &session,
    )
    .await;
    assert_eq!(nameless.status, 422);
    assert!(text(&nameless).contains("id=\"name-wrong\""));
}

/// The id of a session: of the one that asks, or of another of the same person.
pub async fn session(hub: &Hub, who: &str, current: bool) -> String {
    let all = ask(hub, Method::GET, "/api/v1/sessions", who, &Value::Null).await;
    let all = all.expect(StatusCode::OK);
    let mut rows = all["results"].as_array().unwrap().iter();
    let row = rows.find(|row| row["current"] == current).unwrap();
    row["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn sessions_and_keys_are_ended_by_whose_they_are_and_by_nobody_else() {
    let hub = Hub::start_with_accounts().await;
    let ada = token(&hub, "ada@example.org").await;
    let eve = token(&hub, "eve@example.org").await;
    let there = enter(&hub, "eve@example.org", PASSWORD)
        .await
        .expect(StatusCode::OK);
    let there = there["access_token"].as_str().unwrap();
    let key = json!({"name": "cluster", "scope": "read"});
    let key = ask(&hub, Method::POST, "/api/v1/api-keys", &eve, &key).await;
    let key = key.expect(StatusCode::CREATED);
    let (key_id, key) = (key["id"].as_str().unwrap(), key["key"].as_str().unwrap());
    let session_id = session(&hub, &eve, false).await;
    let delete =
        async |path: &str, who: &str| ask(&hub, Method::DELETE, path, who, &Value::Null).await;
    for (things, act, id, opens) in [
        ("sessions", "end-session", session_id.as_str(), there),
        ("api-keys", "remove-key", key_id, key),
    ] {
        let path = format!("/api/v1/{things}/{id}");
        delete(&path, &ada).await.problem(404, "not-found");
        let form = format!("act={act}&id={id}");
        let by_form = send(&hub, "/account", &form, &format!("omtx={ada}")).await;
        assert_eq!(by_form.status, 404, "{act}");
        me(&hub, opens).await.expect(StatusCode::OK);
        delete(&path, &eve).await.expect(StatusCode::NO_CONTENT);
        me(&hub, opens).await.problem(401, "unauthenticated");
    }
    me(&hub, &eve).await.expect(StatusCode::OK);
}
