//! What somebody has used of their limits, and what is left. One unit is one single job or one child, on the UTC day on
//! which it was accepted; a retry is another.

use serde::{Deserialize, Serialize};

use crate::limits::Limits;
use crate::time::Timestamp;

/// Units by what became of them, as they are kept for a day or a month.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Units {
    /// Of jobs that have not ended.
    pub held: i64,
    /// Used: completed, failed by the input's fault once begun, or cancelled once begun.
    pub charged: i64,
    /// Given back: failed by no fault of the input, or ended before it began. They count no more.
    pub refunded: i64,
    /// Milliseconds that runs took, tries that failed included.
    pub run_ms: i64,
}

impl Units {
    /// Units that count against a limit.
    pub fn counted(self) -> u32 {
        u32::try_from((self.held + self.charged).max(0)).unwrap_or(u32::MAX)
    }

    /// Units that a limit leaves.
    pub fn left(self, limit: u32) -> u32 {
        limit.saturating_sub(self.counted())
    }
}

/// What was used in the current day or month.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Period {
    /// Units by what became of them.
    #[serde(flatten)]
    pub units: Units,
    /// Units that are left; `None` without a limit.
    pub remaining: Option<u32>,
    /// When the count begins anew.
    pub resets_at: Timestamp,
}

/// What is out at the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Running {
    /// Units now.
    pub now: u32,
    /// Units at most; `None` without a limit.
    pub limit: Option<u32>,
}

/// What an owner has used of their limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// The limits; `None` for the owner of a hub on one machine, who has none.
    pub limits: Option<Limits>,
    /// The current UTC day.
    pub day: Period,
    /// The current UTC month.
    pub month: Period,
    /// What is out at the gateway.
    pub running: Running,
    /// When a job or batch was last submitted of those that are kept.
    #[serde(default)]
    pub last_at: Option<Timestamp>,
}

/// Units that an owner has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remaining {
    /// Of the current UTC day.
    pub today: u32,
    /// Of the current UTC month.
    pub this_month: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_given_back_counts_no_more() {
        let units = Units {
            held: 2,
            charged: 3,
            refunded: 40,
            ..Units::default()
        };
        assert_eq!((units.counted(), units.left(7), units.left(4)), (5, 2, 0));
        assert_eq!(Units::default().left(0), 0);
    }
}
