//! The files that each model may write, in the order in which the worker declares them.

use crate::task::Task;

/// A file that a model writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutputFile {
    /// Its name.
    pub name: &'static str,
    /// What it is, in words.
    pub meaning: &'static str,
    /// Its media type.
    pub media_type: &'static str,
    /// Whether a run without it has failed.
    pub needed: Needed,
    /// Whether it is the same for every child of a batch, and kept once.
    pub shared: bool,
}

/// When a run without a file has failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needed {
    /// Always.
    Always,
    /// For this task.
    By(Task),
    /// Never.
    Never,
}

impl OutputFile {
    /// Whether a run of this task has failed without it.
    pub fn is_needed(&self, task: Task) -> bool {
        match self.needed {
            Needed::Always => true,
            Needed::By(needing) => needing == task,
            Needed::Never => false,
        }
    }

    const fn needed(self, needed: Needed) -> Self {
        Self { needed, ..self }
    }

    const fn shared(self) -> Self {
        Self {
            shared: true,
            ..self
        }
    }
}

const fn file(name: &'static str, meaning: &'static str, media_type: &'static str) -> OutputFile {
    OutputFile {
        name,
        meaning,
        media_type,
        needed: Needed::Never,
        shared: false,
    }
}

const SDF: &str = "chemical/x-mdl-sdfile";
const MMCIF: &str = "chemical/x-mmcif";
const JSON: &str = "application/json";
const PDBQT: &str = "chemical/x-pdbqt";

const METRICS: OutputFile =
    file("metrics.json", "Values and provenance", JSON).needed(Needed::Always);
const LOG: OutputFile = file("log.txt", "Log of the run", "text/plain; charset=utf-8");
const EXTRA: OutputFile = file("extra.zip", "Everything else", "application/zip");
const PLDDT: OutputFile = file("plddt.json", "pLDDT of each residue and atom", JSON);
const BEST_STRUCTURE: OutputFile =
    file("model_0.cif", "Best structure", MMCIF).needed(Needed::Always);
const BEST_CONFIDENCE: OutputFile = file(
    "confidence_0.json",
    "Confidence of the best structure",
    JSON,
)
.needed(Needed::Always);
const SECOND: &str = "Second structure";
const THIRD: &str = "Third structure";
const FOURTH: &str = "Fourth structure";
const FIFTH: &str = "Fifth structure";
const OF_SECOND: &str = "Confidence of the second structure";
const OF_THIRD: &str = "Confidence of the third structure";
const OF_FOURTH: &str = "Confidence of the fourth structure";
const OF_FIFTH: &str = "Confidence of the fifth structure";

pub(super) const VINA: &[OutputFile] = &[
    file("poses.sdf", "Poses with their scores", SDF).needed(Needed::Always),
    file("poses.pdbqt", "Poses as Vina wrote them", PDBQT).needed(Needed::Always),
    file("receptor.pdbqt", "Prepared receptor", PDBQT)
        .needed(Needed::Always)
        .shared(),
    file("ligand.pdbqt", "Prepared ligand", PDBQT),
    METRICS,
    LOG,
    EXTRA,
];

pub(super) const BOLTZ: &[OutputFile] = &[
    BEST_STRUCTURE,
    file("model_1.cif", SECOND, MMCIF),
    file("model_2.cif", THIRD, MMCIF),
    file("model_3.cif", FOURTH, MMCIF),
    file("model_4.cif", FIFTH, MMCIF),
    BEST_CONFIDENCE,
    file("confidence_1.json", OF_SECOND, JSON),
    file("confidence_2.json", OF_THIRD, JSON),
    file("confidence_3.json", OF_FOURTH, JSON),
    file("confidence_4.json", OF_FIFTH, JSON),
    file("affinity.json", "Affinity of the ligand", JSON)
        .needed(Needed::By(Task::ProteinLigandBinding)),
    PLDDT,
    file("pae.json", "Expected position errors", JSON),
    file(
        "binding_site.json",
        "Residues that the ligand touches",
        JSON,
    ),
    file("input.yaml", "Input as Boltz-2 read it", "application/yaml"),
    METRICS,
    LOG,
    EXTRA,
];

pub(super) const CHAI: &[OutputFile] = &[
    BEST_STRUCTURE,
    file("model_1.cif", SECOND, MMCIF),
    file("model_2.cif", THIRD, MMCIF),
    file("model_3.cif", FOURTH, MMCIF),
    file("model_4.cif", FIFTH, MMCIF),
    BEST_CONFIDENCE,
    file("confidence_1.json", OF_SECOND, JSON),
    file("confidence_2.json", OF_THIRD, JSON),
    file("confidence_3.json", OF_FOURTH, JSON),
    file("confidence_4.json", OF_FIFTH, JSON),
    PLDDT,
    file("input.fasta", "Input as Chai-1 read it", "text/x-fasta"),
    METRICS,
    LOG,
    EXTRA,
];

/// Whether a file's content is what its media type says, as far as that is looked at.
pub fn parses(media_type: &str, content: &[u8]) -> bool {
    let has = |mark: &str| std::str::from_utf8(content).is_ok_and(|text| text.contains(mark));
    match media_type {
        SDF => has("M  END") && has("$$$$"),
        MMCIF => has("_atom_site."),
        JSON => serde_json::from_slice::<serde::de::IgnoredAny>(content).is_ok(),
        _ => true,
    }
}
