//! Submitting: what was read and checked whole is stored so that nothing of it can be lost.

use sha2::{Digest, Sha256};

use super::idempotency::{Claim, hex};
use super::requests::{BatchRequest, JobRequest, OnFailedRows, Read, read_batch, read_job};
use super::store::{self, Committed};
use super::{IdempotencyKey, Services};
use crate::actor::Actor;
use crate::error::{self, Error, Fault, Result};
use crate::id::JobId;
use crate::input::{Input, Target, TargetSpec};
use crate::job::{Asked, Hold, Job, Kind};
use crate::list::JobRow;
use crate::ports::blobs::{BlobsError, Source};
use crate::preflight::{RowVerdict, Verdict};
use crate::time::Timestamp;

/// A submission that was accepted.
#[derive(Clone, Debug, PartialEq)]
pub struct Submitted {
    /// The job or batch as it was answered first.
    pub job: JobRow,
    /// Whether this answer was given before.
    pub replayed: bool,
}

impl Services {
    /// Accepts one job. With a key, the same submission again is answered as the first.
    pub async fn submit_job(
        &self,
        actor: &Actor,
        request: JobRequest,
        key: Option<IdempotencyKey>,
    ) -> Result<Submitted> {
        actor.may_write()?;
        let claim = key
            .map(|key| Claim::new(actor, "jobs", &key, &request))
            .transpose()?;
        if let Some(job) = self.replayed(claim.as_ref()).await? {
            return Ok(Submitted {
                job,
                replayed: true,
            });
        }
        let read = read_job(&request)?;
        let verdicts = self.judged(actor, &read).await?.rows;
        refuse_failing(&verdicts, |_, field| format!("input.ligand.{field}"))?;
        let source_id = match &request.source_id {
            Some(source) => Some(self.owned(actor, source).await?.value.id),
            None => None,
        };
        self.accept_job(actor, read, &verdicts, source_id, claim.as_ref())
            .await
    }

    /// Accepts a batch whole or not at all. With a key, the same submission again is answered as the first.
    pub async fn submit_batch(
        &self,
        actor: &Actor,
        request: BatchRequest,
        key: Option<IdempotencyKey>,
    ) -> Result<Submitted> {
        actor.may_write()?;
        let claim = key
            .map(|key| Claim::new(actor, "batches", &key, &request))
            .transpose()?;
        if let Some(job) = self.replayed(claim.as_ref()).await? {
            return Ok(Submitted {
                job,
                replayed: true,
            });
        }
        let mut read = read_batch(&request)?;
        let mut verdicts = self.judged(actor, &read).await?.rows;
        match request.on_failed_rows {
            OnFailedRows::Refuse => {
                refuse_failing(&verdicts, |row, field| format!("ligands[{row}].{field}"))?
            }
            OnFailedRows::Skip => {
                let mut runs = verdicts.iter().map(|row| row.verdict != Verdict::Fail);
                read.ligands.retain(|_| runs.next().unwrap_or(false));
                verdicts.retain(|row| row.verdict != Verdict::Fail);
            }
        }
        if read.ligands.is_empty() {
            return Err(Error::invalid(
                "ligands",
                "no ligand passes the checks, so there is nothing to run",
            ));
        }
        self.accept_batch(actor, read, &verdicts, claim.as_ref())
            .await
    }

    async fn replayed(&self, claim: Option<&Claim>) -> Result<Option<JobRow>> {
        match claim {
            Some(claim) => self.replay(claim).await,
            None => Ok(None),
        }
    }

    async fn accept_job(
        &self,
        actor: &Actor,
        read: Read,
        verdicts: &[RowVerdict],
        source_id: Option<JobId>,
        claim: Option<&Claim>,
    ) -> Result<Submitted> {
        self.still_works(actor).await?;
        let now = self.store.now().await?;
        if let Err(refused) = self.taken(&actor.owner, now, 1).await {
            return self.refused_by_limit(claim, refused).await;
        }
        let mut job = new_job(actor, &read, JobId::random(), Kind::Single, now);
        let mut writes = Vec::new();
        if read.target.text.is_some() {
            writes.push(self.expect_files(&job, now).await?);
        }
        let target = self.store_target(&job, read.target).await?;
        let ligand = read.ligands.into_iter().next();
        job.name = read.name.unwrap_or_else(|| match &ligand {
            Some(ligand) => format!("{} {}", ligand.name, target.met()),
            None => format!("Structure of {}", target.title()),
        });
        job.estimate_s = verdicts
            .first()
            .and_then(|row| row.estimate_s)
            .unwrap_or_default();
        job.hold = Some(Hold::Held);
        job.source_id = source_id;
        job.input = match ligand {
            Some(ligand) => Input::Single { target, ligand },
            None => Input::Alone { target },
        };
        job.index_texts();
        let row = JobRow::from(&job);
        writes.push(store::created(&job)?);
        if let Some(claim) = claim {
            writes.push(claim.taken(&job.id, Some(row.clone()), now)?);
        }
        match self.commit_taking(&job.owner, now, 1, writes).await {
            Ok(Committed::Done) => {
                self.changes.job_written(&job);
                self.changes.work_appeared();
                self.counts.forget(&job.owner);
                Ok(Submitted {
                    job: row,
                    replayed: false,
                })
            }
            Ok(Committed::Conflict(key)) => self.lost_to(claim, &key).await,
            Err(refused) => self.refused_by_limit(claim, refused).await,
        }
    }

    /// What is left does not do for this submission; unless it is that very submission which took it, under the same
    /// key, a moment ago.
    pub(super) async fn refused_by_limit(
        &self,
        claim: Option<&Claim>,
        refused: Error,
    ) -> Result<Submitted> {
        let answered = match refused {
            Error::LimitReached { .. } => self.replayed(claim).await?,
            _ => None,
        };
        let job = answered.ok_or(refused)?;
        Ok(Submitted {
            job,
            replayed: true,
        })
    }

    /// Somebody with the same key was quicker: theirs is the answer.
    pub(super) async fn lost_to(
        &self,
        claim: Option<&Claim>,
        key: &crate::ports::documents::Key,
    ) -> Result<Submitted> {
        match claim {
            Some(claim) if claim.is(key) => {
                let job = self.replay(claim).await?;
                let job = job.ok_or_else(|| Error::conflict("this submission is being removed"))?;
                Ok(Submitted {
                    job,
                    replayed: true,
                })
            }
            _ => Err(Error::conflict(
                "somebody else changed it meanwhile; try again",
            )),
        }
    }

    /// Stores the file of a target beside the job or batch, once for all that read it, and gives the target as it is
    /// kept.
    pub(super) async fn store_target(&self, job: &Job, spec: TargetSpec) -> Result<Target> {
        let mut target = spec.target;
        let Some((hash, text)) = target.file_hash().zip(spec.text) else {
            return Ok(target);
        };
        *hash = hex(Sha256::digest(&text));
        if let Some(path) = target_path(job, &target) {
            self.put_once(&path, text).await?;
        }
        Ok(target)
    }

    /// Stores a file; the same file being there already is as good.
    pub(super) async fn put_once(&self, path: &str, content: impl Into<Source>) -> Result<()> {
        match self.blobs.put(path, content.into()).await {
            Ok(()) | Err(BlobsError::Exists(_)) => Ok(()),
            Err(failed) => Err(super::files::error(failed)),
        }
    }
}

/// Where the file of a job's or batch's own target lies, when it has one.
pub(super) fn target_path(job: &Job, target: &Target) -> Option<String> {
    Some(format!("{}/input/{}", job.folder(), target.file_name()?))
}

/// A job of these contents, without what only its kind has.
pub(super) fn new_job(actor: &Actor, read: &Read, id: JobId, kind: Kind, now: Timestamp) -> Job {
    Job::from(Asked {
        id,
        kind,
        task: read.task,
        model: read.model,
        owner: actor.owner.clone(),
        created_by: actor.user.clone(),
        input: Input::Alone {
            target: read.target.target.clone(),
        },
        parameters: Some(read.parameters),
        created_at: now,
    })
}

/// Refuses the whole when a row fails, naming every such row.
fn refuse_failing(verdicts: &[RowVerdict], field: impl Fn(usize, &str) -> String) -> Result<()> {
    let failing = verdicts
        .iter()
        .enumerate()
        .filter(|(_, row)| row.verdict == Verdict::Fail);
    error::check(
        failing
            .map(|(place, row)| {
                Fault::new(
                    field(place, "smiles"),
                    format!(
                        "line {}, {}: {}",
                        row.line,
                        row.name,
                        row.reasons.join("; ")
                    ),
                )
            })
            .collect(),
    )
}
