//! Files and documents that lie there without the record that they belong to. Of files that are put before their job is
//! written a note is written first, and removed in the commit of the job; a note that is still there a day later is that of
//! a submission that never came about. Of what belongs to a job that is deleted a note is written in the commit that
//! deletes it. Whatever a note tells of is removed, by whoever wrote it or by the sweep that finds it when its time is over.

use futures::{StreamExt, TryStreamExt, stream};
use serde::{Deserialize, Serialize};

use super::Services;
use super::leases::Duty;
use super::store::{self, CHUNK, gone, job_key, rows_key};
use crate::batch::ROWS_PER_RECORD;
use crate::error::Result;
use crate::id::JobId;
use crate::job::Job;
use crate::ports::documents::{Collection, Expect, Key, Write};
use crate::time::Timestamp;

/// Seconds that files wait for their record: far longer than any submission takes.
const KEPT_S: i64 = 24 * 3_600;

/// Files removed at once.
const REMOVALS: usize = 50;

/// The note, under the id of the job that it is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Unclaimed {
    id: JobId,
    folder: String,
    /// Children of a batch that was deleted.
    #[serde(default)]
    children: u32,
    expires_at: Timestamp,
}

fn note_key(id: &JobId) -> Key {
    Key::new(Collection::Unclaimed, id.as_str())
}

impl Services {
    /// Notes that files will be put for a job that is not written yet; the write that claims them with it.
    pub(super) async fn expect_files(&self, job: &Job, now: Timestamp) -> Result<Write> {
        let key = note_key(&job.id);
        let note = Unclaimed {
            id: job.id.clone(),
            folder: job.folder(),
            children: 0,
            expires_at: now.plus_seconds(KEPT_S),
        };
        let written = store::put(key.clone(), &note, Expect::Absent)?;
        self.store.write(vec![written]).await?;
        Ok(gone(key))
    }

    /// The note of what belongs to a job that is deleted, and the write of it.
    pub(super) fn left_by(job: &Job, now: Timestamp) -> Result<(Unclaimed, Write)> {
        let note = Unclaimed {
            id: job.id.clone(),
            folder: job.folder(),
            children: job.batch.as_ref().map_or(0, |batch| batch.total),
            expires_at: now,
        };
        let write = store::put(note_key(&job.id), &note, Expect::Any)?;
        Ok((note, write))
    }

    /// Removes what a note tells of, and then the note.
    pub(super) async fn remove_unclaimed(&self, note: &Unclaimed) -> Result<()> {
        let children = (0..note.children).map(|index| job_key(&note.id.child(index)));
        let records = 0..note.children.div_ceil(ROWS_PER_RECORD);
        let records = records.map(|record| rows_key(&note.id, record));
        let lease = (note.children > 0).then(|| Duty::RollUp(note.id.clone()).key());
        let keys: Vec<Key> = children.chain(records).chain(lease).collect();
        for chunk in keys.chunks(CHUNK) {
            self.store
                .write(chunk.iter().cloned().map(gone).collect())
                .await?;
        }
        self.delete_folder(&note.folder).await?;
        self.store.write(vec![gone(note_key(&note.id))]).await?;
        Ok(())
    }

    /// Removes every file of a folder. What was removed before this broke off need not be removed again.
    pub(super) async fn delete_folder(&self, folder: &str) -> Result<()> {
        let files = self.blobs.list(folder).await.map_err(super::files::error)?;
        stream::iter(files)
            .map(|file| async move { self.blobs.delete(&file.path).await })
            .buffer_unordered(REMOVALS)
            .try_collect::<()>()
            .await
            .map_err(super::files::error)
    }
}
