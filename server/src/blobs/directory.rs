//! Files in a folder of this machine. The addresses that others reach them by are signed, and answered by [`routes`].

mod routes;
mod signature;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, ErrorKind, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use futures::{StreamExt, TryStreamExt};
use hub::ports::Blobs;
use hub::ports::blobs::{Blob, BlobsError, Content, Download, Source, Upload};
use hub::time::Timestamp;
use tempfile::NamedTempFile;
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};
use tokio_util::io::ReaderStream;

use super::path::BlobPath;
use crate::documents::Clock;
pub use routes::routes;
use signature::{Access, Signer};

/// Where files lie until they are whole: a name that no path can have.
const INCOMING: &str = "~incoming";
/// Bytes read from the disk at once.
const CHUNK_BYTES: u64 = 256 * 1024;
/// How often a folder is made again that a deletion found empty and took away.
const FOLDER_TRIES: usize = 20;

/// Files in a folder.
pub struct Directory {
    root: PathBuf,
    base_url: String,
    signer: Signer,
    clock: Clock,
}

impl Directory {
    /// Opens the folder, made when it is not there, and removes what an earlier process had not finished. Addresses
    /// begin with `base_url`, are signed with `key`, and expire by `clock`.
    pub fn new(root: PathBuf, base_url: &str, key: &[u8], clock: Clock) -> io::Result<Self> {
        let incoming = root.join(INCOMING);
        if incoming.exists() {
            fs::remove_dir_all(&incoming)?;
        }
        fs::create_dir_all(&incoming)?;
        let base_url = base_url.trim_end_matches('/').to_owned();
        Ok(Self {
            root,
            base_url,
            signer: Signer::new(key),
            clock,
        })
    }

    /// A folder that must be there, and of which files are only read: no address leads to them.
    pub fn to_read(root: PathBuf) -> io::Result<Self> {
        if !fs::metadata(&root)?.is_dir() {
            return Err(ErrorKind::NotADirectory.into());
        }
        Ok(Self {
            root,
            base_url: String::new(),
            signer: Signer::new(&[]),
            clock: Clock::system(),
        })
    }

    /// A file that is not at its place yet, and gone when it is dropped.
    async fn incoming(&self) -> Result<NamedTempFile, BlobsError> {
        let folder = self.root.join(INCOMING);
        blocking(move || NamedTempFile::new_in(folder).map_err(fault)).await
    }

    /// Brings a file, now whole, to its place, unless there is one.
    async fn keep(&self, path: &BlobPath, file: NamedTempFile) -> Result<(), BlobsError> {
        let (place, path) = (path.below(&self.root), path.clone());
        blocking(move || match keep(&place, file) {
            // A folder is no file that was put before.
            Err(error) if error.kind() == ErrorKind::AlreadyExists && !place.is_dir() => {
                Err(path.exists())
            }
            kept => kept.map_err(fault),
        })
        .await
    }

    fn signed(&self, path: &str, access: &Access) -> Result<String, BlobsError> {
        let path = BlobPath::new(path)?;
        Ok(format!(
            "{}/files/{path}?{}",
            self.base_url,
            self.signer.query(&path, access)
        ))
    }
}

#[async_trait]
impl Blobs for Directory {
    async fn put(&self, path: &str, content: Source) -> Result<(), BlobsError> {
        let path = BlobPath::new(path)?;
        let (file, place) = self.incoming().await?.into_parts();
        let mut file = tokio::fs::File::from_std(file);
        let (mut written, mut chunks) = (0, content.read_from(0).await?);
        while let Some(chunk) = chunks.try_next().await? {
            written += chunk.len() as u64;
            file.write_all(&chunk).await.map_err(fault)?;
        }
        if written != content.size_bytes() {
            return Err(content.cut_short());
        }
        file.flush().await.map_err(fault)?;
        let file = NamedTempFile::from_parts(file.into_std().await, place);
        self.keep(&path, file).await
    }

    async fn get(&self, path: &str, range: Option<Range<u64>>) -> Result<Content, BlobsError> {
        let path = BlobPath::new(path)?;
        let failed = |error: io::Error| {
            if is_absent(&error) {
                path.not_found()
            } else {
                fault(error)
            }
        };
        let mut file = tokio::fs::File::open(path.below(&self.root))
            .await
            .map_err(failed)?;
        let about = file.metadata().await.map_err(failed)?;
        if !about.is_file() {
            return Err(path.not_found());
        }
        let range = range.unwrap_or(0..about.len());
        let length = range.end.min(about.len()).saturating_sub(range.start);
        file.seek(SeekFrom::Start(range.start))
            .await
            .map_err(failed)?;
        let chunk_bytes = length.clamp(1, CHUNK_BYTES) as usize;
        Ok(ReaderStream::with_capacity(file.take(length), chunk_bytes)
            .map_err(fault)
            .boxed())
    }

    async fn head(&self, path: &str) -> Result<Option<Blob>, BlobsError> {
        let path = BlobPath::new(path)?;
        match tokio::fs::metadata(path.below(&self.root)).await {
            Ok(about) if about.is_file() => Ok(Some(Blob {
                path: path.to_string(),
                size_bytes: about.len(),
            })),
            Ok(_) => Ok(None),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(fault(error)),
        }
    }

    async fn list(&self, folder: &str) -> Result<Vec<Blob>, BlobsError> {
        let folder = BlobPath::new(folder)?;
        let root = self.root.clone();
        blocking(move || {
            let mut blobs = Vec::new();
            collect(&folder.below(&root), folder.as_str(), &mut blobs).map_err(fault)?;
            // Not by folder: `a-b` comes before `a/b`.
            blobs.sort_by(|one, other| one.path.cmp(&other.path));
            Ok(blobs)
        })
        .await
    }

    async fn delete(&self, path: &str) -> Result<(), BlobsError> {
        let path = BlobPath::new(path)?;
        let root = self.root.clone();
        blocking(move || {
            let place = path.below(&root);
            match fs::remove_file(&place) {
                Ok(()) => {
                    remove_empty_folders(&root, &place);
                    Ok(())
                }
                Err(error) if is_absent(&error) => Ok(()),
                Err(error) => Err(fault(error)),
            }
        })
        .await
    }

    async fn signed_get(
        &self,
        path: &str,
        expires_at: Timestamp,
        download: &Download,
    ) -> Result<String, BlobsError> {
        self.signed(path, &Access::get(expires_at, download))
    }

    async fn signed_put(&self, path: &str, expires_at: Timestamp) -> Result<Upload, BlobsError> {
        Ok(Upload {
            url: self.signed(path, &Access::put(expires_at))?,
            headers: BTreeMap::new(),
        })
    }
}

/// Does what may block on a thread that may.
async fn blocking<T: Send + 'static>(
    job: impl FnOnce() -> Result<T, BlobsError> + Send + 'static,
) -> Result<T, BlobsError> {
    tokio::task::spawn_blocking(job)
        .await
        .map_err(|error| BlobsError::Unavailable(error.into()))?
}

/// Makes a file durable at its place; `AlreadyExists` when there is one.
fn keep(place: &Path, mut file: NamedTempFile) -> io::Result<()> {
    let folder = place.parent().ok_or(ErrorKind::InvalidInput)?;
    file.as_file().sync_all()?;
    for _ in 0..FOLDER_TRIES {
        make_folder(folder)?;
        match file.persist_noclobber(place) {
            Ok(_) => return File::open(folder)?.sync_all(),
            Err(failed) if failed.error.kind() == ErrorKind::NotFound => file = failed.file,
            Err(failed) => return Err(failed.error),
        }
    }
    Err(ErrorKind::NotFound.into())
}

/// Makes a folder that outlives a loss of power, with those above it.
fn make_folder(folder: &Path) -> io::Result<()> {
    match fs::create_dir(folder) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            make_folder(folder.parent().ok_or(error)?)?;
            make_folder(folder)
        }
        Err(error) => Err(error),
        Ok(()) => folder
            .parent()
            .map_or(Ok(()), |above| File::open(above)?.sync_all()),
    }
}

/// Removes the folders between `root` and `place` that are empty now.
fn remove_empty_folders(root: &Path, place: &Path) {
    let between = place
        .ancestors()
        .skip(1)
        .take_while(|folder| *folder != root);
    for folder in between {
        if fs::remove_dir(folder).is_err() {
            return;
        }
    }
}

/// Adds every file below a folder.
fn collect(folder: &Path, path: &str, blobs: &mut Vec<Blob>) -> io::Result<()> {
    let entries = match fs::read_dir(folder) {
        Err(error) if is_absent(&error) => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        let path = format!("{path}/{}", entry.file_name().to_string_lossy());
        match entry.metadata() {
            Ok(about) if about.is_dir() => collect(&entry.path(), &path, blobs)?,
            Ok(about) => blobs.push(Blob {
                path,
                size_bytes: about.len(),
            }),
            // Removed since the folder was read.
            Err(error) if is_absent(&error) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Whether this says that there is no such file: nothing, a folder, or something below a file.
fn is_absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::IsADirectory
    )
}

/// A failure of the machine, which may pass, or something in the way, which does not.
fn fault(error: io::Error) -> BlobsError {
    match error.kind() {
        ErrorKind::AlreadyExists
        | ErrorKind::NotADirectory
        | ErrorKind::IsADirectory
        | ErrorKind::PermissionDenied
        | ErrorKind::ReadOnlyFilesystem
        | ErrorKind::InvalidFilename => BlobsError::Refused(error.into()),
        _ => BlobsError::Unavailable(error.into()),
    }
}

#[cfg(test)]
pub(super) mod tests;
