//! Where the former system is, and that it is not this hub.

use std::path::{Path, PathBuf};

use clap::Args;

use super::{BlobsAt, Config, DocumentsAt, Settings};
use crate::documents::firestore::Place;

/// What an operator asks of a migration.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Database of the former system, of which the collection `jobs` is read: `firestore://PROJECT/(default)`. Nothing is
    /// written there.
    #[arg(long)]
    pub from: String,
    /// Files of the former system: `file:PATH` or `gs://BUCKET`. Nothing is written there. Without it jobs come without their files.
    #[arg(long)]
    pub files: Option<String>,
    /// Say what would be done, and do nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// File that is to hold a line of JSON for each job, with what became of it.
    #[arg(long)]
    pub report: Option<PathBuf>,
}

/// What was asked, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The database.
    pub from: Place,
    /// Where the files are.
    pub files: Option<BlobsAt>,
    /// Whether nothing is done.
    pub dry_run: bool,
    /// Where the lines go.
    pub report: Option<PathBuf>,
}

impl Settings {
    /// A migration that is possible on a hub with these settings, or every fault, in words for an operator.
    pub fn migration(&self, asked: &Asked, config: &Config) -> Result<Wanted, Vec<String>> {
        let mut faults = Vec::new();
        let from = self.place("--from", &asked.from, &mut faults);
        match (&from, &config.documents) {
            (None, _) => faults.push(format!(
                "--from is {:?}; it must be like firestore://PROJECT/(default)",
                asked.from
            )),
            (Some(from), DocumentsAt::Firestore(here)) if from.database == here.database => {
                // Both keep their jobs in `jobs`: the hub would read what it has just written.
                faults.push(
                    "--from is the database of DOCUMENTS_URL; give the hub a database of its own in the project, which \
                     costs nothing"
                        .to_owned(),
                );
            }
            _ => {}
        }
        let files = asked.files.as_deref().and_then(|url| {
            let at = BlobsAt::named(url);
            if at.is_none() {
                faults.push(format!(
                    "--files is {url:?}; it must be file:PATH or gs://BUCKET"
                ));
            }
            at
        });
        if files
            .as_ref()
            .is_some_and(|files| overlap(files, &config.blobs))
        {
            faults.push(
                "--files is where BLOBS_URL keeps the hub's files, or one folder is within the other"
                    .to_owned(),
            );
        }
        match (from, faults.is_empty()) {
            (Some(from), true) => Ok(Wanted {
                from,
                files,
                dry_run: asked.dry_run,
                report: asked.report.clone(),
            }),
            _ => Err(faults),
        }
    }
}

/// Whether one place is the other, or lies in it.
fn overlap(one: &BlobsAt, other: &BlobsAt) -> bool {
    let (BlobsAt::Directory(one), BlobsAt::Directory(other)) = (one, other) else {
        return one == other;
    };
    let whole = |path: &Path| path.canonicalize().or_else(|_| std::path::absolute(path));
    match (whole(one), whole(other)) {
        (Ok(one), Ok(other)) => one.starts_with(&other) || other.starts_with(&one),
        _ => true,
    }
}
