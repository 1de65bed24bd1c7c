//! Collecting: success is the files. Each expected one is there, as long as the worker said, and parses; only then are
//! its values taken, from the file they stand in.

use std::collections::BTreeSet;

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::Services;
use super::idempotency::hex;
use crate::error::{Error, Result};
use crate::job::{Best, Category, Job, ResultFile, RunFault, RunResult};
use crate::metric::{self, Metric, MetricKind, Metrics, Source};
use crate::model::{OutputFile, parses};
use crate::ports::blobs::{self, BlobsError};
use crate::ports::compute::{ComputeError, ManifestEntry, Run, RunState, Timings};

/// Bytes of a file beyond which it is not read: none that is needed comes near.
const MAX_READ: u64 = 64 * 1024 * 1024;
/// Bytes that are kept of what a run tells of engine, versions and prepared inputs.
const MAX_PROVENANCE: usize = 200_000;

/// The file that values are read from.
pub(super) const METRICS_FILE: &str = "metrics.json";

/// Why a result is not one.
enum Unfit {
    /// Its files are not what they should be.
    Fault(RunFault),
    /// It could not be looked at now.
    Error(Error),
}

impl Services {
    /// Checks a result's files and completes the job, or fails it saying which file is not as it should be.
    pub(super) async fn collect(&self, job: &Job) -> Result<()> {
        let run = match self.compute.state(&job.run_id()).await {
            Ok(run) if run.state == RunState::Succeeded => run,
            Ok(_) | Err(ComputeError::Unknown) => {
                return self.fail_run(job, lost(), Timings::default()).await;
            }
            Err(_) => {
                return self
                    .move_on(job, |job, now| job.unanswered(now))
                    .await
                    .map(drop);
            }
        };
        let timings = run.timings.unwrap_or_default();
        match self.checked(job, run).await {
            Ok(result) => self
                .move_on(job, |job, now| job.complete(result.clone(), now))
                .await
                .map(drop),
            Err(Unfit::Fault(fault)) => self.fail_run(job, fault, timings).await,
            Err(Unfit::Error(error)) => {
                self.move_on(job, |job, now| job.unanswered(now)).await?;
                Err(error)
            }
        }
    }

    async fn checked(&self, job: &Job, run: Run) -> Result<RunResult, Unfit> {
        let manifest = run.manifest.unwrap_or_default();
        let outputs = job.model.outputs().iter();
        let needed: Vec<_> = outputs
            .filter(|output| output.is_needed(job.task))
            .collect();
        for output in &needed {
            if !manifest.iter().any(|entry| entry.name == output.name) {
                return Err(unfit(
                    "missing_file",
                    format!("The run ended without its file {}.", output.name),
                ));
            }
        }
        check_names(job, &manifest)?;
        for entry in &manifest {
            self.check_size(job, entry).await?;
        }
        let read: Value = self.read_json(job, &manifest, METRICS_FILE).await?;
        // What a screen has in common lies there since its first ligand.
        let is_own = |output: &OutputFile| !(output.shared && job.batch_id.is_some());
        let is_read = |output: &&&OutputFile| output.name != METRICS_FILE && is_own(output);
        for output in needed.iter().filter(is_read) {
            let content = self.read_checked(job, &manifest, output.name).await?;
            if !parses(output.media_type, &content) {
                return Err(unfit(
                    "unreadable_file",
                    format!("The run's file {} is not what it should be.", output.name),
                ));
            }
        }
        let provenance = provenance(&read, run.provenance);
        if provenance
            .as_ref()
            .is_some_and(|told| told.to_string().len() > MAX_PROVENANCE)
        {
            let message = "What the run tells of how it was made is too long to be kept.";
            return Err(unfit("unreadable_file", message.to_owned()));
        }
        let metrics = metrics_of(job, &manifest, &read);
        let best = metric::written_by(job.task, job.model)
            .next()
            .and_then(|kind| {
                let value = metrics.get(kind.key)?.value?;
                Some(Best {
                    metric: kind.key.to_owned(),
                    value,
                    unverified: false,
                })
            });
        self.seal_result(job, &manifest).await?;
        let files = manifest.into_iter();
        let files = files.map(
            |ManifestEntry {
                 name,
                 size_bytes,
                 sha256,
                 kind,
             }| ResultFile {
                name,
                kind,
                size_bytes,
                sha256,
            },
        );
        Ok(RunResult {
            metrics,
            best,
            files: files.collect(),
            provenance,
            run_s: run.timings.and_then(|timings| timings.run_s),
        })
    }

    async fn check_size(&self, job: &Job, entry: &ManifestEntry) -> Result<(), Unfit> {
        let path = job.output_path(job.epoch, &entry.name);
        match self
            .blobs
            .head(&path)
            .await
            .map_err(|failed| Unfit::Error(super::files::error(failed)))?
        {
            Some(blob) if blob.size_bytes == entry.size_bytes => Ok(()),
            Some(_) => Err(unfit(
                "truncated_file",
                format!("The run's file {} is not whole.", entry.name),
            )),
            None => Err(unfit(
                "missing_file",
                format!("The run's file {} did not arrive.", entry.name),
            )),
        }
    }

    /// A file whose content is what the worker measured.
    async fn read_checked(
        &self,
        job: &Job,
        manifest: &[ManifestEntry],
        name: &str,
    ) -> Result<bytes::Bytes, Unfit> {
        let entry = manifest.iter().find(|entry| entry.name == name);
        if entry.is_some_and(|entry| entry.size_bytes > MAX_READ) {
            return Err(unfit(
                "unreadable_file",
                format!("The run's file {name} is too long to be what it should be."),
            ));
        }
        let content = blobs::read(&*self.blobs, &job.output_path(job.epoch, name)).await;
        let content = content.map_err(|failed| Unfit::Error(super::files::error(failed)))?;
        let expected = entry.map(|entry| entry.sha256.as_str());
        if expected == Some(hex(Sha256::digest(&content)).as_str()) {
            Ok(content)
        } else {
            Err(unfit(
                "altered_file",
                format!("The run's file {name} is not the one that the worker wrote."),
            ))
        }
    }

    async fn read_json(
        &self,
        job: &Job,
        manifest: &[ManifestEntry],
        name: &str,
    ) -> Result<Value, Unfit> {
        let content = self.read_checked(job, manifest, name).await?;
        serde_json::from_slice(&content).map_err(|failed| {
            unfit(
                "unreadable_file",
                format!("The run's file {name} cannot be read: {failed}."),
            )
        })
    }

    /// Writes the manifest of the accepted result: once for each epoch, whoever collects.
    async fn seal_result(&self, job: &Job, manifest: &[ManifestEntry]) -> Result<(), Unfit> {
        let json = serde_json::to_vec_pretty(manifest)
            .map_err(|failed| Unfit::Error(Error::internal(failed)))?;
        match self
            .blobs
            .put(&job.output_path(job.epoch, "manifest.json"), json.into())
            .await
        {
            Ok(()) | Err(BlobsError::Exists(_)) => Ok(()),
            Err(failed) => Err(Unfit::Error(super::files::error(failed))),
        }
    }
}

/// Refuses a manifest of files that the model does not write, or writes twice: each lies where its name says.
fn check_names(job: &Job, manifest: &[ManifestEntry]) -> Result<(), Unfit> {
    let mut open: BTreeSet<&str> = job.model.outputs().iter().map(|file| file.name).collect();
    for entry in manifest {
        if !open.remove(entry.name.as_str()) {
            let name: String = entry.name.chars().take(60).collect();
            return Err(unfit(
                "unexpected_file",
                format!(
                    "The run says that it wrote a file {name:?}, which its model does not write, or not twice."
                ),
            ));
        }
    }
    Ok(())
}

/// Every metric of the task, as the file has it. What is no number there is missing, with the reason.
fn metrics_of(job: &Job, manifest: &[ManifestEntry], read: &Value) -> Metrics {
    metric::written_by(job.task, job.model)
        .map(|kind| {
            let value = read.get(kind.key).and_then(Value::as_f64);
            let metric = match value.filter(|value| value.is_finite()) {
                Some(value) => Metric::read(kind, value, source(kind, manifest, read)),
                None => Metric::missing(kind, why_missing(kind, read)),
            };
            (kind.key.to_owned(), metric)
        })
        .collect()
}

/// The file and key that the worker read a value at; the file of all values where it names none that is there.
fn source(kind: &MetricKind, manifest: &[ManifestEntry], read: &Value) -> Source {
    let told = read["metrics"][kind.key].get("source");
    let told = told.and_then(|source| serde_json::from_value::<Source>(source.clone()).ok());
    told.filter(|source| manifest.iter().any(|entry| entry.name == source.file))
        .unwrap_or_else(|| Source {
            file: METRICS_FILE.to_owned(),
            key: kind.key.to_owned(),
        })
}

fn why_missing<'a>(kind: &MetricKind, read: &'a Value) -> &'a str {
    read["metrics"][kind.key]["reason"]
        .as_str()
        .unwrap_or("the model wrote no value")
}

/// What the worker says of engine, versions and prepared inputs, with the poses and its warnings beside it.
fn provenance(read: &Value, told: Option<Value>) -> Option<Value> {
    let mut provenance = read.get("provenance").cloned().or(told)?;
    if let Some(map) = provenance.as_object_mut() {
        for (name, kept_as) in [("poses", "poses_found"), ("warnings", "warnings")] {
            if let Some(found) = read.get(name) {
                map.insert(kept_as.to_owned(), found.clone());
            }
        }
    }
    Some(provenance)
}

fn unfit(code: &str, message: String) -> Unfit {
    Unfit::Fault(RunFault::new(Category::System, code, message))
}

fn lost() -> RunFault {
    RunFault::new(
        Category::Transient,
        "lost",
        "The compute gateway has lost the result of the run.",
    )
}
