//! What is said of an input before anything runs, and the button that lets it run.

use hub::preflight::{Preflight, RowVerdict, Verdict};
use leptos::either::Either;
use leptos::prelude::*;

use super::read::Checked;
use crate::number;
use crate::sheet::{self, Fact};

/// What will be said, before anything was sent.
pub fn announced() -> impl IntoView {
    view! {
        <section class="preflight">
            <h2>"Before it runs"</h2>
            <p class="help">
                "Check looks at every row: whether it can be read, whether it is there twice, whether it is a salt, a metal or too large. "
                "Then this says what would run, how long it takes and what it costs. Nothing runs before you say so."
            </p>
        </section>
    }
}

/// Everything that is known before it runs.
pub fn preflight(checked: &Checked) -> impl IntoView + use<> {
    let Some(preflight) = &checked.preflight else {
        return Either::Left(());
    };
    let totals = preflight.totals;
    Either::Right(view! {
        <section class="preflight" id="preflight">
            <h2>"Before it runs"</h2>
            <ul class="verdicts">
                <li class="pass">{format!("{} pass", number::grouped(totals.pass))}</li>
                <li class="warn">{format!("{} with a warning", number::grouped(totals.warn))}</li>
                <li class="fail">{format!("{} fail", number::grouped(totals.fail))}</li>
            </ul>
            {preflight.not_checked.clone().map(|why| view! { <p class="notice wait">"Chemistry was not checked: " {why}</p> })}
            {preflight.waits_for.clone().map(|why| view! { <p class="notice wait">"It would wait: " {why}</p> })}
            {sheet::facts(&facts(preflight), "facts")}
            {checked.faults.is_empty().then(|| submit(checked, preflight))}
            {rows(preflight)}
        </section>
    })
}

fn facts(preflight: &Preflight) -> [Fact; 4] {
    let time = preflight.seconds.map_or(
        "not known while nothing runs it".to_owned(),
        hub::estimate::words,
    );
    let queue = match preflight.queued_before {
        0 => "nothing is before it".to_owned(),
        before => format!("{} before it", number::count(before, "job")),
    };
    let cost = match preflight.cost_usd {
        Some(cost) if cost > 0.0 => format!("about {cost:.2} US dollars"),
        Some(_) => "no cost: it runs on this machine's CPU".to_owned(),
        None => "not known".to_owned(),
    };
    let left = preflight.remaining.map_or("no limit".to_owned(), |left| {
        format!(
            "{} left today, {} this month",
            number::count(left.today, "unit"),
            number::grouped(left.this_month)
        )
    });
    [
        Fact::new("Expected time", time),
        Fact::new("Queue", queue),
        Fact::new("Cost", cost),
        Fact::new("Quota", left),
    ]
}

/// The button, which says what happens.
fn submit(checked: &Checked, preflight: &Preflight) -> impl IntoView + use<> {
    let totals = preflight.totals;
    let running = number::grouped(totals.running());
    let (skip, label) = match (totals.running(), totals.fail) {
        (0, _) => {
            return Either::Left(
                view! { <p class="wrong">"No ligand can run. Mend the rows that fail and check again."</p> },
            );
        }
        (1, 0) => ("refuse", "Dock 1 ligand".to_owned()),
        (_, 0) => ("refuse", format!("Dock {running} ligands")),
        (1, _) => ("skip", "Dock the 1 passing ligand".to_owned()),
        _ => ("skip", format!("Dock the {running} passing ligands")),
    };
    Either::Right(view! {
        <form method="post" action="/api/drafts/submit" class="submit">
            <input type="hidden" name="draft" value=checked.id.clone() />
            <input type="hidden" name="key" value=checked.key.clone() />
            <input type="hidden" name="on_failed_rows" value=skip />
            <button class="button primary">{label}</button>
            {(totals.fail > 0).then(|| view! { <p class="help">"The rows that fail are left out; or mend them above and check again."</p> })}
        </form>
    })
}

/// Every row, those that fail first.
fn rows(preflight: &Preflight) -> impl IntoView + use<> {
    let of = |verdict| {
        preflight
            .rows
            .iter()
            .filter(move |row| row.verdict == verdict)
    };
    let bad: Vec<_> = of(Verdict::Fail)
        .chain(of(Verdict::Warn))
        .map(row)
        .collect();
    let good: Vec<_> = of(Verdict::Pass).map(row).collect();
    let good_title = format!("{} pass", number::count(good.len() as u32, "row"));
    let any_bad = !bad.is_empty();
    view! {
        {any_bad.then(|| table(bad))}
        {(!good.is_empty()).then(|| view! {
            <details open=!any_bad>
                <summary>{good_title}</summary>
                {table(good)}
            </details>
        })}
    }
}

fn table(rows: Vec<impl IntoView + 'static>) -> impl IntoView {
    view! {
        <table class="rows verdict-rows">
            <thead>
                <tr>
                    <th scope="col" class="num">"Line"</th>
                    <th scope="col">"Verdict"</th>
                    <th scope="col">"Name"</th>
                    <th scope="col">"SMILES and reason"</th>
                    <th scope="col" class="num">"Expected"</th>
                </tr>
            </thead>
            <tbody>{rows}</tbody>
        </table>
    }
}

fn row(row: &RowVerdict) -> impl IntoView + use<> {
    let class = match row.verdict {
        Verdict::Pass => "pass",
        Verdict::Warn => "warn",
        Verdict::Fail => "fail",
    };
    let reasons = row.reasons.join("; ");
    let atoms = row
        .heavy_atoms
        .map(|atoms| number::count(atoms, "heavy atom"));
    view! {
        <tr>
            <td class="num">{row.line}</td>
            <td><span class=format!("verdict {class}")>{row.verdict.title()}</span></td>
            <td class="name">{row.name.clone()}</td>
            <td class="smiles">
                {(!reasons.is_empty()).then(|| view! { <p>{reasons}</p> })}
                <code title=row.smiles.clone()>{row.smiles.clone()}</code>
            </td>
            <td class="num" title=atoms>{row.estimate_s.map_or(number::MISSING.to_owned(), hub::estimate::words)}</td>
        </tr>
    }
}
