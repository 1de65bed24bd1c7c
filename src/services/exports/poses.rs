//! Best poses with their values, as SDF.

use bytes::Bytes;
use futures::{StreamExt, stream};

use super::table::unverified;
use super::{POSES_FILE, Services};
use crate::batch::BatchRow;
use crate::error::Error;
use crate::id::JobId;
use crate::job::{Job, Kind, Status};
use crate::metric::UNVERIFIED;
use crate::ports::blobs::{self, BlobsError, Content};
use crate::services::store::job_key;

impl Services {
    /// The best pose of each row that has one, read file by file as the stream is.
    pub(super) fn sdf(&self, job: Job, rows: Vec<(u32, BatchRow)>) -> Content {
        let services = self.clone();
        let batch = (job.kind == Kind::Batch).then_some(job.id);
        let done = rows
            .into_iter()
            .filter(|(_, row)| row.status == Status::Completed);
        let poses = stream::iter(done.collect::<Vec<_>>()).map(move |(rank, row)| {
            let (services, batch) = (services.clone(), batch.clone());
            async move { services.best_pose(batch, rank, &row).await }
        });
        poses.buffered(4).boxed()
    }

    async fn best_pose(
        &self,
        batch: Option<JobId>,
        rank: u32,
        row: &BatchRow,
    ) -> Result<Bytes, BlobsError> {
        let refused = |cause: Error| BlobsError::Refused(Box::new(cause));
        let job = self.store.get::<Job>(job_key(&row.id)).await;
        let Some(job) = job.map_err(refused)?.map(|job| job.value) else {
            return Ok(Bytes::new());
        };
        let has_poses = job.files.iter().any(|file| file.name == POSES_FILE);
        let Some(epoch) = job.result_epoch.filter(|_| has_poses) else {
            return Ok(Bytes::new());
        };
        let file = blobs::read(&*self.blobs, &job.output_path(epoch, POSES_FILE)).await?;
        let text = String::from_utf8_lossy(&file);
        let pose = text.split("$$$$").next().unwrap_or_default().trim_end();
        let mut record = with_title(pose, &row.name);
        let mut property = |name: &str, value: &str| {
            if !record.contains(&format!("<{name}>")) {
                record.push_str(&format!("\n\n>  <{name}>\n{value}"));
            }
        };
        property("rank", &rank.to_string());
        property("smiles", &row.smiles);
        property("job_id", row.id.as_str());
        if let Some(batch) = batch {
            property("batch_id", batch.as_str());
        }
        for (key, value) in &row.values {
            property(key, &value.to_string());
        }
        if !row.unverified.is_empty() {
            property(UNVERIFIED, &unverified(row));
        }
        record.push_str("\n\n$$$$\n");
        Ok(record.into())
    }
}

/// A record under another title: its first line.
fn with_title(record: &str, title: &str) -> String {
    match record.split_once('\n') {
        Some((_, rest)) => format!("{title}\n{rest}"),
        None => title.to_owned(),
    }
}
