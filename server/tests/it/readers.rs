//! What a reader of a link sees, and what not.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::far_gateway::HOPELESS;
use crate::hub::Hub;
use crate::shares::{batch, job, read, share, text};

#[tokio::test]
async fn a_reader_sees_the_batch_its_ligands_and_its_files_and_changes_nothing() {
    let hub = Hub::start().await;
    let id = batch(&hub).await;
    let (_, path) = share(&hub, &json!({ "job_id": id })).await;
    let answer = read(&hub, &path).await;
    let page = text(&answer);
    assert_eq!(answer.status, 200, "{page}");
    assert_eq!(answer.header("cache-control"), "private, no-store");
    assert_eq!(answer.header("x-robots-tag"), "noindex, nofollow");
    assert!(page.starts_with("<!DOCTYPE html>") && page.ends_with("</html>"));
    let own = format!("http://{}{path}", hub.address);
    for part in [
        "<title>kinase screen · OMTX-Hub</title>".to_owned(),
        "Shared by the owner of this hub until ".to_owned(),
        "name=\"robots\" content=\"noindex, nofollow\"".to_owned(),
        "name=\"description\" content=\"Docking of 3 ligands against ABL1;".to_owned(),
        "property=\"og:title\" content=\"kinase screen\"".to_owned(),
        format!("property=\"og:url\" content=\"{own}\""),
        format!("property=\"og:image\" content=\"{own}/preview.png\""),
        "name=\"twitter:card\" content=\"summary_large_image\"".to_owned(),
        format!("name=\"twitter:image\" content=\"{own}/preview.png\""),
        "ligand 1".to_owned(),
        format!("href=\"{path}/jobs/{id}-00001\""),
        format!("href=\"{path}/export?format=csv\""),
        "−3.00".to_owned(),
    ] {
        let plain = page.replace("/>", ">");
        assert!(plain.contains(&part), "{part} is not in {page}");
    }
    for act in [
        ">Rename<",
        ">Delete<",
        ">Cancel<",
        ">Retry<",
        "method=\"post\"",
        "href=\"/jobs/",
        "href=\"/batches/",
        "/api/v1/",
        "My Results",
        "users/local",
        "user:local",
    ] {
        assert!(!page.contains(act), "{act} is in {page}");
    }
    let child = read(&hub, &format!("{path}/jobs/{id}-00001")).await;
    assert_eq!(child.status, 200);
    let child = text(&child);
    let file = format!("{path}/jobs/{id}-00001/files/poses.sdf");
    assert!(child.contains(&file) && child.contains("CCCCCC"), "{child}");
    assert!(!child.contains("/api/v1/") && !child.contains("Attempts"));
    let poses = read(&hub, &file).await;
    assert_eq!(poses.status, 200);
    assert!(text(&poses).contains("M  END"));
    for (format, count) in [("csv", "\r\n"), ("sdf", "$$$$")] {
        let export = read(&hub, &format!("{path}/export?format={format}")).await;
        assert_eq!(export.status, 200);
        assert!(text(&export).matches(count).count() >= 3);
    }
    for format in ["json", "zip", "exe"] {
        let export = hub.get(&format!("{path}/export?format={format}")).await;
        assert_eq!(export.status, 400, "{format}");
    }
    let picture = read(&hub, &format!("{path}/preview.png")).await;
    assert_eq!(
        (picture.status, picture.header("content-type")),
        (200, "image/png")
    );
    assert_eq!(&picture.body[..8], b"\x89PNG\r\n\x1a\n");
    let size = |at: usize| u32::from_be_bytes(picture.body[at..at + 4].try_into().unwrap());
    assert_eq!((size(16), size(20)), (1200, 630));
}

#[tokio::test]
async fn a_single_job_is_shown_with_its_files() {
    let hub = Hub::start().await;
    hub.work();
    let id = job(&hub).await;
    hub.until(&format!("/api/v1/jobs/{id}"), |job| {
        job["status"] == "completed"
    })
    .await;
    let endless = json!({ "job_id": id, "expires_in_days": null });
    let (_, path) = share(&hub, &endless).await;
    let page = text(&read(&hub, &path).await);
    assert!(page.contains("without an end"), "{page}");
    assert!(page.contains(&format!("{path}/files/poses.sdf")), "{page}");
    assert!(
        page.contains("−1.50") || page.contains("kcal/mol"),
        "{page}"
    );
    let file = read(&hub, &format!("{path}/files/poses.sdf")).await;
    assert!(
        file.header("content-disposition")
            .starts_with("attachment;")
    );
    assert!(text(&file).contains("M  END"));
    let log = format!("/api/v1/jobs/{id}/files/log.txt");
    assert_eq!(hub.get(&log).await.status, 302, "it has a log");
    assert!(!page.contains("log.txt"), "{page}");
    for hidden in ["other.txt", "log.txt", "extra.zip"] {
        let answer = read(&hub, &format!("{path}/files/{hidden}")).await;
        assert_eq!(answer.status, 404, "{hidden}");
    }
    let table = text(&read(&hub, &format!("{path}/export")).await);
    assert_eq!(table.lines().count(), 2, "{table}");
}

#[tokio::test]
async fn a_selection_hides_the_other_ligands() {
    let hub = Hub::start().await;
    let id = batch(&hub).await;
    let chosen = [format!("{id}-00002"), format!("{id}-00000")];
    let (_, path) = share(&hub, &json!({ "job_id": id, "selection": chosen })).await;
    let page = text(&read(&hub, &path).await);
    assert!(
        page.contains("ligand 0") && page.contains("ligand 2"),
        "{page}"
    );
    assert!(page.contains("Docking of 2 ligands"), "{page}");
    for hidden in ["ligand 1", "CCCCCC", "−3.00", "of 3"] {
        assert!(!page.contains(hidden), "{hidden} is in {page}");
    }
    let every = format!("{path}?sort=index&children_limit=500&search=ligand");
    assert!(!text(&read(&hub, &every).await).contains("ligand 1"));
    for place in ["", "/files/poses.sdf"] {
        let shown = read(&hub, &format!("{path}/jobs/{id}-00002{place}")).await;
        assert_eq!(shown.status, 200, "{place}");
        let hidden = read(&hub, &format!("{path}/jobs/{id}-00001{place}")).await;
        assert_eq!(hidden.status, 404, "{place}");
    }
    let all = format!("{path}/export?selection=1");
    let table = text(&read(&hub, &all).await);
    assert!(
        table.lines().count() == 3 && !table.contains("CCCCCC"),
        "{table}"
    );
    assert!(
        table
            .lines()
            .nth(1)
            .is_some_and(|best| best.starts_with("1,2,")),
        "ranks are those of what is shared: {table}"
    );
    let poses = text(&read(&hub, &format!("{path}/export?format=sdf")).await);
    assert_eq!(poses.matches("$$$$").count(), 2, "{poses}");
    let mine = hub.get("/api/v1/shares").await.expect(StatusCode::OK);
    assert_eq!(mine["results"][0]["selected"], 2);
}

#[tokio::test]
async fn a_name_that_counts_the_ligands_counts_what_is_shared() {
    let hub = Hub::start().await;
    hub.work();
    let mut unnamed = crate::input::batch(&["CCO", "CCCC", "CCCCC"]);
    unnamed["name"] = Value::Null;
    let batch = hub.post("/api/v1/batches", &unnamed).await;
    let batch = batch.expect(StatusCode::CREATED);
    assert_eq!(batch["name"], "3 ligands into ABL1");
    let id = batch["id"].as_str().unwrap();
    hub.until(&format!("/api/v1/batches/{id}"), |batch| {
        batch["status"] == "completed"
    })
    .await;
    for (places, name) in [
        (&[0, 2][..], "2 ligands into ABL1"),
        (&[1], "1 ligand into ABL1"),
    ] {
        let chosen: Vec<_> = places
            .iter()
            .map(|place| format!("{id}-{place:05}"))
            .collect();
        let (_, path) = share(&hub, &json!({ "job_id": id, "selection": chosen })).await;
        let page = text(&read(&hub, &path).await);
        assert!(page.contains(name) && !page.contains("3 ligand"), "{page}");
    }
}

#[tokio::test]
async fn a_reader_sees_why_a_ligand_failed_and_nothing_of_its_log() {
    let hub = Hub::start().await;
    hub.work();
    let screen = crate::input::batch(&["CCO", HOPELESS]);
    let batch = hub.post("/api/v1/batches", &screen).await;
    let id = batch.expect(StatusCode::CREATED)["id"]
        .as_str()
        .unwrap()
        .to_owned();
    hub.until(&format!("/api/v1/batches/{id}"), |batch| {
        batch["status"] == "partially_completed"
    })
    .await;
    let (_, path) = share(&hub, &json!({ "job_id": id })).await;
    let (why, log) = ("ligand 1 cannot be docked", "reading ligand 1");
    let own = text(&read(&hub, &format!("/jobs/{id}-00001")).await);
    assert!(own.contains(why) && own.contains(log), "{own}");
    let shown = text(&read(&hub, &format!("{path}/jobs/{id}-00001")).await);
    assert!(shown.contains(why) && !shown.contains(log), "{shown}");
}

#[tokio::test]
async fn another_job_is_not_read_by_a_link() {
    let hub = Hub::start_alone().await;
    let (one, other) = (job(&hub).await, job(&hub).await);
    let (_, path) = share(&hub, &json!({ "job_id": one })).await;
    assert_eq!(read(&hub, &format!("{path}/jobs/{one}")).await.status, 200);
    for id in [
        other.clone(),
        format!("{one}-00000"),
        format!("{other}-00000"),
    ] {
        let answer = read(&hub, &format!("{path}/jobs/{id}")).await;
        assert_eq!(answer.status, 404, "{id}");
        let answer = read(&hub, &format!("{path}/jobs/{id}/files/poses.sdf")).await;
        assert_eq!(answer.status, 404, "{id}");
    }
}

#[tokio::test]
async fn the_picture_is_of_the_result_and_of_none_where_there_is_a_password() {
    let hub = Hub::start().await;
    hub.work();
    let picture = async |link: Value| {
        let (_, path) = share(&hub, &link).await;
        let picture = read(&hub, &format!("{path}/preview.png")).await;
        assert_eq!(picture.status, 200);
        picture.body
    };
    let (mut open, mut locked) = (Vec::new(), Vec::new());
    for (name, smiles) in [("one", "CCO"), ("one", "CCCCCC"), ("another", "CCO")] {
        let mut asked = crate::input::job(smiles);
        asked["name"] = json!(name);
        let made = hub.post("/api/v1/jobs", &asked).await;
        let made = made.expect(StatusCode::CREATED);
        let id = made["id"].as_str().unwrap();
        hub.until(&format!("/api/v1/jobs/{id}"), |job| {
            job["status"] == "completed"
        })
        .await;
        open.push(picture(json!({ "job_id": id })).await);
        locked.push(picture(json!({ "job_id": id, "password": "a-long-secret" })).await);
    }
    assert!(open[0] != open[1], "a score of its own");
    assert!(open[0] != open[2], "a name of its own");
    assert!(locked[0] == locked[1] && locked[1] == locked[2]);
    assert!(!open.contains(&locked[0]));
}
