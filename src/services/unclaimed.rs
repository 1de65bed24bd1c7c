//! Files that lie there before the record that they belong to is written. A note of their folder is written first, and
//! removed in the commit of that record; a note that is still there a day later is that of a submission that never came
//! about, and its files are removed.

use futures::{StreamExt, TryStreamExt, stream};
use serde::{Deserialize, Serialize};

use super::Services;
use super::store::{self, Committed};
use crate::error::{Error, Result};
use crate::job::Job;
use crate::ports::documents::{Collection, Expect, Key, Write};
use crate::time::Timestamp;

/// Seconds that files wait for their record: far longer than any submission takes.
const KEPT_S: i64 = 24 * 3_600;

/// Files removed at once.
const REMOVALS: usize = 50;

/// The note, under the id of the job that the files are meant for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Unclaimed {
    pub folder: String,
    expires_at: Timestamp,
}

impl Services {
    /// Notes that files will be put for a job that is not written yet; the write that claims them with it.
    pub(super) async fn expect_files(&self, job: &Job, now: Timestamp) -> Result<Write> {
        let key = Key::new(Collection::Unclaimed, job.id.as_str());
        let note = Unclaimed {
            folder: job.folder(),
            expires_at: now.plus_seconds(KEPT_S),
        };
        let written = store::put(key.clone(), &note, Expect::Absent)?;
        match self.store.commit(vec![written]).await? {
            Committed::Done => Ok(Write::Delete {
                key,
                expect: Expect::Any,
            }),
            Committed::Conflict(_) => Err(Error::internal("a random id was given twice")),
        }
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
