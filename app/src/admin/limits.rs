//! The fields of limits, which people and organisations have alike.

use hub::limits::Limits;
use hub::usage::Usage;
use leptos::prelude::*;

use crate::accounts::page::Outcome;
use crate::new::page::field::{described, fault};
use crate::number;
use crate::sheet::{Fact, facts};
use crate::time;

/// Names and labels of the fields.
const FIELDS: [(&str, &str); 4] = [
    ("per_day", "Units a day"),
    ("per_month", "Units a month"),
    ("running", "At once"),
    ("children", "Ligands in a batch"),
];

/// Four numbers; all empty are the usual ones.
pub fn fields(set: Option<Limits>, outcome: &Outcome) -> impl IntoView + use<> {
    let values = set.map(|set| [set.per_day, set.per_month, set.running, set.children]);
    let fields: Vec<_> = FIELDS
        .iter()
        .enumerate()
        .map(|(place, (name, label))| {
            let sent = outcome.refused.as_ref().map(|_| outcome.value(name));
            let value = sent.or_else(|| Some(values?[place].to_string()));
            let wrong = outcome.faults().at(name);
            view! {
                <div>
                    <label for=*name>{*label}</label>
                    <input
                        id=*name
                        name=*name
                        type="number"
                        min="0"
                        value=value
                        aria-invalid=wrong.is_some().then_some("true")
                        aria-describedby=described(name, &wrong)
                    />
                    {fault(name, wrong)}
                </div>
            }
        })
        .collect();
    view! {
        {fields}
        <p class="help">"Leave all four empty for the usual limits. 0 lets nothing run."</p>
    }
}

/// What was used, beside what is allowed.
pub fn used(usage: &Usage) -> impl IntoView + use<> {
    let of = |used: u32, limit: Option<u32>| match limit {
        Some(limit) => format!("{} of {}", number::grouped(used), number::grouped(limit)),
        None => number::grouped(used),
    };
    let limits = usage.limits;
    let (day, month) = (usage.day.units, usage.month.units);
    let hours = (month.run_ms as f64 / 360_000.0).round() / 10.0;
    let known = [
        Fact::new(
            "Units today",
            of(day.counted(), limits.map(|limits| limits.per_day)),
        ),
        Fact::new(
            "Units this month",
            of(month.counted(), limits.map(|limits| limits.per_month)),
        ),
        Fact::new("Running now", of(usage.running.now, usage.running.limit)),
        Fact::new("Run time this month", number::with_unit(hours, "h")),
        Fact::new(
            "Last submission",
            usage.last_at.map_or_else(|| "none".to_owned(), time::exact),
        ),
        Fact::new(
            "Ligands in a batch",
            limits.map_or_else(
                || "no limit".to_owned(),
                |limits| number::grouped(limits.children),
            ),
        ),
    ];
    facts(&known, "facts")
}
