//! A marker in everything that one person has; another one touches everything that there is, and never meets it.

use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, StatusCode, header};
use serde_json::{Value, json};

use crate::events::{Listener, asked};
use crate::far_gateway::{FarGateway, HOPELESS};
use crate::hub::{Chosen, Hub, form};
use crate::lines::Lines;
use crate::people::{admin, ask, job as job_of, token};

/// In every field that its owner may fill in.
const MARKER: &str = "zqtaintqz";

/// Somebody whose every word is the marker.
struct Tainted {
    owner: String,
    job: String,
    /// Everything of theirs that has an id: jobs, a batch and a child of it.
    ids: Vec<String>,
    draft: String,
    /// The addresses of what they have.
    paths: Vec<String>,
}

async fn tainted(hub: &Hub) -> Tainted {
    let owner = token(hub, &format!("{MARKER}@x.org")).await;
    let post = async |path: &str, body: Value| {
        ask(hub, Method::POST, path, &owner, &body)
            .await
            .expect(StatusCode::CREATED)
    };
    let id = |made: &Value| made["id"].as_str().unwrap().to_owned();
    post(
        "/api/v1/organizations",
        json!({"name": format!("{MARKER} laboratory")}),
    )
    .await;
    post(
        "/api/v1/api-keys",
        json!({"name": MARKER, "scope": "write"}),
    )
    .await;
    let named =
        |smiles: &str| json!({"name": format!("{MARKER}-1"), "smiles": smiles, MARKER: MARKER});
    let ligand = json!({"name": MARKER, "smiles": "CCO"});
    let single = post(
        "/api/v1/jobs",
        json!({"task": "docking", "name": MARKER, "parameters": {"exhaustiveness": 1},
            "input": {"target": {"named": "ABL1"}, "ligand": ligand}}),
    )
    .await;
    let text = format!(
        "REMARK {MARKER}\nATOM      1  CA  ALA A   1       0.000   0.000   0.000  1.00  0.00           C\nEND\n"
    );
    let receptor = json!({"name": format!("{MARKER}.pdb"), "text": text});
    let target = json!({"receptor": receptor, "box": {"center": [0, 0, 0], "size": [20, 20, 20]}});
    let batch = post(
        "/api/v1/batches",
        json!({"task": "docking", "name": MARKER, "target": target, "parameters": {"exhaustiveness": 1},
            "ligands": [named("CCCCO"), named(HOPELESS)]}),
    )
    .await;
    let link = post(
        "/api/v1/shares",
        json!({"job_id": id(&batch), "password": "a long password"}),
    )
    .await;
    let (single, batch, link) = (id(&single), id(&batch), id(&link));
    done(hub, &owner, &batch).await;
    let draft = draft(hub, &owner).await;
    let mut paths = vec![
        format!("/api/v1/drafts/{draft}"),
        format!("/new/docking?draft={draft}"),
        format!("/api/v1/shares/{link}"),
        format!("/batches/{batch}/retry-failed"),
    ];
    for job in [
        &single,
        &batch,
        &format!("{batch}-00000"),
        &format!("{batch}-00001"),
    ] {
        for end in [
            "",
            "/files",
            "/events",
            "/export?format=json",
            "/export?format=csv",
            "/files/poses.sdf",
            "/files/metrics.json",
            "/files/receptor.pdbqt",
        ] {
            paths.push(format!("/api/v1/jobs/{job}{end}"));
        }
        for end in ["", "/share", "/delete", "/cancel"] {
            paths.push(format!("/jobs/{job}{end}"));
        }
    }
    for end in ["", "/status", "/children", "/events", "/export?format=csv"] {
        paths.push(format!("/api/v1/batches/{batch}{end}"));
    }
    paths.push(format!("/batches/{batch}"));
    Tainted {
        owner,
        ids: vec![single.clone(), batch.clone(), format!("{batch}-00000")],
        job: single,
        draft,
        paths,
    }
}

/// Waits for the end of a batch: one ligand is docked, and of the other it is told that it cannot be. Its owner reads the
/// marker in all of it.
async fn done(hub: &Hub, owner: &str, batch: &str) {
    hub.work();
    let bearer = format!("Bearer {owner}");
    let read = async |path: &str| {
        let headers = [("authorization", bearer.as_str())];
        let answer = asked(hub, path, &headers).await.error_for_status();
        answer.unwrap().text().await.unwrap()
    };
    let ended = async {
        let path = format!("/api/v1/batches/{batch}");
        while !read(&path).await.contains("partially_completed") {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), ended)
        .await
        .expect("one ligand is docked and one is not");
    for (path, said) in [
        ("-00000", "completed"),
        ("-00000/files/poses.sdf", "M  END"),
        ("-00001", &format!("{MARKER}-1 cannot be docked")),
        ("", &format!("{MARKER}.pdb")),
    ] {
        let shown = read(&format!("/api/v1/jobs/{batch}{path}")).await;
        assert!(shown.contains(said), "{path}: {shown}");
    }
}

/// A form that is not submitted: its id.
async fn draft(hub: &Hub, who: &str) -> String {
    let table = format!("{MARKER} CCO\n{MARKER}-2 CCC\n");
    let parts: [(&str, Option<&str>, &[u8]); 5] = [
        ("name", None, MARKER.as_bytes()),
        ("target_kind", None, b"named"),
        ("named", None, b"ABL1"),
        ("exhaustiveness", None, b"1"),
        ("ligands_file", Some(MARKER), table.as_bytes()),
    ];
    let request = hub
        .request(Method::POST, "/api/v1/drafts")
        .header(
            header::CONTENT_TYPE,
            "multipart/form-data; boundary=parting",
        )
        .header(header::AUTHORIZATION, format!("Bearer {who}"));
    let made = hub.send(request.body(form(&parts).into()).unwrap()).await;
    made.expect(StatusCode::CREATED)["id"]
        .as_str()
        .unwrap()
        .to_owned()
}

/// All that is heard of somebody's list while another one's work changes.
async fn overheard(hub: &Hub, listener: &str, owner: &str, job: &str) -> String {
    let bearer = format!("Bearer {listener}");
    let stream = asked(hub, "/api/v1/events", &[("authorization", &bearer)]).await;
    let mut stream = Listener::of(stream);
    let path = format!("/api/v1/jobs/{job}");
    let name = json!({"name": format!("{MARKER} renamed")});
    ask(hub, Method::PATCH, &path, owner, &name)
        .await
        .expect(StatusCode::OK);
    let mut heard = String::new();
    let hear = async {
        while let Some(block) = stream.block().await {
            heard.push_str(&block);
        }
    };
    // Longer than between two looks.
    let over = tokio::time::timeout(Duration::from_secs(4), hear).await;
    assert!(over.is_err(), "the stream goes on");
    heard.to_lowercase()
}

/// Tries to change, to repeat and to go on with what is another one's: it is not found, and nothing is told of it.
async fn nothing_is_done_with(hub: &Hub, tainted: &Tainted, stranger: &str) {
    let mut acts = vec![(
        Method::POST,
        format!("/api/v1/drafts/{}/submit", tainted.draft),
        json!({}),
    )];
    for id in &tainted.ids {
        let job = format!("/api/v1/jobs/{id}");
        acts.extend([
            (Method::PATCH, job.clone(), json!({"name": "taken"})),
            (Method::POST, format!("{job}/cancel"), json!({})),
            (Method::POST, format!("{job}/retry"), json!({})),
            (
                Method::PUT,
                format!("{job}/organization-share"),
                json!({"shared": true}),
            ),
            (
                Method::POST,
                "/api/v1/shares".to_owned(),
                json!({"job_id": id}),
            ),
            (
                Method::POST,
                format!("/api/v1/batches/{id}/retry-failed"),
                json!({}),
            ),
            (Method::DELETE, job, json!({})),
        ]);
        let mut repeated = job_of("repeated");
        repeated["source_id"] = json!(id);
        acts.push((Method::POST, "/api/v1/jobs".to_owned(), repeated));
    }
    for (method, path, body) in acts {
        let bearer = format!("Bearer {stranger}");
        let headers = [
            ("authorization", bearer.as_str()),
            ("idempotency-key", "once"),
        ];
        let answer = hub.send_json(method.clone(), &path, &body, &headers).await;
        let text = String::from_utf8_lossy(&answer.body).to_lowercase();
        assert_eq!(answer.status, 404, "{method} {path} {body}: {text}");
        assert!(!text.contains(MARKER), "{path}: {text}");
    }
}

#[tokio::test]
async fn nothing_of_one_person_reaches_another() {
    let hub = Hub::start_as(Chosen {
        accounts: true,
        gateway: Some(FarGateway::start().await),
        ..Chosen::default()
    })
    .await;
    let (lines, _logging) = Lines::heard(tracing::Level::INFO);
    let tainted = tainted(&hub).await;
    let stranger = token(&hub, "stranger@y.org").await;
    // Others for pages and for the calls of pages: nobody may ask so often in a minute.
    let second = token(&hub, "second@y.org").await;
    let third = token(&hub, "third@y.org").await;
    let body = json!({"name": "Other"});
    ask(
        &hub,
        Method::POST,
        "/api/v1/organizations",
        &stranger,
        &body,
    )
    .await
    .expect(StatusCode::CREATED);

    let mut paths: Vec<String> = [
        "/api/v1/jobs",
        "/api/v1/jobs?scope=organization",
        "/api/v1/shares",
        "/api/v1/me",
        "/api/v1/usage",
        "/api/v1/sessions",
        "/api/v1/api-keys",
        "/api/v1/organizations/own",
        "/api/v1/organizations/own/audit",
        "/api/v1/jobs?scope=all",
        "/api/v1/admin/audit",
        "/api/v1/admin/users",
        "/api/v1/admin/organizations",
        "/admin/users",
        "/admin/audit",
        "/organization/audit",
        "/?scope=all",
        "/",
        "/?scope=organization",
        "/account",
        "/organization",
        "/usage",
        "/shares",
        "/new",
        "/new/docking",
        "/api/v1/models",
        "/api/v1/tasks",
        "/api/v1/targets",
        "/api/v1/organizations/own/shares",
        "/organization/links",
        "/metrics",
        "/healthz",
        "/readyz",
        "/health",
    ]
    .map(str::to_owned)
    .into();
    paths.extend(tainted.paths.clone());
    for path in &paths {
        for (accept, who) in [("application/json", &stranger), ("text/html", &third)] {
            let request = hub
                .request(Method::GET, path)
                .header(header::ACCEPT, accept)
                .header(header::AUTHORIZATION, format!("Bearer {who}"));
            let answer = hub.send(request.body(Body::empty()).unwrap()).await;
            let text = String::from_utf8_lossy(&answer.body).to_lowercase();
            assert_ne!(answer.status, 429, "{path}");
            assert_eq!(answer.header("location"), "", "{path}");
            assert!(!text.contains(MARKER), "{path}: {text}");
            assert!(
                !format!("{:?}", answer.headers).contains(MARKER),
                "{path}: {:?}",
                answer.headers
            );
        }
        let (page, query) = path.split_once('?').unwrap_or((path, ""));
        let (function, body) = match page {
            "/" => ("jobs/list", json!({"query": query})),
            _ => ("pages/read", json!({"path": page, "query": query})),
        };
        let called = format!("/api/{function}");
        let answer = ask(&hub, Method::POST, &called, &second, &body).await;
        let text = String::from_utf8_lossy(&answer.body).to_lowercase();
        assert!(![429, 500].contains(&answer.status), "{body}: {text}");
        assert!(!text.contains(MARKER), "{body}: {text}");
    }
    let fourth = token(&hub, "fourth@y.org").await;
    nothing_is_done_with(&hub, &tainted, &fourth).await;
    let heard = overheard(&hub, &stranger, &tainted.owner, &tainted.job).await;
    assert!(!heard.contains(MARKER), "{heard}");
    for query in [
        format!("search={MARKER}"),
        format!("search={}", &MARKER[..4]),
    ] {
        let path = format!("/api/v1/jobs?{query}");
        let found = ask(&hub, Method::GET, &path, &stranger, &Value::Null).await;
        assert_eq!(
            found.expect(StatusCode::OK)["pagination"]["total_results"],
            0
        );
    }
    // Figures of the whole hub are for those who look after it, and tell of nobody either.
    let root = admin(&hub, "root@y.org").await;
    for path in [
        "/metrics",
        "/health",
        "/api/v1/admin/models",
        "/api/v1/admin/errors",
    ] {
        let read = ask(&hub, Method::GET, path, &root, &Value::Null).await;
        let text = String::from_utf8_lossy(&read.body).to_lowercase();
        assert_eq!(read.status, 200, "{path}");
        assert!(!text.contains(MARKER), "{path}: {text}");
    }
    let log = lines.text().to_lowercase();
    assert!(log.contains("request") && !log.contains(MARKER), "{log}");
}
