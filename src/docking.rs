//! Docking: a rigid receptor with a box, a ligand, and how hard to search.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::Fault;
use crate::input::{self, TargetSpec};
use crate::parameters::Whole;

/// The targets of the DOCKSTRING benchmark, by gene name (García-Ortegón et al. 2022).
pub const NAMED_TARGETS: [&str; 58] = [
    "ABL1", "ACHE", "ADAM17", "ADORA2A", "ADRB1", "ADRB2", "AKT1", "AKT2", "AR", "BACE1", "CA2",
    "CASP3", "CDK2", "CSF1R", "CYP2C9", "CYP3A4", "DHFR", "DPP4", "DRD2", "DRD3", "EGFR", "ESR1",
    "ESR2", "F10", "F2", "FGFR1", "GBA", "HMGCR", "HSD11B1", "HSP90AA1", "IGF1R", "JAK2", "KDR",
    "KIT", "LCK", "MAOB", "MAP2K1", "MAPK1", "MAPK14", "MAPKAPK2", "MET", "MMP13", "NOS1", "NR3C1",
    "PARP1", "PDE5A", "PGR", "PLK1", "PPARA", "PPARD", "PPARG", "PTGS2", "PTK2", "PTPN1", "REN",
    "ROCK1", "SRC", "THRB",
];

/// Bytes of an uploaded receptor at most.
pub const MAX_RECEPTOR_BYTES: usize = 10_000_000;

/// One of [`NAMED_TARGETS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct NamedTarget(u8);

impl NamedTarget {
    /// Its gene name.
    pub fn as_str(self) -> &'static str {
        NAMED_TARGETS[usize::from(self.0)]
    }
}

impl fmt::Display for NamedTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl From<NamedTarget> for String {
    fn from(target: NamedTarget) -> Self {
        target.as_str().to_owned()
    }
}

impl TryFrom<String> for NamedTarget {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let text = text.trim();
        let place = NAMED_TARGETS
            .iter()
            .position(|name| name.eq_ignore_ascii_case(text));
        place.map(|place| Self(place as u8)).ok_or_else(|| {
            format!(
                "there is no target \"{}\"; take one of the list, or upload a receptor with a box",
                shortened(text)
            )
        })
    }
}

/// The beginning of a text that somebody sent, for a message.
pub(crate) fn shortened(text: &str) -> String {
    if text.chars().count() > 40 {
        text.chars().take(40).chain(['…']).collect()
    } else {
        text.to_owned()
    }
}

/// Where poses are searched: centre and edges in Å.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct BoxSpec {
    /// x, y, z of the centre in Å, in the receptor's own frame.
    pub center: [f64; 3],
    /// Edges along x, y, z in Å, 5 to 40 each.
    pub size: [f64; 3],
}

impl BoxSpec {
    /// Edges in Å that are taken.
    pub const EDGE: std::ops::RangeInclusive<f64> = 5.0..=40.0;

    fn check(&self, field: &str, faults: &mut Vec<Fault>) {
        for (axis, centre) in ["x", "y", "z"].iter().zip(self.center) {
            if !centre.is_finite() || centre.abs() > 9_999.0 {
                faults.push(Fault::new(
                    format!("{field}.center"),
                    format!("the box centre's {axis} is not a place in Å"),
                ));
            }
        }
        for (axis, edge) in ["x", "y", "z"].iter().zip(self.size) {
            if !Self::EDGE.contains(&edge) {
                faults.push(Fault::new(
                    format!("{field}.size"),
                    format!("the box edge along {axis} is {edge} Å; it must be 5 to 40 Å"),
                ));
            }
        }
    }
}

/// File formats of a receptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReceptorFormat {
    /// Protein Data Bank format.
    Pdb,
    /// Macromolecular CIF.
    Mmcif,
    /// Prepared already: charges and atom types of AutoDock.
    Pdbqt,
}

impl ReceptorFormat {
    /// Its name, which is also the usual file ending (`cif` aside).
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pdb => "pdb",
            Self::Mmcif => "mmcif",
            Self::Pdbqt => "pdbqt",
        }
    }

    /// By the ending of a file's name.
    pub fn of_file(name: &str) -> Option<Self> {
        match name.rsplit_once('.')?.1.to_ascii_lowercase().as_str() {
            "pdb" | "ent" => Some(Self::Pdb),
            "cif" | "mmcif" => Some(Self::Mmcif),
            "pdbqt" => Some(Self::Pdbqt),
            _ => None,
        }
    }
}

/// A receptor as it is kept: the text lies in the file store, once for all ligands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receptor {
    /// Its name, 1 to 100 characters.
    pub name: String,
    /// Its format.
    pub format: ReceptorFormat,
    /// The SHA-256 of its text, in hexadecimal.
    pub sha256: String,
    /// Chains that are kept (author numbering); all when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chains: Option<Vec<String>>,
    /// Hetero residues that are kept, by residue name, beside metals.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep: Option<Vec<String>>,
}

/// What is docked into.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Target {
    /// A benchmark target, with its own receptor and box.
    Named {
        /// Which.
        named: NamedTarget,
    },
    /// Somebody's receptor, with a box.
    Receptor {
        /// The receptor.
        receptor: Receptor,
        /// Where to search.
        #[serde(rename = "box")]
        search_box: BoxSpec,
    },
}

impl Target {
    /// Its name on a page.
    pub fn title(&self) -> &str {
        match self {
            Self::Named { named } => named.as_str(),
            Self::Receptor { receptor, .. } => &receptor.name,
        }
    }
}

/// How hard to search.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameters {
    /// Independent searches, 1 to 32; 1 is the fast setting.
    #[serde(default = "Parameters::usual_exhaustiveness")]
    pub exhaustiveness: u8,
    /// Seed of the random numbers.
    #[serde(default = "Parameters::usual_seed")]
    pub seed: u32,
    /// Poses that are kept, 1 to 20.
    #[serde(default = "Parameters::usual_poses")]
    pub poses: u8,
}

impl Parameters {
    const fn usual_exhaustiveness() -> u8 {
        8
    }

    const fn usual_seed() -> u32 {
        974_528_263
    }

    const fn usual_poses() -> u8 {
        9
    }

    /// Reads and checks `parameters` of a request; `null` means the usual ones.
    pub fn parse(value: &Value, faults: &mut Vec<Fault>) -> Self {
        let usual = Self::default();
        let mut given = Whole::new(
            value,
            "docking",
            &["exhaustiveness", "seed", "poses"],
            faults,
        );
        Self {
            exhaustiveness: given.read("exhaustiveness", 1..=32, usual.exhaustiveness.into()) as u8,
            seed: given.read("seed", 0..=2_147_483_647, usual.seed.into()) as u32,
            poses: given.read("poses", 1..=20, usual.poses.into()) as u8,
        }
    }
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            exhaustiveness: Self::usual_exhaustiveness(),
            seed: Self::usual_seed(),
            poses: Self::usual_poses(),
        }
    }
}

/// Reads and checks the `target` of a request at `field`: `{"named": ..}` or `{"receptor": {name, format, text},
/// "box": {center, size}}`. The hash of the text is left to whoever stores it.
pub fn read_target(value: &Value, field: &str, faults: &mut Vec<Fault>) -> Option<TargetSpec> {
    let Some(map) = value.as_object() else {
        faults.push(Fault::new(
            field,
            "choose a named target, or upload a receptor with a box",
        ));
        return None;
    };
    let spec = |target, text| TargetSpec {
        target: input::Target::Docking(target),
        text,
    };
    if let Some(named) = map.get("named") {
        return match NamedTarget::try_from(named.as_str().unwrap_or_default().to_owned()) {
            Ok(named) => Some(spec(Target::Named { named }, None)),
            Err(message) => {
                faults.push(Fault::new(format!("{field}.named"), message));
                None
            }
        };
    }
    let before = faults.len();
    let receptor = parse_receptor(map.get("receptor"), &format!("{field}.receptor"), faults);
    let box_field = format!("{field}.box");
    let search_box: Option<BoxSpec> = map
        .get("box")
        .and_then(|value| serde_json::from_value(value.clone()).ok());
    match &search_box {
        Some(search_box) => search_box.check(&box_field, faults),
        None => faults.push(Fault::new(
            box_field,
            "give the box: its centre x, y, z and its edges x, y, z in Å",
        )),
    }
    let ((receptor, text), search_box) = receptor.zip(search_box)?;
    let target = Target::Receptor {
        receptor,
        search_box,
    };
    (faults.len() == before).then(|| spec(target, Some(text)))
}

fn parse_receptor(
    value: Option<&Value>,
    field: &str,
    faults: &mut Vec<Fault>,
) -> Option<(Receptor, String)> {
    let text_of = |name: &str| {
        value
            .and_then(|value| value.get(name))
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let names_of = |name: &str| -> Option<Vec<String>> {
        let list = value?.get(name)?.as_array()?;
        Some(
            list.iter()
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect(),
        )
    };
    let (name, text) = (text_of("name"), text_of("text"));
    let before = faults.len();
    if let Err(message) = crate::ligand::check_name(name, 100) {
        faults.push(Fault::new(
            format!("{field}.name"),
            format!("the receptor's name {message}"),
        ));
    }
    let format = match text_of("format") {
        "" => ReceptorFormat::of_file(name),
        format => serde_json::from_value(format.into()).ok(),
    };
    if format.is_none() {
        faults.push(Fault::new(
            format!("{field}.format"),
            "the receptor must be a PDB, mmCIF or PDBQT file",
        ));
    }
    if text.len() > MAX_RECEPTOR_BYTES {
        faults.push(Fault::new(
            format!("{field}.text"),
            "the receptor file is larger than 10 MB",
        ));
    } else if !has_atoms(text) {
        faults.push(Fault::new(
            format!("{field}.text"),
            "the receptor file has no ATOM records; it must be a protein structure in PDB, mmCIF or PDBQT format",
        ));
    }
    let receptor = Receptor {
        name: name.to_owned(),
        format: format?,
        sha256: String::new(),
        chains: names_of("chains").filter(|chains| !chains.is_empty()),
        keep: names_of("keep").filter(|keep| !keep.is_empty()),
    };
    (faults.len() == before).then(|| (receptor, text.to_owned()))
}

/// Whether a structure file has atoms at all; the worker reads it in full.
fn has_atoms(text: &str) -> bool {
    text.lines()
        .any(|line| line.starts_with("ATOM ") || line.starts_with("ATOM\t"))
}

/// A pose as the worker wrote it into `metrics.json`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pose {
    /// Its place, from 1, the best first.
    pub rank: u32,
    /// Its docking score in kcal/mol.
    pub score: f64,
    /// Lower bound of the RMSD from the best pose in Å.
    pub rmsd_lb: Option<f64>,
    /// Upper bound of the RMSD from the best pose in Å.
    pub rmsd_ub: Option<f64>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn faults_of(target: Value) -> Vec<String> {
        let mut faults = Vec::new();
        let spec = read_target(&target, "target", &mut faults);
        assert_eq!(spec.is_none(), !faults.is_empty());
        faults.into_iter().map(|fault| fault.field).collect()
    }

    #[test]
    fn a_named_target_is_found_in_any_case() {
        assert_eq!(faults_of(json!({"named": "abl1"})), [""; 0]);
        assert_eq!(faults_of(json!({"named": "NOPE"})), ["target.named"]);
        assert_eq!(faults_of(json!(null)), ["target"]);
    }

    #[test]
    fn every_fault_of_a_receptor_is_named_at_its_field() {
        let atom =
            "ATOM      1  N   MET A   1      27.340  24.430   2.614  1.00  9.67           N\n";
        let with = |edge: f64, text: &str| json!({"receptor": {"name": "3OG7.pdb", "text": text}, "box": {"center": [0, 0, 0], "size": [20, edge, 20]}});
        assert_eq!(faults_of(with(20.0, atom)), [""; 0]);
        assert_eq!(faults_of(with(40.1, atom)), ["target.box.size"]);
        assert_eq!(
            faults_of(with(4.9, "hello")),
            ["target.receptor.text", "target.box.size"]
        );
        assert_eq!(
            faults_of(json!({"receptor": {"name": "a.txt", "text": atom}})),
            ["target.receptor.format", "target.box"]
        );
    }

    #[test]
    fn parameters_out_of_range_are_named() {
        let mut faults = Vec::new();
        let parameters = Parameters::parse(
            &json!({"exhaustiveness": 33, "poses": 0, "sped": 1}),
            &mut faults,
        );
        assert_eq!(parameters, Parameters::default());
        let fields: Vec<_> = faults.iter().map(|fault| fault.field.as_str()).collect();
        assert_eq!(
            fields,
            [
                "parameters.sped",
                "parameters.exhaustiveness",
                "parameters.poses"
            ]
        );
    }
}
