//! The golden files of the gateway's protocol, read as the hub reads the gateway. The worker's tests hold it to the same.

use std::fs;
use std::path::PathBuf;

use hub::docking::{NAMED_TARGETS, Parameters};
use hub::input::Input;
use hub::job::Category;
use hub::model::{Model, ModelOffer};
use hub::ports::compute::{Accepted, LigandReport, Run, RunRequest, RunState};
use hub::task::Task;
use hub::{sequence, smiles};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

fn golden<T: DeserializeOwned>(name: &str) -> T {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("worker/tests/golden")
        .join(name);
    let text = fs::read_to_string(&path).expect("the worker keeps its golden files here");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"))
}

#[derive(Deserialize)]
struct SmilesRule {
    smiles: String,
    ok: bool,
    code: Option<String>,
}

#[test]
fn the_rules_of_smiles_are_the_workers() {
    let rules: Vec<SmilesRule> = golden("smiles_rules.json");
    assert!(rules.iter().any(|rule| rule.ok) && rules.iter().any(|rule| !rule.ok));
    for rule in rules {
        let code = smiles::check(&rule.smiles)
            .err()
            .map(|fault| fault.code.to_owned());
        assert_eq!(
            (code.is_none(), code),
            (rule.ok, rule.code),
            "{:?}",
            rule.smiles
        );
    }
}

#[derive(Deserialize)]
struct SequenceRule {
    sequence: String,
    code: Option<String>,
    position: Option<usize>,
    clean: Option<String>,
}

#[test]
fn the_rules_of_sequences_are_the_workers() {
    let rules: Vec<SequenceRule> = golden("sequence_rules.json");
    assert!(rules.len() > 15);
    for rule in rules {
        let (clean, code, position) = match sequence::check(&rule.sequence) {
            Ok(clean) => (Some(clean), None, None),
            Err(fault) => (None, Some(fault.code.to_owned()), fault.position),
        };
        let expected = (rule.clean, rule.code, rule.position);
        assert_eq!((clean, code, position), expected, "{:?}", rule.sequence);
    }
}

#[test]
fn what_the_hub_asks_of_a_sequence_is_what_the_worker_reads() {
    for name in ["run_request_binding.json", "run_request_structure.json"] {
        let request: RunRequest = serde_json::from_value(whole_seconds(golden(name))).unwrap();
        let (model, task): (Model, Task) = (
            request.model.parse().unwrap(),
            request.task.parse().unwrap(),
        );
        let names = request.outputs.iter().map(|output| output.name.as_str());
        assert!(
            names.eq(model.outputs().iter().map(|output| output.name)),
            "{name}"
        );
        let mut faults = Vec::new();
        sequence::Parameters::parse(task, model, &request.parameters, &mut faults);
        let target = &request.input["target"];
        let told = serde_json::json!({"name": target["name"], "sequence": target["sequence"]});
        sequence::read_target(&told, "target", &mut faults).unwrap();
        assert_eq!(faults, [], "{name}");
        let files: Vec<_> = request
            .inputs
            .iter()
            .map(|file| file.name.as_str())
            .collect();
        let named: Vec<_> = target["msa"].as_str().into_iter().collect();
        assert_eq!(
            files, named,
            "{name}: the alignment is the file that it names"
        );
    }
}

/// Python writes whole seconds as 900.0, and reads both.
fn whole_seconds(mut asked: Value) -> Value {
    asked["deadline_s"] = Value::from(
        asked["deadline_s"]
            .as_f64()
            .expect("the deadline is a number") as u32,
    );
    asked
}

#[test]
fn what_the_hub_asks_is_what_the_worker_reads() {
    for name in ["run_request_named.json", "run_request_receptor.json"] {
        let asked = whole_seconds(golden(name));
        let request: RunRequest = serde_json::from_value(asked.clone()).unwrap();
        assert_eq!(serde_json::to_value(&request).unwrap(), asked, "{name}");
        assert_eq!(request.model.parse(), Ok(Model::Vina));

        let names: Vec<_> = request
            .outputs
            .iter()
            .map(|output| output.name.as_str())
            .collect();
        let declared: Vec<_> = Model::Vina
            .outputs()
            .iter()
            .map(|output| output.name)
            .collect();
        assert_eq!(names, declared, "{name}");
        let mut faults = Vec::new();
        Parameters::parse(&request.parameters, &mut faults);
        assert_eq!(faults, [], "{name}");
        let ligand = &request.input["ligand"];
        assert!(
            smiles::check(ligand["smiles"].as_str().unwrap()).is_ok(),
            "{name}"
        );
    }
}

#[test]
fn a_named_target_is_asked_for_as_it_is_stored() {
    let request: Value = golden("run_request_named.json");
    let input: Input = serde_json::from_value(request["input"].clone()).unwrap();
    assert!(matches!(input, Input::Single { .. }));
    assert_eq!(serde_json::to_value(input).unwrap(), request["input"]);
}

#[test]
fn every_state_of_a_run_is_read() {
    let accepted: Accepted = golden("run_accepted.json");
    assert_eq!(accepted.state, RunState::Queued);
    for (name, state) in [
        ("run_queued.json", RunState::Queued),
        ("run_running.json", RunState::Running),
        ("run_succeeded.json", RunState::Succeeded),
        ("run_failed.json", RunState::Failed),
        ("run_cancelled.json", RunState::Cancelled),
    ] {
        let run: Run = golden(name);
        assert_eq!(
            (run.run_id.as_str(), run.state),
            (accepted.run_id.as_str(), state),
            "{name}"
        );
        let has_error = matches!(state, RunState::Failed | RunState::Cancelled);
        assert_eq!(run.error.is_some(), has_error, "{name}");
        assert_eq!(
            run.manifest.is_some(),
            state == RunState::Succeeded,
            "{name}"
        );
        assert_eq!(
            run.timings.unwrap().queued_s.is_some(),
            state != RunState::Queued,
            "{name}"
        );
    }
    let running: Run = golden("run_running.json");
    assert_eq!(running.progress.unwrap().fraction, Some(0.4));
    assert_eq!(
        golden::<Run>("run_failed.json").error.unwrap().category,
        Category::User
    );
}

#[test]
fn a_success_has_every_file_that_is_needed_and_its_values_from_some() {
    for (name, model, task) in [
        ("run_succeeded.json", Model::Vina, Task::Docking),
        (
            "run_succeeded_binding.json",
            Model::Boltz2,
            Task::ProteinLigandBinding,
        ),
    ] {
        let run: Run = golden(name);
        let manifest = run.manifest.unwrap();
        let outputs = model.outputs();
        for needed in outputs.iter().filter(|output| output.is_needed(task)) {
            let has = manifest.iter().any(|file| file.name == needed.name);
            assert!(has, "{name}: {}", needed.name);
        }
        for file in &manifest {
            let declared = outputs.iter().any(|output| output.name == file.name);
            assert!(declared, "{name}: {}", file.name);
        }
        for (key, metric) in run.metrics.unwrap() {
            let kind = hub::metric::written_by(task, model).find(|kind| kind.key == key);
            let kind = kind.unwrap_or_else(|| panic!("the hub knows no metric {key}"));
            assert_eq!(metric.unit.as_deref().unwrap_or_default(), kind.unit);
            let source = &metric.source.file;
            assert!(manifest.iter().any(|file| file.name == *source), "{key}");
        }
    }
}

#[test]
fn the_callback_carries_a_run() {
    let callback: Value = golden("callback.json");
    let run: Run = serde_json::from_str(callback["body"].as_str().unwrap()).unwrap();
    assert_eq!(
        (run.run_id.as_str(), run.state),
        (callback["run_id"].as_str().unwrap(), RunState::Running)
    );
}

#[test]
fn offers_name_models_and_targets_that_the_hub_knows() {
    let models: Value = golden("models.json");
    let offers: Vec<ModelOffer> = serde_json::from_value(models["models"].clone()).unwrap();
    for offer in &offers {
        let model: Model = offer.id.parse().unwrap();
        assert_eq!(offer.available, model == Model::Vina, "{model}");
        assert_eq!(offer.reason.is_some(), !offer.available, "{model}");
    }
    let mut targets: Vec<_> = offers[0]
        .targets
        .iter()
        .map(|target| target.name.as_str())
        .collect();
    targets.sort_unstable();
    assert_eq!(targets, NAMED_TARGETS);
}

#[test]
fn every_report_on_a_ligand_is_read() {
    let answer: Value = golden("ligands_answer.json");
    let reports: Vec<LigandReport> = serde_json::from_value(answer["rows"].clone()).unwrap();
    let asked: Value = golden("ligands_request.json");
    let asked = asked["ligands"].as_array().unwrap();
    assert_eq!(reports.len(), asked.len());
    for (index, (report, ligand)) in reports.iter().zip(asked).enumerate() {
        assert_eq!(report.index as usize, index);
        assert_eq!(
            report.problem.is_some(),
            report.canonical_smiles.is_none(),
            "row {index}"
        );
        let smiles = ligand["smiles"].as_str().unwrap();
        match smiles::check(smiles) {
            Err(fault) => assert_eq!(
                report.problem.as_ref().unwrap().code,
                fault.code,
                "{smiles}"
            ),
            Ok(sketch) if report.problem.is_none() => {
                assert_eq!(report.heavy_atoms, Some(sketch.heavy_atoms), "{smiles}");
                assert_eq!(report.fragments, Some(sketch.fragments), "{smiles}");
            }
            Ok(_) => {}
        }
    }
}
