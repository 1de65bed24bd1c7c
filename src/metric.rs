//! What models measure: each metric once, with unit, direction and meaning. No value is ever made here.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::Model;
use crate::task::Task;

pub mod prediction;

/// What is said of a value that nobody vouches for.
pub const UNVERIFIED: &str = "unverified";

/// Which end of a metric is the good one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Better {
    /// Lower is better.
    Low,
    /// Higher is better.
    High,
}

impl Better {
    /// In words.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Low => "lower is better",
            Self::High => "higher is better",
        }
    }
}

/// A metric and what it means.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MetricKind {
    /// Its name in files, the API and the store.
    pub key: &'static str,
    /// Its name on a page.
    pub label: &'static str,
    /// Its unit, empty for a plain number.
    pub unit: &'static str,
    /// Which end is the good one.
    pub better: Better,
    /// One sentence for somebody who sees it for the first time.
    pub meaning: &'static str,
}

impl MetricKind {
    /// Its name on a page, with its unit.
    pub fn title(&self) -> String {
        with_unit(self.label, self.unit)
    }

    /// Its name at the head of a column of a file, with its unit.
    pub fn column(&self) -> String {
        with_unit(self.key, self.unit)
    }
}

fn with_unit(name: &str, unit: &str) -> String {
    if unit.is_empty() {
        name.to_owned()
    } else {
        format!("{name} ({unit})")
    }
}

const DOCKING: &[MetricKind] = &[DOCKING_SCORE];

/// The docking score of the best pose.
pub const DOCKING_SCORE: MetricKind = MetricKind {
    key: "docking_score",
    label: "Docking score",
    unit: "kcal/mol",
    better: Better::Low,
    meaning: "AutoDock Vina's estimate of the binding energy of the best pose; lower is better. It ranks ligands in one \
              receptor; it is not a measured affinity and not comparable with an IC50.",
};

/// The metrics of a task, the one that ranks first.
pub const fn of_task(task: Task) -> &'static [MetricKind] {
    match task {
        Task::Docking => DOCKING,
        Task::ProteinLigandBinding
        | Task::BatchProteinLigandScreening
        | Task::DrugDiscovery
        | Task::BindingSitePrediction
        | Task::VariantComparison => prediction::BINDING,
        Task::ProteinStructure | Task::ProteinComplex => prediction::FOLD,
        Task::NanobodyDesign
        | Task::CdrOptimization
        | Task::EpitopeTargetedDesign
        | Task::AntibodyDeNovoDesign => prediction::DESIGN,
        Task::Unknown => &[],
    }
}

/// The metrics of a task that a model writes, the one that ranks first.
pub fn written_by(task: Task, model: Model) -> impl Iterator<Item = &'static MetricKind> {
    let writes = move |kind: &&MetricKind| match model {
        Model::Chai1 => prediction::OF_CHAI.contains(kind),
        Model::Boltz2 => !prediction::NOT_OF_BOLTZ.contains(kind),
        Model::Vina | Model::Rfantibody | Model::Unknown => true,
    };
    of_task(task).iter().filter(writes)
}

/// The metric of this name.
pub fn named(key: &str) -> Option<&'static MetricKind> {
    [
        DOCKING,
        prediction::BINDING,
        prediction::FOLD,
        prediction::DESIGN,
    ]
    .into_iter()
    .flatten()
    .find(|kind| kind.key == key)
}

/// The place a value was read from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// The file of the result.
    pub file: String,
    /// The key in it.
    pub key: String,
}

/// A value of a metric, or why there is none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Metric {
    /// The value as it was written; `null` when missing.
    pub value: Option<f64>,
    /// Why it is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Its unit, empty for a plain number.
    pub unit: String,
    /// Which end is the good one.
    pub better: Better,
    /// Where the value stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
    /// Why nobody vouches for the value; whoever shows it says that it is unverified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unverified: Option<String>,
}

impl Metric {
    /// A value that was read at `source`.
    pub fn read(kind: &MetricKind, value: f64, source: Source) -> Self {
        Self {
            value: Some(value),
            reason: None,
            unit: kind.unit.to_owned(),
            better: kind.better,
            source: Some(source),
            unverified: None,
        }
    }

    /// The same value, for which nobody vouches.
    pub fn doubted(self, why: impl Into<String>) -> Self {
        Self {
            unverified: Some(why.into()),
            ..self
        }
    }

    /// A value that is missing, and why.
    pub fn missing(kind: &MetricKind, reason: impl Into<String>) -> Self {
        Self {
            value: None,
            reason: Some(reason.into()),
            unit: kind.unit.to_owned(),
            better: kind.better,
            source: None,
            unverified: None,
        }
    }
}

/// All metrics of a task, by name.
pub type Metrics = BTreeMap<String, Metric>;

/// Writes a number with three significant digits, as tables show it.
pub fn three_digits(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return value.to_string();
    }
    let magnitude = value.abs().log10().floor();
    let decimals = (2.0 - magnitude).clamp(0.0, 12.0) as usize;
    format!("{value:.decimals$}").replace('-', "\u{2212}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_significant_digits() {
        for (value, text) in [
            (-10.8, "−10.8"),
            (-4.25, "−4.25"),
            (0.579_123, "0.579"),
            (1234.5, "1234"),
            (0.0, "0"),
            (0.001_234_5, "0.00123"),
        ] {
            assert_eq!(three_digits(value), text);
        }
    }

    #[test]
    fn every_metric_is_found_by_its_name() {
        assert_eq!(named("docking_score"), Some(&DOCKING_SCORE));
        assert_eq!(named("affinity"), None);
        for task in Task::ALL {
            for kind in of_task(task) {
                assert_eq!(named(kind.key), Some(kind), "{task}");
            }
        }
    }

    #[test]
    fn each_model_is_ranked_by_what_it_writes() {
        let first = |task, model| written_by(task, model).next().map(|kind| kind.key);
        let fold = Task::ProteinStructure;
        assert_eq!(first(fold, Model::Boltz2), Some("confidence_score"));
        assert_eq!(first(fold, Model::Chai1), Some("aggregate_score"));
        for task in [Task::ProteinLigandBinding, Task::DrugDiscovery] {
            assert_eq!(first(task, Model::Boltz2), Some("affinity_pred_value"));
        }
        let keys: Vec<_> = written_by(fold, Model::Chai1)
            .map(|kind| kind.key)
            .collect();
        assert_eq!(keys, ["aggregate_score", "ptm", "iptm"]);
        assert!(written_by(fold, Model::Boltz2).all(|kind| kind.key != "plddt"));
    }

    #[test]
    fn an_affinity_is_never_an_energy() {
        for kind in prediction::BINDING {
            assert!(!kind.unit.contains("cal"), "{kind:?}");
        }
        assert_eq!(
            prediction::AFFINITY.title(),
            "Predicted affinity (log10(IC50/µM))"
        );
        assert_eq!(prediction::PTM.column(), "ptm");
    }
}
