//! How much may be run: so many units a day and a month, so many at once, so many in one batch. One unit is one single
//! job or one child.

use serde::{Deserialize, Serialize};

/// Limits of a person or an organisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Units on one UTC day.
    pub per_day: u32,
    /// Units in one UTC month.
    pub per_month: u32,
    /// Units that are out at the gateway at once; the rest wait.
    pub running: u32,
    /// Children of one batch.
    pub children: u32,
}

impl Limits {
    /// Those of a person outside of any organisation.
    pub const PERSON: Self = Self {
        per_day: 100,
        per_month: 3_000,
        running: 5,
        children: 50,
    };
}

/// What an organisation agreed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tier {
    /// To begin with.
    Free,
    /// A group.
    Pro,
    /// An institute or a company.
    Enterprise,
}

impl Tier {
    /// Every tier.
    pub const ALL: [Self; 3] = [Self::Free, Self::Pro, Self::Enterprise];

    /// Its name in the API and the store.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::Pro => "pro",
            Self::Enterprise => "enterprise",
        }
    }

    /// Its limits.
    pub const fn limits(self) -> Limits {
        match self {
            Self::Free => Limits {
                per_day: 1_000,
                per_month: 30_000,
                running: 20,
                children: 500,
            },
            Self::Pro => Limits {
                per_day: 5_000,
                per_month: 100_000,
                running: 50,
                children: 1_500,
            },
            Self::Enterprise => Limits {
                per_day: 50_000,
                per_month: 1_000_000,
                running: 200,
                children: 10_000,
            },
        }
    }
}
