//! The files of the former system: found in the first of their places that holds any, and put where the job's files lie
//! here.

use std::collections::BTreeSet;

use futures::TryStreamExt;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::Migration;
use crate::error::{Error, Result};
use crate::former::{Document, best, is_of_results, places, record, values};
use crate::job::{Job, Kind, ResultFile};
use crate::ports::Blobs;
use crate::ports::blobs::{self, Blob, BlobsError, Source};
use crate::services::Services;
use crate::services::files::error;
use crate::services::idempotency::hex;

/// The epoch of what was not made here.
const EPOCH: u32 = 0;
/// Bytes of a file of results of which the values are taken: far more than any of theirs has.
const MAX_READ_BYTES: u64 = 64 * 1024 * 1024;
/// The document of the former system as a file.
const RECORD: &str = "former.json";

impl Services {
    /// Brings the files of a job, the document itself among them, and takes the values that stand in them. Says why files
    /// are missing.
    pub(super) async fn bring_files(
        &self,
        migration: &Migration,
        document: &Document,
        job: &mut Job,
    ) -> Result<Option<String>> {
        job.result_epoch = Some(EPOCH);
        let record = serde_json::to_vec_pretty(&record(document)).map_err(Error::internal)?;
        let record = Source::from(record);
        let hash = sha256(&record).await.map_err(error)?;
        self.bring_file(migration, job, RECORD, hash, record)
            .await?;
        let Some(source) = &migration.files else {
            return Ok(Some("no files were at hand".to_owned()));
        };
        let Some((place, files)) = found(&**source, document).await? else {
            let places = places(document);
            return Ok(Some(if places.is_empty() {
                "its id can be no path".to_owned()
            } else {
                format!("there are none in {}", places.join(", "))
            }));
        };
        let (mut taken, mut unread) = (BTreeSet::from([RECORD.to_owned()]), Vec::new());
        for file in files {
            let path = file.path.clone();
            let content = Source::stored(source.clone(), file);
            let sha256 = match sha256(&content).await {
                // No store takes every name.
                Err(BlobsError::Refused(_) | BlobsError::NotFound(_)) => {
                    unread.push(path);
                    continue;
                }
                hashed => hashed.map_err(error)?,
            };
            let name = name_of(path.trim_start_matches(&place), &mut taken);
            let is_read = content.size_bytes() <= MAX_READ_BYTES && is_of_results(&name);
            if job.kind != Kind::Batch && is_read {
                take_values(
                    job,
                    &name,
                    &blobs::read(&**source, &path).await.map_err(error)?,
                );
            }
            self.bring_file(migration, job, &name, sha256, content)
                .await?;
        }
        if job.kind != Kind::Batch {
            job.best = best(job.task, &job.metrics);
        }
        Ok((!unread.is_empty()).then(|| format!("it cannot be read: {}", unread.join(", "))))
    }

    async fn bring_file(
        &self,
        migration: &Migration,
        job: &mut Job,
        name: &str,
        sha256: String,
        content: Source,
    ) -> Result<()> {
        job.files.push(ResultFile {
            name: name.to_owned(),
            kind: kind_of(name).to_owned(),
            size_bytes: content.size_bytes(),
            sha256,
        });
        if migration.dry_run {
            return Ok(());
        }
        let path = job.output_path(EPOCH, name);
        self.put_same(&path, content).await
    }

    /// Puts a file, or finds the same one there.
    async fn put_same(&self, path: &str, content: Source) -> Result<()> {
        let length = content.size_bytes();
        match self.blobs.put(path, content).await {
            Ok(()) => Ok(()),
            Err(BlobsError::Exists(_)) => {
                let there = self.blobs.head(path).await.map_err(error)?;
                if there.is_some_and(|there| there.size_bytes == length) {
                    return Ok(());
                }
                Err(Error::conflict(format!(
                    "{path} is there already, and another file than the one that is to be brought"
                )))
            }
            Err(failed) => Err(error(failed)),
        }
    }
}

/// The first place that holds files, and these.
async fn found(source: &dyn Blobs, document: &Document) -> Result<Option<(String, Vec<Blob>)>> {
    for place in places(document) {
        let there = source.list(&place).await.map_err(error)?;
        if !there.is_empty() {
            return Ok(Some((place, there)));
        }
    }
    Ok(None)
}

/// The hash of what is read piece by piece.
async fn sha256(content: &Source) -> Result<String, BlobsError> {
    let (mut hash, mut bytes) = (Sha256::new(), 0);
    let mut chunks = content.read_from(0).await?;
    while let Some(chunk) = chunks.try_next().await? {
        hash.update(&chunk);
        bytes += chunk.len() as u64;
    }
    if bytes != content.size_bytes() {
        return Err(content.cut_short());
    }
    Ok(hex(hash.finalize()))
}

/// The values of a file, where the document itself has none.
fn take_values(job: &mut Job, name: &str, content: &[u8]) {
    let Ok(Value::Object(record)) = serde_json::from_slice(content) else {
        return;
    };
    for (key, metric) in values(&record, job.model, name) {
        job.metrics.entry(key).or_insert(metric);
    }
}

/// The name of a file here: its path below the place, of signs that a name may have, and no name twice.
fn name_of(path: &str, taken: &mut BTreeSet<String>) -> String {
    let plain = |letter: char| match letter {
        letter if letter.is_ascii_alphanumeric() || matches!(letter, '.' | '_' | '-') => letter,
        _ => '_',
    };
    let name: String = path.trim_start_matches('/').chars().map(plain).collect();
    let name = format!("{}{}", if name.starts_with('.') { "_" } else { "" }, name);
    let mut unique = name.clone();
    for number in 2.. {
        if taken.insert(unique.clone()) {
            break;
        }
        unique = format!("{number}-{name}");
    }
    unique
}

fn kind_of(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, ending)| ending) {
        Some("cif" | "mmcif" | "pdb") => "structure",
        Some("sdf") => "poses",
        Some("json" | "npz" | "csv") => "data",
        Some("log" | "txt") => "log",
        _ => "file",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_safe_and_each_is_there_once() {
        let mut taken = BTreeSet::new();
        let names =
            ["/a b.cif", "/a/b.cif", "/.hidden", "/ä.json"].map(|path| name_of(path, &mut taken));
        assert_eq!(names, ["a_b.cif", "2-a_b.cif", "_.hidden", "_.json"]);
    }
}
