//! Putting files where there are none: small ones by one request, large ones piece by piece, and never twice.

use std::time::Duration;

use bytes::Bytes;
use hub::id;
use hub::ports::blobs::BlobsError;
use reqwest::{Response, StatusCode, header};
use serde_json::{Value, json};

use super::about;
use super::client::{Client, PATIENCE, TRIES, pause};
use super::fault::Fault;
use crate::blobs::path::BlobPath;

/// Bytes that are put by one request: a multiple of 256 KiB, as Cloud Storage asks.
const PIECE_BYTES: usize = 4 * 1024 * 1024;
/// What even a slow line carries in a second.
const SLOWEST_BYTES_S: usize = 256 * 1024;
/// What an object says of the one act of putting it.
const MARK: &str = "put";

/// Puts a file where there is none. When it is not known whether that happened, the object's mark tells who put it.
pub async fn put(client: &Client, path: &BlobPath, content: Bytes) -> Result<(), BlobsError> {
    let mark = id::random_text();
    let failed = |fault: Fault| fault.about(path);
    let mut tried = 1;
    loop {
        let fault = match upload(client, path, &content, &mark).await {
            Ok(()) => return Ok(()),
            Err(fault) => fault,
        };
        if fault.leaves_open()
            && let Some(there) = client.head(path).await.map_err(failed)?
        {
            return if there.metadata.get(MARK) == Some(&mark) {
                Ok(())
            } else {
                Err(path.exists())
            };
        }
        if tried == TRIES || !(fault.leaves_open() || fault.passes()) {
            return Err(failed(fault));
        }
        pause(tried, &fault).await;
        tried += 1;
    }
}

async fn upload(
    client: &Client,
    path: &BlobPath,
    content: &Bytes,
    mark: &str,
) -> Result<(), Fault> {
    let mut metadata = about::owner(path.as_str());
    metadata.insert(MARK, mark);
    let object = json!({
        "name": path.as_str(),
        "contentType": about::media_type(path.as_str()),
        "metadata": metadata,
    });
    if content.len() <= PIECE_BYTES {
        at_once(client, &object, content).await
    } else {
        let session = begin(client, &object).await?;
        let sent = piece_by_piece(client, &session, content).await;
        sent.map_err(Fault::of_upload)
    }
}

/// Object and content in one request.
async fn at_once(client: &Client, object: &Value, content: &[u8]) -> Result<(), Fault> {
    let boundary = id::random_text();
    let media_type = about::media_type(object["name"].as_str().unwrap_or_default());
    let mut body = format!(
        "--{boundary}\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n{object}\r\n\
         --{boundary}\r\nContent-Type: {media_type}\r\n\r\n"
    )
    .into_bytes();
    body.extend_from_slice(content);
    body.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    let url = format!(
        "{}?uploadType=multipart&ifGenerationMatch=0&fields=size",
        client.objects("/upload")
    );
    let request = client.http.post(url).body(body).header(
        header::CONTENT_TYPE,
        format!("multipart/related; boundary={boundary}"),
    );
    let sent = client.send(request, patience(content.len())).await?;
    stored(client, &sent)
}

/// Begins an upload piece by piece; its address.
async fn begin(client: &Client, object: &Value) -> Result<String, Fault> {
    let url = format!(
        "{}?uploadType=resumable&ifGenerationMatch=0&fields=size",
        client.objects("/upload")
    );
    let begun = client
        .repeated(|| client.send(client.http.post(&url).json(object), PATIENCE))
        .await?;
    let session = begun.headers().get(header::LOCATION);
    let session = session.and_then(|session| session.to_str().ok());
    let strange = || Fault::strange("an upload without an address", client.place());
    session.map(str::to_owned).ok_or_else(strange)
}

/// Sends the content from where the other side says it has it.
async fn piece_by_piece(client: &Client, session: &str, content: &Bytes) -> Result<(), Fault> {
    // None when only the other side knows.
    let mut reached = Some(0);
    let mut tried = 1;
    loop {
        let sent = match reached {
            Some(from) if from < content.len() => send_piece(client, session, content, from).await,
            _ => ask(client, session, content.len()).await,
        };
        match sent {
            Ok(answer) if answer.status() == StatusCode::PERMANENT_REDIRECT => {
                let there = there(&answer);
                match reached {
                    Some(before) if there > before => tried = 1,
                    Some(_) if tried == TRIES => {
                        return Err(Fault::strange("an upload stands still", client.place()));
                    }
                    Some(_) => tried += 1,
                    None => {}
                }
                reached = Some(there);
            }
            Ok(answer) => return stored(client, &answer),
            Err(fault) if fault.passes() && tried < TRIES => {
                pause(tried, &fault).await;
                tried += 1;
                reached = None;
            }
            Err(fault) => return Err(fault),
        }
    }
}

async fn send_piece(
    client: &Client,
    session: &str,
    content: &Bytes,
    from: usize,
) -> Result<Response, Fault> {
    let end = content.len().min(from + PIECE_BYTES);
    let range = format!("bytes {from}-{}/{}", end - 1, content.len());
    let request = client
        .http
        .put(session)
        .header(header::CONTENT_RANGE, range)
        .body(content.slice(from..end));
    client.send(request, patience(end - from)).await
}

/// How long this many bytes may take.
fn patience(bytes: usize) -> Duration {
    PATIENCE + Duration::from_secs((bytes / SLOWEST_BYTES_S) as u64)
}

/// Asks how much is there.
async fn ask(client: &Client, session: &str, length: usize) -> Result<Response, Fault> {
    let request = client
        .http
        .put(session)
        .header(header::CONTENT_RANGE, format!("bytes */{length}"))
        .header(header::CONTENT_LENGTH, 0);
    client.send(request, PATIENCE).await
}

/// How many bytes of an upload are there: `Range: bytes=0-99` says 100.
fn there(answer: &Response) -> usize {
    let range = answer.headers().get(header::RANGE);
    let last = range.and_then(|range| range.to_str().ok()?.rsplit_once('-')?.1.parse().ok());
    last.map_or(0, |last: usize| last + 1)
}

/// An object is stored when the answer says so, and not when it is to be continued.
fn stored(client: &Client, answer: &Response) -> Result<(), Fault> {
    if answer.status().is_success() {
        Ok(())
    } else {
        Err(Fault::strange(
            "an upload is not at its end",
            client.place(),
        ))
    }
}
