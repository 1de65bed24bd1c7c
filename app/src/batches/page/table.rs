//! A batch's children as rows.

use hub::batch::BatchRow;
use hub::job::Status;
use hub::list::JobRow;
use hub::metric::{self, Better, UNVERIFIED, three_digits};
use leptos::either::{Either, EitherOf5};
use leptos::prelude::*;

use super::BatchData;
use super::columns::Column;
use super::filter::is_filtered;
use crate::address::Address;
use crate::sheet::wide;
use crate::{number, status};

/// The table with its pages.
pub fn table(data: &BatchData, address: &Address) -> impl IntoView + use<> {
    let columns = Column::chosen(&data.row, address);
    let ranks = is_ranked(address);
    let heads: Vec<_> = columns
        .iter()
        .map(|column| head(*column, &data.row, address))
        .collect();
    let first = data.children.offset + 1;
    let rows: Vec<_> = data
        .children
        .results
        .iter()
        .zip(first..)
        .map(|(child, rank)| row(child, rank, ranks, &columns, data))
        .collect();
    if rows.is_empty() {
        return Either::Left(view! {
            <section class="empty">
                <p>"No ligand of this batch matches. " <a href=address.path().to_owned()>"Show all"</a></p>
            </section>
        });
    }
    Either::Right(view! {
        {data.place.is_home().then(|| view! { <form id="acts" method="post" hidden></form> })}
        {wide(
            "Ligands",
            view! {
                <table class="rows children">
                    <thead>
                        <tr>
                            <th scope="col" class="num">{if ranks { "Rank" } else { "Place" }}</th>
                            <th scope="col" aria-sort=direction("name", address)><a href=turned("name", None, address)>"Name"</a></th>
                            {heads}
                            <th scope="col"><span class="visually-hidden">"Actions"</span></th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            },
        )}
        {pages(data, address)}
    })
}

/// Whether the rows stand in the order of merit, unfiltered.
fn is_ranked(address: &Address) -> bool {
    let sort = address.get("sort");
    let good_first = metric::named(sort).is_some_and(|kind| kind.better == Better::Low)
        || sort
            .strip_prefix('-')
            .and_then(metric::named)
            .is_some_and(|kind| kind.better == Better::High);
    !is_filtered(address) && (sort.is_empty() || good_first)
}

fn head(column: Column, batch: &JobRow, address: &Address) -> impl IntoView + use<> {
    let (title, class) = (column.title(), column.is_number().then_some("num"));
    let metric = column.metric();
    if !column.sorts() {
        return Either::Left(view! { <th scope="col" class=class>{title}</th> });
    }
    let by_default = metric.is_some()
        && metric::of_task(batch.task).first() == metric
        && address.get("sort").is_empty();
    let usual = metric
        .filter(|_| by_default)
        .map(|kind| usual_sort(kind.better, kind.key));
    let shown = usual.clone().map_or_else(
        || address.clone(),
        |sort| address.clone().with("sort", sort),
    );
    let better = metric.map(|kind| kind.better.words());
    let order = direction(column.key(), &shown);
    let arrow = order.map(|order| if order == "ascending" { " ↑" } else { " ↓" });
    let href = turned(column.key(), metric.map(|kind| kind.better), &shown);
    Either::Right(view! {
        <th scope="col" class=class aria-sort=order>
            <a href=href title=better>{title} {arrow}</a>
        </th>
    })
}

/// How an address says the order of merit.
fn usual_sort(better: Better, key: &str) -> String {
    match better {
        Better::Low => key.to_owned(),
        Better::High => format!("-{key}"),
    }
}

fn direction(key: &str, address: &Address) -> Option<&'static str> {
    let sort = address.get("sort");
    match sort.strip_prefix('-') {
        Some(name) if name == key => Some("descending"),
        None if sort == key => Some("ascending"),
        _ => None,
    }
}

/// The address that orders by a column, or turns its order; the good end comes first.
fn turned(key: &str, better: Option<Better>, address: &Address) -> String {
    let sort = match direction(key, address) {
        Some("ascending") => format!("-{key}"),
        Some(_) => key.to_owned(),
        None => usual_sort(better.unwrap_or(Better::Low), key),
    };
    address
        .clone()
        .without(&["page_token"])
        .with("sort", sort)
        .href()
}

fn row(
    child: &BatchRow,
    rank: u32,
    ranks: bool,
    columns: &[Column],
    data: &BatchData,
) -> impl IntoView + use<> {
    let link = data.place.job(&child.id);
    let files = data.place.files_of_view(&child.id);
    let missing = ranks
        && !metric::of_task(data.row.task)
            .first()
            .is_some_and(|kind| child.values.contains_key(kind.key));
    let rank = if missing {
        number::MISSING.to_owned()
    } else {
        number::grouped(rank)
    };
    // Where the heads are not shown, several values need their names.
    let named = columns.iter().filter_map(|column| column.metric()).count() > 1;
    let cells: Vec<_> = columns
        .iter()
        .map(|column| cell(child, *column, named))
        .collect();
    let pose = (child.status == Status::Completed && data.row.has_poses()).then(|| {
        view! {
            <a href=format!("{link}#picture") rel="external" data-pose=child.id.to_string() data-name=child.name.clone() data-files=files title="Show its poses in 3D">"View pose"</a>
        }
    });
    let ended_badly = matches!(child.status, Status::Failed | Status::Cancelled);
    let again = (ended_badly && data.place.is_home() && data.row.former_id.is_none()).then(|| {
        view! { <button form="acts" formaction="/api/jobs/retry" name="id" value=child.id.to_string()>"Retry"</button> }
    });
    view! {
        <tr data-row=child.id.to_string()>
            <td class="num rank" class:missing=missing title=missing.then_some("it has no value to be ranked by")>{rank}</td>
            <td class="name"><a href=link data-open="">{child.name.clone()}</a></td>
            {cells}
            <td class="acts">{pose} {again}</td>
        </tr>
    }
}

fn cell(child: &BatchRow, column: Column, named: bool) -> impl IntoView + use<> {
    match column {
        Column::Smiles => EitherOf5::A(view! {
            <td class="smiles"><code title=child.smiles.clone()>{child.smiles.clone()}</code></td>
        }),
        Column::Metric(kind) => {
            let value = child.values.get(kind.key).copied();
            let doubted = child.unverified.contains(kind.key);
            let title =
                value.map_or_else(|| no_value(child), |value| format!("{value} {}", kind.unit));
            EitherOf5::B(view! {
                <td class="num value" class:missing=value.is_none() title=title data-unit=value.map(|_| kind.unit) data-label=named.then_some(kind.label)>
                    {value.map_or(number::MISSING.to_owned(), three_digits)}
                    {doubted.then(|| view! { " " <small>{UNVERIFIED}</small> })}
                </td>
            })
        }
        Column::Status => EitherOf5::C(view! { <td class="state">{status::of_child(child)}</td> }),
        Column::RunTime => EitherOf5::D(view! {
            <td class="num took" class:missing=child.run_s.is_none()>
                {child.run_s.map_or(number::MISSING.to_owned(), number::duration)}
            </td>
        }),
        Column::Note => EitherOf5::E(
            view! { <td class="note" title=child.note.clone()>{child.note.clone()}</td> },
        ),
    }
}

fn no_value(child: &BatchRow) -> String {
    child.note.clone().unwrap_or_else(|| match child.status {
        Status::Pending | Status::Running => "no value yet".to_owned(),
        _ => "no value was written".to_owned(),
    })
}

fn pages(data: &BatchData, address: &Address) -> impl IntoView + use<> {
    let page = &data.children;
    let token = |token: &Option<String>| {
        token.as_ref().map(|token| {
            address
                .clone()
                .with("page_token", if token == "0" { "" } else { token.as_str() })
                .href()
        })
    };
    let (before, after) = (token(&page.prev_page_token), token(&page.next_page_token));
    let (from, to) = (page.offset + 1, page.offset + page.results.len() as u32);
    view! {
        <nav class="pages" aria-label="Pages">
            <span>{number::count(page.total_results, "ligand")}</span>
            <span>
                {before.map(|href| view! { <a href=href rel="prev">"Previous"</a> })}
                {format!("{}–{} of {}", number::grouped(from), number::grouped(to), number::grouped(page.total_results))}
                {after.map(|href| view! { <a href=href rel="next">"Next"</a> })}
            </span>
        </nav>
    }
}
