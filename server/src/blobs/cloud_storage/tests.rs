//! What is Cloud Storage's own: a store far away, of which one does not always know what it did, and which others keep.

use std::time::Duration;

use bytes::Bytes;
use futures::TryStreamExt;
use futures::future::join_all;
use google_cloud_auth::credentials::AccessTokenCredentials;
use google_cloud_auth::signer::{self, Signer, SigningProvider};
use hub::id;
use hub::ports::blobs::read;
use reqwest::StatusCode;

use super::*;
use crate::blobs::contract::Opened;
use far_storage::{BUCKET, Call, FarStorage, Trouble};

#[expect(dead_code, reason = "the rest is for the tests of the hub")]
#[path = "../../../tests/common/far_storage.rs"]
mod far_storage;

/// A bucket of its own.
pub async fn open() -> Opened {
    let (blobs, far, clock) = start().await;
    Opened {
        blobs: Arc::new(blobs),
        now: clock.now(),
        _kept: Box::new(far),
    }
}

async fn start() -> (CloudStorage, FarStorage, Clock) {
    let clock = Clock::manual("2026-05-04T10:20:30Z".parse().unwrap());
    let shown = clock.clone();
    let far = FarStorage::start(move || shown.now().as_seconds()).await;
    let opened = enter(&far, &clock).await;
    (opened.unwrap(), far, clock)
}

async fn enter(far: &FarStorage, clock: &Clock) -> Result<CloudStorage, Fault> {
    enter_at(far.address(), far.account(), clock).await
}

async fn enter_at(
    address: String,
    (credentials, signer): (AccessTokenCredentials, Signer),
    clock: &Clock,
) -> Result<CloudStorage, Fault> {
    let account = Account {
        credentials,
        signer,
    };
    let place = Place {
        address,
        bucket: BUCKET.to_owned(),
        setting: "BLOBS_URL",
    };
    CloudStorage::open_as(account, place, clock.clone()).await
}

/// An account whose key somebody else keeps, who does not sign for it.
#[derive(Debug)]
struct NoSigner;

impl SigningProvider for NoSigner {
    async fn client_email(&self) -> signer::Result<String> {
        Ok("hub@project.iam.gserviceaccount.com".to_owned())
    }

    async fn sign(&self, _: &[u8]) -> signer::Result<Bytes> {
        let words = "Permission 'iam.serviceAccounts.signBlob' denied";
        Err(signer::SigningError::from_msg(words))
    }
}

/// Content that is longer than a few pieces.
fn long() -> Bytes {
    let bytes: Vec<u8> = (0..11_000_000u32).map(|n| (n % 251) as u8).collect();
    bytes.into()
}

async fn put_at(upload: &Upload, headers: &[(&str, &str)]) -> StatusCode {
    let mut request = reqwest::Client::new().put(&upload.url).body("pose");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.send().await.unwrap().status()
}

fn cause(error: &BlobsError) -> String {
    match error {
        BlobsError::Unavailable(cause) => cause.to_string(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_put_of_unknown_outcome_happens_once() {
    let (blobs, far, _) = start().await;
    for (round, trouble) in [
        Trouble::Drops,
        Trouble::DropsAfter,
        Trouble::Answers(503),
        Trouble::AnswersAfter(500),
        Trouble::AsksForPause(1),
    ]
    .into_iter()
    .enumerate()
    {
        let path = format!("users/ada/jobs/{round}/x");
        far.will(Call::Put, trouble);
        blobs.put(&path, "mine".into()).await.unwrap();
        assert_eq!(far.object(&path).unwrap().content, "mine", "{trouble:?}");

        far.will(Call::Put, trouble);
        let second = blobs.put(&path, "other".into()).await;
        assert!(
            matches!(&second, Err(BlobsError::Exists(at)) if *at == path),
            "{trouble:?}: {second:?}"
        );
        // The same content is no proof of who put it.
        let same = blobs.put(&path, "mine".into()).await;
        assert!(matches!(same, Err(BlobsError::Exists(_))), "{same:?}");
        assert!(far.is_through());
        let object = far.object(&path).unwrap();
        assert_eq!(object.content, "mine", "{trouble:?}");
        assert_eq!(object.generation, round as u64 + 1, "{trouble:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pause_that_is_asked_for_is_made() {
    let (blobs, far, _) = start().await;
    far.will(Call::Head, Trouble::AsksForPause(1));
    let began = tokio::time::Instant::now();
    assert_eq!(blobs.head("x").await.unwrap(), None);
    assert!(began.elapsed() >= Duration::from_secs(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_file_is_put_on_from_where_it_broke_off() {
    let (blobs, far, _) = start().await;
    let (blobs, content): (Arc<dyn Blobs>, _) = (Arc::new(blobs), long());
    blobs.put("there", content.clone().into()).await.unwrap();
    let there = blobs.head("there").await.unwrap().unwrap();
    let stored = || Source::stored(blobs.clone(), there.clone());
    for (call, trouble, pieces, reads) in [
        (Call::Begin, Trouble::DropsAfter, 3, 1),
        (Call::Piece, Trouble::Drops, 5, 1),
        (Call::Piece, Trouble::Answers(503), 5, 1),
        // A quarter of the first piece was kept: the three others begin there.
        (Call::Piece, Trouble::DropsAfterTaking(1_100_000), 5, 1),
        (Call::Piece, Trouble::DropsAfter, 4, 1),
        // The upload is given up: another one begins, and what is put is read again.
        (Call::Piece, Trouble::Answers(410), 4, 2),
        (Call::Piece, Trouble::Answers(404), 4, 2),
    ] {
        for (source, reads) in [(content.clone().into(), 0), (stored(), reads)] {
            let path = format!("jobs/long/{}", id::random_text());
            let count = || (far.count(Call::Piece), far.count(Call::Read));
            let before = count();
            far.will(call, trouble);
            blobs.put(&path, source).await.unwrap();
            let after = count();
            let object = far.object(&path).unwrap();
            assert!(object.content == content, "{trouble:?}");
            let asked = (after.0 - before.0, after.1 - before.1);
            assert_eq!(asked, (pieces, reads), "{trouble:?}");
        }
    }
    let again = blobs.put("there", content.into()).await;
    assert!(matches!(again, Err(BlobsError::Exists(_))), "{again:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_file_whose_end_was_not_confirmed_is_put_once() {
    let (blobs, far, _) = start().await;
    // The third piece is the last, and done when the connection breaks.
    for _ in 0..2 {
        far.will(Call::Piece, Trouble::AnswersAfter(503));
    }
    blobs.put("jobs/long", long().into()).await.unwrap();
    let object = far.object("jobs/long").unwrap();
    assert!(object.content == long());
    assert_eq!(object.generation, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_breaks_off_is_read_on_from_there() {
    let (blobs, far, _) = start().await;
    let content = long();
    blobs.put("jobs/long", long().into()).await.unwrap();
    for trouble in [
        Trouble::DropsAfterGiving(0),
        Trouble::DropsAfterGiving(3_000_000),
        Trouble::Answers(503),
        Trouble::Drops,
    ] {
        for range in [None, Some(1_000..7_000_000)] {
            // It breaks off twice.
            far.will(Call::Read, trouble);
            far.will(Call::Read, trouble);
            let expected = match &range {
                Some(range) => content.slice(range.start as usize..range.end as usize),
                None => content.clone(),
            };
            let read = blobs.get("jobs/long", range).await.unwrap();
            let read: Vec<Bytes> = read.try_collect().await.unwrap();
            assert!(read.concat() == expected, "{trouble:?}");
            assert!(far.is_through(), "{trouble:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_file_is_made_of_two() {
    let (blobs, far, _) = start().await;
    blobs.put("x", "0123456789".into()).await.unwrap();
    far.will(Call::Read, Trouble::DropsAfterGiving(4));
    let mut content = blobs.get("x", None).await.unwrap();
    assert_eq!(content.try_next().await.unwrap().unwrap(), "0123");
    far.replace("x", "abcdefghij");
    let rest = content.try_next().await;
    assert!(
        matches!(&rest, Err(BlobsError::NotFound(at)) if at == "x"),
        "{rest:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silence_is_given_up() {
    let (blobs, far, _) = start().await;
    blobs.put("x", "0123456789".into()).await.unwrap();
    far.will(Call::Head, Trouble::Silence);
    far.will(Call::Put, Trouble::Silence);
    far.will(Call::Read, Trouble::StallsAfterGiving(4));
    far.will(Call::List, Trouble::Silence);
    far.will(Call::Delete, Trouble::Silence);
    // Of two long files one is not begun at first. A whole piece of the other would be waited for longer than the byte
    // after it, which is not taken at first.
    far.will(Call::Begin, Trouble::Silence);
    far.will(Call::Piece, Trouble::Nothing);
    far.will(Call::Piece, Trouble::Silence);
    let large = long().slice(..4 * 1024 * 1024 + 1);
    let all = async {
        tokio::join!(
            blobs.head("x"),
            blobs.put("y", "y".into()),
            read(&blobs, "x"),
            blobs.list("jobs"),
            blobs.delete("z"),
            blobs.put("long/one", large.clone().into()),
            blobs.put("long/other", large.clone().into()),
        )
    };
    let all = tokio::time::timeout(2 * client::PATIENCE, all).await;
    let (head, put, content, list, delete, one, other) = all.expect("answers before long");
    assert_eq!(head.unwrap().unwrap().size_bytes, 10);
    put.unwrap();
    assert_eq!(content.unwrap(), "0123456789");
    assert_eq!(list.unwrap(), []);
    delete.unwrap();
    one.unwrap();
    other.unwrap();
    assert!(far.is_through());
    for path in ["long/one", "long/other"] {
        assert!(far.object(path).unwrap().content == large, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_tried_for_ever_and_what_is_refused_not_again() {
    let (blobs, far, _) = start().await;
    for (status, tries) in [(503, 4), (400, 1), (403, 1)] {
        let before = far.count(Call::Head);
        for _ in 0..tries {
            far.will(Call::Head, Trouble::Answers(status));
        }
        let failed = blobs.head("x").await.unwrap_err();
        assert_eq!(
            matches!(failed, BlobsError::Refused(_)),
            status == 400,
            "{failed:?}"
        );
        assert_eq!(far.count(Call::Head) - before, tries);
    }
    for _ in 0..4 {
        far.will(Call::Put, Trouble::Answers(503));
    }
    let failed = blobs.put("x", "x".into()).await.unwrap_err();
    assert!(cause(&failed).contains("gs://hub-files (BLOBS_URL)"));
    assert!(far.is_through() && far.object("x").is_none());
    blobs.put("x", "x".into()).await.unwrap();
}

#[tokio::test]
async fn an_operator_is_told_what_the_hub_cannot_do_when_it_starts() {
    let (_, far, clock) = start().await;
    let told = async || match enter(&far, &clock).await {
        Err(fault) => fault.to_string(),
        Ok(_) => panic!("it opens"),
    };
    far.deny(&["storage.objects.list", "storage.objects.delete"]);
    let said = told().await;
    for word in [
        "gs://hub-files (BLOBS_URL)",
        "roles/storage.objectUser",
        "it lacks storage.objects.delete, storage.objects.list",
    ] {
        assert!(said.contains(word), "{said}");
    }
    far.deny(PERMISSIONS);
    assert!(told().await.contains("storage.objects.get"));
    far.deny(&[]);
    far.be_gone(true);
    let said = told().await;
    assert!(
        said.contains("there is no gs://hub-files (BLOBS_URL)"),
        "{said}"
    );
    far.be_gone(false);
    assert!(enter(&far, &clock).await.is_ok());

    let nowhere = "http://127.0.0.1:1".to_owned();
    let said = enter_at(nowhere, far.account(), &clock).await;
    let said = said.err().unwrap().to_string();
    assert!(said.contains("(BLOBS_URL) cannot be reached"), "{said}");

    let account = (far.account().0, Signer::from(NoSigner));
    let said = enter_at(far.address(), account, &clock).await;
    let said = said.err().unwrap().to_string();
    for word in [
        "gs://hub-files (BLOBS_URL)",
        "roles/iam.serviceAccountTokenCreator",
        "signBlob' denied",
    ] {
        assert!(said.contains(word), "{said}");
    }
}

#[tokio::test]
async fn a_bucket_that_goes_or_shuts_is_no_empty_one() {
    let (blobs, far, _) = start().await;
    blobs.put("jobs/x", "x".into()).await.unwrap();
    let everything = async || {
        [
            blobs.head("jobs/x").await.map(drop),
            blobs.get("jobs/x", None).await.map(drop),
            blobs.get("jobs/x", Some(3..3)).await.map(drop),
            blobs.list("jobs").await.map(drop),
            blobs.delete("jobs/x").await,
            blobs.put("jobs/y", "y".into()).await,
            blobs.put("jobs/z", long().into()).await,
        ]
    };
    far.be_gone(true);
    for answer in everything().await {
        assert!(cause(&answer.unwrap_err()).contains("there is no gs://hub-files (BLOBS_URL)"));
    }
    far.be_gone(false);
    far.deny(PERMISSIONS);
    for answer in everything().await {
        assert!(cause(&answer.unwrap_err()).contains("roles/storage.objectUser"));
    }
    far.deny(&[]);
    assert_eq!(
        read(&blobs, "jobs/x").await.unwrap(),
        "x",
        "nothing is lost"
    );
}

#[tokio::test]
async fn an_object_tells_its_type_and_whose_it_is() {
    let (blobs, far, clock) = start().await;
    let folder = "organizations/o1/jobs/b1/children/00002";
    let (small, large, put) = (
        format!("{folder}/1/metrics.json"),
        format!("{folder}/1/large.json"),
        format!("{folder}/1/put.json"),
    );
    blobs.put(&small, "{}".into()).await.unwrap();
    blobs.put(&large, long().into()).await.unwrap();
    let upload = blobs
        .signed_put(&put, clock.now().plus_seconds(60))
        .await
        .unwrap();
    let headers = upload.headers.iter();
    let headers: Vec<_> = headers
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    assert_eq!(put_at(&upload, &headers).await, StatusCode::OK);
    for path in [small, large, put] {
        let object = far.object(&path).unwrap();
        assert_eq!(object.media_type, "application/json", "{path}");
        let said = |name: &str| object.metadata.get(name).map(String::as_str);
        assert_eq!(
            (
                said("organization"),
                said("job"),
                said("child"),
                said("user")
            ),
            (Some("o1"), Some("b1"), Some("00002"), None),
            "{path}"
        );
    }
}

#[tokio::test]
async fn an_address_takes_a_file_only_with_its_headers() {
    let (blobs, far, clock) = start().await;
    let path = "users/ada/jobs/j1/1/poses.sdf";
    let upload = blobs
        .signed_put(path, clock.now().plus_seconds(60))
        .await
        .unwrap();
    let whole: Vec<_> = [
        ("content-type", "chemical/x-mdl-sdfile"),
        ("x-goog-if-generation-match", "0"),
        ("x-goog-meta-job", "j1"),
        ("x-goog-meta-user", "ada"),
    ]
    .into();
    let named = upload.headers.iter();
    let named: Vec<_> = named
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    assert_eq!(named, whole);
    for place in 0..whole.len() {
        let (mut fewer, mut other) = (whole.clone(), whole.clone());
        fewer.remove(place);
        other[place].1 = "1";
        for headers in [fewer, other] {
            let status = put_at(&upload, &headers).await;
            assert_eq!(status, StatusCode::FORBIDDEN, "{headers:?}");
        }
    }
    let more = [whole.clone(), vec![("x-goog-meta-more", "x")]].concat();
    assert_eq!(put_at(&upload, &more).await, StatusCode::FORBIDDEN);
    assert!(far.object(path).is_none());
    assert_eq!(put_at(&upload, &whole).await, StatusCode::OK);
    assert_eq!(
        put_at(&upload, &whole).await,
        StatusCode::PRECONDITION_FAILED
    );
}

#[tokio::test]
async fn an_address_holds_until_its_time_and_seven_days_at_most() {
    let (blobs, _, clock) = start().await;
    blobs.put("x", "x".into()).await.unwrap();
    let download = Download {
        save_as: None,
        media_type: "text/plain",
    };
    let sign = async |seconds| {
        let expires_at = clock.now().plus_seconds(seconds);
        let signed = blobs.signed_get("x", expires_at, &download).await;
        signed.unwrap()
    };
    let status = async |address: &str| reqwest::get(address).await.unwrap().status();
    let short = sign(60).await;
    clock.advance_seconds(59);
    let answer = reqwest::get(&short).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.headers()["content-disposition"], "inline");
    clock.advance_seconds(2);
    assert_eq!(status(&short).await, StatusCode::BAD_REQUEST);
    let later = short.replace("X-Goog-Expires=60", "X-Goog-Expires=600");
    assert_eq!(status(&later).await, StatusCode::FORBIDDEN);

    let week = 7 * 24 * 3_600;
    let long = sign(i64::from(week) * 5).await;
    assert!(long.contains(&format!("X-Goog-Expires={week}&")), "{long}");
    clock.advance_seconds(week - 1);
    assert_eq!(status(&long).await, StatusCode::OK);
    clock.advance_seconds(2);
    assert_eq!(status(&long).await, StatusCode::BAD_REQUEST);
    let later = long.replace("X-Goog-Expires=6", "X-Goog-Expires=60");
    assert_eq!(status(&later).await, StatusCode::BAD_REQUEST);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_many_long_puts_wins() {
    let (blobs, far, _) = start().await;
    let blobs = Arc::new(blobs);
    let puts = (0..5u8).map(|n| {
        let blobs = blobs.clone();
        tokio::spawn(async move { blobs.put("jobs/long", vec![n; 5_000_000].into()).await })
    });
    let answers = join_all(puts).await.into_iter().map(Result::unwrap);
    let answers: Vec<_> = answers.collect();
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
    let lost = |answer: &&Result<(), BlobsError>| matches!(answer, Err(BlobsError::Exists(_)));
    assert_eq!(answers.iter().filter(lost).count(), 4);
    assert_eq!(far.object("jobs/long").unwrap().generation, 1);
}
