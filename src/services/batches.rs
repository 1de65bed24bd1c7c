//! Writing a batch: input, parent, children in chunks, seal. Each step can be repeated, so that whoever finds a
//! half-written batch completes it from its stored input.

use serde::{Deserialize, Serialize};

use super::Services;
use super::idempotency::Claim;
use super::requests::Read;
use super::store::{self, Committed, Stored, job_key, rows_key};
use super::submissions::{Submitted, new_job};
use crate::actor::Actor;
use crate::batch::{BatchRow, BatchState, Counts, PackedRows, ROWS_PER_RECORD};
use crate::error::{Error, Result};
use crate::id::JobId;
use crate::input::Input;
use crate::job::{Hold, Job, Kind, State};
use crate::ligand::Ligand;
use crate::list::JobRow;
use crate::ports::blobs;
use crate::ports::documents::{Expect, Write};
use crate::preflight::RowVerdict;

/// Children written in one commit.
const CHUNK: usize = 200;
/// Seconds after which a batch that is not sealed is looked after.
const WRITING_S: i64 = 60;
/// Seconds between sweeps of an open batch.
pub(super) const SWEEP_S: i64 = 30;

/// A batch's ligands as they are stored: everything that its children are made of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct StoredLigand {
    pub ligand: Ligand,
    pub estimate_s: u32,
}

impl Services {
    pub(super) async fn accept_batch(
        &self,
        actor: &Actor,
        read: Read,
        verdicts: &[RowVerdict],
        claim: Option<&Claim>,
    ) -> Result<Submitted> {
        self.still_works(actor).await?;
        let now = self.store.now().await?;
        let total = read.ligands.len() as u32;
        self.check_children(&actor.owner, total).await?;
        if let Err(refused) = self.taken(&actor.owner, now, total).await {
            return self.refused_by_limit(claim, refused).await;
        }
        let mut batch = new_job(actor, &read, JobId::random(), Kind::Batch, now);
        let estimates = verdicts
            .iter()
            .map(|row| row.estimate_s.unwrap_or_default());
        let ligands: Vec<_> = read
            .ligands
            .into_iter()
            .zip(estimates)
            .map(|(ligand, estimate_s)| StoredLigand { ligand, estimate_s })
            .collect();

        let claim_files = self.expect_files(&batch, now).await?;
        let stored = serde_json::to_vec(&ligands).map_err(Error::internal)?;
        self.put_once(&ligands_path(&batch), stored.into()).await?;
        let target = self.store_target(&batch, read.target).await?;

        batch.name = read
            .name
            .unwrap_or_else(|| format!("{total} ligands {}", target.met()));
        batch.input = Input::Alone { target };
        batch.index_terms();
        batch.estimate_s = ligands
            .iter()
            .fold(0, |sum: u32, ligand| sum.saturating_add(ligand.estimate_s));
        batch.due_at = Some(now.plus_seconds(WRITING_S));
        batch.batch = Some(BatchState {
            total,
            sealed: false,
            counts: Counts {
                pending: total,
                ..Counts::default()
            },
            timings: None,
            recent_run_s: None,
            columns: columns(&ligands),
            rolled_up_to: now,
            rows_version: 1,
            reopening: None,
        });
        let mut writes = vec![store::created(&batch)?, claim_files];
        if let Some(claim) = claim {
            writes.push(claim.taken(&batch.id, None, now)?);
        }
        match self.commit_taking(&batch.owner, now, total, writes).await {
            Ok(Committed::Done) => {}
            Ok(Committed::Conflict(key)) => return self.lost_to(claim, &key).await,
            Err(refused) => return self.refused_by_limit(claim, refused).await,
        }
        let row = self.write_children(&batch.id, &ligands, claim).await?;
        self.counts.forget(&batch.owner);
        Ok(Submitted {
            job: row,
            replayed: false,
        })
    }

    /// Completes a batch that was left half-written.
    pub(super) async fn complete_batch(&self, batch: &Job) -> Result<()> {
        let stored = blobs::read(&*self.blobs, &ligands_path(batch))
            .await
            .map_err(super::files::error)?;
        let ligands: Vec<StoredLigand> =
            serde_json::from_slice(&stored).map_err(Error::internal)?;
        self.write_children(&batch.id, &ligands, None).await?;
        Ok(())
    }

    /// Writes what is missing of a batch's children, then the seal.
    async fn write_children(
        &self,
        id: &JobId,
        ligands: &[StoredLigand],
        claim: Option<&Claim>,
    ) -> Result<JobRow> {
        let Stored { value: batch, .. } = self
            .store
            .get::<Job>(job_key(id))
            .await?
            .ok_or(Error::NotFound)?;
        let children: Vec<Job> = ligands
            .iter()
            .enumerate()
            .map(|(index, ligand)| child(&batch, index as u32, ligand))
            .collect();
        for chunk in children.chunks(CHUNK) {
            self.write_chunk(chunk).await?;
        }
        self.seal(id, &children, claim).await
    }

    /// Children are the same whoever writes them, so those that are there already are left alone.
    async fn write_chunk(&self, chunk: &[Job]) -> Result<()> {
        let all = chunk
            .iter()
            .map(store::created)
            .collect::<Result<Vec<_>>>()?;
        if self.store.commit(all).await? == Committed::Done {
            return Ok(());
        }
        let keys: Vec<_> = chunk.iter().map(|child| job_key(&child.id)).collect();
        let there = self.store.get_many::<Job>(&keys).await?;
        let missing = chunk
            .iter()
            .zip(&there)
            .filter(|(_, there)| there.is_none());
        let missing = missing
            .map(|(child, _)| store::created(child))
            .collect::<Result<Vec<_>>>()?;
        match if missing.is_empty() {
            Committed::Done
        } else {
            self.store.commit(missing).await?
        } {
            Committed::Done => Ok(()),
            Committed::Conflict(_) => Err(Error::Conflict(
                "somebody else is writing this batch".to_owned(),
            )),
        }
    }

    async fn seal(&self, id: &JobId, children: &[Job], claim: Option<&Claim>) -> Result<JobRow> {
        let mut batch = self
            .store
            .get::<Job>(job_key(id))
            .await?
            .ok_or(Error::NotFound)?;
        let now = self.store.now().await?;
        let Some(state) = batch.value.batch.as_mut() else {
            return Err(Error::NotFound);
        };
        if state.sealed {
            return Ok(JobRow::from(&batch.value));
        }
        state.sealed = true;
        state.rolled_up_to = now;
        batch.value.dispatchable = Some(true);
        batch.value.updated_at = now;
        batch.value.due_at = Some(now.plus_seconds(SWEEP_S));
        let row = JobRow::from(&batch.value);
        let mut writes = vec![batch.replaced()?];
        writes.extend(packed(id, children)?);
        if let Some(claim) = claim {
            writes.push(claim.answered(id, row.clone(), now)?);
        }
        if let Committed::Conflict(_) = self.store.commit(writes).await? {
            // Whoever was quicker has sealed it, or has cancelled it; both are in what is read now.
            let batch = self
                .store
                .get::<Job>(job_key(id))
                .await?
                .ok_or(Error::NotFound)?;
            return Ok(JobRow::from(&batch.value));
        }
        self.changes.job_written(&batch.value);
        self.changes.work_appeared();
        Ok(row)
    }
}

/// Where a batch's ligands lie.
pub(super) fn ligands_path(batch: &Job) -> String {
    format!("{}/input/ligands.json", batch.folder())
}

fn child(batch: &Job, index: u32, stored: &StoredLigand) -> Job {
    Job {
        id: batch.id.child(index),
        kind: Kind::Child,
        task: batch.task.of_one(),
        name: stored.ligand.name.clone(),
        batch_id: Some(batch.id.clone()),
        index: Some(index),
        state: State::Queued,
        status: State::Queued.status(),
        due_at: None,
        updated_at: batch.created_at,
        cancel_requested_at: None,
        hold: Some(Hold::Held),
        input: Input::Child {
            ligand: stored.ligand.clone(),
        },
        estimate_s: stored.estimate_s,
        batch: None,
        dispatchable: None,
        terms: Vec::new(),
        // A child is shown with its batch.
        shared: None,
        shared_shelf: None,
        ..batch.clone()
    }
}

/// The rows of all children, packed.
fn packed(batch: &JobId, children: &[Job]) -> Result<Vec<Write>> {
    let records = children.chunks(ROWS_PER_RECORD as usize).enumerate();
    records
        .map(|(record, children)| {
            let rows = children.iter().filter_map(BatchRow::of).collect();
            store::put(
                rows_key(batch, record as u32),
                &PackedRows { rows },
                Expect::Any,
            )
        })
        .collect()
}

/// Names of the columns that came with the ligands, in their first order.
fn columns(ligands: &[StoredLigand]) -> Vec<String> {
    let mut columns: Vec<String> = Vec::new();
    for name in ligands.iter().flat_map(|stored| stored.ligand.extra.keys()) {
        if !columns.iter().any(|column| column == name) {
            columns.push(name.clone());
        }
    }
    columns
}
