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
use crate::preflight::{Preflight, RowVerdict, Totals, Verdict};
use crate::smiles;
use crate::task::Task;

/// Ligands that the gateway takes at once.
const ASKED_AT_ONCE: usize = 1_500;
/// Heavy atoms above which a docking is unlikely to converge, and that no affinity was trained on.
const MANY_ATOMS: u32 = 56;
/// Heavy atoms above which nothing is started.
const TOO_MANY_ATOMS: u32 = 128;
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

fn verdict(
    ligand: &Ligand,
    line: u32,
    report: Option<&LigandReport>,
    purpose: Purpose,
) -> RowVerdict {
    let mut row = RowVerdict {
        canonical_smiles: report.and_then(|report| report.canonical_smiles.clone()),
        ..row(line, ligand.name.clone(), ligand.smiles.clone())
    };
    let sketch = match smiles::check(&ligand.smiles) {
        Ok(sketch) => sketch,
        Err(fault) => {
            row.fail(fault.message);
            return row;
        }
    };
    match report {
        Some(LigandReport {
            problem: Some(problem),
            ..
        }) => row.fail(problem.message.clone()),
        Some(report) => {
            judge(&mut row, report, purpose);
            (row.heavy_atoms, row.rotors) = (report.heavy_atoms, report.rotors);
        }
        None => (row.heavy_atoms, row.rotors) = (Some(sketch.heavy_atoms), Some(sketch.rotors)),
    }
    judge_size(&mut row, purpose);
    if row.verdict != Verdict::Fail {
        let (atoms, rotors) = (
            row.heavy_atoms.unwrap_or(sketch.heavy_atoms),
            row.rotors.unwrap_or(sketch.rotors),
        );
        row.estimate_s = Some(purpose.seconds(atoms, rotors));
    }
    row
}

/// A row of which nothing is said yet.
fn row(line: u32, name: String, smiles: String) -> RowVerdict {
    RowVerdict {
        line,
        name,
        smiles,
        verdict: Verdict::Pass,
        reasons: Vec::new(),
        canonical_smiles: None,
        heavy_atoms: None,
        rotors: None,
        estimate_s: None,
    }
}

/// What is refused or doubted, by RDKit's word. Vina has no parameters for what Boltz-2 may have learnt.
fn judge(row: &mut RowVerdict, report: &LigandReport, purpose: Purpose) {
    if let Purpose::Docking(_) = purpose {
        judge_for_docking(row, report);
    } else if let Some(fragments @ 2..) = report.fragments {
        row.warn(format!("it has {fragments} parts; all of them are used"));
    }
    match report.undefined_stereo.unwrap_or_default() {
        0 => {}
        1 => row.warn("a stereo centre is not drawn; one of its forms is taken"),
        centres => row.warn(format!(
            "{centres} stereo centres are not drawn; one of their forms is taken"
        )),
    }
}

fn judge_for_docking(row: &mut RowVerdict, report: &LigandReport) {
    if report.radical_electrons.unwrap_or_default() > 0 {
        row.fail("it is a radical, which has no parameters for docking");
    }
    if let Some(metals) = report.metals.as_ref().filter(|metals| !metals.is_empty()) {
        row.fail(format!(
            "it holds {}, and metals have no parameters for docking",
            metals.join(", ")
        ));
    }
    if let (Some(fragments @ 2..), Some(largest)) = (report.fragments, &report.largest_fragment) {
        row.warn(format!(
            "it has {fragments} parts; only the largest is docked: {largest}"
        ));
    }
}

fn judge_size(row: &mut RowVerdict, purpose: Purpose) {
    let (can, above) = match purpose {
        Purpose::Docking(_) => ("can be docked", "scores above {} are not reliable"),
        Purpose::Prediction { .. } => (
            "can have an affinity predicted",
            "no affinity above {} was trained on",
        ),
    };
    match row.heavy_atoms.unwrap_or_default() {
        0 if row.verdict != Verdict::Fail => row.fail("it has no atom but hydrogen"),
        atoms if atoms > TOO_MANY_ATOMS => {
            row.fail(format!(
                "it has {atoms} heavy atoms; at most {TOO_MANY_ATOMS} {can}"
            ));
        }
        atoms if atoms > MANY_ATOMS => {
            let above = above.replace("{}", &MANY_ATOMS.to_string());
            row.warn(format!("it has {atoms} heavy atoms; {above}"));
        }
        _ => {}
    }
}

impl Purpose {
    /// The task, as the gateway knows it.
    fn task(self) -> Task {
        match self {
            Self::Docking(_) => Task::Docking,
            Self::Prediction { .. } => Task::ProteinLigandBinding,
        }
    }

    /// Seconds that a run with a ligand of this size is expected to take.
    fn seconds(self, heavy_atoms: u32, rotors: u32) -> u32 {
        match self {
            Self::Docking(parameters) => estimate::seconds(heavy_atoms, rotors, &parameters),
            Self::Prediction {
                residues,
                parameters,
            } => estimate::prediction_seconds(residues, heavy_atoms, &parameters),
        }
    }
}

impl RowVerdict {
    fn fail(&mut self, reason: impl Into<String>) {
        self.verdict = Verdict::Fail;
        self.estimate_s = None;
        self.reasons.push(reason.into());
    }

    fn warn(&mut self, reason: impl Into<String>) {
        if self.verdict == Verdict::Pass {
            self.verdict = Verdict::Warn;
        }
        self.reasons.push(reason.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{docking, sequence};

    fn report(heavy_atoms: u32) -> LigandReport {
        let json = serde_json::json!({"index": 0, "heavy_atoms": heavy_atoms, "rotors": 1, "fragments": 1});
        serde_json::from_value(json).unwrap()
    }

    const DOCKING: Purpose = Purpose::Docking(docking::Parameters {
        exhaustiveness: 8,
        seed: 1,
        poses: 9,
    });

    fn verdict_for(purpose: Purpose, report: Option<&LigandReport>) -> RowVerdict {
        let ligand = Ligand {
            name: "a".to_owned(),
            smiles: "CCO".to_owned(),
            extra: serde_json::Map::new(),
        };
        verdict(&ligand, 1, report, purpose)
    }

    fn verdict_of(report: Option<&LigandReport>) -> RowVerdict {
        verdict_for(DOCKING, report)
    }

    #[test]
    fn the_edges_of_size() {
        for (atoms, expected) in [
            (0, Verdict::Fail),
            (1, Verdict::Pass),
            (56, Verdict::Pass),
            (57, Verdict::Warn),
            (128, Verdict::Warn),
            (129, Verdict::Fail),
        ] {
            let row = verdict_of(Some(&report(atoms)));
            assert_eq!(row.verdict, expected, "{atoms} atoms");
            assert_eq!(row.estimate_s.is_none(), expected == Verdict::Fail);
        }
    }

    #[test]
    fn metals_and_radicals_fail_salts_and_open_stereo_warn() {
        let metal = LigandReport {
            metals: Some(vec!["Pt".to_owned()]),
            ..report(9)
        };
        let radical = LigandReport {
            radical_electrons: Some(1),
            ..report(9)
        };
        let salt = LigandReport {
            fragments: Some(2),
            largest_fragment: Some("CCO".to_owned()),
            ..report(9)
        };
        let open = LigandReport {
            undefined_stereo: Some(2),
            ..report(9)
        };
        let verdicts =
            [&metal, &radical, &salt, &open].map(|report| verdict_of(Some(report)).verdict);
        assert_eq!(
            verdicts,
            [Verdict::Fail, Verdict::Fail, Verdict::Warn, Verdict::Warn]
        );
    }

    #[test]
    fn a_prediction_takes_metals_and_all_fragments_and_no_more_atoms_than_an_affinity_is_given_for()
    {
        let purpose = Purpose::Prediction {
            residues: 298,
            parameters: sequence::Parameters {
                recycling_steps: 3,
                sampling_steps: 200,
                diffusion_samples: 1,
                seed: 1,
                affinity_samples: Some(5),
            },
        };
        let metal = LigandReport {
            metals: Some(vec!["Pt".to_owned()]),
            ..report(9)
        };
        let salt = LigandReport {
            fragments: Some(2),
            ..report(9)
        };
        assert_eq!(verdict_for(purpose, Some(&metal)).verdict, Verdict::Pass);
        let salt = verdict_for(purpose, Some(&salt));
        assert!(salt.reasons[0].contains("all of them"), "{salt:?}");
        for (atoms, expected) in [
            (56, Verdict::Pass),
            (57, Verdict::Warn),
            (128, Verdict::Warn),
            (129, Verdict::Fail),
        ] {
            let row = verdict_for(purpose, Some(&report(atoms)));
            assert_eq!(row.verdict, expected, "{atoms} atoms");
            assert!(row.reasons.iter().all(|reason| reason.contains("affinity")));
        }
    }

    #[test]
    fn without_a_report_the_syntax_alone_is_judged() {
        let row = verdict_of(None);
        assert_eq!(
            (row.verdict, row.heavy_atoms, row.canonical_smiles),
            (Verdict::Pass, Some(3), None)
        );
    }
}
