//! Paths of files: what the store of files takes as one, and nothing that leads elsewhere.

use std::fmt;
use std::path::{Path, PathBuf};

use hub::ports::blobs::BlobsError;

/// Most bytes of a path.
const MAX_BYTES: usize = 400;
/// Most bytes of a segment, as file systems have it.
const MAX_SEGMENT_BYTES: usize = 255;

/// A path: segments of letters, digits, `.`, `_` and `-`, parted by `/`, none of them `.` or `..`.
#[derive(Clone, Debug)]
pub struct BlobPath(String);

impl BlobPath {
    /// Checks a path.
    pub fn new(path: &str) -> Result<Self, BlobsError> {
        if path.len() <= MAX_BYTES && path.split('/').all(is_segment) {
            Ok(Self(path.to_owned()))
        } else {
            Err(BlobsError::Refused(
                format!("{path:?} is no path of a file").into(),
            ))
        }
    }

    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its place below a folder.
    pub fn below(&self, root: &Path) -> PathBuf {
        root.join(&self.0)
    }

    /// That there is a file already.
    pub fn exists(&self) -> BlobsError {
        BlobsError::Exists(self.0.clone())
    }

    /// That there is no file.
    pub fn not_found(&self) -> BlobsError {
        BlobsError::NotFound(self.0.clone())
    }
}

impl fmt::Display for BlobPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_segment(segment: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    (1..=MAX_SEGMENT_BYTES).contains(&segment.len())
        && !matches!(segment, "." | "..")
        && segment.bytes().all(allowed)
}
