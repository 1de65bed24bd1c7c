//! The same for pages and for the forms that browsers send: one table says who may, and an address without a row fails.

use super::*;
use crate::far_gateway::FarGateway;
use crate::hub::Chosen;

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

/// What every address that is only looked at is sent as: by whoever made what it names, as a browser does.
async fn looked_at(hub: &Hub, world: &World, path: &str) -> u16 {
    let own = &world.people.last().unwrap().bearer;
    let request = hub
        .request(Method::GET, path)
        .header(header::ACCEPT, "text/html")
        .header(header::COOKIE, format!("omtx={own}"));
    hub.status(request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn to_look_changes_nothing() {
    let hub = Hub::start_as(Chosen {
        accounts: true,
        gateway: Some(FarGateway::start().await),
        ..Chosen::default()
    })
    .await;
    let world = World::new(&hub).await;
    let (single, batch) = made(&hub, &world.maker).await;
    let calls = API.iter().filter(|(method, ..)| *method == "GET");
    let calls = calls.map(|(_, path, may)| (format!("/api/v1{path}"), *may));
    let pages = PAGES.iter().map(|(page, may)| ((*page).to_owned(), *may));
    let mut looks = 0;
    for (address, may) in calls.chain(pages).chain([("/".to_owned(), Reader)]) {
        let id = match address.contains("batches/") {
            true => &batch,
            false => &single,
        };
        let path = match address.contains("/drafts/") {
            true => address.replace("{id}", &world.thing(&hub, &address).await),
            false => address.replace("{id}", id.as_str()),
        };
        let path = path
            .replace("{name}", "poses.sdf")
            .replace("{task}", "docking")
            .replace("{act}", "cancel")
            .replace("/export", "/export?format=json");
        hub.documents.commits();
        let status = looked_at(&hub, &world, &path).await;
        assert_eq!(hub.documents.commits(), 0, "{path}");
        if matches!(may, Reader | ReaderOfIt | OwnerReads) {
            assert!((200..300).contains(&status), "{path}: {status}");
            looks += 1;
        }
    }
    assert!(looks > 30, "{looks}");
}
