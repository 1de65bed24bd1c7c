//! Preflight: RDKit's word on every ligand, through the gateway, turned into verdicts; and what the whole will take.

use std::collections::HashMap;

use serde_json::Value;

use super::Services;
use super::requests::{BatchRequest, JobRequest, Purpose, Read, read_batch, read_job};
use crate::actor::Actor;
use crate::error::{Error, Result};
use crate::estimate;
use crate::id::UserId;
use crate::input::Target;
use crate::job::State;
use crate::ligand::Ligand;
use crate::model::Model;
use crate::ports::compute::{LigandReport, Ligands};
use crate::ports::documents::{Collection, Direction, Query};
use crate::preflight::{Preflight, RowVerdict, Totals};
use crate::smiles;
use crate::task::Task;

mod verdict;

use verdict::{row, verdict};

/// Ligands that the gateway takes at once.
const ASKED_AT_ONCE: usize = 1_500;
/// Jobs that are counted as being before a new one, at most.
const QUEUE_COUNTED: u32 = 100_000;

/// RDKit's words by person, task and SMILES: a preflight and the submission that follows ask once. Not by SMILES alone: how
/// quickly one is answered would tell what others work on.
#[derive(Clone)]
pub(super) struct Reports(moka::future::Cache<(UserId, Task, String), LigandReport>);

impl Default for Reports {
    fn default() -> Self {
        Self(moka::future::Cache::new(50_000))
    }
}

/// The verdicts on ligands.
pub(super) struct Verdicts {
    pub rows: Vec<RowVerdict>,
    /// Why chemistry was not checked.
    pub not_checked: Option<String>,
}

impl Services {
    /// Says of the body of a job or batch what would become of it; stores nothing.
    pub async fn preflight(&self, actor: &Actor, body: Value) -> Result<Preflight> {
        let shape = |failed: serde_json::Error| {
            Error::invalid("", format!("the body cannot be read: {failed}"))
        };
        let read = if body.get("ligands").is_some() {
            read_batch(&serde_json::from_value::<BatchRequest>(body).map_err(shape)?)?
        } else {
            read_job(&serde_json::from_value::<JobRequest>(body).map_err(shape)?)?
        };
        let verdicts = self.judged(actor, &read).await?;
        let warnings = match &read.target.target {
            Target::Protein(protein) => protein.warnings(),
            Target::Docking(_) => Vec::new(),
        };
        Ok(Preflight {
            remaining: self.remaining(actor).await?,
            warnings,
            ..self.summed_up(read.model, verdicts).await?
        })
    }

    /// The verdict on each ligand of a request, or on its target where there is none.
    pub(super) async fn judged(&self, actor: &Actor, read: &Read) -> Result<Verdicts> {
        let purpose = read.purpose()?;
        if read.ligands.is_empty() {
            let estimate_s = Some(purpose.seconds(0, 0));
            let name = read.target.target.title().to_owned();
            return Ok(Verdicts {
                rows: vec![RowVerdict {
                    estimate_s,
                    ..row(1, name, String::new())
                }],
                not_checked: None,
            });
        }
        self.verdicts(actor, &read.ligands, purpose).await
    }

    /// The verdict on each ligand, in order. Without an answer of the gateway only the syntax is judged.
    pub(super) async fn verdicts(
        &self,
        actor: &Actor,
        ligands: &[Ligand],
        purpose: Purpose,
    ) -> Result<Verdicts> {
        let is_written_right = |ligand: &&Ligand| smiles::check(&ligand.smiles).is_ok();
        let asked: Vec<_> = ligands
            .iter()
            .filter(is_written_right)
            .map(|ligand| ligand.smiles.as_str())
            .collect();
        let (mut answers, not_checked) = match self.reports(actor, purpose.task(), &asked).await {
            Ok(reports) => (reports.into_iter(), None),
            Err(reason) => (Vec::new().into_iter(), Some(reason)),
        };
        let reports = ligands
            .iter()
            .map(|ligand| is_written_right(&ligand).then(|| answers.next()).flatten());
        let reports: Vec<Option<LigandReport>> = reports.collect();
        let mut seen = HashMap::new();
        let rows = ligands.iter().zip(&reports).enumerate();
        let rows = rows.map(|(place, (ligand, report))| {
            let line = place as u32 + 1;
            let mut row = verdict(ligand, line, report.as_ref(), purpose);
            if let Some(inchikey) = report
                .as_ref()
                .and_then(|report| report.inchikey.as_deref())
            {
                match seen.get(inchikey) {
                    Some(first) => row.warn(format!("the same molecule as {first}")),
                    None => drop(seen.insert(inchikey, ligand.name.as_str())),
                }
            }
            row
        });
        Ok(Verdicts {
            rows: rows.collect(),
            not_checked,
        })
    }

    /// RDKit's words, those known already from memory; why not, when the gateway does not answer.
    async fn reports(
        &self,
        actor: &Actor,
        task: Task,
        smiles: &[&str],
    ) -> std::result::Result<Vec<LigandReport>, String> {
        let of = |text: &str| (actor.user.clone(), task, text.to_owned());
        let mut known: Vec<Option<LigandReport>> = Vec::with_capacity(smiles.len());
        for text in smiles {
            known.push(self.reports.0.get(&of(text)).await);
        }
        let unknown: Vec<usize> = (0..smiles.len())
            .filter(|place| known[*place].is_none())
            .collect();
        for places in unknown.chunks(ASKED_AT_ONCE) {
            let asked: Vec<_> = places
                .iter()
                .map(|place| smiles[*place].to_owned())
                .collect();
            let answer = self
                .compute
                .ligands(task.name(), Ligands::Smiles(&asked))
                .await;
            let answer = answer.map_err(|failed| {
                tracing::warn!(cause = %super::models::describe(&failed), "ligands were not checked");
                "chemistry was not checked, since the compute gateway does not answer; what cannot be used will fail \
                 by itself"
                    .to_owned()
            })?;
            for (place, report) in places.iter().zip(answer) {
                self.reports
                    .0
                    .insert(of(smiles[*place]), report.clone())
                    .await;
                known[*place] = Some(report);
            }
        }
        known
            .into_iter()
            .collect::<Option<_>>()
            .ok_or_else(|| "the compute gateway left ligands out".to_owned())
    }

    /// What rows sum up to: how many run, for how long, at what cost, and after how many others. What is left of the
    /// quota is for whoever shows it to say: it is not kept.
    pub(super) async fn summed_up(&self, model: Model, verdicts: Verdicts) -> Result<Preflight> {
        let work: u64 = verdicts
            .rows
            .iter()
            .filter_map(|row| row.estimate_s)
            .map(u64::from)
            .sum();
        let queued_before = self.queued(model).await?;
        let offer = self.offer(model).await?;
        let longest = verdicts
            .rows
            .iter()
            .filter_map(|row| row.estimate_s)
            .max()
            .unwrap_or_default();
        let seconds = offer
            .as_ref()
            .ok()
            .map(|offer| estimate::batch_seconds(work, offer.slots).max(longest));
        let on_gpu = offer.as_ref().is_ok_and(|offer| offer.gpu.is_some());
        let hours = work as f64 / 3_600.0;
        let price = offer.as_ref().ok().and_then(|offer| offer.price_per_hour);
        Ok(Preflight {
            totals: Totals::of(&verdicts.rows),
            rows: verdicts.rows,
            not_checked: verdicts.not_checked,
            warnings: Vec::new(),
            seconds,
            queued_before,
            gpu_hours: if on_gpu { hours } else { 0.0 },
            cost_usd: price.map(|price| price * hours),
            remaining: None,
            waits_for: offer.err().map(|waiting| waiting.reason),
        })
    }

    /// How much of a model is queued.
    async fn queued(&self, model: Model) -> Result<u32> {
        let mut queued = 0;
        for collection in [Collection::Jobs, Collection::Children] {
            let query = Query::new(
                collection,
                "created_at",
                Direction::Ascending,
                QUEUE_COUNTED,
            )
            .equal("model", model.name())
            .equal("state", State::Queued.name());
            queued += self.store.count(&query).await?;
        }
        Ok(queued)
    }
}
