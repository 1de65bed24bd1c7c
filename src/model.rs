//! The models that the hub knows, what each declares of itself, and what the connected gateway offers of them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::docking::{BoxSpec, NamedTarget};
use crate::task::Task;

mod outputs;

pub use outputs::{Needed, OutputFile, parses};

/// A model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Model {
    /// AutoDock Vina.
    Vina,
    /// Boltz-2.
    Boltz2,
    /// Chai-1.
    Chai1,
    /// RFantibody.
    Rfantibody,
    /// What the former system called by a name that this hub does not know. Nothing runs on it.
    Unknown,
}

impl Model {
    /// Every model that work can be given to.
    pub const ALL: [Self; 4] = [Self::Vina, Self::Boltz2, Self::Chai1, Self::Rfantibody];

    /// Its name in the API, in the store and at the gateway.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Vina => "vina",
            Self::Boltz2 => "boltz2",
            Self::Chai1 => "chai1",
            Self::Rfantibody => "rfantibody",
            Self::Unknown => "unknown",
        }
    }

    /// Its name on a page.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Vina => "AutoDock Vina",
            Self::Boltz2 => "Boltz-2",
            Self::Chai1 => "Chai-1",
            Self::Rfantibody => "RFantibody",
            Self::Unknown => "Unknown model",
        }
    }

    /// What it can do.
    pub const fn tasks(self) -> &'static [Task] {
        match self {
            Self::Vina => &[Task::Docking],
            Self::Boltz2 => &[
                Task::ProteinLigandBinding,
                Task::BatchProteinLigandScreening,
                Task::DrugDiscovery,
                Task::ProteinStructure,
                Task::ProteinComplex,
                Task::BindingSitePrediction,
                Task::VariantComparison,
            ],
            Self::Chai1 => &[Task::ProteinStructure, Task::ProteinComplex],
            Self::Rfantibody => &[
                Task::NanobodyDesign,
                Task::CdrOptimization,
                Task::EpitopeTargetedDesign,
                Task::AntibodyDeNovoDesign,
            ],
            Self::Unknown => &[],
        }
    }

    /// The files that a run may write, with what each is. What is not listed goes into `extra.zip`.
    pub const fn outputs(self) -> &'static [OutputFile] {
        match self {
            Self::Vina => outputs::VINA,
            Self::Boltz2 => outputs::BOLTZ,
            Self::Chai1 => outputs::CHAI,
            Self::Rfantibody | Self::Unknown => &[],
        }
    }
}

impl fmt::Display for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A text that names no model.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no such model")]
pub struct NoSuchModel;

impl FromStr for Model {
    type Err = NoSuchModel;

    fn from_str(text: &str) -> Result<Self, NoSuchModel> {
        Self::ALL
            .into_iter()
            .find(|model| model.name() == text)
            .ok_or(NoSuchModel)
    }
}

/// What the connected gateway says of a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelOffer {
    /// Its name.
    pub id: String,
    /// Whether it can run there.
    pub available: bool,
    /// Why it cannot.
    #[serde(default)]
    pub reason: Option<String>,
    /// Its version there.
    #[serde(default)]
    pub version: Option<String>,
    /// The GPU it runs on, `None` for a CPU.
    #[serde(default)]
    pub gpu: Option<String>,
    /// Runs that go on at once.
    #[serde(default)]
    pub slots: u32,
    /// Runs that may wait at the gateway beyond those.
    #[serde(default)]
    pub queue: u32,
    /// US dollars an hour.
    #[serde(default)]
    pub price_per_hour: Option<f64>,
    /// Hours that its runs may still take this month, where that is known.
    #[serde(default)]
    pub gpu_hours_left: Option<f64>,
    /// Why it takes no runs at the moment.
    #[serde(default)]
    pub maintenance: Option<String>,
    /// Named targets with their boxes, for docking.
    #[serde(default)]
    pub targets: Vec<TargetOffer>,
}

impl ModelOffer {
    /// Whether it takes runs now.
    pub fn takes_runs(&self) -> bool {
        self.available && self.maintenance.is_none()
    }
}

/// A named target as the gateway has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TargetOffer {
    /// Its name.
    pub name: NamedTarget,
    /// Its box.
    #[serde(rename = "box")]
    pub search_box: BoxSpec,
}

/// A model as a person sees it: what it declares, and whether it can be used now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelCard {
    /// The model.
    pub id: Model,
    /// Its name on a page.
    pub title: String,
    /// What it can do.
    pub tasks: Vec<Task>,
    /// Whether work for it can be submitted and will run.
    pub available: bool,
    /// Why not.
    pub reason: Option<String>,
    /// Its version at the gateway.
    pub version: Option<String>,
    /// The GPU it runs on, `None` for a CPU.
    pub gpu: Option<String>,
    /// Runs that go on at once, 0 when unknown.
    pub slots: u32,
    /// US dollars an hour, when known.
    pub price_per_hour: Option<f64>,
}
