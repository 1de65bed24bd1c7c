//! Requests as they are sent, and how they are read: whole, and every fault named at its field. Nothing is stored here.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::batch::MAX_CHILDREN;
use crate::docking;
use crate::error::{self, Error, Fault, Result};
use crate::id::JobId;
use crate::input::{Parameters, Target, TargetSpec};
use crate::ligand::{Ligand, MAX_COLUMNS, check_extra, check_name};
use crate::model::Model;
use crate::sequence;
use crate::task::Task;

/// A single job as it is asked for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct JobRequest {
    /// The task.
    pub task: String,
    /// The model; the task's usual one when absent.
    #[serde(default)]
    pub model: Option<String>,
    /// Its name; made from the input when absent.
    #[serde(default)]
    pub name: Option<String>,
    /// The task's input.
    pub input: Value,
    /// The task's parameters; the usual ones when absent.
    #[serde(default)]
    pub parameters: Value,
    /// The job that this one repeats.
    #[serde(default)]
    pub source_id: Option<JobId>,
}

/// A batch as it is asked for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BatchRequest {
    /// The task.
    pub task: String,
    /// The model; the task's usual one when absent.
    #[serde(default)]
    pub model: Option<String>,
    /// Its name; made from the target when absent.
    #[serde(default)]
    pub name: Option<String>,
    /// What every ligand meets.
    pub target: Value,
    /// The ligands, `{name, smiles}` and whatever columns they came with.
    pub ligands: Vec<Value>,
    /// The task's parameters; the usual ones when absent.
    #[serde(default)]
    pub parameters: Value,
    /// What is done when rows fail the preflight.
    #[serde(default)]
    pub on_failed_rows: OnFailedRows,
}

/// What is done when rows fail the preflight.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnFailedRows {
    /// Nothing is submitted; every failing row is named.
    #[default]
    Refuse,
    /// The rows that pass, or pass with a warning, run.
    Skip,
}

/// A request whose every field was read; the ligands' chemistry is still to be checked.
pub(super) struct Read {
    pub task: Task,
    pub model: Model,
    pub name: Option<String>,
    pub target: TargetSpec,
    /// None for a task without ligands.
    pub ligands: Vec<Ligand>,
    pub parameters: Parameters,
}

impl Read {
    /// What its ligands are for.
    pub fn purpose(&self) -> Result<Purpose> {
        match (&self.target.target, self.parameters) {
            (Target::Docking(_), Parameters::Docking(parameters)) => {
                Ok(Purpose::Docking(parameters))
            }
            (Target::Protein(protein), Parameters::Sequence(parameters)) => {
                Ok(Purpose::Prediction {
                    residues: protein.residues(),
                    parameters,
                })
            }
            _ => Err(unread()),
        }
    }
}

/// What ligands are for, as far as the word on them depends on it.
#[derive(Clone, Copy)]
pub(super) enum Purpose {
    /// To be docked.
    Docking(docking::Parameters),
    /// To be predicted together with a protein.
    Prediction {
        residues: u32,
        parameters: sequence::Parameters,
    },
}

/// Reads a request for a single job, naming every fault.
pub(super) fn read_job(request: &JobRequest) -> Result<Read> {
    let mut faults = Vec::new();
    let doer = read_doer(&request.task, request.model.as_deref(), &mut faults);
    let Some((task, model)) = doer else {
        error::check(faults)?;
        return Err(unread());
    };
    if !task.can_be_single() {
        return Err(not_so(task, "a batch; send it to POST /api/v1/batches"));
    }
    let name = read_name(request.name.as_deref(), &mut faults);
    let given = |field: &str| request.input.get(field).unwrap_or(&Value::Null);
    let target = read_target(task, given("target"), "input.target", &mut faults);
    let ligand = match (task, given("ligand")) {
        (Task::ProteinStructure, Value::Null) => Vec::new(),
        (Task::ProteinStructure, _) => {
            let message = "the structure of a protein is predicted without a ligand; ask for protein_ligand_binding";
            faults.push(Fault::new("input.ligand", message));
            Vec::new()
        }
        (_, value) => Vec::from_iter(read_ligand(value, "input.ligand", 0, &mut faults)),
    };
    let parameters = read_parameters(task, model, &request.parameters, &mut faults);
    error::check(faults)?;
    Ok(Read {
        task,
        model,
        name,
        target: target.ok_or_else(unread)?,
        ligands: ligand,
        parameters,
    })
}

/// Reads a request for a batch, naming every fault.
pub(super) fn read_batch(request: &BatchRequest) -> Result<Read> {
    let mut faults = Vec::new();
    let doer = read_doer(&request.task, request.model.as_deref(), &mut faults);
    let Some((task, model)) = doer else {
        error::check(faults)?;
        return Err(unread());
    };
    if !task.can_be_batch() {
        return Err(not_so(task, "a single job; send it to POST /api/v1/jobs"));
    }
    let name = read_name(request.name.as_deref(), &mut faults);
    let target = read_target(task, &request.target, "target", &mut faults);
    let parameters = read_parameters(task, model, &request.parameters, &mut faults);
    if request.ligands.is_empty() {
        faults.push(Fault::new("ligands", "give at least one ligand"));
    } else if request.ligands.len() > MAX_CHILDREN {
        let count = request.ligands.len();
        faults.push(Fault::new(
            "ligands",
            format!("{count} ligands are more than a batch takes; at most 10,000"),
        ));
    }
    let mut ligands = Vec::new();
    if request.ligands.len() <= MAX_CHILDREN {
        for (row, value) in request.ligands.iter().enumerate() {
            let skips = request.on_failed_rows == OnFailedRows::Skip;
            let mut row_faults = Vec::new();
            match read_ligand(value, &format!("ligands[{row}]"), row, &mut row_faults) {
                Some(ligand) => ligands.push(ligand),
                None if skips => {}
                None => faults.append(&mut row_faults),
            }
        }
    }
    let names = ligands.iter().flat_map(|ligand| ligand.extra.keys());
    let columns = names.collect::<HashSet<_>>().len();
    if columns > MAX_COLUMNS {
        faults.push(Fault::new(
            "ligands",
            format!("the ligands have {columns} further columns; at most {MAX_COLUMNS} are taken"),
        ));
    }
    error::check(faults)?;
    Ok(Read {
        task,
        model,
        name,
        target: target.ok_or_else(unread)?,
        ligands,
        parameters,
    })
}

fn unread() -> Error {
    Error::internal("a request without faults could not be read")
}

fn not_so(task: Task, what: &str) -> Error {
    Error::invalid("task", format!("{} is {what}", task.title()))
}

/// The task and its model; the task's usual model beside the fault when it was another.
fn read_doer(task: &str, model: Option<&str>, faults: &mut Vec<Fault>) -> Option<(Task, Model)> {
    let Ok(task) = task.parse::<Task>() else {
        faults.push(Fault::new(
            "task",
            "there is no such task; GET /api/v1/tasks lists them",
        ));
        return None;
    };
    let can = |task: &Task| task.can_be_single() || task.can_be_batch();
    if !can(&task) {
        let able = Task::ALL.into_iter().filter(can);
        let names: Vec<_> = able.map(Task::name).collect();
        faults.push(Fault::new(
            "task",
            format!(
                "{} cannot be submitted to this hub yet; {} can",
                task.title(),
                names.join(", ")
            ),
        ));
        return None;
    }
    let usual = task.models().next()?;
    let doer = match model {
        None => Some(usual),
        Some(model) => task.models().find(|candidate| candidate.name() == model),
    };
    if doer.is_none() {
        let names: Vec<_> = task.models().map(Model::name).collect();
        faults.push(Fault::new(
            "model",
            format!("this model does not do {task}; {} does", names.join(", ")),
        ));
    }
    Some((task, doer.unwrap_or(usual)))
}

fn read_target(
    task: Task,
    value: &Value,
    field: &str,
    faults: &mut Vec<Fault>,
) -> Option<TargetSpec> {
    match task {
        Task::Docking => docking::read_target(value, field, faults),
        _ => sequence::read_target(value, field, faults),
    }
}

fn read_parameters(task: Task, model: Model, value: &Value, faults: &mut Vec<Fault>) -> Parameters {
    match task {
        Task::Docking => Parameters::Docking(docking::Parameters::parse(value, faults)),
        _ => Parameters::Sequence(sequence::Parameters::parse(task, model, value, faults)),
    }
}

fn read_name(name: Option<&str>, faults: &mut Vec<Fault>) -> Option<String> {
    let name = name.map(str::trim).filter(|name| !name.is_empty())?;
    match check_name(name, 200) {
        Ok(()) => Some(name.to_owned()),
        Err(message) => {
            faults.push(Fault::new("name", format!("the name {message}")));
            None
        }
    }
}

/// Reads a ligand; without a name it is called by its place. Its SMILES is judged with its chemistry, so that every
/// failing row is named at once.
fn read_ligand(value: &Value, field: &str, row: usize, faults: &mut Vec<Fault>) -> Option<Ligand> {
    let Some(map) = value.as_object() else {
        faults.push(Fault::new(
            field,
            "a ligand is an object with a name and a SMILES",
        ));
        return None;
    };
    let before = faults.len();
    let mut extra = map.clone();
    let name = match extra.shift_remove("name") {
        None | Some(Value::Null) => format!("ligand {}", row + 1),
        Some(Value::String(name)) => name,
        Some(other) => other.to_string(),
    };
    if let Err(message) = check_name(&name, 100) {
        faults.push(Fault::new(
            format!("{field}.name"),
            format!("the ligand's name {message}"),
        ));
    }
    let smiles = extra
        .shift_remove("smiles")
        .and_then(|smiles| smiles.as_str().map(|text| text.trim().to_owned()));
    let smiles = smiles.unwrap_or_default();
    let bytes = |(name, cell): (&String, &Value)| {
        name.len()
            + cell
                .as_str()
                .map_or_else(|| cell.to_string().len(), str::len)
    };
    if let Err(message) = check_extra(extra.iter().map(bytes).sum()) {
        faults.push(Fault::new(field, message));
    }
    (faults.len() == before).then_some(Ligand {
        name,
        smiles,
        extra,
    })
}
