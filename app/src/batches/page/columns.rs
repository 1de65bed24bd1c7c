//! The columns of a batch's table: which there are, and which an address asks for.

use hub::list::JobRow;
use hub::metric::{self, MetricKind};

use crate::address::Address;

/// How many metrics of a task are shown when nobody has chosen: those that it lists first.
const USUAL: usize = 4;

/// A column that can be chosen. Rank and name are always there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Column {
    /// The ligand as it was given.
    Smiles,
    /// A metric of the task.
    Metric(&'static MetricKind),
    /// Where it stands.
    Status,
    /// How long its run took.
    RunTime,
    /// Why it failed or waits.
    Note,
}

impl Column {
    /// Every column that a batch of this task has.
    pub fn all(batch: &JobRow) -> impl Iterator<Item = Self> {
        let metrics = metric::of_task(batch.task).iter().map(Self::Metric);
        [Self::Smiles]
            .into_iter()
            .chain(metrics)
            .chain([Self::Status, Self::RunTime, Self::Note])
    }

    /// The columns that an address asks for; when it names none, all but the metrics that few look at.
    pub fn chosen(batch: &JobRow, address: &Address) -> Vec<Self> {
        let named: Vec<&str> = address.all("columns").collect();
        let usual = metric::of_task(batch.task).iter().take(USUAL);
        let is_usual = |column: &Self| match column.metric() {
            Some(kind) => usual.clone().any(|usual| usual == kind),
            None => true,
        };
        Self::all(batch)
            .filter(|column| match named.is_empty() {
                true => is_usual(column),
                false => named.contains(&column.key()),
            })
            .collect()
    }

    /// The metric that it shows.
    pub fn metric(self) -> Option<&'static MetricKind> {
        match self {
            Self::Metric(kind) => Some(kind),
            _ => None,
        }
    }

    /// Its name in addresses.
    pub fn key(self) -> &'static str {
        match self {
            Self::Smiles => "smiles",
            Self::Metric(kind) => kind.key,
            Self::Status => "status",
            Self::RunTime => "run_s",
            Self::Note => "note",
        }
    }

    /// Its title, with its unit.
    pub fn title(self) -> String {
        match self {
            Self::Smiles => "SMILES".to_owned(),
            Self::Metric(kind) => kind.title(),
            Self::Status => "Status".to_owned(),
            Self::RunTime => "Run time".to_owned(),
            Self::Note => "Note".to_owned(),
        }
    }

    /// Whether rows can be ordered by it.
    pub fn sorts(self) -> bool {
        !matches!(self, Self::Smiles | Self::Note)
    }

    /// Whether its values stand right.
    pub fn is_number(self) -> bool {
        matches!(self, Self::Metric(_) | Self::RunTime)
    }
}
