//! What is known of something, as named values and tables.

use leptos::either::Either;
use leptos::prelude::*;

/// A named value.
#[derive(Clone, Debug, PartialEq)]
pub struct Fact {
    /// What it is.
    pub name: String,
    /// Its value.
    pub value: String,
    /// Whether it is read letter by letter: a sequence, a SMILES, a hash.
    pub is_code: bool,
}

impl Fact {
    /// A value with its name.
    pub fn new(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            value: value.into(),
            is_code: false,
        }
    }

    /// A value that is read letter by letter, with its name.
    pub fn code(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self {
            is_code: true,
            ..Self::new(name, value)
        }
    }
}

/// The head of a table whose rows end with what can be done about them.
pub fn heads(titles: &[&'static str]) -> impl IntoView + use<> {
    let titles: Vec<_> = titles
        .iter()
        .map(|title| view! { <th scope="col">{*title}</th> })
        .collect();
    view! {
        <thead>
            <tr>{titles} <th scope="col"><span class="visually-hidden">"Actions"</span></th></tr>
        </thead>
    }
}

/// Facts under a heading.
#[derive(Clone, Debug, PartialEq)]
pub struct Sheet {
    /// The heading.
    pub title: String,
    /// The facts.
    pub facts: Vec<Fact>,
}

/// A table under a heading.
#[derive(Clone, Debug, PartialEq)]
pub struct Grid {
    /// The heading.
    pub title: String,
    /// The columns.
    pub heads: Vec<Head>,
    /// The rows.
    pub rows: Vec<Vec<Cell>>,
}

/// A column of a table.
#[derive(Clone, Debug, PartialEq)]
pub struct Head {
    /// Its title, with its unit.
    pub title: String,
    /// Whether its values are numbers.
    pub is_number: bool,
}

/// A cell of a table.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cell {
    /// What stands in it.
    pub text: String,
    /// What it says in full.
    pub full: Option<String>,
    /// The file that it leads to.
    pub file: Option<String>,
}

impl Cell {
    /// A cell with a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            ..Self::default()
        }
    }

    /// What it says in full.
    pub fn in_full(self, full: impl Into<String>) -> Self {
        Self {
            full: Some(full.into()),
            ..self
        }
    }
}

/// Facts in a list.
pub fn facts(facts: &[Fact], class: &'static str) -> impl IntoView + use<> {
    let facts: Vec<_> = facts
        .iter()
        .map(|fact| {
            let value = match fact.is_code {
                true => Either::Left(view! { <code>{fact.value.clone()}</code> }),
                false => Either::Right(fact.value.clone()),
            };
            view! { <div><dt>{fact.name.clone()}</dt><dd>{value}</dd></div> }
        })
        .collect();
    view! { <dl class=class>{facts}</dl> }
}

/// A sheet under its heading.
pub fn sheet(sheet: &Sheet) -> impl IntoView + use<> {
    view! {
        <section>
            <h2>{sheet.title.clone()}</h2>
            {facts(&sheet.facts, "facts")}
        </section>
    }
}

/// A table under its heading.
pub fn grid(grid: &Grid) -> impl IntoView + use<> {
    let class = |head: &Head| head.is_number.then_some("num");
    let heads: Vec<_> = grid
        .heads
        .iter()
        .map(|head| view! { <th scope="col" class=class(head)>{head.title.clone()}</th> })
        .collect();
    let rows: Vec<_> = grid
        .rows
        .iter()
        .map(|row| {
            let cells: Vec<_> = row
                .iter()
                .zip(&grid.heads)
                .map(|(one, head)| cell(one, class(head)))
                .collect();
            view! { <tr>{cells}</tr> }
        })
        .collect();
    view! {
        <section>
            <h2>{grid.title.clone()}</h2>
            {wide(
                grid.title.clone(),
                view! {
                    <table class="rows grid">
                        <thead>
                            <tr>{heads}</tr>
                        </thead>
                        <tbody>{rows}</tbody>
                    </table>
                },
            )}
        </section>
    }
}

fn cell(cell: &Cell, class: Option<&'static str>) -> impl IntoView + use<> {
    let (text, full) = (cell.text.clone(), cell.full.clone());
    let text = match &cell.file {
        Some(href) => {
            let href = href.clone();
            Either::Left(view! { <a href=href rel="external" download="">{text}</a> })
        }
        None => Either::Right(text),
    };
    view! { <td class=class title=full>{text}</td> }
}

/// A table that scrolls sideways where it does not fit, by keyboard too.
pub fn wide(label: impl Into<String>, table: impl IntoView) -> impl IntoView {
    view! {
        <div class="wide" tabindex="0" role="group" aria-label=label.into()>
            {table}
        </div>
    }
}
