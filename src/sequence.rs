//! Predictions from a protein's sequence: the rules of sequences and alignments, which the worker checks alike, and how
//! hard is searched.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::docking::shortened;
use crate::error::Fault;
use crate::input::{Target, TargetSpec};
use crate::ligand::check_name;
use crate::model::Model;
use crate::parameters::Whole;
use crate::task::Task;

/// The amino acids, by their letters.
const LETTERS: &str = "ACDEFGHIKLMNPQRSTVWY";
/// A residue that nobody knows.
const UNKNOWN: char = 'X';
/// Residues of a chain.
pub const RESIDUES: RangeInclusive<usize> = 10..=2_000;
/// Bytes of an uploaded alignment at most.
pub const MAX_ALIGNMENT_BYTES: usize = 10_000_000;

/// A protein as it is kept: its alignment lies in the file store, once for all ligands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Protein {
    /// Its name, 1 to 100 characters.
    pub name: String,
    /// Its residues, without header and white space.
    pub sequence: String,
    /// The alignment that came with it; without one the worker computes it, once for a sequence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub msa: Option<Alignment>,
}

impl Protein {
    /// How many residues it has.
    pub fn residues(&self) -> u32 {
        self.sequence.len() as u32
    }

    /// What somebody should know before it is folded.
    pub fn warnings(&self) -> Vec<String> {
        let unknown: Vec<_> = (1..)
            .zip(self.sequence.chars())
            .filter(|(_, letter)| *letter == UNKNOWN)
            .map(|(position, _): (u32, _)| position)
            .collect();
        match unknown.as_slice() {
            [] => Vec::new(),
            [position] => vec![format!("residue {position} is X, which nobody knows")],
            [first, ..] => vec![format!(
                "{} residues are X, which nobody knows, the first at position {first}",
                unknown.len()
            )],
        }
    }
}

/// An uploaded alignment (A3M).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alignment {
    /// The SHA-256 of its text, in hexadecimal.
    pub sha256: String,
}

/// Why a text is no protein sequence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SequenceFault {
    /// A stable word.
    pub code: &'static str,
    /// The residue at fault, counted from 1, for a letter that is none.
    pub position: Option<usize>,
    /// In words.
    pub message: String,
}

/// The sequence in a text: in capitals, without the header of a FASTA file and without white space.
pub fn check(text: &str) -> Result<String, SequenceFault> {
    let fault = |code, position, message: String| SequenceFault {
        code,
        position,
        message,
    };
    let lines = || {
        let lines = text.split(['\n', '\r']).map(str::trim);
        lines.filter(|line| !line.is_empty())
    };
    let headers = lines().filter(|line| line.starts_with('>')).count();
    if headers > 1 {
        let message = "there is more than one record; give one sequence at a time".to_owned();
        return Err(fault("several_records", None, message));
    }
    let has_header = lines().next().is_some_and(|line| line.starts_with('>'));
    let body = lines().skip(usize::from(has_header));
    let sequence: String = body
        .flat_map(str::chars)
        .filter(|letter| !letter.is_whitespace())
        .map(|letter| letter.to_ascii_uppercase())
        .collect();
    if sequence.is_empty() {
        let message = "there is no sequence here".to_owned();
        return Err(fault("empty", None, message));
    }
    let mut letters = (1..).zip(sequence.chars());
    if let Some((position, letter)) =
        letters.find(|(_, letter)| !LETTERS.contains(*letter) && *letter != UNKNOWN)
    {
        let message = format!("{letter:?} at position {position} is no amino acid");
        return Err(fault("letter", Some(position), message));
    }
    let (residues, least, most) = (sequence.len(), RESIDUES.start(), RESIDUES.end());
    if residues < *least {
        let message = format!("the sequence has {residues} residues, the least is {least}");
        return Err(fault("too_short", None, message));
    }
    if residues > *most {
        let message = format!("the sequence has {residues} residues, the most is {most}");
        return Err(fault("too_long", None, message));
    }
    Ok(sequence)
}

/// Reads and checks the `target` of a request at `field`: `{name, sequence, msa}`, where `msa` is the text of an A3M or
/// `{text}`. The hash of the text is left to whoever stores it.
pub fn read_target(value: &Value, field: &str, faults: &mut Vec<Fault>) -> Option<TargetSpec> {
    let Some(map) = value.as_object() else {
        faults.push(Fault::new(field, "give the protein: its name and sequence"));
        return None;
    };
    let before = faults.len();
    let unknown = |name: &&String| !["name", "sequence", "msa"].contains(&name.as_str());
    faults.extend(map.keys().filter(unknown).map(|name| {
        Fault::new(
            format!("{field}.{}", shortened(name)),
            "a protein has a name, a sequence and perhaps an alignment, msa",
        )
    }));
    let text_of = |name: &str| map.get(name).and_then(Value::as_str).unwrap_or_default();
    let name = text_of("name");
    if let Err(message) = check_name(name, 100) {
        faults.push(Fault::new(
            format!("{field}.name"),
            format!("the protein's name {message}"),
        ));
    }
    let sequence = check(text_of("sequence"))
        .map_err(|fault| faults.push(Fault::new(format!("{field}.sequence"), fault.message)))
        .ok()?;
    let msa = map.get("msa").filter(|msa| !msa.is_null());
    let text = msa.map(|msa| msa.as_str().or_else(|| msa.get("text")?.as_str()));
    if let Some(text) = text
        && let Err(message) = check_alignment(text.unwrap_or_default(), &sequence)
    {
        faults.push(Fault::new(format!("{field}.msa"), message));
    }
    let text = text.flatten().map(str::to_owned);
    let msa = text.as_ref().map(|_| Alignment {
        sha256: String::new(),
    });
    let protein = Protein {
        name: name.to_owned(),
        sequence,
        msa,
    };
    (faults.len() == before).then_some(TargetSpec {
        target: Target::Protein(protein),
        text,
    })
}

/// Whether a text is an alignment of this sequence, which its first row then is.
fn check_alignment(text: &str, sequence: &str) -> Result<(), String> {
    if text.len() > MAX_ALIGNMENT_BYTES {
        return Err("the alignment is larger than 10 MB".to_owned());
    }
    let mut lines = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    if !lines.next().is_some_and(|line| line.starts_with('>')) {
        return Err(
            "an alignment is given as A3M: it begins with the target's own row, after a line with >"
                .to_owned(),
        );
    }
    let row = lines.take_while(|line| !line.starts_with('>'));
    // Small letters and gaps stand for what the target has not.
    let first: String = row
        .flat_map(str::chars)
        .filter(char::is_ascii_uppercase)
        .collect();
    if first.is_empty() {
        return Err("the alignment holds no sequence".to_owned());
    }
    let mut pairs = (1..).zip(first.chars().zip(sequence.chars()));
    let differing = pairs.find(|(_, (one, other))| one != other);
    match differing {
        _ if first.len() != sequence.len() => Err(format!(
            "the alignment is of another sequence: its first row has {} residues, the target {}",
            first.len(),
            sequence.len()
        )),
        Some((position, (one, other))) => Err(format!(
            "the alignment is of another sequence: at position {position} its first row has {one}, the target {other}"
        )),
        None => Ok(()),
    }
}

/// How hard is searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameters {
    /// How often the trunk looks at its own answer again, 1 to 10.
    pub recycling_steps: u8,
    /// Steps of the diffusion, 50 to 500.
    pub sampling_steps: u16,
    /// Structures that are made, 1 to 5.
    pub diffusion_samples: u8,
    /// Seed of the random numbers.
    pub seed: u32,
    /// Structures from which the affinity is taken, 1 to 10; only where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub affinity_samples: Option<u8>,
}

impl Parameters {
    /// Reads and checks `parameters` of a request; `null` means the usual ones of the model.
    pub fn parse(task: Task, model: Model, value: &Value, faults: &mut Vec<Fault>) -> Self {
        let mut names = vec![
            "recycling_steps",
            "sampling_steps",
            "diffusion_samples",
            "seed",
        ];
        let has_affinity = task.of_one() == Task::ProteinLigandBinding;
        if has_affinity {
            names.push("affinity_samples");
        }
        let samples = if model == Model::Chai1 { 5 } else { 1 };
        let mut given = Whole::new(value, model.title(), &names, faults);
        Self {
            recycling_steps: given.read("recycling_steps", 1..=10, 3) as u8,
            sampling_steps: given.read("sampling_steps", 50..=500, 200) as u16,
            diffusion_samples: given.read("diffusion_samples", 1..=5, samples) as u8,
            seed: given.read("seed", 0..=2_147_483_647, 1) as u32,
            affinity_samples: has_affinity.then(|| given.read("affinity_samples", 1..=10, 5) as u8),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const CDK2: &str = "MENFQKVEKIGEGTYGVVYK";

    fn faults_of(target: Value) -> Vec<(String, String)> {
        let mut faults = Vec::new();
        let spec = read_target(&target, "target", &mut faults);
        assert_eq!(spec.is_none(), !faults.is_empty());
        let told = faults.into_iter();
        told.map(|fault| (fault.field, fault.message)).collect()
    }

    fn fault_of_alignment(a3m: &str) -> String {
        let target = json!({"name": "CDK2", "sequence": CDK2, "msa": {"text": a3m}});
        let mut faults = faults_of(target);
        let (field, message) = faults.pop().unwrap();
        assert_eq!((field.as_str(), faults.len()), ("target.msa", 0));
        message
    }

    #[test]
    fn an_alignment_is_of_its_target_or_says_where_it_differs() {
        let a3m = format!("#20\t1\n>query\n{CDK2}\n>hit\n-ENFaQKVEKIGEGTYGVVYK\n");
        for msa in [json!(a3m), json!({"text": a3m})] {
            let mut faults = Vec::new();
            let target = json!({"name": "CDK2", "sequence": CDK2.to_lowercase(), "msa": msa});
            let spec = read_target(&target, "target", &mut faults).unwrap();
            assert_eq!(spec.text.as_ref(), Some(&a3m));
            assert_eq!(spec.target.title(), "CDK2");
        }
        for (a3m, said) in [
            (
                ">q\nMENFQKVEKIGEGTYGVVYR\n",
                "at position 20 its first row has R, the target K",
            ),
            (
                ">q\nMENFQ\nKVEKI\n>hit\n",
                "first row has 10 residues, the target 20",
            ),
            ("sequence,key\nMENFQKVEKI,1\n", "as A3M"),
            ("", "as A3M"),
            (">q\n>hit\nMENFQ", "holds no sequence"),
        ] {
            let message = fault_of_alignment(a3m);
            assert!(message.contains(said), "{message}");
        }
    }

    #[test]
    fn every_fault_of_a_protein_is_named_at_its_field() {
        assert_eq!(faults_of(json!(null))[0].0, "target");
        let fields = faults_of(json!({"name": "", "sequence": "MENFQKVEKB", "mutations": ["K6A"]}));
        assert_eq!(
            fields
                .iter()
                .map(|(field, _)| field.as_str())
                .collect::<Vec<_>>(),
            ["target.mutations", "target.name", "target.sequence"]
        );
        assert_eq!(fields[2].1, "'B' at position 10 is no amino acid");
        let numbers = json!({"name": "a", "sequence": CDK2, "msa": 5});
        assert_eq!(faults_of(numbers)[0].0, "target.msa");
    }

    #[test]
    fn a_residue_that_nobody_knows_is_a_warning() {
        let protein = |sequence: &str| Protein {
            name: "a".to_owned(),
            sequence: sequence.to_owned(),
            msa: None,
        };
        assert_eq!(protein(CDK2).warnings(), [""; 0]);
        assert!(protein("MENFX").warnings()[0].contains("residue 5 is X"));
        assert!(protein("MXXF").warnings()[0].starts_with("2 residues are X"));
    }

    #[test]
    fn parameters_are_those_of_task_and_model() {
        let parse = |task, model, value: Value| {
            let mut faults = Vec::new();
            let parameters = Parameters::parse(task, model, &value, &mut faults);
            let fields: Vec<_> = faults.into_iter().map(|fault| fault.field).collect();
            (parameters, fields)
        };
        let (screen, faults) = parse(
            Task::BatchProteinLigandScreening,
            Model::Boltz2,
            json!({"sampling_steps": 50}),
        );
        assert_eq!(faults, [""; 0]);
        let told = (
            screen.recycling_steps,
            screen.sampling_steps,
            screen.diffusion_samples,
            screen.seed,
            screen.affinity_samples,
        );
        assert_eq!(told, (3, 50, 1, 1, Some(5)));
        let (fold, faults) = parse(
            Task::ProteinStructure,
            Model::Chai1,
            json!({"affinity_samples": 5, "seed": -1}),
        );
        assert_eq!(
            faults,
            ["parameters.affinity_samples", "parameters.seed"],
            "a fold has no affinity"
        );
        assert_eq!((fold.diffusion_samples, fold.affinity_samples), (5, None));
    }
}
