//! The same for every address that is neither of the API nor a page: links, sign-in elsewhere, signed files, and what is
//! told of the hub to those who watch over it.

use super::scope::sources;
use super::*;

const OTHERS: &[(&str, &str, May)] = &[
    ("GET", "/healthz", Everybody),
    ("GET", "/readyz", Everybody),
    ("GET", "/health", Everybody),
    ("GET", "/metrics", Watcher),
    ("GET", "/s/{token}", NobodyAtAll),
    ("POST", "/s/{token}/unlock", NobodyAtAll),
    ("GET", "/s/{token}/preview.png", NobodyAtAll),
    ("GET", "/s/{token}/export", NobodyAtAll),
    ("GET", "/s/{token}/files/{name}", NobodyAtAll),
    ("GET", "/s/{token}/jobs/{id}", NobodyAtAll),
    ("GET", "/s/{token}/jobs/{id}/files/{name}", NobodyAtAll),
    // This hub knows no other place to sign in.
    ("GET", "/openid/start", NobodyAtAll),
    ("GET", "/openid/callback", NobodyAtAll),
    ("GET", "/files/{*path}", NobodyAtAll),
    ("PUT", "/files/{*path}", NobodyAtAll),
];

/// Where each source file's addresses lie.
const SOURCES: [(&str, &str); 5] = [
    ("", include_str!("../../../src/router.rs")),
    ("", include_str!("../../../src/health.rs")),
    ("/s", include_str!("../../../src/shares.rs")),
    ("", include_str!("../../../src/pages/openid.rs")),
    ("", include_str!("../../../src/blobs/directory/routes.rs")),
];

#[tokio::test]
async fn nobody_gets_by_an_account_what_takes_none() {
    let hub = Hub::start_with_accounts().await;
    let people = people(&hub).await;
    let maker = maker(&hub, &people).await;
    let (single, _) = made(&hub, &maker).await;
    let mut wrong = Vec::new();
    for (method, address, may) in OTHERS {
        let path = address
            .replace("{token}", &"A".repeat(43))
            .replace("{id}", single.as_str())
            .replace("{name}", "poses.sdf")
            .replace("{*path}", &format!("jobs/{single}/poses.sdf"));
        for (place, who) in people.iter().enumerate() {
            // What an account opens is asked for by programs too, which show a key; all else by browsers, which send what
            // they still have.
            let entry = match matches!(may, Watcher) && who.bearer.starts_with("omtx_") {
                true => (header::AUTHORIZATION, format!("Bearer {}", who.bearer)),
                false => (header::COOKIE, format!("omtx={}", who.bearer)),
            };
            let request = hub
                .request(method.parse().unwrap(), &path)
                .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
                .header(entry.0, entry.1);
            let request = request.body(Body::from("password=made-up")).unwrap();
            let status = status(&hub, place, request).await;
            wrong.extend(complain(&format!("{method} {address}"), who, *may, status));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_other_file_has_addresses() {
    let known = [
        "api.rs",
        "blobs/directory/routes.rs",
        "health.rs",
        "pages/accounts.rs",
        "pages/admin.rs",
        "pages/openid.rs",
        "pages/organizations.rs",
        "router.rs",
        "shares.rs",
    ];
    let mut found = sources("src");
    found.retain(|_, text| text.contains(".route("));
    assert_eq!(found.into_keys().collect::<Vec<_>>(), known);
}

#[test]
fn every_other_address_has_a_row() {
    let mut there = BTreeSet::new();
    for (prefix, source) in SOURCES {
        let source = source.replace("(CALLBACK,", "(\"/openid/callback\",");
        let lines = source.lines().filter(|line| line.contains(".route("));
        let found = routed(&lines.collect::<Vec<_>>().join("\n"));
        assert!(!found.is_empty());
        there.extend(
            found
                .into_iter()
                .map(|(method, path)| (method, format!("{prefix}{path}"))),
        );
    }
    let rows = OTHERS
        .iter()
        .map(|(method, path, _)| ((*method).to_owned(), (*path).to_owned()));
    assert_eq!(rows.collect::<BTreeSet<_>>(), there);
}
