//! The store of files: written once, never changed, read by range, and reached by others through signed addresses.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt};

use crate::time::Timestamp;

/// What is known of a file without reading it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blob {
    /// Its path: segments of letters, digits, `.`, `_` and `-`, parted by `/`.
    pub path: String,
    /// Its length.
    pub size_bytes: u64,
}

/// Why a file operation did not happen.
#[derive(Debug, thiserror::Error)]
pub enum BlobsError {
    /// There is a file at that path already; it was left as it is.
    #[error("{0} exists already")]
    Exists(String),
    /// There is no file at that path.
    #[error("{0} is not in the store of files that BLOBS_URL names")]
    NotFound(String),
    /// The store does not answer.
    #[error("the file store does not answer")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The store refused, or the path is not one.
    #[error("the file store refused")]
    Refused(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// A file's content as it comes.
pub type Content = BoxStream<'static, Result<Bytes, BlobsError>>;

/// Bytes of what is held that are given at once.
const CHUNK_BYTES: usize = 256 * 1024;

/// What is to be put: content that can be read from any place again, however often a put is taken up.
#[derive(Clone)]
pub struct Source {
    size_bytes: u64,
    lies: Lies,
}

/// Where it is read from.
#[derive(Clone)]
enum Lies {
    Here(Bytes),
    In(Arc<dyn Blobs>, String),
}

impl Source {
    /// A file of a store, which is never held whole.
    pub fn stored(store: Arc<dyn Blobs>, file: Blob) -> Self {
        Self {
            size_bytes: file.size_bytes,
            lies: Lies::In(store, file.path),
        }
    }

    /// Its length. What comes to be shorter is not put.
    pub fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// The content from a place on.
    pub async fn read_from(&self, start: u64) -> Result<Content, BlobsError> {
        match &self.lies {
            Lies::Here(content) => {
                let content = content.clone();
                let starts = (start as usize..content.len()).step_by(CHUNK_BYTES);
                let chunks = starts.map(move |start| {
                    let end = content.len().min(start + CHUNK_BYTES);
                    Ok(content.slice(start..end))
                });
                Ok(stream::iter(chunks).boxed())
            }
            Lies::In(store, path) => store.get(path, Some(start..self.size_bytes)).await,
        }
    }

    /// That the content came to an end before its own.
    pub fn cut_short(&self) -> BlobsError {
        let said = format!(
            "there were to be {} bytes, and there are not",
            self.size_bytes
        );
        BlobsError::Unavailable(said.into())
    }
}

impl<T: Into<Bytes>> From<T> for Source {
    fn from(content: T) -> Self {
        let content = content.into();
        Self {
            size_bytes: content.len() as u64,
            lies: Lies::Here(content),
        }
    }
}

/// How a signed address answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Download {
    /// The name that a browser saves it under; shown in the page when `None`.
    pub save_as: Option<String>,
    /// The media type that is answered.
    pub media_type: &'static str,
}

/// An address that takes a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    /// The address.
    pub url: String,
    /// Headers, by their names in lower case, that must come with the file as they are.
    pub headers: BTreeMap<String, String>,
}

/// The store of files.
#[async_trait]
pub trait Blobs: Send + Sync {
    /// Stores a file where there is none. A file is there whole or not at all.
    async fn put(&self, path: &str, content: Source) -> Result<(), BlobsError>;

    /// The content from `range.start` to before `range.end`, to the end of the file when `None`.
    async fn get(
        &self,
        path: &str,
        range: Option<std::ops::Range<u64>>,
    ) -> Result<Content, BlobsError>;

    /// What is known of a file, `None` when there is none.
    async fn head(&self, path: &str) -> Result<Option<Blob>, BlobsError>;

    /// Every file whose path begins with `folder/`, in the order of paths.
    async fn list(&self, folder: &str) -> Result<Vec<Blob>, BlobsError>;

    /// Removes a file; removing what is not there is no error.
    async fn delete(&self, path: &str) -> Result<(), BlobsError>;

    /// An address that answers the file to whoever has it, until `expires_at`.
    async fn signed_get(
        &self,
        path: &str,
        expires_at: Timestamp,
        download: &Download,
    ) -> Result<String, BlobsError>;

    /// An address that takes one PUT of the whole file from whoever has it, until `expires_at`; 412 when there is one.
    async fn signed_put(&self, path: &str, expires_at: Timestamp) -> Result<Upload, BlobsError>;
}

/// Reads a file whole; for the small ones.
pub async fn read(blobs: &dyn Blobs, path: &str) -> Result<Bytes, BlobsError> {
    use futures::TryStreamExt;
    let chunks: Vec<Bytes> = blobs.get(path, None).await?.try_collect().await?;
    Ok(if chunks.len() == 1 {
        chunks.into_iter().next().unwrap_or_default()
    } else {
        chunks.concat().into()
    })
}
