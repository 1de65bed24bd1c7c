//! A screen against a sequence with the real hub and the gateway as it is at Modal; a program that writes real results
//! stands in Boltz-2's place, and a server in that of ColabFold's.

use std::time::Duration;

use serde_json::{Value, json};

use crate::stack::Stack;

const CDK2: &str = "MENFQKVEKIGEGTYGVVYKARNKLTGEVVALKKIRLDTETEGVPSTAIREISLLKELNHPNIVKLLDVIHTENKLYLVFEFLHQDLKKFMDASALTGIPL\
                    PLIKSYLFQLLQGLAFCHSHRVLHRDLKPQNLLINTEGAIKLADFGLARAFGVPVRTYTHEVVTLWYRAPEILLGCKYYSTAVDIWSLGCIFAEMVTRRAL\
                    FPGDSEIDQLFRIFRTLGTPDEVVWPGVTSMPDYKPSFPKWARQDFSKVVPPLDEDGRSLLSQMLHYDPNKRISAKAALAHPFFQDVTKPVPHLRL";
const PURVALANOL: &str = "CC(C)[C@H](CO)Nc1nc(Nc2ccc(C(=O)O)c(Cl)c2)c2ncn(C(C)C)c2n1";

#[expect(
    clippy::disallowed_methods,
    reason = "the data is not ours to keep here: whoever has it says where"
)]
#[tokio::test(flavor = "multi_thread")]
async fn a_screen_asks_for_its_alignment_once_and_its_values_are_those_of_the_files() {
    let Some(data) = std::env::var_os("OMTX_REFERENCE_DATA") else {
        eprintln!("NOT CHECKED: OMTX_REFERENCE_DATA does not say where Boltz-2's own files lie");
        return;
    };
    let stack = Stack::start_with(&["tests/modal_with_boltz.py"]).await;
    let ligands = [
        ("purvalanol B", PURVALANOL),
        ("ethanol", "CCO"),
        ("acetone", "CC(C)=O"),
    ];
    let ligands = ligands.map(|(name, smiles)| json!({"name": name, "smiles": smiles}));
    let screen = json!({
        "task": "batch_protein_ligand_screening", "ligands": ligands,
        "target": {"name": "CDK2", "sequence": CDK2},
    });
    let batch = stack.post("/api/v1/batches", &screen).await;
    assert_eq!(batch["name"], "3 ligands against CDK2");
    let path = format!("/api/v1/batches/{}", batch["id"].as_str().unwrap());
    let has_ended = |batch: &Value| !batch["ended_at"].is_null();
    stack
        .wait_for(&path, Duration::from_secs(240), has_ended)
        .await;

    let written = std::path::Path::new(&data)
        .join("boltz2_cdk2/predictions/1ckp_cdk2/affinity_1ckp_cdk2.json");
    let written: Value = serde_json::from_str(&std::fs::read_to_string(written).unwrap()).unwrap();
    let children = stack.get(&format!("{path}/children")).await;
    let children = children["results"].as_array().unwrap();
    assert_eq!(children.len(), 3);
    for child in children {
        let id = child["id"].as_str().unwrap();
        let job = stack.get(&format!("/api/v1/jobs/{id}")).await;
        assert_eq!(job["status"], "completed", "{job:#}");
        let affinity = &job["metrics"]["affinity_pred_value"];
        assert_eq!(affinity["value"], written["affinity_pred_value"]);
        assert_eq!(affinity["source"]["file"], "affinity.json");
        assert_eq!(job["provenance"]["alignments"], json!(["server"]));
        assert_eq!(job["input"]["target"]["sequence"], CDK2);
        assert!(job["metrics"]["iptm"]["value"].is_f64());
    }
    assert_eq!(
        stack.kept_by_gateway("questions").lines().count(),
        1,
        "the alignment was asked for once"
    );
    assert_eq!(stack.accepted_results(), 3);
    assert_eq!(stack.usage(), (0, 3));
}
