//! Exports: a batch or job as a file, streamed piece by piece and never whole in memory.

use std::collections::{HashMap, HashSet};

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use serde_json::Value;

use super::batches::{StoredLigand, ligands_path};
use super::files::file_stem;
use super::store::job_key;
use super::submissions::target_path;
use super::{Services, children::Sort};
use crate::actor::Actor;
use crate::batch::BatchRow;
use crate::error::{Error, Result};
use crate::id::JobId;
use crate::job::{Job, Kind, ResultFile, Status};
use crate::ports::blobs::{self, BlobsError, Content};

mod poses;
mod table;
mod zip;

use table::Table;
use zip::Entry;

/// Rows that make one piece of a stream.
const PIECE: usize = 200;
/// The file that holds a docking's poses.
const POSES_FILE: &str = "poses.sdf";
/// The file that holds a prediction's best structure.
const STRUCTURE_FILE: &str = "model_0.cif";

/// The formats of an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportFormat {
    /// A table.
    Csv,
    /// Best poses with their values.
    Sdf,
    /// Everything that is known, as the API says it.
    Json,
    /// Every file of a job, or the poses or structures of a batch, with a table and the exact input.
    Zip,
}

impl ExportFormat {
    /// By its name in the API.
    pub fn parse(name: &str) -> Result<Self> {
        match name {
            "csv" => Ok(Self::Csv),
            "sdf" => Ok(Self::Sdf),
            "json" => Ok(Self::Json),
            "zip" => Ok(Self::Zip),
            _ => Err(Error::bad_request(
                "format",
                "format must be csv, sdf, json or zip",
            )),
        }
    }
}

/// A file that is being written.
pub struct Export {
    /// The name it is saved under.
    pub file_name: String,
    /// Its media type.
    pub media_type: &'static str,
    /// Its content, as it comes.
    pub content: Content,
}

impl Services {
    /// A batch or a single job as a file: all rows in the order of rank, or only the children of these indexes.
    pub async fn export(
        &self,
        actor: &Actor,
        id: &JobId,
        format: ExportFormat,
        selection: Option<Vec<u32>>,
    ) -> Result<Export> {
        let job = self.owned(actor, id).await?.value;
        let (rows, columns) = self.ranked(&job, selection).await?;
        let stem = file_stem(&job.name);
        Ok(match format {
            ExportFormat::Csv => self.table(&job, rows, columns).await?,
            ExportFormat::Sdf => self.best_poses(job, rows)?,
            ExportFormat::Zip => Export {
                file_name: format!("{stem}.zip"),
                media_type: "application/zip",
                content: zip::archive(
                    self.blobs.clone(),
                    self.entries(actor, &job, rows, columns).await?,
                ),
            },
            ExportFormat::Json => {
                let detail = self.job(actor, id).await?;
                Export {
                    file_name: format!("{stem}.json"),
                    media_type: "application/json",
                    content: json(&detail, rows)?,
                }
            }
        })
    }

    /// What a link shows of a batch or job, as a table or as poses. Ranks are those among what it shows.
    pub(super) async fn export_shown(
        &self,
        job: Job,
        format: ExportFormat,
        selection: Option<Vec<u32>>,
    ) -> Result<Export> {
        let (rows, columns) = self.ranked(&job, selection).await?;
        let rows = (1..).zip(rows.into_iter().map(|(_, row)| row)).collect();
        match format {
            ExportFormat::Csv => self.table(&job, rows, columns).await,
            ExportFormat::Sdf => self.best_poses(job, rows),
            _ => Err(Error::bad_request("format", "format must be csv or sdf")),
        }
    }

    async fn table(
        &self,
        job: &Job,
        rows: Vec<(u32, BatchRow)>,
        columns: Vec<String>,
    ) -> Result<Export> {
        let extra = self.extra_columns(job).await?;
        Ok(Export {
            file_name: format!("{}.csv", file_stem(&job.name)),
            media_type: "text/csv; charset=utf-8",
            content: Table::write(job, rows, columns, extra),
        })
    }

    fn best_poses(&self, job: Job, rows: Vec<(u32, BatchRow)>) -> Result<Export> {
        let mut outputs = job.model.outputs().iter();
        if job.former.is_none() && !outputs.any(|output| output.name == POSES_FILE) {
            let model = job.model.title();
            return Err(Error::bad_request(
                "format",
                format!("{model} writes no poses; take csv or json"),
            ));
        }
        Ok(Export {
            file_name: format!("{}.sdf", file_stem(&job.name)),
            media_type: "chemical/x-mdl-sdfile",
            content: self.sdf(job, rows),
        })
    }

    /// The files of an archive: the table, the exact input, and every file of a job, or the poses or best structures of a
    /// batch's children. What a run wrote has a folder of its own, since the former system let it have any name.
    async fn entries(
        &self,
        actor: &Actor,
        job: &Job,
        rows: Vec<(u32, BatchRow)>,
        columns: Vec<String>,
    ) -> Result<Vec<Entry>> {
        let text = |name: &str, text: String| Entry::Text {
            name: name.to_owned(),
            text,
        };
        let detail = serde_json::to_string_pretty(&self.job(actor, &job.id).await?)
            .map_err(Error::internal)?;
        let extra = self.extra_columns(job).await?;
        let table: Vec<Bytes> = Table::write(job, rows.clone(), columns, extra)
            .try_collect()
            .await
            .map_err(super::files::error)?;
        let table = String::from_utf8_lossy(&table.concat()).into_owned();
        let mut entries = vec![text("job.json", detail), text("manifest.csv", table)];
        let inputs = self.inputs(job).await?.into_iter();
        entries.extend(inputs.filter_map(|path| {
            let name = format!("input/{}", path.rsplit('/').next()?);
            Some(Entry::Stored { name, path })
        }));
        if let (Some(epoch), None) = (job.result_epoch, &job.batch) {
            let stored = |file: &ResultFile| Entry::Stored {
                name: format!("files/{}", file.name),
                path: job.output_path(epoch, &file.name),
            };
            entries.extend(job.files.iter().map(stored));
        }
        if job.batch.is_some() {
            let done = rows
                .iter()
                .filter(|(_, row)| row.status == Status::Completed);
            let keys: Vec<_> = done.map(|(_, row)| job_key(&row.id)).collect();
            for chunk in keys.chunks(PIECE) {
                let children = self.store.get_many::<Job>(chunk).await?;
                let children = children.into_iter().flatten();
                entries.extend(children.flat_map(|child| of_child(&child.value)));
            }
        }
        Ok(entries)
    }

    /// The files of what was asked: those of a job or batch, or the target that a child has in common with its batch.
    async fn inputs(&self, job: &Job) -> Result<Vec<String>> {
        let Some(batch) = &job.batch_id else {
            let folder = format!("{}/input", job.folder());
            let files = self.blobs.list(&folder).await;
            let files = files.map_err(super::files::error)?.into_iter();
            return Ok(files.map(|file| file.path).collect());
        };
        let batch = self.store.get::<Job>(job_key(batch)).await?;
        let target = batch.and_then(|batch| {
            let target = batch.value.input.target()?;
            target_path(&batch.value, target)
        });
        Ok(target.into_iter().collect())
    }

    /// The rows with their ranks, best first: those of a batch, or a job's own.
    async fn ranked(
        &self,
        job: &Job,
        selection: Option<Vec<u32>>,
    ) -> Result<(Vec<(u32, BatchRow)>, Vec<String>)> {
        let sort = Sort::parse(job.task, "", false)?;
        let (mut rows, columns) = match &job.batch {
            Some(state) => (self.rows(job).await?.to_vec(), state.columns.clone()),
            None => {
                let numbered = Job {
                    index: job.index.or(Some(0)),
                    ..job.clone()
                };
                let columns = job
                    .input
                    .ligand()
                    .map(|ligand| ligand.extra.keys().cloned().collect())
                    .unwrap_or_default();
                (BatchRow::of(&numbered).into_iter().collect(), columns)
            }
        };
        rows.sort_by(|a, b| sort.compare(a, b));
        let ranked = (1..).zip(rows);
        let selection: Option<HashSet<u32>> =
            selection.map(|selection| selection.into_iter().collect());
        let chosen = |index: u32| {
            selection
                .as_ref()
                .is_none_or(|selection| selection.contains(&index))
        };
        Ok((
            ranked.filter(|(_, row)| chosen(row.index)).collect(),
            columns,
        ))
    }

    /// The columns that came with the ligands, by index.
    async fn extra_columns(
        &self,
        job: &Job,
    ) -> Result<HashMap<u32, serde_json::Map<String, Value>>> {
        if let Some(ligand) = job.input.ligand() {
            return Ok(HashMap::from([(
                job.index.unwrap_or_default(),
                ligand.extra.clone(),
            )]));
        }
        if job
            .batch
            .as_ref()
            .is_none_or(|state| state.columns.is_empty())
        {
            return Ok(HashMap::new());
        }
        let stored = blobs::read(&*self.blobs, &ligands_path(job))
            .await
            .map_err(super::files::error)?;
        let ligands: Vec<StoredLigand> =
            serde_json::from_slice(&stored).map_err(Error::internal)?;
        Ok((0..)
            .zip(ligands)
            .map(|(index, stored)| (index, stored.ligand.extra))
            .collect())
    }
}

/// The files of a batch's child in an archive: its poses or its best structure; of the former system's, whatever there is.
fn of_child(child: &Job) -> Vec<Entry> {
    let (Some(epoch), Some(index)) = (child.result_epoch, child.index) else {
        return Vec::new();
    };
    let stem = format!("{index:05}-{}", file_stem(&child.name));
    let entry = |file: &ResultFile| {
        let name = match (&child.former, file.name.as_str()) {
            (Some(_), name) => format!("ligands/{stem}/{name}"),
            (None, POSES_FILE) => format!("poses/{stem}.sdf"),
            (None, STRUCTURE_FILE) => format!("structures/{stem}.cif"),
            _ => return None,
        };
        let path = child.output_path(epoch, &file.name);
        Some(Entry::Stored { name, path })
    };
    child.files.iter().filter_map(entry).collect()
}

fn json(detail: &crate::list::JobDetail, rows: Vec<(u32, BatchRow)>) -> Result<Content> {
    let mut head = serde_json::to_string(detail).map_err(Error::internal)?;
    head.pop();
    head.push_str(",\"children\":[");
    let mut first = true;
    let rows = if detail.row.kind == Kind::Batch {
        rows
    } else {
        Vec::new()
    };
    let pieces: Vec<Vec<(u32, BatchRow)>> = rows.chunks(PIECE).map(<[_]>::to_vec).collect();
    let body = stream::iter(pieces).map(move |piece| {
        let mut text = String::new();
        for (_, row) in &piece {
            if !std::mem::take(&mut first) {
                text.push(',');
            }
            text.push_str(
                &serde_json::to_string(row)
                    .map_err(|failed| BlobsError::Refused(Box::new(failed)))?,
            );
        }
        Ok(Bytes::from(text))
    });
    let ends = |text: String| stream::once(async move { Ok(Bytes::from(text)) });
    Ok(ends(head)
        .chain(body.into_stream())
        .chain(ends("]}".to_owned()))
        .boxed())
}
