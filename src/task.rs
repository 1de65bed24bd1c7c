//! The tasks of the hub: what a person can ask for.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::model::Model;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// How strongly a ligand binds a protein, and where.
    ProteinLigandBinding,
    /// The fold of one protein.
    ProteinStructure,
    /// Several chains together.
    ProteinComplex,
    /// Where on a protein something may bind.
    BindingSitePrediction,
    /// What changes with a mutation.
    VariantComparison,
    /// Ligands ranked against a target.
    DrugDiscovery,
    /// A screen of ligands for binding.
    BatchProteinLigandScreening,
    /// New nanobodies against a target.
    NanobodyDesign,
    /// Better binding loops for an antibody.
    CdrOptimization,
    /// Antibodies against given residues.
    EpitopeTargetedDesign,
    /// New antibodies.
    AntibodyDeNovoDesign,
    /// Poses and scores of a ligand in a rigid receptor.
    Docking,
    /// What the former system called by a name that this hub does not know. Nobody can ask for it.
    Unknown,
}

impl Task {
    /// Every task that can be asked for.
    pub const ALL: [Self; 12] = [
        Self::Docking,
        Self::ProteinLigandBinding,
        Self::BatchProteinLigandScreening,
        Self::DrugDiscovery,
        Self::ProteinStructure,
        Self::ProteinComplex,
        Self::BindingSitePrediction,
        Self::VariantComparison,
        Self::NanobodyDesign,
        Self::CdrOptimization,
        Self::EpitopeTargetedDesign,
        Self::AntibodyDeNovoDesign,
    ];

    /// Its name in addresses, in the API and in the store.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ProteinLigandBinding => "protein_ligand_binding",
            Self::ProteinStructure => "protein_structure",
            Self::ProteinComplex => "protein_complex",
            Self::BindingSitePrediction => "binding_site_prediction",
            Self::VariantComparison => "variant_comparison",
            Self::DrugDiscovery => "drug_discovery",
            Self::BatchProteinLigandScreening => "batch_protein_ligand_screening",
            Self::NanobodyDesign => "nanobody_design",
            Self::CdrOptimization => "cdr_optimization",
            Self::EpitopeTargetedDesign => "epitope_targeted_design",
            Self::AntibodyDeNovoDesign => "antibody_de_novo_design",
            Self::Docking => "docking",
            Self::Unknown => "unknown",
        }
    }

    /// Its title on a page.
    pub const fn title(self) -> &'static str {
        match self {
            Self::ProteinLigandBinding => "Protein–ligand binding",
            Self::ProteinStructure => "Protein structure",
            Self::ProteinComplex => "Protein complex",
            Self::BindingSitePrediction => "Binding sites",
            Self::VariantComparison => "Variant comparison",
            Self::DrugDiscovery => "Drug discovery",
            Self::BatchProteinLigandScreening => "Binding screen",
            Self::NanobodyDesign => "Nanobody design",
            Self::CdrOptimization => "CDR optimisation",
            Self::EpitopeTargetedDesign => "Epitope-targeted design",
            Self::AntibodyDeNovoDesign => "Antibody de novo design",
            Self::Docking => "Docking",
            Self::Unknown => "Unknown task",
        }
    }

    /// One sentence on what it gives.
    pub const fn summary(self) -> &'static str {
        match self {
            Self::ProteinLigandBinding => {
                "Structure of the complex, IC50 and probability of binding."
            }
            Self::ProteinStructure => "The fold of one protein chain, with confidence per residue.",
            Self::ProteinComplex => {
                "Several chains together, with the confidence of each interface."
            }
            Self::BindingSitePrediction => "Residues ranked by how likely a ligand touches them.",
            Self::VariantComparison => {
                "Mutants beside the wild type: structure, confidence, affinity."
            }
            Self::DrugDiscovery => "Ligands ranked against one target.",
            Self::BatchProteinLigandScreening => {
                "Binding of up to thousands of ligands to one target."
            }
            Self::NanobodyDesign => "New nanobodies against a target structure.",
            Self::CdrOptimization => "New binding loops for a known antibody.",
            Self::EpitopeTargetedDesign => "Antibodies against residues that you choose.",
            Self::AntibodyDeNovoDesign => "New antibodies against a target structure.",
            Self::Docking => {
                "Poses and docking scores of one ligand or a whole file in a rigid receptor."
            }
            Self::Unknown => "A task of the former system that this hub does not know.",
        }
    }

    /// The task of one job: its own, or that of each child of a batch.
    pub const fn of_one(self) -> Self {
        match self {
            Self::BatchProteinLigandScreening | Self::DrugDiscovery => Self::ProteinLigandBinding,
            other => other,
        }
    }

    /// Whether a single job of it can be submitted.
    pub const fn can_be_single(self) -> bool {
        matches!(
            self,
            Self::Docking | Self::ProteinLigandBinding | Self::ProteinStructure
        )
    }

    /// Whether a batch of it can be submitted, of one job for each ligand.
    pub const fn can_be_batch(self) -> bool {
        matches!(
            self,
            Self::Docking | Self::BatchProteinLigandScreening | Self::DrugDiscovery
        )
    }

    /// The models that do it, the usual one first.
    pub fn models(self) -> impl Iterator<Item = Model> {
        Model::ALL
            .into_iter()
            .filter(move |model| model.tasks().contains(&self))
    }
}

impl fmt::Display for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A text that names no task.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no such task")]
pub struct NoSuchTask;

impl FromStr for Task {
    type Err = NoSuchTask;

    fn from_str(text: &str) -> Result<Self, NoSuchTask> {
        Self::ALL
            .into_iter()
            .find(|task| task.name() == text)
            .ok_or(NoSuchTask)
    }
}
