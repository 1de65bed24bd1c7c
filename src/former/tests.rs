//! Every spelling that is known, and that none at all makes it fall over or make a number up.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::actor::Owner;
use crate::id::UserId;
use crate::input::Input;
use crate::job::{Category, Job, Kind, State};
use crate::metric::prediction::{AFFINITY, COMPLEX_PLDDT, CONFIDENCE, PLDDT};

fn document(id: &str, fields: Value) -> Document {
    Document {
        id: id.to_owned(),
        fields: fields.as_object().unwrap().clone(),
        stored_at: Timestamp::from_micros(1_700_000_000_000_000),
    }
}

fn given<T>(document: &Document, become_of: impl FnOnce(&Document, Give<'_>) -> T) -> T {
    let made_by: UserId = "legacy_user".parse().unwrap();
    let owner = Owner::User(made_by.clone());
    let give = Give {
        owner: &owner,
        made_by: &made_by,
        from: "projects/old/databases/(default)",
    };
    become_of(document, give)
}

fn mapped(fields: Value) -> Result<Job, LeftAlone> {
    given(&document("one", fields), |document, give| {
        job(document, give, None)
    })
}

fn of_boltz2(output: Value) -> Job {
    mapped(json!({"type": "protein_ligand_binding", "model_name": "boltz2", "status": "completed", "output_data": output}))
        .unwrap()
}

#[test]
fn statuses_of_both_cases_and_beyond_the_five_have_their_state() {
    for (word, state) in [
        ("completed", State::Completed),
        ("COMPLETED_RECONSTRUCTED", State::Completed),
        ("Cancelled", State::Cancelled),
        ("error", State::Failed),
        ("queued", State::Failed),
        ("PROCESSING", State::Failed),
        ("submitted", State::Failed),
    ] {
        let job = mapped(json!({"status": word})).unwrap();
        assert_eq!((job.state, job.status), (state, state.status()), "{word}");
        assert_eq!(job.due_at, None, "nobody looks after it");
    }
    for fields in [
        json!({}),
        json!({"status": 3}),
        json!({"status": " "}),
        json!({"status": "archived"}),
        json!({"status": "partially_completed"}),
    ] {
        assert!(mapped(fields.clone()).is_err(), "{fields}");
    }
    let unended = mapped(json!({"status": "running"})).unwrap();
    assert_eq!(unended.error.unwrap().code, "not_ended");
}

#[test]
fn a_look_at_the_fields_that_are_asked_for_sorts_like_one_at_the_whole() {
    let child = json!({"batch_parent_id": "screen", "batch_index": 3});
    for fields in [
        json!({"type": "protein_ligand_binding", "input_data": child}),
        json!({"type": "protein_ligand_binding", "inputs": child}),
        json!({"task": "protein_ligand_binding", "input": {"parent_batch_id": "screen", "batch_index": 3}}),
        json!({"task_type": "protein_ligand_binding", "parent_id": "screen", "batch_index": 3}),
    ] {
        let whole = document("one", fields);
        let mut asked_for = whole.clone();
        asked_for
            .fields
            .retain(|name, _| FIELDS.contains(&name.as_str()));
        for look in [whole, asked_for] {
            assert_eq!((look.parent(), look.index()), (Some("screen"), Some(3)));
        }
    }
}

#[test]
fn times_are_seconds_milliseconds_or_texts() {
    let at = Timestamp::from_micros(1_751_364_000_250_000);
    for time in [
        json!(1_751_364_000.25),
        json!(1_751_364_000_250_i64),
        json!("2025-07-01T10:00:00.250000Z"),
        json!("2025-07-01T10:00:00.25"),
        json!("2025-07-01 12:00:00.25+02:00"),
    ] {
        assert_eq!(time_of(&time), Some(at), "{time}");
    }
    for time in [
        json!("NaN"),
        json!(-1),
        json!(0),
        json!(1e300),
        json!("soon"),
        json!(null),
        json!([1]),
    ] {
        assert_eq!(time_of(&time), None, "{time}");
    }
    let undated = mapped(json!({"status": "completed"})).unwrap();
    assert_eq!(
        undated.created_at,
        Timestamp::from_micros(1_700_000_000_000_000)
    );
    assert!(undated.provenance.unwrap()["submitted_at"].is_string());
}

#[test]
fn tasks_and_models_are_known_in_any_spelling_or_unknown() {
    for (fields, task, model) in [
        (
            json!({"type": "PROTEIN_LIGAND_BINDING", "model": "Boltz-2"}),
            Task::ProteinLigandBinding,
            Model::Boltz2,
        ),
        (
            json!({"task_type": "Protein-Structure", "type": "individual", "model_id": "chai 1"}),
            Task::ProteinStructure,
            Model::Chai1,
        ),
        (
            json!({"type": "batch_child", "model_name": "RFAntibody"}),
            Task::Unknown,
            Model::Rfantibody,
        ),
        // What it measures cannot be compared with Boltz-2's.
        (
            json!({"task": "origami", "model": "boltz2.1"}),
            Task::Unknown,
            Model::Unknown,
        ),
        (json!({"type": 7}), Task::Unknown, Model::Unknown),
    ] {
        let document = document("one", fields);
        assert_eq!(
            (document.task(), document.model()),
            (task, model),
            "{document:?}"
        );
    }
}

#[test]
fn values_have_their_unit_and_say_where_they_stand() {
    let job = of_boltz2(
        json!({"affinity": -1.5, "results": {"affinity_pred_value": -2.5, "ptm": "NaN", "confidence": "0.9"}}),
    );
    let affinity = &job.metrics[AFFINITY.key];
    assert_eq!(
        (affinity.value, affinity.unit.as_str()),
        (Some(-2.5), "log10(IC50/µM)")
    );
    assert_eq!(
        affinity.source.as_ref().unwrap().key,
        "output_data.results.affinity_pred_value"
    );
    assert_eq!(job.metrics.len(), 1, "a text is no number");
    assert_eq!(job.best.unwrap().value, -2.5);
    // Another model's number of that name is none of these.
    let chai = mapped(
        json!({"model": "chai1", "status": "completed", "confidence": 0.7, "affinity": 1.0}),
    )
    .unwrap();
    assert!(chai.metrics.is_empty());
    let asked = of_boltz2(
        json!({"input_data": {"affinity": -1.0}, "individual_results": [{"affinity": -1.0}]}),
    );
    assert!(
        asked.metrics.is_empty(),
        "what was asked, and what is of others, is no result"
    );
}

#[test]
fn what_may_have_been_filled_in_or_cannot_be_is_unverified() {
    for value in [0.0, -0.0, -8.5, 0.75, 0.82, 0.73, 0.8, 85.0] {
        let job = of_boltz2(json!({"affinity": value}));
        let affinity = &job.metrics[AFFINITY.key];
        assert_eq!(affinity.value, Some(value));
        assert!(
            affinity.unverified.is_some() && job.best.unwrap().unverified,
            "{value}"
        );
    }
    let job = of_boltz2(json!({"affinity": -9.25, "confidence": 0.8000001}));
    assert!(
        job.metrics[AFFINITY.key]
            .unverified
            .as_ref()
            .unwrap()
            .contains("outside")
    );
    assert_eq!(job.metrics[CONFIDENCE.key].unverified, None);
}

#[test]
fn plddt_has_two_scales() {
    assert_eq!(
        of_boltz2(json!({"plddt": 0.91})).metrics[COMPLEX_PLDDT.key].value,
        Some(0.91)
    );
    let job = of_boltz2(json!({"plddt": 85.0, "complex_plddt": 0.9}));
    assert!(job.metrics[PLDDT.key].unverified.is_some());
    assert_eq!(job.metrics[COMPLEX_PLDDT.key].value, Some(0.9));
}

#[test]
fn failures_say_why_and_keep_the_trace_for_the_log() {
    let job = mapped(json!({"status": "failed", "output_data": {"error": "Invalid protein sequence: J\nTraceback"}})).unwrap();
    let error = job.error_with_log().unwrap();
    assert_eq!(
        (error.category, error.message.as_str()),
        (Category::User, "Invalid protein sequence: J")
    );
    assert_eq!(
        error.log_tail.as_deref(),
        Some("Invalid protein sequence: J\nTraceback")
    );
}

#[test]
fn what_was_asked_is_kept_less_whose_it_was_and_what_is_too_large() {
    let job = mapped(json!({"status": "completed", "use_msa": true, "user_id": "u", "input_data":
        {"a": {"user_email": "x@y.org", "b": 1}, "email": "x@y.org", "long": "x".repeat(100_001), "smiles": "CCO"}}))
    .unwrap();
    let Input::Former { former, ligand } = &job.input else {
        panic!("{:?}", job.input);
    };
    assert_eq!(former["a"], json!({"b": 1}));
    assert_eq!(
        (former.get("email"), &former["use_msa"]),
        (None, &json!(true))
    );
    assert!(former["long"].as_str().unwrap().starts_with("too large"));
    assert_eq!(ligand.as_ref().unwrap().smiles, "CCO");
    assert_eq!(job.former.as_ref().unwrap().owner.as_deref(), Some("u"));
    assert!(
        !job.provenance
            .as_ref()
            .unwrap()
            .to_string()
            .contains("x@y.org")
    );
    let again: Job = serde_json::from_str(&serde_json::to_string(&job).unwrap()).unwrap();
    assert_eq!(again, job, "it is read as it was written");
}

#[test]
fn files_are_looked_for_in_five_places_in_order() {
    let full = document(
        "j",
        json!({"type": "protein_ligand_binding", "organization_id": "o", "user_id": "u", "batch_id": "b"}),
    );
    assert_eq!(
        places(&full),
        [
            "organizations/o/jobs/j",
            "users/u/jobs/j",
            "batches/b/jobs/j",
            "jobs/j",
            "archive/Boltz-2/Protein-Ligand/j"
        ]
    );
    let odd = document(
        "j",
        json!({"type": "new_antibody_task", "user_id": "../x@y"}),
    );
    assert_eq!(
        places(&odd),
        ["jobs/j", "archive/RFAntibody/New-Antibody-Task/j"]
    );
    assert_eq!(places(&document("a b", json!({}))), [""; 0]);
}

#[test]
fn children_find_their_batch_by_name_or_by_id_and_keep_their_order() {
    let batch = |id: &str| document(id, json!({"job_type": "BATCH_PARENT"}));
    let named = |id: &str, index: u32| {
        document(
            id,
            json!({"job_type": "batch_child", "batch_parent_id": "b", "batch_index": index}),
        )
    };
    let mut sorting = Sorting::default();
    for document in [
        named("zz", 1),
        document("b-0002", json!({"job_type": "batch_child"})),
        named("aa", 3),
        batch("b"),
        batch("empty"),
        document("c_0", json!({})),
        document("c", json!({"type": "batch_protein_ligand_screening"})),
        document(
            "d-0001",
            json!({"job_type": "batch_child", "batch_parent_id": "gone"}),
        ),
        document(
            "odd",
            json!({"job_type": "workflow", "batch_parent_id": "b"}),
        ),
        document("of-odd", json!({"batch_parent_id": "odd"})),
        document("b-x", json!({})),
    ] {
        sorting.see(&document);
    }
    let single = |id: &str| Work::Single(id.to_owned());
    let of = |id: &str, children: &[&str]| {
        Work::Batch(
            id.to_owned(),
            children.iter().map(|child| (*child).to_owned()).collect(),
        )
    };
    assert_eq!(
        sorting.work(),
        [
            single("b-x"),
            single("d-0001"),
            single("odd"),
            single("of-odd"),
            of("b", &["zz", "b-0002", "aa"]),
            of("c", &["c_0"]),
            single("empty"),
        ]
    );
}

#[test]
fn an_id_is_the_same_whenever_it_is_made_and_no_childs() {
    let id = new_id("3f2b8c1e-0000-4000-8000-000000000001");
    assert_eq!(id, new_id("3f2b8c1e-0000-4000-8000-000000000001"));
    assert_eq!((id.as_str().len(), id.parent()), (26, None));
    let child = given(
        &document("x", json!({"status": "completed"})),
        |document, give| job(document, give, Some((&id, 7))),
    )
    .unwrap();
    assert_eq!(
        (child.id, child.kind, child.terms.len()),
        (id.child(7), Kind::Child, 0)
    );
}

/// Any value, with the names that mean something among those that do not.
fn anything() -> impl Strategy<Value = Value> {
    let name = prop_oneof![
        "[a-z_]{0,6}",
        proptest::sample::select(vec![
            "status",
            "type",
            "job_type",
            "task_type",
            "model",
            "created_at",
            "completed_at",
            "user_id",
            "email",
            "batch_parent_id",
            "batch_index",
            "input_data",
            "output_data",
            "results",
            "affinity",
            "affinity_pred_value",
            "confidence",
            "plddt",
            "ptm",
            "error_message",
            "name",
            "smiles",
            "ligand_name",
            "parameters",
            "execution_time",
            "organization_id",
        ])
        .prop_map(str::to_owned),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        (-10.0..100.0).prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
        proptest::sample::select(vec![
            "completed",
            "FAILED",
            "running",
            "NaN",
            "boltz2",
            "batch_parent",
            "\u{0}",
            "2025-07-01"
        ])
        .prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((name.clone(), inner), 0..8)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

/// What stands at a path of keys.
fn at<'a>(record: &'a Map<String, Value>, path: &str) -> Option<&'a Value> {
    let (first, rest) = path
        .split_once('.')
        .map_or((path, None), |(first, rest)| (first, Some(rest)));
    let found = record.get(first)?;
    match rest {
        None => Some(found),
        Some(rest) => at(found.as_object()?, rest),
    }
}

proptest! {
    #[test]
    fn no_document_makes_it_panic_or_make_a_number_up(
        fields in anything().prop_map(|value| match value { Value::Object(map) => map, other => Map::from_iter([("status".to_owned(), other)]) }),
        id in "[a-zA-Z0-9_-]{1,40}",
        word in proptest::sample::select(vec!["completed", "failed", "queued"]),
    ) {
        let mut fields = fields;
        fields.entry("status").or_insert(word.into());
        let document = Document { id, fields, stored_at: Timestamp::default() };
        let mut sorting = Sorting::default();
        sorting.see(&document);
        prop_assert_eq!(sorting.work().len(), 1);
        prop_assert!(places(&document).iter().all(|place| !place.contains("..")));
        let _ = given(&document, batch);
        if let Ok(job) = given(&document, |document, give| job(document, give, None)) {
            prop_assert!(job.state.has_ended() && !job.name.is_empty() && job.name.chars().count() <= 200);
            for (key, metric) in &job.metrics {
                let value = metric.value.unwrap();
                let source = metric.source.as_ref().unwrap();
                prop_assert!(value.is_finite());
                prop_assert_eq!(at(&document.fields, &source.key).and_then(Value::as_f64), Some(value), "{}", key);
                prop_assert!(!metric.unit.contains("cal"));
            }
            let again: Job = serde_json::from_str(&serde_json::to_string(&job).unwrap()).unwrap();
            prop_assert_eq!(again.metrics.len(), job.metrics.len());
        }
    }
}
