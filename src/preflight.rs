//! What is said of an input before anything is spent: every row's verdict with its reason, and what the whole will take.

use serde::{Deserialize, Serialize};

use crate::usage::Remaining;

/// What is said of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Runs.
    Pass,
    /// Runs; somebody should look.
    Warn,
    /// Never runs.
    Fail,
}

impl Verdict {
    /// Its word on a page.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Pass => "Pass",
            Self::Warn => "Warning",
            Self::Fail => "Fail",
        }
    }
}

/// A row of an input, and what is said of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RowVerdict {
    /// The line in the file it came from, or its place in the request, from 1.
    pub line: u32,
    /// The ligand's name.
    pub name: String,
    /// The SMILES as it was given.
    pub smiles: String,
    /// Whether it runs.
    pub verdict: Verdict,
    /// Why, in words; empty for a pass.
    pub reasons: Vec<String>,
    /// The canonical SMILES, when a chemistry library has read it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canonical_smiles: Option<String>,
    /// Atoms other than hydrogen of what would run, when known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heavy_atoms: Option<u32>,
    /// Rotatable bonds, when known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rotors: Option<u32>,
    /// Seconds of one slot that it is expected to take; none for a row that fails.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimate_s: Option<u32>,
}

/// What is said of a whole input.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Preflight {
    /// Every row, in order.
    pub rows: Vec<RowVerdict>,
    /// What the rows sum up to.
    pub totals: Totals,
    /// Why chemistry was not checked: the gateway did not answer. `None` when it was.
    pub not_checked: Option<String>,
    /// What somebody should know of the target.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// Seconds until all has run, by the slots there are now and what runs before; `None` when nobody runs it now.
    pub seconds: Option<u32>,
    /// Jobs and children that are queued before it.
    pub queued_before: u32,
    /// Hours of GPU; 0 for a model that needs none.
    pub gpu_hours: f64,
    /// US dollars, when the price is known.
    pub cost_usd: Option<f64>,
    /// Units of quota that are left; `None` without a limit.
    pub remaining: Option<Remaining>,
    /// Why it would wait, when the model cannot run now.
    pub waits_for: Option<String>,
}

/// How many rows there are of which verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// All.
    pub rows: u32,
    /// Passed.
    pub pass: u32,
    /// With a warning.
    pub warn: u32,
    /// Failed.
    pub fail: u32,
}

impl Totals {
    /// Counts verdicts.
    pub fn of(rows: &[RowVerdict]) -> Self {
        let count = |verdict| rows.iter().filter(|row| row.verdict == verdict).count() as u32;
        Self {
            rows: rows.len() as u32,
            pass: count(Verdict::Pass),
            warn: count(Verdict::Warn),
            fail: count(Verdict::Fail),
        }
    }

    /// Rows that run.
    pub const fn running(self) -> u32 {
        self.pass + self.warn
    }
}
