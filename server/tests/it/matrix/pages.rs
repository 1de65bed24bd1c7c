//! The same for pages and for the forms that browsers send: one table says who may, and an address without a row fails.

use axum::http::{HeaderName, StatusCode};
use hub::ports::documents::Collection;

use super::*;
use crate::counted::Written;
use crate::far_gateway::FarGateway;
use crate::hub::Chosen;
use crate::people::ask;

const PAGES: &[(&str, May)] = &[
    ("/login", Everybody),
    ("/signup", Everybody),
    ("/reset", Everybody),
    ("/verify", Everybody),
    ("/organization", Reader),
    ("/organization/audit", Leader),
    ("/organization/links", Leader),
    ("/admin", Admin),
    ("/admin/audit", Admin),
    ("/admin/errors", Watcher),
    ("/admin/users", Admin),
    ("/admin/users/{id}", Admin),
    ("/admin/organizations", Admin),
    ("/admin/organizations/{id}", Admin),
    ("/join", Nobody),
    ("/account", Reader),
    ("/new", Reader),
    ("/new/docking", Reader),
    ("/new/{task}", Reader),
    ("/jobs/{id}", ReaderOfIt),
    ("/jobs/{id}/share", ReaderOfIt),
    ("/jobs/{id}/{act}", ReaderOfIt),
    ("/shares", Reader),
    ("/batches/{id}", ReaderOfIt),
    ("/batches/{id}/retry-failed", ReaderOfIt),
    ("/usage", Reader),
];

/// Each with what is sent: as little as it takes to come to the question who may.
const FORMS: &[(&str, &str, May)] = &[
    ("/login", "email=x&password=y", Everybody),
    ("/signup", "email=x&password=y", Everybody),
    ("/logout", "", Reader),
    ("/reset", "email=x", Everybody),
    ("/verify", "token=made-up", Everybody),
    ("/account", "act=key&name=made&scope=read&days=30", InPerson),
    ("/organization", "act=invite&role=viewer", Leader),
    ("/join", "token=made-up", Nobody),
    ("/admin", "act=model&model=chai1&maintenance=", Admin),
    ("/admin/{place}/{id}", "act=roles", Admin),
];

#[tokio::test]
async fn everybody_reads_the_pages_that_the_table_says() {
    let hub = Hub::start_with_accounts().await;
    let world = World::new(&hub).await;
    let mut wrong = Vec::new();
    for (page, may) in PAGES {
        let (single, batch) = made(&hub, &world.maker).await;
        let id = match page.split('/').nth(1) {
            Some("admin") => world.thing(&hub, page).await,
            Some("batches") => batch.to_string(),
            _ => single.to_string(),
        };
        let path = page
            .replace("{id}", &id)
            .replace("{task}", "protein_structure")
            .replace("{act}", "cancel");
        for (place, who) in world.people.iter().enumerate() {
            let asked = json!({"path": path, "query": ""}).to_string();
            let request = hub
                .request(Method::POST, "/api/pages/read")
                .header(header::CONTENT_TYPE, "application/json")
                .header(header::ACCEPT, "application/json")
                .header(header::AUTHORIZATION, format!("Bearer {}", who.bearer));
            let request = request.body(Body::from(asked)).unwrap();
            let status = status(&hub, place, request).await;
            wrong.extend(complain(page, who, *may, status));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn everybody_sends_the_forms_that_the_table_says() {
    let hub = Hub::start_with_accounts().await;
    let world = World::new(&hub).await;
    let mut wrong = Vec::new();
    for (form, sent, may) in FORMS {
        let path = form.replace("{place}", "users");
        let path = path.replace("{id}", &world.thing(&hub, &path).await);
        for (place, who) in world.people.iter().enumerate() {
            if *form == "/logout" && who.standing != Standing::Stranger {
                continue;
            }
            let request = hub
                .request(Method::POST, &path)
                .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
                .header(header::ACCEPT, "text/html")
                .header("sec-fetch-site", "same-origin")
                .header(header::AUTHORIZATION, format!("Bearer {}", who.bearer));
            let request = request.body(Body::from(*sent)).unwrap();
            let status = status(&hub, place, request).await;
            wrong.extend(complain(&format!("POST {form}"), who, *may, status));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The paths of the pages, as the source writes them: `["jobs", id] => …`.
fn pages(source: &str) -> BTreeSet<String> {
    let arms = source
        .lines()
        .filter_map(|line| line.trim().strip_prefix('[')?.split_once("] =>"));
    let path = |(parts, _): (&str, &str)| {
        let parts = parts.split(", ").map(|part| match part.trim_matches('"') {
            text if part.starts_with('"') => format!("/{text}"),
            name => format!("/{{{name}}}"),
        });
        parts.collect::<String>()
    };
    arms.map(path).collect()
}

#[test]
fn every_page_and_form_has_a_row() {
    let there = pages(include_str!("../../../../app/src/served/write.rs"));
    assert!(there.len() > 20, "{there:?}");
    let rows = PAGES.iter().map(|(page, _)| (*page).to_owned());
    assert_eq!(rows.collect::<BTreeSet<_>>(), there);

    let sources = [
        include_str!("../../../src/pages/accounts.rs"),
        include_str!("../../../src/pages/admin.rs"),
        include_str!("../../../src/pages/organizations.rs"),
    ];
    let named = [
        ("(ACCOUNT,", "(\"/account\","),
        ("(HUB,", "(\"/admin\","),
        ("(PAGE,", "(\"/organization\","),
    ];
    let there = sources.iter().flat_map(|source| {
        let named = named.iter();
        routed(&named.fold((*source).to_owned(), |text, (name, path)| {
            text.replace(name, path)
        }))
    });
    let there = there.filter(|(method, _)| method == "POST");
    let rows = FORMS.iter().map(|(form, _, _)| (*form).to_owned());
    let there = there.map(|(_, path)| path);
    assert_eq!(rows.collect::<BTreeSet<_>>(), there.collect());
}

/// An address that was looked at.
struct Look {
    path: String,
    may: May,
    status: u16,
    /// What it wrote.
    commits: Vec<Written>,
}

/// A hub of which everything can be looked at, and a job and a batch of the maker's.
async fn to_look_at() -> (Hub, World, (JobId, JobId)) {
    let hub = Hub::start_as(Chosen {
        accounts: true,
        gateway: Some(FarGateway::start().await),
        ..Chosen::default()
    })
    .await;
    let world = World::new(&hub).await;
    let work = made(&hub, &world.maker).await;
    (hub, world, work)
}

/// What somebody is let in by.
fn bearer(world: &World, standing: Standing) -> &str {
    let mut people = world.people.iter();
    &people.find(|who| who.standing == standing).unwrap().bearer
}

/// Looks at every address that is only looked at, in the order of the tables, as whoever this header lets in.
async fn looked_at(
    hub: &Hub,
    world: &World,
    (single, batch): &(JobId, JobId),
    entry: (HeaderName, String),
) -> Vec<Look> {
    let calls = API.iter().filter(|(method, ..)| *method == "GET");
    let calls = calls.map(|(_, path, may)| (format!("/api/v1{path}"), *may));
    let pages = PAGES.iter().map(|(page, may)| ((*page).to_owned(), *may));
    let mut looks = Vec::new();
    for (address, may) in calls.chain(pages).chain([("/".to_owned(), Reader)]) {
        let id = if address.contains("/drafts/") || address.contains("/admin/") {
            world.thing(hub, &address).await
        } else if address.contains("batches/") {
            batch.to_string()
        } else {
            single.to_string()
        };
        let path = address
            .replace("{id}", &id)
            .replace("{name}", "poses.sdf")
            .replace("{task}", "docking")
            .replace("{act}", "cancel")
            .replace("/export", "/export?format=json");
        let request = hub
            .request(Method::GET, &path)
            .header(header::ACCEPT, "text/html")
            .header(entry.0.clone(), entry.1.as_str());
        hub.documents.commits();
        let status = hub.status(request.body(Body::empty()).unwrap()).await;
        looks.push(Look {
            path,
            may,
            status,
            commits: hub.documents.commits(),
        });
    }
    looks
}

/// Which looks wrote something, and what.
fn written(looks: &[Look]) -> Vec<(&str, &[Written])> {
    let wrote = looks.iter().filter(|look| !look.commits.is_empty());
    wrote
        .map(|look| (look.path.as_str(), look.commits.as_slice()))
        .collect()
}

/// Everything was shown that these may see, which is as much as this at least.
#[track_caller]
fn assert_shown(looks: &[Look], may: &[May], least: usize) {
    let shown = looks.iter().filter(|look| may.contains(&look.may));
    for Look { path, status, .. } in shown.clone() {
        assert!((200..300).contains(status), "{path}: {status}");
    }
    assert!(shown.clone().count() >= least, "{}", shown.count());
}

#[tokio::test]
async fn to_look_changes_nothing() {
    let (hub, world, work) = to_look_at().await;
    // As the browser of whoever made what is named does.
    let cookie = format!("omtx={}", bearer(&world, Standing::Own));
    let looks = looked_at(&hub, &world, &work, (header::COOKIE, cookie)).await;
    let written = written(&looks);
    assert!(written.is_empty(), "{written:?}");
    assert_shown(&looks, &[Reader, ReaderOfIt, OwnerReads], 31);
}

#[tokio::test]
async fn to_look_by_a_key_notes_its_use_once_a_minute_and_changes_nothing() {
    let (hub, world, work) = to_look_at().await;
    let own = bearer(&world, Standing::Own);
    let last_used_at = async || {
        let keys = ask(&hub, Method::GET, "/api/v1/api-keys", own, &Value::Null).await;
        let keys = keys.expect(StatusCode::OK);
        let mut keys = keys["results"].as_array().unwrap().iter();
        let key = keys.find(|key| key["name"] == "reader").unwrap();
        key["last_used_at"].clone()
    };
    assert_eq!(last_used_at().await, Value::Null);
    let began = hub.services.now().await.unwrap();
    let key = format!("Bearer {}", bearer(&world, Standing::Reading));
    let looks = looked_at(&hub, &world, &work, (header::AUTHORIZATION, key)).await;
    let took_ms = hub.services.now().await.unwrap().millis_since(began);
    let written = written(&looks);
    let noted = &[vec![Collection::Keys]][..];
    assert_eq!(written[0], (looks[0].path.as_str(), noted));
    assert!(written.iter().all(|(_, what)| *what == noted));
    assert!(written.len() as u64 <= 1 + took_ms / 60_000, "{written:?}");
    assert!(last_used_at().await.is_string());
    assert_shown(&looks, &[Reader, ReaderOfIt, OwnerReads], 31);
}

#[tokio::test]
async fn to_look_at_anothers_work_as_an_admin_is_written_down_and_changes_nothing() {
    let (hub, world, work) = to_look_at().await;
    let root = bearer(&world, Standing::Root);
    let cookie = format!("omtx={root}");
    let looks = looked_at(&hub, &world, &work, (header::COOKIE, cookie)).await;
    // Whatever is looked at of a job or batch within an hour is one look.
    let noted = &[vec![Collection::Audit]][..];
    let (single, batch) = &work;
    let firsts = [
        format!("/api/v1/jobs/{single}"),
        format!("/api/v1/batches/{batch}"),
    ];
    let expected = firsts.each_ref().map(|path| (path.as_str(), noted));
    assert_eq!(written(&looks), expected);
    assert_shown(&looks, &[ReaderOfIt, Admin, Watcher], 26);

    let log = "/api/v1/admin/audit?per_page=100";
    let log = ask(&hub, Method::GET, log, root, &Value::Null).await;
    let log = log.expect(StatusCode::OK);
    let of = |act: &str| {
        let lines = log["results"].as_array().unwrap().iter();
        let lines = lines.filter(|line| line["act"] == act);
        let to = lines.map(|line| line["to"].as_str().unwrap());
        to.collect::<Vec<_>>()
    };
    let looks = of("read_as_admin");
    assert_eq!(looks.len(), 2, "{looks:?}");
    assert!(looks[0].ends_with(&format!("({batch})")), "{looks:?}");
    assert!(looks[1].ends_with(&format!("({single})")), "{looks:?}");
    assert_eq!(of("changed_as_admin"), [""; 0]);
}
