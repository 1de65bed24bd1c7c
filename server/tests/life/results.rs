//! Success is the files: what is missing, cut short, altered or unreadable is no result, and says so.

use hub::job::{Progress, Status};

use crate::hub::{Hub, sound};

#[tokio::test]
async fn values_are_read_from_the_file_they_stand_in() {
    let hub = Hub::start().await;
    let id = hub.submit_and_dispatch().await;
    hub.succeed(&format!("{id}:1"), sound).await;
    let job = hub.job(&id).await;
    let score = &job.metrics["docking_score"];
    assert_eq!(
        (score.value, score.unit.as_str()),
        (Some(-7.25), "kcal/mol")
    );
    assert_eq!(score.source.as_ref().unwrap().file, "metrics.json");
    assert_eq!(job.row.best.unwrap().value, -7.25);
    assert_eq!(job.files.len(), 4);
}

#[tokio::test]
async fn what_a_run_is_doing_is_kept_as_it_is_told_and_the_gateway_is_not_asked() {
    let hub = Hub::start().await;
    let id = hub.submit_and_dispatch().await;
    let run = format!("{id}:1");
    for (stage, seconds) in [("preparing", 30), ("docking", 29)] {
        hub.clock.advance_seconds(seconds);
        let progress = Progress {
            stage: stage.to_owned(),
            fraction: Some(0.25),
        };
        hub.services.run_progressed(&run, progress).await.unwrap();
        assert_eq!(hub.row(&id).await.progress.unwrap().stage, stage);
    }
    assert!(hub.gateway.script().asked_after.is_empty());
    hub.pass(2).await;
    assert_eq!(
        hub.gateway.script().asked_after,
        [run],
        "a minute after it was taken, whatever was told meanwhile"
    );
}

#[tokio::test]
async fn a_value_that_the_model_did_not_write_stays_missing() {
    let hub = Hub::start().await;
    let id = hub.submit_and_dispatch().await;
    hub.succeed(&format!("{id}:1"), |name, content, entry| {
        if name == "metrics.json" {
            *content = br#"{"docking_score": null}"#.to_vec();
            measure(content, entry);
        }
        true
    })
    .await;
    let job = hub.job(&id).await;
    let score = &job.metrics["docking_score"];
    assert_eq!((job.row.status, score.value), (Status::Completed, None));
    assert_eq!(score.reason.as_deref(), Some("the model wrote no value"));
    assert_eq!(job.row.best, None);
}

#[tokio::test]
async fn a_result_that_is_not_what_it_should_be_fails_and_names_the_file() {
    let cases: [(&str, &str, Spoil); 6] = [
        ("missing_file", "poses.sdf", |_, _| false),
        ("truncated_file", "receptor.pdbqt", |content, _| {
            content.pop().is_some()
        }),
        ("altered_file", "poses.sdf", |content, _| {
            std::mem::replace(&mut content[0], b'X') != b'X'
        }),
        ("altered_file", "receptor.pdbqt", |content, _| {
            std::mem::replace(&mut content[0], b'X') != b'X'
        }),
        ("unreadable_file", "metrics.json", |content, entry| {
            *content = b"not json".to_vec();
            measure(content, entry);
            true
        }),
        ("unreadable_file", "poses.sdf", |content, entry| {
            *content = b"no pose".to_vec();
            measure(content, entry);
            true
        }),
    ];
    for (code, file, spoil) in cases {
        let hub = Hub::start().await;
        let id = hub.submit_and_dispatch().await;
        hub.succeed(&format!("{id}:1"), |name, content, entry| {
            name != file || spoil(content, entry)
        })
        .await;
        let row = hub.row(&id).await;
        let error = row.error.unwrap();
        assert_eq!(
            (row.status, error.code.as_str()),
            (Status::Pending, code),
            "{}",
            error.message
        );
        assert!(error.message.contains(file), "{}", error.message);
        assert_eq!(row.best, None);
    }
}

#[tokio::test]
async fn a_manifest_of_files_that_the_model_does_not_write_is_refused() {
    for name in ["../../secrets", "a b", "model_0.cif", "poses.sdf"] {
        let hub = Hub::start().await;
        let id = hub.submit_and_dispatch().await;
        let run = format!("{id}:1");
        hub.gateway.succeeds(&run, &*hub.blobs, sound).await;
        let mut stands = hub.gateway.script().runs[&run].clone();
        let entry =
            serde_json::json!({"name": name, "size_bytes": 1, "sha256": "", "kind": "poses"});
        stands["manifest"].as_array_mut().unwrap().push(entry);
        hub.gateway.stands(&run, stands);
        hub.report(&run).await;
        let error = hub.row(&id).await.error.unwrap();
        assert_eq!(error.code, "unexpected_file", "{name}");
        assert!(error.message.contains(name), "{}", error.message);
    }
}

#[tokio::test]
async fn what_a_run_tells_of_itself_has_its_limit() {
    let hub = Hub::start().await;
    let id = hub.submit_and_dispatch().await;
    hub.succeed(&format!("{id}:1"), |name, content, entry| {
        if name == "metrics.json" {
            let told = "x".repeat(300_000);
            let metrics =
                serde_json::json!({"docking_score": -7.25, "provenance": {"engine": told}});
            *content = metrics.to_string().into_bytes();
            measure(content, entry);
        }
        true
    })
    .await;
    assert_eq!(hub.row(&id).await.error.unwrap().code, "unreadable_file");
}

type Spoil = fn(&mut Vec<u8>, &mut serde_json::Value) -> bool;

/// The entry of a manifest that tells the truth about this content.
pub fn measure(content: &[u8], entry: &mut serde_json::Value) {
    use sha2::Digest;
    entry["size_bytes"] = content.len().into();
    entry["sha256"] = data_encoding::HEXLOWER
        .encode(&sha2::Sha256::digest(content))
        .into();
}
