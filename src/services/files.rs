//! Files of results: who may read them, and the address they are read at.

use futures::future::try_join;
use serde::Deserialize;

use super::collect::METRICS_FILE;
use super::{Export, Services};
use crate::actor::Actor;
use crate::docking::Pose;
use crate::error::{Error, Result};
use crate::id::JobId;
use crate::job::Job;
use crate::ports::blobs::{self, BlobsError, Download};

/// Seconds that an address to a file is good for: long enough to be followed, and as short as somebody who was removed
/// may still read, since whoever has it needs no account.
const ADDRESS_S: i64 = 10;

impl Services {
    /// A signed address of a result's file, good for a moment; the browser saves it with `save`, else shows it. A file
    /// that is not where it should be is told here, where it can be told in words.
    pub async fn file_url(
        &self,
        actor: &Actor,
        id: &JobId,
        name: &str,
        save: bool,
    ) -> Result<String> {
        let job = self.owned(actor, id).await?.value;
        let (path, media_type) = stored(&job, name)?;
        let download = Download {
            save_as: save.then(|| saved_as(&job, name)),
            media_type,
        };
        let expires_at = self.store.now().await?.plus_seconds(ADDRESS_S);
        let (found, address) = try_join(
            self.blobs.head(&path),
            self.blobs.signed_get(&path, expires_at, &download),
        )
        .await
        .map_err(error)?;
        match found {
            Some(_) => Ok(address),
            None => Err(error(BlobsError::NotFound(path))),
        }
    }

    /// A result's file as it is read, for those who must not learn where it lies, and for scripts of pages, which may ask
    /// nobody but the hub.
    pub async fn file(&self, actor: &Actor, id: &JobId, name: &str) -> Result<Export> {
        let job = self.owned(actor, id).await?.value;
        let (path, media_type) = stored(&job, name)?;
        Ok(Export {
            file_name: saved_as(&job, name),
            media_type,
            content: self.blobs.get(&path, None).await.map_err(error)?,
        })
    }

    /// The poses of a docking, best first; none before it has completed.
    pub async fn poses(&self, actor: &Actor, id: &JobId) -> Result<Vec<Pose>> {
        #[derive(Deserialize)]
        struct Written {
            #[serde(default)]
            poses: Vec<Pose>,
        }
        let job = self.owned(actor, id).await?.value;
        let Some(epoch) = job.result_epoch.filter(|_| job.former.is_none()) else {
            return Ok(Vec::new());
        };
        let path = job.output_path(epoch, METRICS_FILE);
        let text = blobs::read(&*self.blobs, &path).await.map_err(error)?;
        let written: Written = serde_json::from_slice(&text).map_err(Error::internal)?;
        Ok(written.poses)
    }
}

/// Where a file of a result lies, and its media type.
fn stored(job: &Job, name: &str) -> Result<(String, &'static str)> {
    let epoch = job.result_epoch.ok_or(Error::NotFound)?;
    if !job.files.iter().any(|file| file.name == name) {
        return Err(Error::NotFound);
    }
    let output = job
        .model
        .outputs()
        .iter()
        .find(|output| output.name == name);
    let media_type = output.map_or("application/octet-stream", |output| output.media_type);
    Ok((job.output_path(epoch, name), media_type))
}

fn saved_as(job: &Job, name: &str) -> String {
    format!("{}-{name}", file_stem(&job.name))
}

/// A file name made of a job's name: letters and digits of any script, the rest as hyphens, at most 60 characters.
pub(super) fn file_stem(name: &str) -> String {
    let mut stem = String::new();
    for letter in name.chars().take(60) {
        if letter.is_alphanumeric() || letter == '.' || letter == '_' {
            stem.push(letter);
        } else if !stem.ends_with('-') {
            stem.push('-');
        }
    }
    let stem = stem.trim_matches(['-', '.']);
    if stem.is_empty() {
        "result".to_owned()
    } else {
        stem.to_owned()
    }
}

/// What a reader is told. The records name the files that are read: one that is not there was there, and may be again.
pub(super) fn error(failed: BlobsError) -> Error {
    match failed {
        BlobsError::NotFound(_) => Error::unavailable(
            "a file of this is not in the file store now; try again in a moment",
            failed,
        ),
        BlobsError::Unavailable(_) => Error::unavailable(
            "the file store does not answer; try again in a moment",
            failed,
        ),
        BlobsError::Exists(_) | BlobsError::Refused(_) => Error::internal(failed),
    }
}

#[cfg(test)]
mod tests {
    use super::file_stem;

    #[test]
    fn names_make_safe_file_names() {
        assert_eq!(file_stem("Kinase screen #2 / ABL1"), "Kinase-screen-2-ABL1");
        assert_eq!(file_stem("../../etc"), "etc");
        assert_eq!(file_stem("激酶"), "激酶");
        assert_eq!(file_stem("///"), "result");
    }
}
