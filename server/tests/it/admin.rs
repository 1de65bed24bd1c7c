//! Those who look after a hub: what they read and set, and that it is written down.

use axum::http::{Method, StatusCode};
use hub::ports::Documents;
use hub::ports::documents::{Collection, Expect, Key, Write};
use hub::time::Timestamp;
use serde_json::{Value, json};

use crate::hub::{Answer, Hub};
use crate::people::{PASSWORD, admin, ask, enter, founded, job, me, member, sign_up, token};

const ADMIN: &str = "/api/v1/admin";

async fn get(hub: &Hub, path: &str, who: &str) -> Value {
    let path = format!("/api/v1{path}");
    ask(hub, Method::GET, &path, who, &Value::Null)
        .await
        .expect(StatusCode::OK)
}

async fn put(hub: &Hub, path: &str, who: &str, body: &Value) -> Answer {
    ask(hub, Method::PUT, &format!("{ADMIN}{path}"), who, body).await
}

async fn submit(hub: &Hub, who: &str, body: &Value) -> Answer {
    ask(hub, Method::POST, "/api/v1/jobs", who, body).await
}

async fn id_of(hub: &Hub, who: &str) -> String {
    me(hub, who).await.expect(StatusCode::OK)["user_id"]
        .as_str()
        .unwrap()
        .to_owned()
}

/// What the log of the hub says of an act, the newest first.
async fn told(hub: &Hub, root: &str, act: &str) -> Vec<String> {
    let log = get(hub, "/admin/audit?per_page=100", root).await;
    let lines = log["results"].as_array().unwrap().iter();
    lines
        .filter(|line| line["act"] == act)
        .map(|line| line["to"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn an_admin_sets_roles_and_limits_and_cannot_lock_themselves_out() {
    let hub = Hub::start_with_accounts().await;
    let (root, ada) = (
        admin(&hub, "root@x.org").await,
        token(&hub, "ada@x.org").await,
    );
    let ada_id = id_of(&hub, &ada).await;
    let found = get(&hub, "/admin/users?email=ADA%40x.org", &root).await;
    assert_eq!(found["results"][0]["id"], ada_id);
    let everybody = get(&hub, "/admin/users?per_page=1", &root).await;
    assert_eq!(everybody["results"].as_array().unwrap().len(), 1);
    assert!(everybody["next_page_token"].is_string());

    let limits = |per_day: u32| json!({"limits": {"per_day": per_day, "per_month": 10, "running": 1, "children": 5}});
    let path = format!("/users/{ada_id}/limits");
    put(&hub, &path, &root, &limits(0))
        .await
        .expect(StatusCode::NO_CONTENT);
    let refused = submit(&hub, &ada, &job("none"))
        .await
        .expect(StatusCode::TOO_MANY_REQUESTS);
    assert!(
        refused["detail"]
            .as_str()
            .unwrap()
            .contains("the limit is 0 units a day"),
        "{refused}"
    );
    put(&hub, &path, &root, &json!({"limits": null}))
        .await
        .expect(StatusCode::NO_CONTENT);
    submit(&hub, &ada, &job("one"))
        .await
        .expect(StatusCode::CREATED);
    let large = json!({"limits": {"per_day": 1, "per_month": 1, "running": 1, "children": 10_001}});
    let faults = put(&hub, &path, &root, &large)
        .await
        .problem(422, "invalid");
    assert_eq!(faults[0].0, "limits.children");
    let used = get(&hub, &format!("/admin/users/{ada_id}"), &root).await;
    assert_eq!(used["usage"]["day"]["held"], 1);

    let path = format!("/users/{ada_id}/roles");
    put(&hub, &path, &root, &json!({"roles": ["admin"]}))
        .await
        .expect(StatusCode::NO_CONTENT);
    get(&hub, "/admin/users", &ada).await;
    let own = format!("/users/{}/roles", id_of(&hub, &root).await);
    put(&hub, &own, &root, &json!({"roles": []}))
        .await
        .problem(409, "conflict");
    put(&hub, &own, &ada, &json!({"roles": []}))
        .await
        .expect(StatusCode::NO_CONTENT);
    ask(
        &hub,
        Method::GET,
        &format!("{ADMIN}/users"),
        &root,
        &Value::Null,
    )
    .await
    .problem(404, "not-found");
    assert_eq!(
        told(&hub, &ada, "limits_set").await,
        [
            "ada@x.org: the usual",
            "ada@x.org: 0 a day, 10 a month, 1 at once, 5 in a batch"
        ]
    );
    assert_eq!(
        told(&hub, &ada, "roles_set").await,
        [
            "root@x.org: user",
            "ada@x.org: user, admin",
            "root@x.org: admin"
        ]
    );
}

#[tokio::test]
async fn the_list_of_users_says_when_each_signed_in_last() {
    let hub = Hub::start_with_accounts().await;
    let root = admin(&hub, "root@x.org").await;
    sign_up(&hub, "ada@x.org").await;
    let last = async || {
        let users = get(&hub, "/admin/users", &root).await;
        let mut users = users["results"].as_array().unwrap().iter();
        let ada = users.find(|user| user["email"] == "ada@x.org").unwrap();
        ada["last_sign_in_at"].clone()
    };
    let refused = enter(&hub, "ada@x.org", "another-one").await;
    refused.problem(422, "invalid");
    assert_eq!(last().await, Value::Null, "never");
    for _ in 0..2 {
        hub.later(3_600);
        let before = hub.services.now().await.unwrap();
        enter(&hub, "ada@x.org", PASSWORD)
            .await
            .expect(StatusCode::OK);
        let after = hub.services.now().await.unwrap();
        let at: Timestamp = last().await.as_str().unwrap().parse().unwrap();
        assert!(before < at && at < after, "{before} {at} {after}");
    }
}

#[tokio::test]
async fn an_organisation_gets_its_tier_and_limits() {
    let hub = Hub::start_with_accounts().await;
    let (root, ada) = (
        admin(&hub, "root@x.org").await,
        token(&hub, "ada@x.org").await,
    );
    founded(&hub, &ada).await;
    let all = get(&hub, "/admin/organizations", &root).await;
    let id = all["results"][0]["id"].as_str().unwrap();
    put(
        &hub,
        &format!("/organizations/{id}"),
        &root,
        &json!({"tier": "pro"}),
    )
    .await
    .expect(StatusCode::NO_CONTENT);
    let usage = get(&hub, "/usage", &ada).await;
    assert_eq!(usage["limits"]["per_day"], 5_000);
    let body = json!({"tier": "pro", "limits": {"per_day": 7, "per_month": 8, "running": 1, "children": 2}});
    put(&hub, &format!("/organizations/{id}"), &root, &body)
        .await
        .expect(StatusCode::NO_CONTENT);
    assert_eq!(get(&hub, "/usage", &ada).await["limits"]["per_day"], 7);
}

#[tokio::test]
async fn what_an_admin_looks_at_is_written_down_once_an_hour() {
    let hub = Hub::start_with_accounts().await;
    let (root, ada) = (
        admin(&hub, "root@x.org").await,
        token(&hub, "ada@x.org").await,
    );
    let made = submit(&hub, &ada, &job("secret"))
        .await
        .expect(StatusCode::CREATED);
    let id = made["id"].as_str().unwrap();
    let mine = get(&hub, "/jobs", &root).await;
    assert_eq!(mine["results"], json!([]));
    let all = get(&hub, "/jobs?scope=all&search=secret", &root).await;
    assert_eq!(all["results"][0]["id"], id);
    assert_eq!(
        all["results"][0]["owner"],
        format!("user:{}", id_of(&hub, &ada).await)
    );
    let refused = ask(
        &hub,
        Method::GET,
        "/api/v1/jobs?scope=all",
        &ada,
        &Value::Null,
    )
    .await;
    assert_eq!(refused.problem(400, "bad-request")[0].0, "scope");

    for _ in 0..3 {
        get(&hub, &format!("/jobs/{id}"), &root).await;
        get(&hub, "/jobs?scope=all", &root).await;
    }
    let thing = format!("secret ({id})");
    assert_eq!(
        told(&hub, &root, "read_as_admin").await,
        [thing.as_str(), "the list of all jobs"]
    );
    let cancel = format!("/api/v1/jobs/{id}/cancel");
    ask(&hub, Method::POST, &cancel, &root, &Value::Null)
        .await
        .expect(StatusCode::OK);
    assert_eq!(
        told(&hub, &root, "changed_as_admin").await,
        [thing.as_str()]
    );
}

#[tokio::test]
async fn a_model_in_maintenance_takes_no_work_until_it_is_back() {
    let hub = Hub::start().await;
    hub.work();
    let set = async |body: Value| {
        hub.send_json(Method::PUT, &format!("{ADMIN}/models/vina"), &body, &[])
            .await
    };
    let faults = set(json!({"hours_per_month": -1}))
        .await
        .problem(422, "invalid");
    assert_eq!(faults[0].0, "hours_per_month");
    set(json!({"maintenance": "new receptors"}))
        .await
        .expect(StatusCode::NO_CONTENT);
    let made = hub
        .post("/api/v1/jobs", &job("waits"))
        .await
        .expect(StatusCode::CREATED);
    let path = format!("/api/v1/jobs/{}", made["id"].as_str().unwrap());
    let waits = hub.get(&path).await.expect(StatusCode::OK);
    assert_eq!(
        waits["waiting"]["reason"],
        "AutoDock Vina is in maintenance: new receptors"
    );
    set(json!({"hours_per_month": 0.5}))
        .await
        .expect(StatusCode::NO_CONTENT);
    let waits = hub
        .until(&path, |job| {
            job["waiting"]["reason"]
                .as_str()
                .is_some_and(|reason| reason.contains("hours"))
        })
        .await;
    assert_eq!(waits["status"], "pending");
    set(json!({})).await.expect(StatusCode::NO_CONTENT);
    hub.until(&path, |job| job["status"] == "completed").await;
    let models = hub
        .get(&format!("{ADMIN}/models"))
        .await
        .expect(StatusCode::OK);
    assert!(
        models["results"][0]["hours_this_month"].is_f64(),
        "{models}"
    );
    let used = hub.get("/api/v1/usage").await.expect(StatusCode::OK);
    assert!(used["month"]["run_ms"].as_u64().unwrap() > 0, "{used}");
}

/// Makes what somebody submitted the former system's, as the import writes it.
async fn disown(hub: &Hub, ids: &[String], owner: &str) {
    for id in ids {
        let collection = match id.contains('-') {
            true => Collection::Children,
            false => Collection::Jobs,
        };
        let key = Key::new(collection, id.as_str());
        let found = hub
            .documents
            .get_many(std::slice::from_ref(&key))
            .await
            .unwrap();
        let json = found[0]
            .as_ref()
            .unwrap()
            .json
            .replace(owner, "legacy_user");
        let expect = Expect::Any;
        hub.documents
            .commit(vec![Write::Put { key, json, expect }])
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn work_without_an_owner_is_given_away_with_its_ligands() {
    let hub = Hub::start_with_accounts().await;
    let (root, old) = (
        admin(&hub, "root@x.org").await,
        token(&hub, "old@x.org").await,
    );
    let ada = token(&hub, "ada@x.org").await;
    let batch = json!({"task": "docking", "target": {"named": "ABL1"}, "name": "old screen",
        "ligands": [{"name": "ethanol", "smiles": "CCO"}], "parameters": {"exhaustiveness": 1}});
    let made = ask(&hub, Method::POST, "/api/v1/batches", &old, &batch)
        .await
        .expect(StatusCode::CREATED);
    let id = made["id"].as_str().unwrap().to_owned();
    let child = format!("{id}-00000");
    disown(&hub, &[id.clone(), child.clone()], &id_of(&hub, &old).await).await;
    let seen = async |who: &str, id: &str| {
        let path = format!("/api/v1/jobs/{id}");
        ask(&hub, Method::GET, &path, who, &Value::Null)
            .await
            .status
    };
    assert_eq!((seen(&old, &id).await, seen(&ada, &id).await), (404, 404));
    assert_eq!(get(&hub, "/admin/assignments", &root).await["jobs"], 1);

    let assign = async |body: Value| {
        ask(
            &hub,
            Method::POST,
            &format!("{ADMIN}/assignments"),
            &root,
            &body,
        )
        .await
    };
    let faults = assign(json!({"to": "user:nobody"}))
        .await
        .problem(422, "invalid");
    assert_eq!(faults[0].0, "to");
    let to = format!("user:{}", id_of(&hub, &ada).await);
    let faults = assign(json!({"to": to, "jobs": [child]}))
        .await
        .problem(422, "invalid");
    assert_eq!(faults[0].0, "jobs");
    let given = assign(json!({"to": to})).await.expect(StatusCode::OK);
    assert_eq!(given["jobs"], 1);
    assert_eq!(
        (seen(&ada, &id).await, seen(&ada, &child).await),
        (200, 200)
    );
    assert_eq!(
        get(&hub, "/jobs", &ada).await["results"][0]["name"],
        "old screen"
    );
    assert_eq!(get(&hub, "/admin/assignments", &root).await["jobs"], 0);
    assert_eq!(
        told(&hub, &root, "assigned").await,
        [format!("old screen ({id}) to {to}")]
    );
}

#[tokio::test]
async fn work_without_an_owner_is_given_to_an_organisation_and_read_by_its_admins() {
    let hub = Hub::start_with_accounts().await;
    let (root, old) = (
        admin(&hub, "root@x.org").await,
        token(&hub, "old@x.org").await,
    );
    let owner = token(&hub, "owner@x.org").await;
    founded(&hub, &owner).await;
    let lead = member(&hub, &owner, "lead@x.org", "admin").await;
    let peer = member(&hub, &owner, "peer@x.org", "member").await;
    let stranger = token(&hub, "stranger@x.org").await;
    let made = submit(&hub, &old, &job("old docking"))
        .await
        .expect(StatusCode::CREATED);
    let id = made["id"].as_str().unwrap().to_owned();
    disown(&hub, std::slice::from_ref(&id), &id_of(&hub, &old).await).await;

    let assign = async |to: &str| {
        let path = format!("{ADMIN}/assignments");
        ask(&hub, Method::POST, &path, &root, &json!({ "to": to })).await
    };
    let faults = assign("organization:nobody").await.problem(422, "invalid");
    assert_eq!(faults[0].0, "to");
    let own = get(&hub, "/organizations/own", &owner).await;
    let to = format!("organization:{}", own["id"].as_str().unwrap());
    let given = assign(&to).await.expect(StatusCode::OK);
    assert_eq!(given["jobs"], 1);

    let path = format!("/api/v1/jobs/{id}");
    for (name, who, status) in [
        ("the owner", &owner, 200),
        ("an admin", &lead, 200),
        ("a member", &peer, 404),
        ("a stranger", &stranger, 404),
        ("who made it once", &old, 404),
    ] {
        let seen = ask(&hub, Method::GET, &path, who, &Value::Null).await;
        assert_eq!(seen.status, status, "{name}");
    }
    // As if the owner of the organisation had asked for it.
    let mine = get(&hub, "/jobs", &owner).await;
    assert_eq!(mine["results"][0]["id"], id);
    assert_eq!(
        told(&hub, &root, "assigned").await,
        [format!("old docking ({id}) to {to}")]
    );
}
