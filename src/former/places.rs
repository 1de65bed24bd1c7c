//! The five places in which the former system looked for a job's files, in its order.

use super::{Document, simple};
use crate::task::Task;

/// The folders in which the files of a job may lie; the first that holds any is the one.
pub fn places(document: &Document) -> Vec<String> {
    let id = &document.id;
    let mut places = Vec::new();
    places.extend(below("organizations", document.organization(), id));
    places.extend(below("users", document.owner(), id));
    places.extend(below("batches", document.parent(), id));
    places.push(format!("jobs/{id}"));
    if let Some((model, task)) = archive(document) {
        places.push(format!("archive/{model}/{task}/{id}"));
    }
    places.retain(|place| place.split('/').all(can_be_part));
    places
}

fn below(folder: &str, of: Option<&str>, id: &str) -> Option<String> {
    of.map(|of| format!("{folder}/{of}/jobs/{id}"))
}

/// Whether a store of files takes this as a part of a path.
fn can_be_part(part: &str) -> bool {
    !matches!(part, "" | "." | "..")
        && part
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

/// What the archive called the model and the task: the model by the task, whatever the document says.
fn archive(document: &Document) -> Option<(&'static str, String)> {
    let word = simple(document.task_word()?, '_');
    let (model, task) = match (document.task(), word.as_str()) {
        (Task::ProteinLigandBinding, _) => ("Boltz-2", "Protein-Ligand"),
        (Task::ProteinStructure, _) => ("Boltz-2", "Protein-Structure"),
        (Task::ProteinComplex, _) => ("Boltz-2", "Protein-Complex"),
        (Task::BatchProteinLigandScreening, _) => ("Boltz-2", "Batch-Screen"),
        (Task::BindingSitePrediction, _) => ("Boltz-2", "Binding-Site"),
        (Task::VariantComparison, _) => ("Boltz-2", "Variant-Comparison"),
        (Task::DrugDiscovery, _) => ("Boltz-2", "Drug-Discovery"),
        (Task::NanobodyDesign, _) => ("RFAntibody", "Nanobody-Design"),
        (Task::CdrOptimization, _) => ("RFAntibody", "CDR-Optimization"),
        (Task::EpitopeTargetedDesign, _) => ("RFAntibody", "Epitope-Targeted"),
        (Task::AntibodyDeNovoDesign, _) => ("RFAntibody", "Antibody-DeNovo"),
        (_, "protein_protein_complex") => ("Chai-1", "Protein-Complex"),
        (_, "multimer_prediction") => ("Chai-1", "Multimer"),
        _ => return Some((archived_model(&word), capitalized(&word))),
    };
    Some((model, task.to_owned()))
}

/// Where the archive put tasks that it did not know.
fn archived_model(task: &str) -> &'static str {
    if task.contains("antibody") || task.contains("nanobody") {
        "RFAntibody"
    } else if task.contains("complex") || task.contains("multimer") {
        "Chai-1"
    } else {
        "Other"
    }
}

/// `new_task` as `New-Task`.
fn capitalized(word: &str) -> String {
    let part = |part: &str| {
        let mut letters = part.chars();
        let first: String = letters
            .next()
            .into_iter()
            .flat_map(char::to_uppercase)
            .collect();
        first + letters.as_str()
    };
    word.split('_').map(part).collect::<Vec<_>>().join("-")
}
