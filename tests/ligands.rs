//! SMILES and ligand files against RDKit's word, the example that people begin with, and real files of others.

use std::path::PathBuf;

use hub::ligand::Ligand;
use hub::ligand_table::{self, LigandTable};
use hub::{estimate, smiles};
use serde::Deserialize;

/// What RDKit says of a SMILES; sizes only where it reads a molecule.
#[derive(Deserialize)]
struct Word {
    smiles: String,
    parses: bool,
    heavy_atoms: Option<u32>,
    rotors: Option<u32>,
    fragments: Option<u32>,
}

fn rdkit() -> Vec<Word> {
    serde_json::from_str(include_str!("data/rdkit_smiles.json"))
        .expect("the list is written by the script beside it")
}

fn example() -> LigandTable {
    let bytes = include_bytes!("../examples/kinase_inhibitors.csv");
    ligand_table::read(bytes, Some("kinase_inhibitors.csv"), None).expect("the example is readable")
}

/// A file of the reference data, which are not ours to keep here: `None`, and a word about it, where they are not.
#[expect(
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "a test has no configuration, and must say aloud what it did not look at"
)]
fn reference(path: &str) -> Option<Vec<u8>> {
    let Some(folder) = std::env::var_os("OMTX_REFERENCE_DATA") else {
        eprintln!(
            "NOT CHECKED: {path}, since OMTX_REFERENCE_DATA does not say where the reference data lie"
        );
        return None;
    };
    Some(std::fs::read(PathBuf::from(folder).join(path)).expect("the reference data are complete"))
}

#[test]
fn nothing_that_rdkit_reads_is_refused() {
    for word in rdkit().into_iter().filter(|word| word.parses) {
        if let Err(fault) = smiles::check(&word.smiles) {
            panic!("{}: {fault}", word.smiles);
        }
    }
}

#[test]
fn sizes_are_those_of_rdkit() {
    for word in rdkit().into_iter().filter(|word| word.parses) {
        let sketch = smiles::check(&word.smiles).unwrap();
        assert_eq!(
            Some(sketch.heavy_atoms),
            word.heavy_atoms,
            "heavy atoms of {}",
            word.smiles
        );
        assert_eq!(
            Some(sketch.fragments),
            word.fragments,
            "fragments of {}",
            word.smiles
        );
        assert_eq!(
            Some(sketch.rotors),
            word.rotors,
            "rotatable bonds of {}",
            word.smiles
        );
    }
}

#[test]
fn the_example_is_read_in_full() {
    let table = example();
    assert_eq!(table.faults, []);
    assert_eq!(table.rows.len(), 20);
    assert_eq!(table.columns, ["name", "smiles", "targets"]);
    assert_eq!(
        (table.rows[0].name.as_str(), table.rows[0].line),
        ("imatinib", 2)
    );
    assert_eq!(table.rows[0].extra["targets"], "ABL1, KIT, PDGFRA");
    assert_eq!(table.rows[19].name, "tofacitinib (\"tasocitinib\")");
    let word = rdkit();
    for row in table.rows {
        let known = word.iter().find(|word| word.smiles == row.smiles).unwrap();
        assert!(
            known.parses && known.heavy_atoms <= Some(42),
            "{}",
            row.name
        );
        let ligand = Ligand {
            name: row.name,
            smiles: row.smiles,
            extra: row.extra,
        };
        let json = serde_json::to_string(&ligand).unwrap();
        assert_eq!(serde_json::from_str::<Ligand>(&json).unwrap(), ligand);
    }
}

#[test]
fn the_example_is_docked_within_ten_minutes_by_the_fast_setting() {
    let fast = hub::docking::Parameters {
        exhaustiveness: 1,
        ..Default::default()
    };
    let sketches = example()
        .rows
        .into_iter()
        .map(|row| smiles::check(&row.smiles).unwrap());
    let total = sketches
        .map(|sketch| u64::from(estimate::seconds(sketch.heavy_atoms, sketch.rotors, &fast)))
        .sum();
    assert!(
        estimate::batch_seconds(total, 2) <= 600,
        "{total} s of one CPU"
    );
}

#[test]
fn real_tables_are_read() {
    let Some(bbbp) = reference("ligands_messy/BBBP.csv") else {
        return;
    };
    let fault = ligand_table::read(&bbbp, Some("BBBP.csv"), None).unwrap_err();
    assert_eq!(fault.code, "too_many_rows");
    assert!(fault.message.contains("2050"), "{fault}");
    let text = String::from_utf8(bbbp).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    for part in lines[1..].chunks(1_000) {
        let table = ligand_table::read(
            format!("{}\r\n{}\r\n", lines[0], part.join("\r\n")).as_bytes(),
            None,
            None,
        )
        .unwrap();
        assert_eq!(
            (table.smiles_column.as_deref(), table.name_column.as_deref()),
            (Some("smiles"), Some("name"))
        );
        assert_eq!(table.rows.len() + table.faults.len(), part.len());
        // All eleven that RDKit refuses are refused for their chemistry.
        assert_eq!(table.faults, [], "RDKit reads the syntax of every row");
    }
    for (path, rows, name) in [
        ("ligands_messy/sider.csv", 1_427, None),
        (
            "ligands_measured/egfr_300.csv",
            300,
            Some("molecule_chembl_id"),
        ),
    ] {
        let table = ligand_table::read(&reference(path).unwrap(), Some(path), None).unwrap();
        assert_eq!(table.name_column.as_deref(), name, "{path}");
        assert_eq!(table.rows.len() + table.faults.len(), rows, "{path}");
        for fault in &table.faults {
            assert!(
                fault.message.contains("characters, the most is 500"),
                "{path} line {}: {}",
                fault.line,
                fault.message
            );
        }
    }
}

#[test]
fn real_structure_files_are_read() {
    let Some(v3000) = reference("ligands_messy/03F.v3000.sdf") else {
        return;
    };
    assert_eq!(
        ligand_table::read(&v3000, Some("03F.sdf"), None)
            .unwrap_err()
            .code,
        "v3000"
    );
    for (path, records, faulty) in [
        ("ligands_messy/odd_drawings.sdf", 4, 0),
        ("ligands_measured/tyk2/ligands.sdf", 13, 0),
        ("ligands_messy/standardiser_examples.in.sdf", 77, 5),
    ] {
        let table = ligand_table::read(&reference(path).unwrap(), Some(path), None).unwrap();
        assert_eq!(table.rows.len() + table.faults.len(), records, "{path}");
        assert_eq!(table.faults.len(), faulty, "{path}: {:?}", table.faults);
    }
}
