//! What is the directory's own: its folders, its leftovers, its addresses.

use std::sync::Arc;

use futures::future::join_all;
use reqwest::StatusCode;
use tempfile::TempDir;
use tokio::net::TcpListener;

use super::*;
use crate::blobs::contract::Opened;

/// A directory that answers its addresses.
pub async fn open() -> Opened {
    let (directory, clock, folder) = serve().await;
    Opened {
        blobs: directory,
        now: clock.now(),
        _kept: Box::new(folder),
    }
}

async fn serve() -> (Arc<Directory>, Clock, TempDir) {
    let folder = TempDir::new().unwrap();
    let clock = Clock::manual("2026-05-04T10:20:30Z".parse().unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base_url = format!("http://{}/", listener.local_addr().unwrap());
    let directory = Arc::new(
        Directory::new(
            folder.path().join("files"),
            &base_url,
            b"key",
            clock.clone(),
        )
        .unwrap(),
    );
    let router = routes(directory.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (directory, clock, folder)
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[tokio::test]
async fn what_was_not_finished_is_removed_and_what_was_is_kept() {
    let folder = TempDir::new().unwrap();
    let open = || {
        Directory::new(
            folder.path().to_owned(),
            "http://hub",
            b"key",
            Clock::system(),
        )
        .unwrap()
    };
    open().put("a/x", "x".into()).await.unwrap();
    fs::write(folder.path().join(INCOMING).join("half"), "ha").unwrap();
    let blobs = open();
    assert_eq!(names(&folder.path().join(INCOMING)), [""; 0]);
    assert_eq!(blobs.head("a/x").await.unwrap().unwrap().size_bytes, 1);
}

#[tokio::test]
async fn nothing_is_left_beside_the_files() {
    let (blobs, _, folder) = serve().await;
    let root = folder.path().join("files");
    for path in ["a/b/c/x", "a/y"] {
        blobs.put(path, "x".into()).await.unwrap();
        assert!(matches!(
            blobs.put(path, "y".into()).await,
            Err(BlobsError::Exists(_))
        ));
    }
    assert_eq!(names(&root.join(INCOMING)), [""; 0]);
    blobs.delete("a/b/c/x").await.unwrap();
    assert_eq!(
        names(&root.join("a")),
        ["y"],
        "a folder goes with its last file"
    );
    blobs.delete("a/y").await.unwrap();
    assert_eq!(names(&root), [INCOMING]);
}

#[tokio::test]
async fn a_file_is_no_folder_and_a_folder_no_file() {
    let (blobs, _, _folder) = serve().await;
    blobs.put("a/x", "x".into()).await.unwrap();
    assert!(matches!(
        blobs.put("a/x/y", "y".into()).await,
        Err(BlobsError::Refused(_))
    ));
    assert!(matches!(
        blobs.put("a", "y".into()).await,
        Err(BlobsError::Refused(_))
    ));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_are_put_while_their_folder_is_emptied() {
    let (blobs, _, _folder) = serve().await;
    let comings_and_goings = (0..8).map(|n| {
        let blobs = blobs.clone();
        tokio::spawn(async move {
            for _ in 0..50 {
                let path = format!("jobs/a/{n}");
                blobs.put(&path, "x".into()).await.unwrap();
                blobs.delete(&path).await.unwrap();
            }
        })
    });
    for done in join_all(comings_and_goings).await {
        done.unwrap();
    }
    assert_eq!(blobs.list("jobs").await.unwrap(), []);
}

#[tokio::test]
async fn an_address_holds_until_its_time_and_says_why_it_does_not() {
    let (blobs, clock, _folder) = serve().await;
    blobs
        .put("x", "<script>alert(1)</script>".into())
        .await
        .unwrap();
    let download = Download {
        save_as: None,
        media_type: "text/html",
    };
    let address = blobs
        .signed_get("x", clock.now().plus_seconds(60), &download)
        .await
        .unwrap();
    clock.advance_seconds(59);
    let answer = reqwest::get(&address).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("cache-control", "private, no-store"),
        ("content-security-policy", "sandbox"),
        ("content-disposition", "inline"),
        ("accept-ranges", "bytes"),
    ] {
        assert_eq!(answer.headers()[name], value);
    }
    clock.advance_seconds(2);
    let answer = reqwest::get(&address).await.unwrap();
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
    assert!(
        answer
            .text()
            .await
            .unwrap()
            .contains("this address has expired")
    );

    let later = address.replace("expires=", "expires=9");
    let answer = reqwest::get(&later).await.unwrap();
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
    assert!(answer.text().await.unwrap().contains("not signed"));
}

#[tokio::test]
async fn an_address_of_another_key_is_not_honoured() {
    let (blobs, clock, folder) = serve().await;
    blobs.put("x", "x".into()).await.unwrap();
    let other = Directory::new(
        folder.path().join("other"),
        &blobs.base_url,
        b"other key",
        clock.clone(),
    )
    .unwrap();
    let download = Download {
        save_as: None,
        media_type: "text/plain",
    };
    let address = other
        .signed_get("x", clock.now().plus_seconds(60), &download)
        .await
        .unwrap();
    assert_eq!(
        reqwest::get(&address).await.unwrap().status(),
        StatusCode::FORBIDDEN
    );
}
