//! A draft: an input that was typed or uploaded and not yet submitted, with what is said of it. It lets a person upload,
//! look, mend and submit without JavaScript.

use serde::{Deserialize, Serialize};

use crate::actor::Owner;
use crate::docking::Parameters;
use crate::error::Fault;
use crate::id::DraftId;
use crate::preflight::Preflight;
use crate::task::Task;
use crate::time::Timestamp;

/// Seconds that a draft is kept.
pub const KEPT_S: i64 = 24 * 3_600;

/// A draft as it is stored. The uploaded files lie in the file store, under [`Draft::folder`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Draft {
    /// Its id.
    pub id: DraftId,
    /// Whose it is.
    pub owner: Owner,
    /// What it is for.
    pub task: Task,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it is forgotten.
    pub expires_at: Timestamp,
    /// The form as it was sent.
    pub form: DraftForm,
    /// Parameters, as read from the form.
    pub parameters: Parameters,
    /// What is wrong with the form; a draft with faults cannot be submitted.
    pub faults: Vec<Fault>,
}

impl Draft {
    /// The folder of its files.
    pub fn folder(&self) -> String {
        format!("{}/drafts/{}", self.owner.folder(), self.id)
    }
}

/// The form of a docking draft, every field as it was typed, so that it can be shown again.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DraftForm {
    /// The job's or batch's name; made from target and ligands when empty.
    pub name: String,
    /// `named` or `upload`.
    pub target_kind: String,
    /// The named target.
    pub named: String,
    /// The file name of the uploaded receptor; empty when there is none.
    pub receptor_name: String,
    /// The box's centre and edges in Å as typed: center_x, center_y, center_z, size_x, size_y, size_z.
    pub search_box: [String; 6],
    /// Chains to keep, as typed: `A, B`.
    pub chains: String,
    /// Hetero residues to keep, as typed.
    pub keep: String,
    /// Ligands as typed or pasted.
    pub ligands: String,
    /// The file name of the uploaded ligands; empty when they were typed.
    pub ligands_file: String,
    /// The column that holds the SMILES; detected when empty.
    pub smiles_column: String,
    /// Exhaustiveness as chosen or typed.
    pub exhaustiveness: String,
    /// Seed as typed.
    pub seed: String,
    /// Poses as typed.
    pub poses: String,
}

/// A draft as its page shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DraftView {
    /// Its id.
    pub id: DraftId,
    /// The form as it was sent.
    pub form: DraftForm,
    /// What is wrong, by field of the form.
    pub faults: Vec<Fault>,
    /// What is said of the ligands; absent when they could not be read at all.
    pub preflight: Option<Preflight>,
    /// Columns of the ligand file, for choosing the one with the SMILES.
    pub columns: Vec<String>,
    /// The key that makes one submission of this draft one job.
    pub idempotency_key: String,
    /// When it is forgotten.
    pub expires_at: Timestamp,
}
