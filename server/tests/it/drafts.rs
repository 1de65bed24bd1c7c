//! Drafts: uploaded by a form without script or by a program, mended, submitted.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{Method, StatusCode, header};
use serde_json::json;
use tokio::time::Instant;

use crate::hub::{Hub, form};

const CSV: &[u8] = b"\xef\xbb\xbfname,smiles,note\r\n\"Ethanol, pure\",CCO,a\r\nbutane,CCCC,b\r\n";
const FORM: [(&str, Option<&str>, &[u8]); 5] = [
    ("target_kind", None, b"named"),
    ("named", None, b"ABL1"),
    ("exhaustiveness", None, b"1"),
    ("name", None, b"my screen"),
    ("receptor_file", Some(""), b""),
];

async fn send(hub: &Hub, accept: &str, more: &[(&str, Option<&str>, &[u8])]) -> crate::hub::Answer {
    hub.post_form("/api/v1/drafts", accept, &[&FORM, more].concat())
        .await
}

#[tokio::test]
async fn a_form_without_script_is_shown_again_by_its_draft() {
    let hub = Hub::start().await;
    let answer = send(
        &hub,
        "text/html,*/*",
        &[("ligands_file", Some("C:\\my\\set.csv"), CSV)],
    )
    .await;
    assert_eq!(answer.status, 303);
    let id = answer
        .header("location")
        .strip_prefix("/new/docking?draft=")
        .unwrap()
        .to_owned();
    let draft = hub
        .get(&format!("/api/v1/drafts/{id}"))
        .await
        .expect(StatusCode::OK);
    assert_eq!(draft["form"]["ligands_file"], "set.csv");
    assert_eq!(
        (
            draft["form"]["name"].as_str(),
            draft["faults"].as_array().unwrap().len()
        ),
        (Some("my screen"), 0)
    );
    let rows = draft["preflight"]["rows"].as_array().unwrap();
    assert_eq!(
        (rows[0]["name"].as_str(), rows[0]["line"].as_u64()),
        (Some("Ethanol, pure"), Some(2))
    );
    assert_eq!(hub.stored().await, 0, "a draft is no job");
    let submit = format!("/api/v1/drafts/{id}/submit");
    hub.post(&submit, &json!({}))
        .await
        .problem(400, "bad-request");
    let key = draft["idempotency_key"].as_str().unwrap();
    let first = hub
        .post_once(&submit, &json!({}), key)
        .await
        .expect(StatusCode::CREATED);
    let second = hub
        .post_once(&submit, &json!({}), key)
        .await
        .expect(StatusCode::CREATED);
    assert_eq!(
        (first["id"].as_str(), first["batch"]["total"].as_u64()),
        (second["id"].as_str(), Some(2))
    );
    assert_eq!(hub.stored().await, 1, "a double click is one submission");
}

#[tokio::test]
async fn a_draft_too_many_takes_the_place_of_the_oldest() {
    let hub = Hub::start().await;
    let mut made = Vec::new();
    for _ in 0..21 {
        let draft = send(&hub, "*/*", &[("ligands_file", Some("set.csv"), CSV)]).await;
        made.push(draft.expect(StatusCode::CREATED)["id"].clone());
        // No two of them are made at the same moment.
        hub.later(1);
    }
    for (place, id) in made.iter().enumerate() {
        let id = id.as_str().unwrap();
        let read = hub.get(&format!("/api/v1/drafts/{id}")).await.status;
        assert_eq!(read, if place == 0 { 404 } else { 200 }, "draft {place}");
    }
    let files = hub.blobs.list("users/local/drafts").await.unwrap();
    let tables = files.iter().filter(|file| file.path.ends_with("/ligands"));
    assert_eq!(tables.count(), 20, "its files are gone with it");
}

#[tokio::test]
async fn a_program_reads_what_is_said_of_its_file_at_once() {
    let hub = Hub::start().await;
    let answer = send(
        &hub,
        "application/json",
        &[("ligands_file", Some("set.csv"), CSV)],
    )
    .await;
    let location = answer.header("location").to_owned();
    let draft = answer.expect(StatusCode::CREATED);
    assert_eq!(
        location,
        format!("/api/v1/drafts/{}", draft["id"].as_str().unwrap())
    );
    assert_eq!(draft["preflight"]["totals"]["pass"], 2);
}

#[tokio::test]
async fn a_named_setting_is_taken_before_the_number_beside_it() {
    let hub = Hub::start().await;
    let form = |setting: &'static [u8]| {
        [
            ("setting", None, setting),
            ("poses", None, b"3"),
            ("ligands_file", Some("set.csv"), CSV),
        ]
    };
    for (setting, exhaustiveness) in [
        (&b"fast"[..], "1"),
        (b"standard", "8"),
        (b"thorough", "32"),
        (b"own", "1"),
    ] {
        let draft = send(&hub, "*/*", &form(setting))
            .await
            .expect(StatusCode::CREATED);
        assert_eq!(draft["form"]["exhaustiveness"], exhaustiveness);
        assert_eq!(
            (
                draft["form"]["poses"].as_str(),
                draft["faults"].as_array().unwrap().len()
            ),
            (Some("3"), 0)
        );
    }
}

#[tokio::test]
async fn a_receptor_of_ones_own_comes_with_its_box() {
    let hub = Hub::start().await;
    let receptor =
        b"ATOM      1  CA  ALA A   1       0.000   0.000   0.000  1.00  0.00           C\nEND\n";
    let parts: [(&str, Option<&str>, &[u8]); 9] = [
        ("target_kind", None, b"upload"),
        ("receptor_file", Some("mine.pdb"), receptor),
        ("center_x", None, b"1.5"),
        ("center_y", None, b"-2"),
        ("center_z", None, b"0"),
        ("size_x", None, b"20"),
        ("size_y", None, b"21"),
        ("size_z", None, b"41"),
        ("ligands", None, b"CCO ethanol\nCCC"),
    ];
    let answer = hub.post_form("/api/v1/drafts", "*/*", &parts).await;
    let draft = answer.expect(StatusCode::CREATED);
    assert_eq!(
        draft["form"]["search_box"],
        json!(["1.5", "-2", "0", "20", "21", "41"])
    );
    assert_eq!(draft["form"]["receptor_name"], "mine.pdb");
    assert_eq!(draft["preflight"]["totals"]["rows"], 2);
    let faults = draft["faults"].as_array().unwrap();
    assert_eq!(faults.len(), 1, "{draft}");
    assert!(
        faults[0]["message"]
            .as_str()
            .unwrap()
            .contains("along z is 41"),
        "{draft}"
    );
}

#[tokio::test]
async fn a_mended_draft_keeps_the_file() {
    let hub = Hub::start().await;
    let first = send(&hub, "*/*", &[("ligands_file", Some("set.csv"), CSV)])
        .await
        .expect(StatusCode::CREATED);
    let id = first["id"].as_str().unwrap();
    let again = send(
        &hub,
        "*/*",
        &[
            ("previous", None, id.as_bytes()),
            ("ligands_file", Some(""), b""),
        ],
    )
    .await;
    let again = again.expect(StatusCode::CREATED);
    assert_ne!(again["id"], first["id"]);
    assert_eq!(again["preflight"]["totals"], first["preflight"]["totals"]);
}

#[tokio::test]
async fn a_field_of_a_form_has_room_for_what_is_typed() {
    let hub = Hub::start().await;
    let chains = "a,".repeat(2_000);
    let refused = send(&hub, "*/*", &[("chains", None, chains.as_bytes())]).await;
    assert_eq!(refused.problem(422, "invalid")[0].0, "chains");
}

#[tokio::test]
async fn a_file_that_cannot_be_used_says_why_and_cannot_be_submitted() {
    let hub = Hub::start().await;
    let cases: [(&str, &[u8], &str); 5] = [
        ("empty.csv", b"", "ligands_file"),
        ("no-column.csv", b"name,weight\na,46\n", "smiles_column"),
        (
            "binary.csv",
            b"\x00\x01\x02\xff\xfe\x00\x00",
            "ligands_file",
        ),
        ("only-head.csv", b"name,smiles\n", "ligands_file"),
        ("long.smi", &[b'C'; 600], "no fault but a failing row"),
    ];
    for (name, content, field) in cases {
        let draft = send(&hub, "*/*", &[("ligands_file", Some(name), content)])
            .await
            .expect(StatusCode::CREATED);
        let failing = draft["preflight"]["totals"]["fail"]
            .as_u64()
            .unwrap_or_default();
        let faults = draft["faults"].as_array().unwrap();
        assert!(
            failing > 0 || faults.iter().any(|fault| fault["field"] == field),
            "{name}: {draft}"
        );
        let submit = format!("/api/v1/drafts/{}/submit", draft["id"].as_str().unwrap());
        hub.post_once(&submit, &json!({}), name)
            .await
            .problem(422, "invalid");
    }
    assert_eq!(hub.stored().await, 0);
}

/// A form with a file of 100 MB, made as it is sent.
fn huge() -> Body {
    let whole = String::from_utf8(form(&[("ligands_file", Some("huge.csv"), b"HERE")])).unwrap();
    let (head, tail) = whole.split_once("HERE").unwrap();
    let chunk = Bytes::from(vec![b'C'; 1_000_000]);
    let chunks = std::iter::once(Bytes::from(head.to_owned()))
        .chain(std::iter::repeat_n(chunk, 100))
        .chain(std::iter::once(Bytes::from(tail.to_owned())));
    Body::from_stream(futures::stream::iter(
        chunks.map(Ok::<_, std::io::Error>).collect::<Vec<_>>(),
    ))
}

#[tokio::test]
async fn a_hundred_megabytes_are_refused_at_the_field() {
    let hub = Hub::start().await;
    let ask = async |accept: &str| {
        let request = hub
            .request(Method::POST, "/api/v1/drafts")
            .header(header::ACCEPT, accept);
        let request = request.header(
            header::CONTENT_TYPE,
            "multipart/form-data; boundary=parting",
        );
        hub.send(request.body(huge()).unwrap()).await
    };
    let began = Instant::now();
    let faults = ask("application/json").await.problem(422, "invalid");
    assert_eq!(faults[0].0, "ligands_file");
    assert!(faults[0].1.contains("10 MB"), "{faults:?}");
    let page = ask("text/html").await;
    let id = page
        .header("location")
        .strip_prefix("/new/docking?draft=")
        .unwrap()
        .to_owned();
    let draft = hub
        .get(&format!("/api/v1/drafts/{id}"))
        .await
        .expect(StatusCode::OK);
    let mut faults = draft["faults"].as_array().unwrap().iter();
    let fault = faults
        .find(|fault| fault["field"] == "ligands_file")
        .unwrap_or_else(|| panic!("no fault in {draft}"));
    assert!(
        fault["message"].as_str().unwrap().contains("10 MB"),
        "{fault}"
    );
    assert!(
        began.elapsed() < Duration::from_secs(20),
        "it took {:?}",
        began.elapsed()
    );
    assert_eq!(hub.stored().await, 0);
}

#[tokio::test]
async fn a_broken_form_is_malformed() {
    let hub = Hub::start().await;
    for (media_type, body) in [
        (
            "multipart/form-data; boundary=parting",
            "--parting\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\nabc",
        ),
        ("multipart/form-data", ""),
        ("application/json", "{}"),
    ] {
        let request = hub
            .request(Method::POST, "/api/v1/drafts")
            .header(header::CONTENT_TYPE, media_type);
        let answer = hub.send(request.body(body.into()).unwrap()).await;
        answer.problem(400, "bad-request");
    }
    let faulty: [(&str, &[u8], &str); 2] =
        [("previous", b"../x", "previous"), ("name", b"\xff", "name")];
    for (name, content, field) in faulty {
        let faults = send(&hub, "*/*", &[(name, None, content)])
            .await
            .problem(422, "invalid");
        assert_eq!(faults[0].0, field);
    }
}
