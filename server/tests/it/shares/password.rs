//! Links that ask for a password.

use super::*;

#[tokio::test]
async fn a_password_opens_a_link_for_a_while() {
    let hub = Hub::start_alone().await;
    let id = job(&hub).await;
    let body = json!({ "job_id": id, "password": "pose-box-ligand" });
    let (_, path) = share(&hub, &body).await;
    let locked = read(&hub, &path).await;
    let page = text(&locked);
    assert_eq!(locked.status, 200);
    assert!(
        page.contains("type=\"password\"") && !page.contains("dock CCO"),
        "{page}"
    );
    for part in ["/export", "/files/poses.sdf"] {
        let answer = hub.get(&format!("{path}{part}")).await;
        answer.problem(403, "forbidden");
    }
    let picture = read(&hub, &format!("{path}/preview.png")).await;
    assert_eq!(picture.status, 200);
    let child = read(&hub, &format!("{path}/jobs/{id}")).await;
    assert!(text(&child).contains("type=\"password\""));

    let unlock = async |path: &str, password: &str| {
        let request = hub
            .request(Method::POST, &format!("{path}/unlock"))
            .header(header::ACCEPT, "text/html")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        let body = format!("password={password}");
        hub.send(request.body(body.into()).unwrap()).await
    };
    let wrong = unlock(&path, "pose-box-ligands").await;
    assert_eq!(wrong.status, 403);
    assert!(text(&wrong).contains("not the password"));
    assert!(wrong.header("set-cookie").is_empty());
    let unknown = format!("/s/{}", "A".repeat(43));
    let nowhere = unlock(&unknown, "pose-box-ligand").await;
    assert_eq!(
        unnumbered(&nowhere),
        unnumbered(&read(&hub, &unknown).await)
    );

    let right = unlock(&path, "pose-box-ligand").await;
    assert_eq!(
        (right.status, right.header("location")),
        (303, path.as_str())
    );
    let cookie = right.header("set-cookie");
    for part in [&format!("; Path={path};"), "; HttpOnly", "; SameSite=Lax"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    assert!(!cookie.contains("pose-box-ligand"));
    let pass = cookie.split(';').next().unwrap();
    let open = visit(&hub, &path, "Mozilla/5.0", pass).await;
    assert!(text(&open).contains("dock CCO"));
    assert_eq!(views(&hub).await, 1, "the form is no view");
    let table = visit(&hub, &format!("{path}/export"), "Mozilla/5.0", pass).await;
    assert_eq!(table.status, 200);

    let (_, other) = share(&hub, &body).await;
    for (path, pass) in [
        (&other, pass.to_owned()),
        (&path, format!("{pass}0")),
        (&path, "pass=9999999999.00".to_owned()),
    ] {
        let answer = visit(&hub, path, "Mozilla/5.0", &pass).await;
        assert!(text(&answer).contains("type=\"password\""));
    }
    hub.later(3_601);
    let late = visit(&hub, &path, "Mozilla/5.0", pass).await;
    assert!(text(&late).contains("type=\"password\""));
}

#[tokio::test]
async fn guessing_a_password_takes_ever_longer() {
    let hub = Hub::start_alone().await;
    let id = job(&hub).await;
    let (_, path) = share(&hub, &json!({ "job_id": id, "password": "a-long-secret" })).await;
    let unlock = async |password: &str| {
        let request = hub
            .request(Method::POST, &format!("{path}/unlock"))
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        let body = format!("password={password}");
        hub.send(request.body(body.into()).unwrap()).await
    };
    for _ in 0..21 {
        assert_eq!(unlock("a-wrong-guess").await.status, 403);
    }
    let refused = unlock("a-long-secret").await;
    assert_eq!(refused.status, 429);
    assert!(text(&refused).contains("try again in"));
    hub.later(60);
    assert_eq!(unlock("a-long-secret").await.status, 303);
}
