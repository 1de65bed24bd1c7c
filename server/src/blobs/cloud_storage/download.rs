//! Reading files as they come: what breaks off is asked for again from the byte that was reached, of the same generation.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{StreamExt, stream};
use hub::ports::blobs::{BlobsError, Content};
use reqwest::{StatusCode, header};
use tokio::time::timeout;

use super::client::{Client, PATIENCE, TRIES, pause};
use super::fault::Fault;
use crate::blobs::path::BlobPath;

/// The content of a range that is not empty, or of the whole file.
pub async fn get(
    client: Arc<Client>,
    path: BlobPath,
    range: Option<Range<u64>>,
) -> Result<Content, BlobsError> {
    let begun = client.repeated(|| open(&client, &path, range.as_ref(), None));
    let part = match begun.await {
        Ok(part) => part,
        Err(fault) if fault.is_beyond() => return Ok(stream::empty().boxed()),
        Err(fault) => return Err(fault.about(&path)),
    };
    let next = range.map_or(0, |range| range.start);
    let reading = Reading {
        end: next + part.length,
        client,
        path,
        generation: part.generation,
        next,
        body: Some(part.body),
    };
    Ok(stream::try_unfold(reading, |mut reading| async move {
        match reading.next().await {
            Ok(Some(bytes)) => Ok(Some((bytes, reading))),
            Ok(None) => Ok(None),
            Err(fault) => Err(fault.about(&reading.path)),
        }
    })
    .boxed())
}

type Body = BoxStream<'static, reqwest::Result<Bytes>>;

/// Some of an object, as it begins to come.
struct Part {
    generation: String,
    length: u64,
    body: Body,
}

/// An object that is being read.
struct Reading {
    client: Arc<Client>,
    path: BlobPath,
    generation: String,
    /// The byte that comes next.
    next: u64,
    /// The byte after the last.
    end: u64,
    /// What comes; none when it broke off.
    body: Option<Body>,
}

impl Reading {
    async fn next(&mut self) -> Result<Option<Bytes>, Fault> {
        let mut tried = 1;
        while self.next < self.end {
            match self.piece().await {
                Ok(bytes) => {
                    self.next += bytes.len() as u64;
                    return Ok(Some(bytes));
                }
                Err(fault) if fault.passes() && tried < TRIES => {
                    self.body = None;
                    pause(tried, &fault).await;
                    tried += 1;
                }
                Err(fault) => return Err(fault),
            }
        }
        Ok(None)
    }

    /// The next bytes, of which there are some.
    async fn piece(&mut self) -> Result<Bytes, Fault> {
        let body = match &mut self.body {
            Some(body) => body,
            None => {
                let rest = self.next..self.end;
                let generation = Some(self.generation.as_str());
                let part = open(&self.client, &self.path, Some(&rest), generation).await?;
                self.body.insert(part.body)
            }
        };
        let place = self.client.place();
        match timeout(PATIENCE, body.next()).await {
            Ok(Some(Ok(bytes))) => Ok(bytes),
            Ok(Some(Err(error))) => Err(Fault::unanswered(error, place)),
            Ok(None) => Err(Fault::cut_short(place)),
            Err(_) => Err(Fault::late(place)),
        }
    }
}

/// Asks for a file or a part of it, of one generation when that is known.
async fn open(
    client: &Client,
    path: &BlobPath,
    range: Option<&Range<u64>>,
    generation: Option<&str>,
) -> Result<Part, Fault> {
    let mut url = format!("{}?alt=media", client.object(path));
    if let Some(generation) = generation {
        url = format!("{url}&generation={generation}");
    }
    let mut request = client.http.get(url);
    if let Some(Range { start, end }) = range {
        request = request.header(header::RANGE, format!("bytes={start}-{}", end - 1));
    }
    let answer = client.send(request, PATIENCE).await?;
    let strange = |what| Fault::strange(what, client.place());
    if range.is_some() != (answer.status() == StatusCode::PARTIAL_CONTENT) {
        return Err(strange("another part of the file"));
    }
    let generation = answer.headers().get("x-goog-generation");
    let generation = generation.and_then(|generation| generation.to_str().ok());
    let (Some(generation), Some(length)) = (generation, answer.content_length()) else {
        return Err(strange("a file without its generation or length"));
    };
    Ok(Part {
        generation: generation.to_owned(),
        length,
        body: answer.bytes_stream().boxed(),
    })
}
