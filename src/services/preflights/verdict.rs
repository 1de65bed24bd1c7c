//! The verdict on one ligand: whether it runs, with a reason a chemist can act on, and how long it will take.

use crate::estimate;
use crate::ligand::Ligand;
use crate::ports::compute::LigandReport;
use crate::preflight::{RowVerdict, Verdict};
use crate::services::requests::Purpose;
use crate::smiles;
use crate::task::Task;

/// Heavy atoms above which a docking is unlikely to converge, and that no affinity was trained on.
const MANY_ATOMS: u32 = 56;
/// Heavy atoms above which nothing is started.
const TOO_MANY_ATOMS: u32 = 128;

/// The verdict on a ligand, by RDKit's word where it was asked.
pub(super) fn verdict(
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
pub(super) fn row(line: u32, name: String, smiles: String) -> RowVerdict {
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
    pub fn task(self) -> Task {
        match self {
            Self::Docking(_) => Task::Docking,
            Self::Prediction { .. } => Task::ProteinLigandBinding,
        }
    }

    /// Seconds that a run with a ligand of this size is expected to take.
    pub fn seconds(self, heavy_atoms: u32, rotors: u32) -> u32 {
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

    pub(super) fn warn(&mut self, reason: impl Into<String>) {
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
