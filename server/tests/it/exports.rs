//! Exports: their headers, their rows, and what they refuse.

use std::io::{Cursor, Read};

use axum::http::StatusCode;
use serde_json::Value;
use zip::ZipArchive;

use crate::hub::Hub;
use crate::input;

#[tokio::test]
async fn a_finished_batch_is_saved_as_a_table_poses_and_json() {
    let hub = Hub::start().await;
    let path = input::completed(&hub).await;
    for (format, media_type) in [
        ("csv", "text/csv; charset=utf-8"),
        ("sdf", "chemical/x-mdl-sdfile"),
        ("json", "application/json"),
    ] {
        let answer = hub.get(&format!("{path}/export?format={format}")).await;
        assert_eq!(
            (answer.status, answer.header("content-type")),
            (200, media_type)
        );
        let saved = answer.header("content-disposition");
        assert!(
            saved.starts_with("attachment; filename=\"") && saved.contains(&format!(".{format}\"")),
            "{saved}"
        );
        assert!(!answer.body.is_empty());
    }
    let text = |answer: crate::hub::Answer| String::from_utf8(answer.body.to_vec()).unwrap();
    let table = text(hub.get(&format!("{path}/export")).await);
    let lines: Vec<_> = table.lines().collect();
    assert_eq!(lines.len(), 3, "{table}");
    assert!(
        lines[1].contains("CCCCCC") && lines[1].contains("-3"),
        "the best comes first: {table}"
    );
    let chosen = text(hub.get(&format!("{path}/export?selection=0")).await);
    assert!(
        chosen.lines().count() == 2 && chosen.contains("CCO") && !chosen.contains("CCCCCC"),
        "{chosen}"
    );
    let poses = text(hub.get(&format!("{path}/export?format=sdf")).await);
    assert_eq!(poses.matches("$$$$").count(), 2, "{poses}");
    hub.get(&format!("{path}/export?format=exe"))
        .await
        .problem(400, "bad-request");
    hub.get(&format!("{path}/export?selection=0,x"))
        .await
        .problem(400, "bad-request");
    let child = path.replace("/batches/", "/jobs/") + "-00001";
    let one = text(hub.get(&format!("{child}/export?format=csv")).await);
    assert!(one.lines().count() == 2 && one.contains("CCCCCC"), "{one}");
}

/// The names and contents of the archive of a job or batch.
async fn archive(hub: &Hub, path: &str) -> Vec<(String, String)> {
    let answer = hub.get(&format!("{path}/export?format=zip")).await;
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (200, "application/zip")
    );
    let saved = answer.header("content-disposition");
    assert!(saved.contains(".zip\""), "{saved}");
    let mut archive = ZipArchive::new(Cursor::new(answer.body)).unwrap();
    let places = 0..archive.len();
    let mut files = Vec::new();
    for place in places {
        let mut file = archive.by_index(place).unwrap();
        let mut text = String::new();
        file.read_to_string(&mut text).unwrap();
        files.push((file.name().unwrap().into_owned(), text));
    }
    files
}

fn names(files: &[(String, String)]) -> Vec<&str> {
    files.iter().map(|(name, _)| name.as_str()).collect()
}

fn content<'a>(files: &'a [(String, String)], wanted: &str) -> &'a str {
    let file = files.iter().find(|(name, _)| name == wanted);
    &file
        .unwrap_or_else(|| panic!("no {wanted} in {:?}", names(files)))
        .1
}

#[tokio::test]
async fn an_archive_of_a_batch_holds_poses_table_and_input() {
    let hub = Hub::start().await;
    let path = input::completed(&hub).await;
    let files = archive(&hub, &path).await;
    assert_eq!(
        names(&files),
        [
            "job.json",
            "manifest.csv",
            "input/ligands.json",
            "poses/00001-ligand-1.sdf",
            "poses/00000-ligand-0.sdf",
        ]
    );
    let table = hub.get(&format!("{path}/export?format=csv")).await;
    assert_eq!(content(&files, "manifest.csv").as_bytes(), &table.body[..]);
    let ligands: Value = serde_json::from_str(content(&files, "input/ligands.json")).unwrap();
    let asked = ligands.as_array().unwrap().iter();
    let asked: Vec<_> = asked.map(|stored| &stored["ligand"]["smiles"]).collect();
    assert_eq!(asked, ["CCO", "CCCCCC"]);
    let job: Value = serde_json::from_str(content(&files, "job.json")).unwrap();
    assert_eq!(job["name"], "kinase screen");
    assert_eq!(job["parameters"]["exhaustiveness"], 1);
    assert!(content(&files, "poses/00001-ligand-1.sdf").contains("M  END"));
}

#[tokio::test]
async fn an_archive_of_a_job_holds_every_file_of_it() {
    let hub = Hub::start().await;
    hub.work();
    let made = hub
        .post("/api/v1/jobs", &input::job("CCO"))
        .await
        .expect(StatusCode::CREATED);
    let path = format!("/api/v1/jobs/{}", made["id"].as_str().unwrap());
    let job = hub.until(&path, |job| job["status"] == "completed").await;
    let files = archive(&hub, &path).await;
    for file in job["files"].as_array().unwrap() {
        let name = file["name"].as_str().unwrap();
        let read = hub.get(&format!("{path}/files/{name}")).await;
        let kept = content(&files, &format!("files/{name}"));
        assert_eq!(kept.len() as u64, file["size_bytes"].as_u64().unwrap());
        if read.status == 200 {
            assert_eq!(kept.as_bytes(), &read.body[..], "{name}");
        }
    }
    assert!(content(&files, "manifest.csv").contains("CCO"));
}
