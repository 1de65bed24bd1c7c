//! Putting files where there are none: small ones by one request, large ones piece by piece, and never twice.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures::TryStreamExt;
use hub::id;
use hub::ports::blobs::{BlobsError, Content, Source};
use reqwest::{Response, StatusCode, header};
use serde_json::{Value, json};

use super::about;
use super::client::{Client, PATIENCE, TRIES, pause};
use super::fault::Fault;
use crate::blobs::path::BlobPath;

/// Bytes that are put by one request: a multiple of 256 KiB, as Cloud Storage asks.
const PIECE_BYTES: u64 = 4 * 1024 * 1024;
/// What even a slow line carries in a second.
const SLOWEST_BYTES_S: u64 = 256 * 1024;
/// What an object says of the one act of putting it.
const MARK: &str = "put";

/// Why an upload did not come to its end.
enum Stopped {
    /// By the content, which cannot be read.
    Here(BlobsError),
    /// By Cloud Storage.
    There(Fault),
}

impl From<BlobsError> for Stopped {
    fn from(failed: BlobsError) -> Self {
        Self::Here(failed)
    }
}

impl From<Fault> for Stopped {
    fn from(fault: Fault) -> Self {
        Self::There(fault)
    }
}

/// Puts a file where there is none. When it is not known whether that happened, the object's mark tells who put it.
pub async fn put(client: &Client, path: &BlobPath, content: &Source) -> Result<(), BlobsError> {
    let mark = id::random_text();
    let failed = |fault: Fault| fault.about(path);
    let mut tried = 1;
    loop {
        let fault = match upload(client, path, content, &mark).await {
            Ok(()) => return Ok(()),
            Err(Stopped::Here(failed)) => return Err(failed),
            Err(Stopped::There(fault)) => fault,
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
    content: &Source,
    mark: &str,
) -> Result<(), Stopped> {
    let mut metadata = about::owner(path.as_str());
    metadata.insert(MARK, mark);
    let object = json!({
        "name": path.as_str(),
        "contentType": about::media_type(path.as_str()),
        "metadata": metadata,
    });
    let mut pieces = Pieces::of(content).await?;
    if content.size_bytes() <= PIECE_BYTES {
        Ok(at_once(client, &object, &pieces.from(0).await?).await?)
    } else {
        let session = begin(client, &object).await?;
        piece_by_piece(client, &session, &mut pieces).await
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
    let sent = client.send(request, patience(content.len() as u64)).await?;
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
async fn piece_by_piece(
    client: &Client,
    session: &str,
    pieces: &mut Pieces<'_>,
) -> Result<(), Stopped> {
    let length = pieces.source.size_bytes();
    // None when only the other side knows.
    let mut reached = Some(0);
    let mut tried = 1;
    loop {
        let sent = match reached {
            Some(from) if from < length => {
                let piece = pieces.from(from).await?;
                send_piece(client, session, piece, from, length).await
            }
            _ => ask(client, session, length).await,
        };
        match sent.map_err(Fault::of_upload) {
            Ok(answer) if answer.status() == StatusCode::PERMANENT_REDIRECT => {
                let there = there(&answer);
                match reached {
                    Some(before) if there > before => tried = 1,
                    Some(_) if tried == TRIES => {
                        Err(Fault::strange("an upload stands still", client.place()))?;
                    }
                    Some(_) => tried += 1,
                    None => {}
                }
                reached = Some(there);
            }
            Ok(answer) => return Ok(stored(client, &answer)?),
            Err(fault) if fault.passes() && tried < TRIES => {
                pause(tried, &fault).await;
                tried += 1;
                reached = None;
            }
            Err(fault) => return Err(fault.into()),
        }
    }
}

async fn send_piece(
    client: &Client,
    session: &str,
    piece: Bytes,
    from: u64,
    length: u64,
) -> Result<Response, Fault> {
    let bytes = piece.len() as u64;
    let range = format!("bytes {from}-{}/{length}", from + bytes - 1);
    let request = client
        .http
        .put(session)
        .header(header::CONTENT_RANGE, range)
        .body(piece);
    client.send(request, patience(bytes)).await
}

/// The content in pieces from whatever place the other side asks for; a piece and what was read beyond it is held.
struct Pieces<'a> {
    source: &'a Source,
    content: Content,
    /// What was read last, and where that begins.
    held: Bytes,
    at: u64,
}

impl<'a> Pieces<'a> {
    async fn of(source: &'a Source) -> Result<Self, BlobsError> {
        Ok(Self {
            source,
            content: source.read_from(0).await?,
            held: Bytes::new(),
            at: 0,
        })
    }

    /// The piece that begins there.
    async fn from(&mut self, start: u64) -> Result<Bytes, BlobsError> {
        let wanted = PIECE_BYTES.min(self.source.size_bytes() - start) as usize;
        let mut piece = BytesMut::with_capacity(wanted);
        let held = std::mem::take(&mut self.held);
        let before = start.checked_sub(self.at).map(|before| before as usize);
        match before.filter(|before| *before <= held.len()) {
            Some(before) => piece.extend_from_slice(&held[before..]),
            None => self.content = self.source.read_from(start).await?,
        }
        drop(held);
        while piece.len() < wanted {
            let chunk = self.content.try_next().await?;
            piece.extend_from_slice(&chunk.ok_or_else(|| self.source.cut_short())?);
        }
        (self.held, self.at) = (piece.freeze(), start);
        Ok(self.held.slice(..wanted))
    }
}

/// How long this many bytes may take.
fn patience(bytes: u64) -> Duration {
    PATIENCE + Duration::from_secs(bytes / SLOWEST_BYTES_S)
}

/// Asks how much is there.
async fn ask(client: &Client, session: &str, length: u64) -> Result<Response, Fault> {
    let request = client
        .http
        .put(session)
        .header(header::CONTENT_RANGE, format!("bytes */{length}"))
        .header(header::CONTENT_LENGTH, 0);
    client.send(request, PATIENCE).await
}

/// How many bytes of an upload are there: `Range: bytes=0-99` says 100.
fn there(answer: &Response) -> u64 {
    let range = answer.headers().get(header::RANGE);
    let last = range.and_then(|range| range.to_str().ok()?.rsplit_once('-')?.1.parse().ok());
    last.map_or(0, |last: u64| last + 1)
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
