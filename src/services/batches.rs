//! Writing a batch: input, parent, children in chunks, seal. Each step can be repeated, so that whoever finds a
//! half-written batch completes it from its stored input.

use std::collections::HashSet;

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use super::Services;
use super::idempotency::Claim;
use super::requests::Read;
use super::store::{self, CHUNK, Committed, Stored, job_key, rows_key};
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

/// Packed records written in one commit, which has at most 9 MiB.
pub(super) const RECORDS: usize = 5;
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
        self.put_once(&ligands_path(&batch), stored).await?;
        let target = self.store_target(&batch, read.target).await?;

        batch.name = read
            .name
            .unwrap_or_else(|| target.name_of_batch(ligands.len()));
        batch.input = Input::Alone { target };
        batch.index_texts();
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
            waiting: None,
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
            let chunk = chunk.iter().map(store::created);
            self.write_missing(chunk.collect::<Result<_>>()?).await?;
        }
        for chunk in packed(id, &children)?.chunks(RECORDS) {
            self.write_missing(chunk.to_vec()).await?;
        }
        self.seal(id, claim).await
    }

    /// What a batch begins with is the same whoever writes it, so what is there already is left alone.
    async fn write_missing(&self, writes: Vec<Write>) -> Result<()> {
        if self.store.commit(writes.clone()).await? == Committed::Done {
            return Ok(());
        }
        let keys: Vec<_> = writes.iter().map(|write| write.key().clone()).collect();
        let there = self.store.get_many::<IgnoredAny>(&keys).await?;
        let missing = writes.into_iter().zip(there);
        let missing: Vec<_> = missing
            .filter_map(|(write, there)| there.is_none().then_some(write))
            .collect();
        if missing.is_empty() || self.store.commit(missing).await? == Committed::Done {
            return Ok(());
        }
        Err(Error::conflict("somebody else is writing this batch"))
    }

    async fn seal(&self, id: &JobId, claim: Option<&Claim>) -> Result<JobRow> {
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
                Expect::Absent,
            )
        })
        .collect()
}

/// Names of the columns that came with the ligands, in their first order.
fn columns(ligands: &[StoredLigand]) -> Vec<String> {
    let mut met = HashSet::new();
    let names = ligands.iter().flat_map(|stored| stored.ligand.extra.keys());
    names.filter(|name| met.insert(*name)).cloned().collect()
}
