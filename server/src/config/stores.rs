//! Where documents and files are kept.

use std::path::PathBuf;

use super::{Settings, given};
use crate::documents::firestore::Place;

/// A store of documents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DocumentsAt {
    /// This SQLite file.
    Sqlite(PathBuf),
    /// This database of Firestore.
    Firestore(Place),
}

/// A store of files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BlobsAt {
    /// This folder.
    Directory(PathBuf),
    /// The bucket of Cloud Storage with this name.
    CloudStorage(String),
}

impl BlobsAt {
    /// What `file:PATH` or `gs://BUCKET` names.
    pub(super) fn named(url: &str) -> Option<Self> {
        if let Some(path) = url.strip_prefix("file:").filter(|path| !path.is_empty()) {
            return Some(Self::Directory(path.into()));
        }
        let bucket = url.strip_prefix("gs://")?;
        let bucket = bucket.strip_suffix('/').unwrap_or(bucket);
        is_bucket(bucket).then(|| Self::CloudStorage(bucket.to_owned()))
    }
}

impl Settings {
    pub(super) fn documents(&self, production: bool, faults: &mut Vec<String>) -> DocumentsAt {
        let usual = format!("sqlite:{}/hub.db", self.data_dir);
        let url = given(&self.documents_url).unwrap_or(&usual);
        if production && given(&self.firestore_emulator_host).is_some() {
            faults.push(
                "FIRESTORE_EMULATOR_HOST is set: production does not run on an emulator".into(),
            );
        }
        if let Some(path) = url.strip_prefix("sqlite:").filter(|path| !path.is_empty()) {
            if production {
                faults.push(
                    "DOCUMENTS_URL is a SQLite file: production does not run on embedded parts"
                        .into(),
                );
            }
            return DocumentsAt::Sqlite(path.into());
        }
        let place = self.place("DOCUMENTS_URL", url, faults);
        if place.is_none() {
            faults.push(format!(
                "DOCUMENTS_URL is {url:?}; it must be sqlite:PATH or firestore://PROJECT/(default)"
            ));
        }
        DocumentsAt::Firestore(place.unwrap_or_else(|| Place {
            database: String::new(),
            emulator: None,
            setting: "DOCUMENTS_URL",
        }))
    }

    /// The database that a setting names.
    pub(super) fn place(
        &self,
        setting: &'static str,
        url: &str,
        faults: &mut Vec<String>,
    ) -> Option<Place> {
        let emulator = self.emulator(faults);
        Some(Place {
            database: url.strip_prefix("firestore://").and_then(database)?,
            emulator,
            setting,
        })
    }

    fn emulator(&self, faults: &mut Vec<String>) -> Option<String> {
        let host = given(&self.firestore_emulator_host)?;
        let port = host.rsplit_once(':').map(|(_, port)| port.parse::<u16>());
        if !matches!(port, Some(Ok(_))) || host.contains('/') {
            faults.push(format!(
                "FIRESTORE_EMULATOR_HOST is {host:?}; it must be like 127.0.0.1:8080"
            ));
        }
        Some(host.to_owned())
    }

    pub(super) fn blobs(&self, production: bool, faults: &mut Vec<String>) -> BlobsAt {
        let usual = format!("file:{}/files", self.data_dir);
        let url = given(&self.blobs_url).unwrap_or(&usual);
        let at = BlobsAt::named(url);
        match at {
            Some(BlobsAt::Directory(_)) if production => faults
                .push("BLOBS_URL is a folder: production does not run on embedded parts".into()),
            Some(_) => {}
            None => faults.push(format!(
                "BLOBS_URL is {url:?}; it must be file:PATH or gs://BUCKET, without a folder in the bucket"
            )),
        }
        at.unwrap_or(BlobsAt::CloudStorage(String::new()))
    }
}

/// The path of `PROJECT/DATABASE`, where a missing database is the usual one.
fn database(url: &str) -> Option<String> {
    let (project, database) = url.split_once('/').unwrap_or((url, ""));
    let database = if database.is_empty() {
        "(default)"
    } else {
        database
    };
    let is_name = |name: &str| {
        !name.is_empty()
            && name.bytes().all(|byte| {
                byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.:".contains(&byte)
            })
    };
    let named = is_name(project) && (database == "(default)" || is_name(database));
    named.then(|| format!("projects/{project}/databases/{database}"))
}

/// Whether Cloud Storage would have a bucket of that name.
fn is_bucket(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    (3..=222).contains(&name.len())
        && name
            .bytes()
            .all(|byte| plain(byte) || b"-_.".contains(&byte))
        && name.bytes().next().is_some_and(plain)
        && name.bytes().last().is_some_and(plain)
}
