//! A small molecule as a person gives it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Characters of a SMILES at most.
pub const MAX_SMILES: usize = 500;
/// Rows of a ligand file, and of the form, at most.
pub const MAX_ROWS: usize = 1_500;
/// Bytes of a ligand file at most.
pub const MAX_FILE_BYTES: usize = 10_000_000;
/// Columns that come with ligands at most.
pub const MAX_COLUMNS: usize = 500;
/// Bytes of further columns that one ligand may carry: they are kept with every child.
const MAX_EXTRA_BYTES: usize = 20_000;

/// A ligand with its name and whatever columns came with it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ligand {
    /// 1 to 100 characters.
    pub name: String,
    /// As it was given, at most 500 characters.
    pub smiles: String,
    /// Further columns in their order; kept and given back, never read.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// Why a text cannot be a name, to follow "the name".
pub fn check_name(name: &str, most: usize) -> Result<(), String> {
    let length = name.chars().count();
    if name.trim().is_empty() {
        Err("is empty".to_owned())
    } else if length > most {
        Err(format!("has {length} characters; at most {most} are taken"))
    } else if name.chars().any(char::is_control) {
        Err("has control characters".to_owned())
    } else {
        Ok(())
    }
}

/// Refuses further columns of a ligand whose names and cells are too many bytes to keep.
pub fn check_extra(bytes: usize) -> Result<(), String> {
    match bytes {
        0..=MAX_EXTRA_BYTES => Ok(()),
        _ => Err(format!(
            "the further columns hold {bytes} bytes; at most {MAX_EXTRA_BYTES} are kept"
        )),
    }
}
