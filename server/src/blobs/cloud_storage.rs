//! Files in a bucket of Cloud Storage, for a hub of many servers, by its JSON API; others reach them by addresses that
//! Cloud Storage itself honours.

mod about;
mod address;
mod client;
mod download;
mod fault;
mod upload;

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use hub::ports::Blobs;
use hub::ports::blobs::{Blob, BlobsError, Content, Download, Source, Upload};
use hub::time::Timestamp;

use super::path::BlobPath;
use crate::attachment::attachment;
use crate::documents::Clock;
use address::{Address, Method};
use client::Client;
pub use client::{Account, Place};
pub use fault::Fault;

/// What the hub does with the objects of its bucket.
const PERMISSIONS: &[&str] = &[
    "storage.objects.create",
    "storage.objects.delete",
    "storage.objects.get",
    "storage.objects.list",
];
/// What whoever only reads may do.
const READING: &[&str] = &["storage.objects.get", "storage.objects.list"];

/// The files of one bucket, which other servers use too.
pub struct CloudStorage {
    client: Arc<Client>,
    /// Who signs, by e-mail address.
    email: String,
    clock: Clock,
}

impl CloudStorage {
    /// Finds out whether the account of this machine may do in the bucket what the hub does, and whether it can sign.
    pub async fn open(bucket: &str, clock: Clock) -> Result<Self, Fault> {
        let place = Place::bucket(bucket, "BLOBS_URL");
        let account = Account::of_this_machine(&place)?;
        Self::open_as(account, place, clock).await
    }

    /// A bucket of others, of which nothing is asked but to read.
    pub async fn to_read(bucket: &str) -> Result<Self, Fault> {
        let place = Place::bucket(bucket, "--files");
        let account = Account::of_this_machine(&place)?;
        Self::to_read_as(account, place).await
    }

    /// The same as this account, wherever Cloud Storage is.
    pub async fn to_read_as(account: Account, place: Place) -> Result<Self, Fault> {
        let client = Client::new(place, account)?;
        client.check(READING).await?;
        Ok(Self {
            email: client.email().await?,
            client: Arc::new(client),
            clock: Clock::system(),
        })
    }

    /// The hub's bucket as this account, wherever Cloud Storage is.
    pub async fn open_as(account: Account, place: Place, clock: Clock) -> Result<Self, Fault> {
        let client = Client::new(place, account)?;
        client.check(PERMISSIONS).await?;
        let email = client.email().await?;
        let opened = Self {
            client: Arc::new(client),
            email,
            clock,
        };
        let now = opened.clock.now();
        opened
            .sign(Method::Get, "nothing", now, Vec::new(), BTreeMap::new())
            .await?;
        Ok(opened)
    }

    /// An address of a file that holds until `expires_at` for a request with these headers.
    async fn sign(
        &self,
        method: Method,
        path: &str,
        expires_at: Timestamp,
        answers: Vec<(&'static str, String)>,
        headers: BTreeMap<String, String>,
    ) -> Result<Upload, Fault> {
        let place = self.client.place();
        let address = Address {
            method,
            host: place.host(),
            path: format!("/{}/{path}", place.bucket),
            email: &self.email,
            signed_at: self.clock.now(),
            expires_at,
            answers,
            headers: &headers,
        };
        let unsigned = address.unsigned();
        let signature = self.client.sign(unsigned.text.as_bytes()).await?;
        Ok(Upload {
            url: format!("{}{}", place.address, unsigned.with(&signature)),
            headers,
        })
    }
}

#[async_trait]
impl Blobs for CloudStorage {
    async fn put(&self, path: &str, content: Source) -> Result<(), BlobsError> {
        let path = BlobPath::new(path)?;
        upload::put(&self.client, &path, &content).await
    }

    async fn get(&self, path: &str, range: Option<Range<u64>>) -> Result<Content, BlobsError> {
        let path = BlobPath::new(path)?;
        match range {
            // HTTP has no words for an empty part.
            Some(range) if range.is_empty() => match self.client.head(&path).await {
                Ok(Some(_)) => Ok(Box::pin(futures::stream::empty())),
                Ok(None) => Err(path.not_found()),
                Err(fault) => Err(fault.about(&path)),
            },
            range => download::get(self.client.clone(), path, range).await,
        }
    }

    async fn head(&self, path: &str) -> Result<Option<Blob>, BlobsError> {
        let path = BlobPath::new(path)?;
        let found = self.client.head(&path).await;
        let found = found.map_err(|fault| fault.about(&path))?;
        Ok(found.map(|object| Blob {
            path: path.to_string(),
            size_bytes: object.size,
        }))
    }

    async fn list(&self, folder: &str) -> Result<Vec<Blob>, BlobsError> {
        let folder = BlobPath::new(folder)?;
        let listed = self.client.list(&folder).await;
        let listed = listed.map_err(|fault| fault.about(&folder))?.into_iter();
        let blob = |(path, size_bytes)| Blob { path, size_bytes };
        Ok(listed.map(blob).collect())
    }

    async fn delete(&self, path: &str) -> Result<(), BlobsError> {
        let path = BlobPath::new(path)?;
        let deleted = self.client.delete(&path).await;
        deleted.map_err(|fault| fault.about(&path))
    }

    async fn signed_get(
        &self,
        path: &str,
        expires_at: Timestamp,
        download: &Download,
    ) -> Result<String, BlobsError> {
        let path = BlobPath::new(path)?;
        let disposition = download.save_as.as_deref();
        let disposition = disposition.map_or_else(|| "inline".to_owned(), attachment);
        let answers = vec![
            ("response-content-disposition", disposition),
            ("response-content-type", download.media_type.to_owned()),
        ];
        let (method, headers) = (Method::Get, BTreeMap::new());
        let signed = self.sign(method, path.as_str(), expires_at, answers, headers);
        let signed = signed.await.map_err(|fault| fault.about(&path))?;
        Ok(signed.url)
    }

    async fn signed_put(&self, path: &str, expires_at: Timestamp) -> Result<Upload, BlobsError> {
        let path = BlobPath::new(path)?;
        let headers = about::headers(path.as_str());
        let signed = self.sign(Method::Put, path.as_str(), expires_at, Vec::new(), headers);
        signed.await.map_err(|fault| fault.about(&path))
    }
}

#[cfg(test)]
pub(super) mod tests;
