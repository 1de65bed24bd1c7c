//! A value that nobody vouches for is called unverified wherever it appears.

use super::*;

#[ignore = "needs the Firestore emulator: bin/test starts it"]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_page_and_export_says_that_a_value_is_unverified() {
    let (hub, former) = (hub_on(Store::Firestore).await, filled().await);
    let (root, ada) = (
        admin(&hub, "root@x.org").await,
        token(&hub, "ada@x.org").await,
    );
    brought(&hub, &former, false).await;
    let binding = new_id(BINDING);
    let shown = page(&hub, &format!("/jobs/{binding}"), &ada).await;
    assert!(
        shown.contains("0.800, unverified") && shown.contains("filled in 0.8"),
        "{shown}"
    );
    assert!(
        shown.contains("IC50 56.2\u{202f}nM")
            && shown.contains("MKTAYIAKQR")
            && shown.contains(BINDING),
        "{shown}"
    );
    assert!(
        !shown.contains("kcal") && !shown.contains("Exhaustiveness") && !shown.contains(">Retry<"),
        "{shown}"
    );
    assert!(page(&hub, "/", &ada).await.contains("IC50 56.2\u{202f}nM"));

    let screen = new_id(SCREEN);
    let batch = page(&hub, &format!("/batches/{screen}"), &root).await;
    assert_eq!(batch.matches(">unverified<").count(), 1, "{batch}");
    assert!(
        !batch.contains("View pose") && !batch.contains("Retry"),
        "{batch}"
    );
    let child = page(&hub, &format!("/jobs/{screen}-00002"), &root).await;
    assert!(
        child.contains("−8.50\u{202f}log10(IC50/µM), unverified"),
        "{child}"
    );
    page(&hub, &format!("/jobs/{}", new_id(STRANGE)), &root).await;

    let saved = async |path: &str| {
        let answer = get(&hub, path, &root).await;
        assert_eq!(answer.status, 200, "{path}");
        String::from_utf8_lossy(&answer.body).into_owned()
    };
    let table = saved(&format!("/api/v1/batches/{screen}/export?format=csv")).await;
    let lines: Vec<_> = table.lines().collect();
    assert!(
        lines[0].contains("affinity_pred_value (log10(IC50/µM))")
            && lines[0].ends_with(",unverified"),
        "{table}"
    );
    assert!(
        lines[2].contains("-8.5") && lines[2].ends_with(",affinity_pred_value"),
        "{table}"
    );
    assert!(lines[1].ends_with(','), "{table}");
    let all = saved(&format!("/api/v1/batches/{screen}/export?format=json")).await;
    assert!(
        all.contains(r#""unverified":["affinity_pred_value"]"#),
        "{all}"
    );
    assert_eq!(
        saved(&format!("/api/v1/batches/{screen}/export?format=sdf")).await,
        ""
    );
    let one = saved(&format!("/api/v1/jobs/{binding}/export?format=json")).await;
    assert!(one.contains("filled in 0.8"), "{one}");

    let link = ask(
        &hub,
        Method::POST,
        "/api/v1/shares",
        &ada,
        &json!({"job_id": binding.to_string()}),
    )
    .await
    .expect(StatusCode::CREATED);
    let link = link["url"].as_str().unwrap();
    let shared = page(&hub, &link[link.find("/s/").unwrap()..], &ada).await;
    assert!(
        shared.contains("0.800, unverified") && !shared.to_lowercase().contains("ada@x.org"),
        "{shared}"
    );
}

#[ignore = "needs the Firestore emulator: bin/test starts it"]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_shows_what_is_looked_at_first_and_the_rest_when_it_is_chosen() {
    let (hub, former) = (hub_on(Store::Firestore).await, filled().await);
    let root = admin(&hub, "root@x.org").await;
    brought(&hub, &former, false).await;
    let path = format!("/batches/{}", new_id(SCREEN));
    let head = |page: &str| {
        let from = page.find("<thead>").unwrap();
        page[from..page.find("</thead>").unwrap()].to_owned()
    };
    let usual = page(&hub, &path, &root).await;
    assert!(head(&usual).contains("Predicted affinity (log10(IC50/µM))"));
    assert!(!head(&usual).contains("PDE of the complex"));
    assert!(!usual.contains("PDE of the complex from"));
    assert!(
        usual.contains("data-label=\"P(bind)\""),
        "values have their names where the heads are not shown"
    );
    let chosen = page(&hub, &format!("{path}?columns=complex_pde"), &root).await;
    assert!(head(&chosen).contains("PDE of the complex (Å)"));
    assert!(!head(&chosen).contains("P(bind)"));
    assert!(chosen.contains("PDE of the complex from"));
    assert!(!chosen.contains("data-label"));
    let bound = page(&hub, &format!("{path}?complex_pde_max=9"), &root).await;
    assert!(
        bound.contains("PDE of the complex to"),
        "a bound that is set can be seen"
    );
}
