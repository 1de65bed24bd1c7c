//! A job in words: what was asked, how it was done, what is kept.

use hub::docking::{self, Pose};
use hub::input::{Input, Parameters, Target};
use hub::list::JobDetail;
use hub::metric::{self, three_digits};
use serde_json::Value;

use crate::jobs::page::place::Place;
use crate::jobs::page::read::Measure;
use crate::number::{self, MISSING};
use crate::sheet::{Cell, Fact, Grid, Head, Sheet};
use crate::time::exact;

/// Characters of an input of the former system that are shown.
const SHOWN: usize = 400;

/// Every metric of the task with unit, direction and meaning.
pub fn measures(job: &JobDetail) -> Vec<Measure> {
    let ended = job.row.status.has_ended();
    let written: Vec<_> = metric::written_by(job.row.task, job.row.model).collect();
    let further = job.metrics.keys().filter_map(|key| metric::named(key));
    let further = further.filter(|kind| !written.contains(kind));
    written
        .iter()
        .copied()
        .chain(further)
        .map(|kind| {
            let metric = job.metrics.get(kind.key);
            let value = metric.and_then(|metric| metric.value);
            let reason = metric.and_then(|metric| metric.reason.clone());
            let usual = if ended {
                "no value was written"
            } else {
                "no value yet"
            };
            let reason = reason.unwrap_or_else(|| usual.to_owned());
            let doubt = metric.and_then(|metric| metric.unverified.clone());
            let told = |value| number::measured(value, kind.unit, doubt.is_some());
            Measure {
                label: kind.label.to_owned(),
                better: kind.better.words().to_owned(),
                value: value.map(told),
                full: value.map_or(reason.clone(), |value| format!("{value} {}", kind.unit)),
                meaning: match (value, &doubt) {
                    (None, _) => reason,
                    (Some(_), None) => kind.meaning.to_owned(),
                    (Some(_), Some(doubt)) => format!("Unverified: {doubt}. {}", kind.meaning),
                },
            }
        })
        .collect()
}

/// What was asked, how it was done, and when.
pub fn sheets(job: &JobDetail) -> Vec<Sheet> {
    let sheet = |title: &str, facts: Vec<Fact>| Sheet {
        title: title.to_owned(),
        facts,
    };
    let mut sheets = vec![sheet("Input", input(job))];
    if let Some(Value::Object(written)) = &job.provenance {
        sheets.push(sheet("How it was done", provenance(written)));
    }
    sheets.push(sheet("Times", times(job)));
    sheets
}

fn input(job: &JobDetail) -> Vec<Fact> {
    if let Input::Former { former, .. } = &job.input {
        return former
            .iter()
            .map(|(name, value)| asked_formerly(name, value))
            .collect();
    }
    let mut facts = Vec::new();
    if let Some(ligand) = job.input.ligand() {
        facts.push(Fact::new("Ligand", &ligand.name));
        facts.push(Fact::code("SMILES", &ligand.smiles));
        facts.extend(ligand.extra.iter().map(|(name, value)| {
            Fact::new(
                name,
                value
                    .as_str()
                    .map_or_else(|| value.to_string(), str::to_owned),
            )
        }));
    }
    facts.extend(asked(&job.input, job.parameters.as_ref()));
    facts.extend(
        job.source_id
            .as_ref()
            .map(|id| Fact::code("Repeats", id.to_string())),
    );
    facts
}

/// What the former system was asked, by its own names.
fn asked_formerly(name: &str, value: &Value) -> Fact {
    let text = value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned);
    let length = text.chars().count();
    let text = if length > SHOWN {
        let beginning: String = text.chars().take(SHOWN).collect();
        format!("{beginning}… ({length} characters)")
    } else {
        text
    };
    Fact::new(name, text)
}

/// Target and parameters, which a batch has in common with its children.
pub fn asked(input: &Input, parameters: Option<&Parameters>) -> Vec<Fact> {
    let mut facts = match input.target() {
        Some(Target::Protein(protein)) => {
            let alignment = protein.msa.as_ref().map_or_else(
                || "computed once for the sequence".to_owned(),
                |alignment| format!("uploaded, SHA-256 {}", alignment.sha256),
            );
            vec![
                Fact::new("Target", &protein.name),
                Fact::new("Residues", number::grouped(protein.residues())),
                Fact::code("Sequence", &protein.sequence),
                Fact::new("Alignment (MSA)", alignment),
            ]
        }
        Some(Target::Docking(docking::Target::Named { named })) => {
            vec![Fact::new("Target", format!("{named} (DOCKSTRING)"))]
        }
        Some(Target::Docking(docking::Target::Receptor {
            receptor,
            search_box,
        })) => {
            let list = |names: &Option<Vec<String>>| names.as_ref().map(|names| names.join(", "));
            vec![
                Fact::new("Target", &receptor.name),
                Fact::new("Box", box_text(search_box.center, search_box.size)),
                Fact::new(
                    "Chains",
                    list(&receptor.chains).unwrap_or_else(|| "all".to_owned()),
                ),
                Fact::new(
                    "Kept beside metals",
                    list(&receptor.keep).unwrap_or_else(|| "nothing".to_owned()),
                ),
                Fact::code("SHA-256 of the file", &receptor.sha256),
            ]
        }
        None => Vec::new(),
    };
    if let Input::Former { former, .. } = input {
        let plain = former
            .iter()
            .filter(|(_, value)| !value.is_array() && !value.is_object());
        facts.extend(plain.map(|(name, value)| asked_formerly(name, value)));
    }
    facts.extend(parameters.into_iter().flat_map(hardness));
    facts
}

/// How hard is searched.
fn hardness(parameters: &Parameters) -> Vec<Fact> {
    let numbers = match parameters {
        Parameters::Docking(given) => vec![
            ("Exhaustiveness", Some(u32::from(given.exhaustiveness))),
            ("Poses at most", Some(given.poses.into())),
            ("Seed", Some(given.seed)),
        ],
        Parameters::Sequence(given) => vec![
            ("Recycling steps", Some(given.recycling_steps.into())),
            ("Sampling steps", Some(given.sampling_steps.into())),
            ("Structures", Some(given.diffusion_samples.into())),
            ("Affinity samples", given.affinity_samples.map(u32::from)),
            ("Seed", Some(given.seed)),
        ],
    };
    let facts = numbers.into_iter();
    facts
        .filter_map(|(title, number)| Some(Fact::new(title, number?.to_string())))
        .collect()
}

fn box_text(center: [f64; 3], size: [f64; 3]) -> String {
    let ([x, y, z], [width, height, depth]) = (center, size);
    format!("centre ({x}, {y}, {z})\u{202f}Å, edges {width} × {height} × {depth}\u{202f}Å")
}

/// What the worker wrote, by its keys there.
fn provenance(written: &serde_json::Map<String, Value>) -> Vec<Fact> {
    let titles = [
        ("former_id", "Id in the former system"),
        ("former_database", "Former database"),
        ("former_status", "Status there"),
        ("former_task", "Task there"),
        ("former_model", "Model there"),
        ("former_batch", "Batch there"),
        ("submitted_at", "Time of submission"),
        ("reconstructed", "Reconstructed there"),
        ("engine", "Engine"),
        ("rdkit", "RDKit"),
        ("openbabel", "Open Babel"),
        ("gemmi", "Gemmi"),
        ("worker", "Worker"),
        ("prepared_smiles", "Prepared SMILES"),
        ("docked_fragment", "Docked fragment"),
        ("heavy_atoms", "Heavy atoms"),
        ("rotors", "Rotatable bonds"),
        ("receptor_sha256", "SHA-256 of the prepared receptor"),
        ("box", "Box"),
        ("exhaustiveness", "Exhaustiveness"),
        ("seed", "Seed"),
        ("poses", "Poses at most"),
        ("chains", "Chains"),
        ("kept_residues", "Residues kept"),
        ("removed_residues", "Residues removed"),
        ("changed_residues", "Residues changed"),
        ("alignments", "Alignment from"),
        ("recycling_steps", "Recycling steps"),
        ("sampling_steps", "Sampling steps"),
        ("diffusion_samples", "Structures"),
        ("affinity_samples", "Affinity samples"),
        ("warnings", "Warnings"),
    ];
    let fact = |(key, title)| {
        let text = words(key, written.get(key)?)?;
        Some(match key {
            "prepared_smiles" | "docked_fragment" | "receptor_sha256" => Fact::code(title, text),
            _ => Fact::new(title, text),
        })
    };
    titles.into_iter().filter_map(fact).collect()
}

/// A value of the record in words; none for what does not apply.
fn words(key: &str, value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        Value::Array(values) => {
            let texts: Vec<_> = values
                .iter()
                .filter_map(|value| words(key, value))
                .collect();
            Some(if texts.is_empty() {
                "none".to_owned()
            } else {
                texts.join(", ")
            })
        }
        Value::Object(_) if key == "box" => {
            let read = |name: &str| serde_json::from_value(value.get(name)?.clone()).ok();
            Some(box_text(read("center")?, read("size")?))
        }
        other => Some(other.to_string()),
    }
}

fn times(job: &JobDetail) -> Vec<Fact> {
    let row = &job.row;
    let mut facts = vec![Fact::new("Submitted", exact(row.created_at))];
    facts.extend(row.started_at.map(|at| Fact::new("Started", exact(at))));
    facts.extend(row.ended_at.map(|at| Fact::new("Ended", exact(at))));
    facts.extend(
        row.duration_s
            .map(|seconds| Fact::new("Duration", number::duration(seconds))),
    );
    if row.former_id.is_none() {
        facts.push(Fact::new("Expected", hub::estimate::words(job.estimate_s)));
    }
    facts
}

/// Poses, tries and files; each only when there are any.
pub fn grids(job: &JobDetail, poses: &[Pose], place: &Place) -> Vec<Grid> {
    [pose_grid(poses), attempts(job), files(job, place)]
        .into_iter()
        .filter(|grid| !grid.rows.is_empty())
        .collect()
}

fn grid(title: &str, heads: &[(&str, bool)], rows: Vec<Vec<Cell>>) -> Grid {
    let head = |(title, is_number): &(&str, bool)| Head {
        title: (*title).to_owned(),
        is_number: *is_number,
    };
    Grid {
        title: title.to_owned(),
        heads: heads.iter().map(head).collect(),
        rows,
    }
}

fn pose_grid(poses: &[Pose]) -> Grid {
    let value = |value: Option<f64>| match value {
        Some(value) => Cell::new(three_digits(value)).in_full(value.to_string()),
        None => Cell::new(MISSING),
    };
    let row = |pose: &Pose| {
        vec![
            Cell::new(pose.rank.to_string()),
            value(Some(pose.score)),
            value(pose.rmsd_lb),
            value(pose.rmsd_ub),
        ]
    };
    let heads = [
        ("Pose", true),
        ("Docking score (kcal/mol)", true),
        ("RMSD from the best, at least (Å)", true),
        ("at most (Å)", true),
    ];
    grid("Poses", &heads, poses.iter().map(row).collect())
}

fn attempts(job: &JobDetail) -> Grid {
    let rows = job.attempts.iter().map(|attempt| {
        vec![
            Cell::new(attempt.epoch.to_string()),
            Cell::new(exact(attempt.started_at)),
            Cell::new(attempt.ended_at.map_or(MISSING.to_owned(), exact)),
            Cell::new(
                attempt
                    .outcome
                    .clone()
                    .unwrap_or_else(|| "going on".to_owned()),
            ),
        ]
    });
    let heads = [
        ("Number", true),
        ("Started", false),
        ("Ended", false),
        ("Outcome", false),
    ];
    grid("Attempts", &heads, rows.collect())
}

fn files(job: &JobDetail, place: &Place) -> Grid {
    let (folder, outputs) = (place.files(&job.row.id), job.row.model.outputs());
    let rows = job.files.iter().map(|file| {
        let meaning = outputs
            .iter()
            .find(|output| output.name == file.name)
            .map_or("", |output| output.meaning);
        let meaning = if file.name == "former.json" {
            "Record of the former system"
        } else {
            meaning
        };
        let address = format!("{folder}/{}", file.name);
        vec![
            Cell {
                file: Some(address),
                ..Cell::new(&file.name)
            },
            Cell::new(meaning),
            Cell::new(number::size(file.size_bytes)).in_full(format!("{} bytes", file.size_bytes)),
            Cell::new(file.sha256.get(..16).unwrap_or(&file.sha256)).in_full(&file.sha256),
        ]
    });
    let heads = [
        ("File", false),
        ("Content", false),
        ("Size", true),
        ("SHA-256, its beginning", false),
    ];
    grid("Files", &heads, rows.collect())
}

/// What the children of a batch have in common, and their run times.
pub fn common(batch: &JobDetail) -> Vec<Fact> {
    let mut facts = asked(&batch.input, batch.parameters.as_ref());
    facts.insert(
        1.min(facts.len()),
        Fact::new("Model", batch.row.model.title()),
    );
    facts.extend(batch.timings.map(|times| {
        let parts = [times.fastest_s, times.mean_s, times.slowest_s].map(number::duration);
        Fact::new("Run times: fastest, mean, slowest", parts.join(" · "))
    }));
    facts
}
