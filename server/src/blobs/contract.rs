//! What every store of files does, whatever it is made of: each case runs on each store, under the store's name. Signed
//! addresses are used as others use them, by HTTP.

use std::sync::Arc;

use bytes::Bytes;
use futures::future::join_all;
use hub::ports::Blobs;
use hub::ports::blobs::{Blob, BlobsError, Download, Source, Upload, read};
use hub::time::Timestamp;
use reqwest::{Client, StatusCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A store that is empty and ends with the test, and what the test must keep until then.
pub struct Opened {
    /// The store; its signed addresses answer.
    pub blobs: Arc<dyn Blobs>,
    /// A time of the store's.
    pub now: Timestamp,
    /// What ends with the test.
    pub _kept: Box<dyn std::any::Any + Send>,
}

macro_rules! on_store {
    ($store:ident, $open:expr, [$($case:ident),* $(,)?]) => {
        mod $store {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    super::$case($open.await).await;
                }
            )*
        }
    };
}

/// Every case, on one store after the other.
macro_rules! on_each_store {
    ($cases:tt) => {
        on_store!(directory, crate::blobs::directory::tests::open(), $cases);
        on_store!(
            cloud_storage,
            crate::blobs::cloud_storage::tests::open(),
            $cases
        );
    };
}

on_each_store!([
    what_is_put_is_read,
    what_lies_in_a_store_is_put_from_there,
    what_comes_to_be_shorter_is_not_put,
    one_of_twenty_puts_wins,
    parts_are_read,
    a_folder_is_listed_in_the_order_of_paths,
    what_is_deleted_is_gone,
    what_is_not_there_is_said,
    what_is_no_path_is_refused,
    a_signed_address_answers_the_file,
    a_signed_address_answers_parts,
    a_signed_address_takes_one_put,
    an_address_does_what_it_was_signed_for_and_nothing_else,
    an_address_ends_with_its_time,
    a_put_that_is_cut_short_leaves_nothing,
]);

const SDF: Download = Download {
    save_as: None,
    media_type: "chemical/x-mdl-sdfile",
};

impl Opened {
    async fn get(&self, path: &str) -> Vec<u8> {
        read(&*self.blobs, path).await.unwrap().into()
    }

    async fn put(&self, path: &str, content: &'static str) {
        self.blobs.put(path, content.into()).await.unwrap();
    }

    async fn signed_get(&self, path: &str) -> String {
        self.blobs
            .signed_get(path, self.now.plus_seconds(60), &SDF)
            .await
            .unwrap()
    }

    async fn signed_put(&self, path: &str) -> Upload {
        self.blobs
            .signed_put(path, self.now.plus_seconds(60))
            .await
            .unwrap()
    }
}

async fn put_at(upload: &Upload, content: impl Into<reqwest::Body>) -> StatusCode {
    let mut request = Client::new().put(&upload.url).body(content);
    for (name, value) in &upload.headers {
        request = request.header(name, value);
    }
    request.send().await.unwrap().status()
}

async fn get_at(address: &str) -> StatusCode {
    Client::new().get(address).send().await.unwrap().status()
}

async fn what_is_put_is_read(store: Opened) {
    let large: Vec<u8> = (0..3_000_000u32).map(|n| (n % 251) as u8).collect();
    for (path, content) in [
        ("users/local/a.sdf", b"pose".to_vec()),
        ("b", Vec::new()),
        ("A-Z_0.9/..c", large),
    ] {
        store.blobs.put(path, content.clone().into()).await.unwrap();
        assert!(store.get(path).await == content, "{path}");
        let size_bytes = content.len() as u64;
        assert_eq!(
            store.blobs.head(path).await.unwrap(),
            Some(Blob {
                path: path.to_owned(),
                size_bytes
            })
        );
    }
}

async fn what_lies_in_a_store_is_put_from_there(store: Opened) {
    for bytes in [0, 1, 100_000, 9_000_001] {
        let content: Vec<u8> = (0..bytes).map(|n: u32| (n % 251) as u8).collect();
        let (from, to) = (format!("from/{bytes}"), format!("to/{bytes}"));
        store
            .blobs
            .put(&from, content.clone().into())
            .await
            .unwrap();
        let file = store.blobs.head(&from).await.unwrap().unwrap();
        let source = Source::stored(store.blobs.clone(), file);
        assert_eq!(source.size_bytes(), u64::from(bytes));
        store.blobs.put(&to, source).await.unwrap();
        assert!(store.get(&to).await == content, "{bytes}");
    }
}

async fn what_comes_to_be_shorter_is_not_put(store: Opened) {
    for bytes in [10, 9_000_000] {
        let from = format!("from/{bytes}");
        store.blobs.put(&from, vec![7; bytes].into()).await.unwrap();
        let file = Blob {
            path: from,
            size_bytes: bytes as u64 + 1,
        };
        let put = store
            .blobs
            .put("to", Source::stored(store.blobs.clone(), file));
        let put = put.await;
        assert!(matches!(put, Err(BlobsError::Unavailable(_))), "{put:?}");
        assert_eq!(store.blobs.head("to").await.unwrap(), None);
    }
    let gone = Blob {
        path: "gone".to_owned(),
        size_bytes: 10,
    };
    let put = store
        .blobs
        .put("to", Source::stored(store.blobs.clone(), gone));
    let put = put.await;
    assert!(matches!(put, Err(BlobsError::NotFound(_))), "{put:?}");
}

async fn one_of_twenty_puts_wins(store: Opened) {
    let puts = (0..20u8).map(|n| {
        let blobs = store.blobs.clone();
        tokio::spawn(async move {
            blobs
                .put("jobs/one/metrics.json", vec![n; 100_000].into())
                .await
                .map(|()| n)
        })
    });
    let answers: Vec<_> = join_all(puts)
        .await
        .into_iter()
        .map(Result::unwrap)
        .collect();
    let winners: Vec<_> = answers
        .iter()
        .filter_map(|answer| answer.as_ref().ok())
        .collect();
    assert_eq!(winners.len(), 1);
    for answer in &answers {
        assert!(
            answer.is_ok()
                || matches!(answer, Err(BlobsError::Exists(path)) if path == "jobs/one/metrics.json")
        );
    }
    assert!(store.get("jobs/one/metrics.json").await == vec![*winners[0]; 100_000]);
}

async fn parts_are_read(store: Opened) {
    store.put("digits", "0123456789").await;
    for (range, part) in [
        (0..1, "0"),
        (3..7, "3456"),
        (0..10, "0123456789"),
        (8..99, "89"),
        (4..4, ""),
        (10..12, ""),
        (99..100, ""),
    ] {
        use futures::TryStreamExt;
        let content = store
            .blobs
            .get("digits", Some(range.clone()))
            .await
            .unwrap();
        let content: Vec<Bytes> = content.try_collect().await.unwrap();
        assert_eq!(content.concat(), part.as_bytes(), "{range:?}");
    }
}

async fn a_folder_is_listed_in_the_order_of_paths(store: Opened) {
    let paths = [
        "jobs/a/2/x",
        "jobs/a-b/x",
        "jobs/a/10/x",
        "jobs/a.c",
        "jobs/a/1",
        "jobs/B/x",
        "other/x",
        "jobsx/y",
    ];
    for path in paths {
        store.put(path, "12345").await;
    }
    let listed = store.blobs.list("jobs").await.unwrap();
    let names: Vec<_> = listed.iter().map(|blob| blob.path.as_str()).collect();
    assert_eq!(
        names,
        [
            "jobs/B/x",
            "jobs/a-b/x",
            "jobs/a.c",
            "jobs/a/1",
            "jobs/a/10/x",
            "jobs/a/2/x"
        ]
    );
    assert!(listed.iter().all(|blob| blob.size_bytes == 5));
    assert_eq!(store.blobs.list("jobs/a/2").await.unwrap().len(), 1);
    assert_eq!(store.blobs.list("job").await.unwrap(), []);
    assert_eq!(store.blobs.list("other/x").await.unwrap(), []);
}

async fn what_is_deleted_is_gone(store: Opened) {
    store.put("jobs/a/1/x", "first").await;
    store.put("jobs/b", "other").await;
    for _ in 0..2 {
        store.blobs.delete("jobs/a/1/x").await.unwrap();
        assert_eq!(store.blobs.head("jobs/a/1/x").await.unwrap(), None);
    }
    assert_eq!(store.blobs.list("jobs").await.unwrap().len(), 1);
    store.blobs.delete("jobs").await.unwrap();
    assert_eq!(store.get("jobs/b").await, b"other", "a folder is no file");
    store.put("jobs/a/1/x", "second").await;
    assert_eq!(store.get("jobs/a/1/x").await, b"second");
}

async fn what_is_not_there_is_said(store: Opened) {
    store.put("there/x", "x").await;
    for path in ["nothing", "there", "there/y", "there/x/below"] {
        assert!(
            matches!(store.blobs.get(path, None).await, Err(BlobsError::NotFound(at)) if at == path)
        );
        assert_eq!(store.blobs.head(path).await.unwrap(), None);
        store.blobs.delete(path).await.unwrap();
        assert_eq!(
            get_at(&store.signed_get(path).await).await,
            StatusCode::NOT_FOUND
        );
    }
}

async fn what_is_no_path_is_refused(store: Opened) {
    let long = "x/".repeat(200) + "x";
    let odd = [
        "", "/", "/a", "a/", "a//b", ".", "..", "a/../b", "a/./b", "a b", "a\\b", "ä", "a\0", "~a",
        "a%2e", &long,
    ];
    for path in odd {
        let refused = |answer: Result<(), BlobsError>| {
            assert!(matches!(answer, Err(BlobsError::Refused(_))), "{path}")
        };
        refused(store.blobs.put(path, "x".into()).await);
        refused(store.blobs.get(path, None).await.map(drop));
        refused(store.blobs.head(path).await.map(drop));
        refused(store.blobs.list(path).await.map(drop));
        refused(store.blobs.delete(path).await);
        refused(
            store
                .blobs
                .signed_get(path, store.now.plus_seconds(60), &SDF)
                .await
                .map(drop),
        );
        refused(
            store
                .blobs
                .signed_put(path, store.now.plus_seconds(60))
                .await
                .map(drop),
        );
    }
}

async fn a_signed_address_answers_the_file(store: Opened) {
    store.put("jobs/a/poses.sdf", "pose").await;
    let answer = reqwest::get(store.signed_get("jobs/a/poses.sdf").await)
        .await
        .unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.headers()["content-type"], "chemical/x-mdl-sdfile");
    assert_eq!(answer.headers()["content-length"], "4");
    assert_eq!(answer.bytes().await.unwrap(), "pose");

    let save_as = Some("Häm & \"Kinase\" 1+1=2?.csv".to_owned());
    let download = Download {
        save_as,
        media_type: "text/csv; charset=utf-8",
    };
    let expires_at = store.now.plus_seconds(60);
    let address = store
        .blobs
        .signed_get("jobs/a/poses.sdf", expires_at, &download)
        .await
        .unwrap();
    let answer = Client::new().head(address).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.headers()["content-type"], "text/csv; charset=utf-8");
    let disposition = answer.headers()["content-disposition"].to_str().unwrap();
    assert!(disposition.starts_with("attachment"), "{disposition}");
    let encoded = "filename*=UTF-8''H%C3%A4m%20%26%20%22Kinase%22%201%2B1%3D2%3F.csv";
    assert!(disposition.contains(encoded), "{disposition}");
}

async fn a_signed_address_answers_parts(store: Opened) {
    store.put("digits", "0123456789").await;
    let address = store.signed_get("digits").await;
    let part = |range| Client::new().get(&address).header("range", range).send();
    for (range, content_range, content) in [
        ("bytes=2-4", "bytes 2-4/10", "234"),
        ("bytes=7-", "bytes 7-9/10", "789"),
        ("bytes=-2", "bytes 8-9/10", "89"),
        ("bytes=8-1000", "bytes 8-9/10", "89"),
    ] {
        let answer = part(range).await.unwrap();
        assert_eq!(answer.status(), StatusCode::PARTIAL_CONTENT);
        assert_eq!(answer.headers()["content-range"], content_range);
        assert_eq!(answer.text().await.unwrap(), content);
    }
    assert_eq!(
        part("bytes=10-").await.unwrap().status(),
        StatusCode::RANGE_NOT_SATISFIABLE
    );
}

async fn a_signed_address_takes_one_put(store: Opened) {
    let address = store.signed_put("jobs/a/1/metrics.json").await;
    assert!(put_at(&address, "first").await.is_success());
    assert_eq!(
        put_at(&address, "first").await,
        StatusCode::PRECONDITION_FAILED
    );
    assert_eq!(
        put_at(&address, "second").await,
        StatusCode::PRECONDITION_FAILED
    );
    assert_eq!(store.get("jobs/a/1/metrics.json").await, b"first");

    let large = "pose\n".repeat(4_000_000);
    let chunks: Vec<_> = large
        .as_bytes()
        .chunks(1_000_000)
        .map(|chunk| Ok::<_, std::io::Error>(chunk.to_vec()))
        .collect();
    let body = reqwest::Body::wrap_stream(futures::stream::iter(chunks));
    let status = put_at(&store.signed_put("large").await, body).await;
    assert!(status.is_success());
    assert!(store.get("large").await == large.as_bytes());
}

async fn an_address_does_what_it_was_signed_for_and_nothing_else(store: Opened) {
    store.put("mine/x", "x").await;
    store.put("theirs/x", "secret").await;
    let get = store.signed_get("mine/x").await;
    let put = store.signed_put("mine/y").await;
    let (bare, _) = get.split_once('?').unwrap();
    for address in [
        get.replace("/mine/x", "/theirs/x"),
        get.replace("/mine/x", "/mine/../theirs/x"),
        get.replace("/mine/x", "/mine%2f..%2ftheirs/x"),
        get.replace("chemical", "text"),
        format!("{get}&save_as=x"),
        bare.to_owned(),
        put.url.replace("/mine/y", "/mine/x"),
    ] {
        let status = get_at(&address).await;
        assert!(
            matches!(status.as_u16(), 400 | 403 | 404),
            "{status}: {address}"
        );
    }
    for url in [
        get.replace("/mine/x", "/mine/y"),
        put.url.replace("/mine/y", "/mine/z"),
        get.clone(),
    ] {
        let headers = put.headers.clone();
        let status = put_at(&Upload { url, headers }, "y").await;
        assert!(matches!(status.as_u16(), 400 | 403), "{status}");
    }
    assert_eq!(get_at(&get).await, StatusCode::OK);
    assert_eq!(store.blobs.list("mine").await.unwrap().len(), 1);
}

async fn an_address_ends_with_its_time(store: Opened) {
    store.put("x", "x").await;
    let past = store.now.plus_seconds(-1);
    let status = get_at(&store.blobs.signed_get("x", past, &SDF).await.unwrap()).await;
    assert!(matches!(status.as_u16(), 400 | 403), "{status}");
    let status = put_at(&store.blobs.signed_put("y", past).await.unwrap(), "y").await;
    assert!(matches!(status.as_u16(), 400 | 403), "{status}");
    assert_eq!(store.blobs.head("y").await.unwrap(), None);
}

async fn a_put_that_is_cut_short_leaves_nothing(store: Opened) {
    for framing in [
        "Content-Length: 1000\r\n\r\nonly this",
        "Transfer-Encoding: chunked\r\n\r\n9\r\nonly this\r\n",
    ] {
        let upload = store.signed_put("jobs/a/poses.sdf").await;
        let address = reqwest::Url::parse(&upload.url).unwrap();
        let host = format!(
            "{}:{}",
            address.host_str().unwrap(),
            address.port().unwrap()
        );
        let mut connection = TcpStream::connect(&host).await.unwrap();
        let target = format!("{}?{}", address.path(), address.query().unwrap());
        let headers = upload.headers.iter();
        let headers: String = headers
            .map(|(name, value)| format!("{name}: {value}\r\n"))
            .collect();
        let request = format!("PUT {target} HTTP/1.1\r\nHost: {host}\r\n{headers}{framing}");
        connection.write_all(request.as_bytes()).await.unwrap();
        connection.shutdown().await.unwrap();
        // The connection ends when the store is done with it.
        let mut answer = String::new();
        connection.read_to_string(&mut answer).await.unwrap();
        assert!(!answer.starts_with("HTTP/1.1 2"), "{answer}");
        assert_eq!(store.blobs.head("jobs/a/poses.sdf").await.unwrap(), None);
    }
    assert!(
        put_at(&store.signed_put("jobs/a/poses.sdf").await, "whole")
            .await
            .is_success()
    );
    assert_eq!(store.get("jobs/a/poses.sdf").await, b"whole");
}
