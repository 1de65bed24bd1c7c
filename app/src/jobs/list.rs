//! My Results: one list of single jobs and batches, whose whole state is its address.

use std::collections::HashMap;

use hub::id::JobId;
use hub::list::{JobRow, Pagination};
use leptos::either::{Either, EitherOf3};
use leptos::prelude::*;
use leptos_router::hooks::use_location;

use super::api::{ListData, list_jobs};
use super::{filter, row};
use crate::address::Address;
use crate::error::{AppError, Fault};
use crate::frame::PageTitle;
use crate::new::examples::Examples;
use crate::{live, number};

/// My Results.
#[component]
pub fn ListPage() -> impl IntoView {
    let location = use_location();
    // The address changes a moment before this page gives way to another.
    let search = Memo::new(move |old: Option<&String>| match old {
        Some(old) if location.pathname.with(|path| path != "/") => old.clone(),
        _ => location.search.get(),
    });
    let data = Resource::new(move || search.get(), list_jobs);
    let fetching = live::awaits(move || search.track(), move || data.track());
    let fresh = RwSignal::new(Vec::<JobId>::new());
    let spoken = RwSignal::new(String::new());
    let made = Signal::derive(move || {
        data.with(|list| {
            list.as_ref()
                .and_then(|list| list.as_ref().ok())
                .map(|list| list.now)
                .unwrap_or_default()
        })
    });
    let now = live::clock(made);

    // Beside what was read, since writing into it would throw away what is being read just then.
    let moved = RwSignal::new(HashMap::<JobId, JobRow>::new());
    let list = move || {
        let list = data.get()?;
        Some(list.map(|list| moved.with(|moved| with_moved(list, moved))))
    };

    let speak = live::at_most_every(10_000, move || spoken.set(summary(untrack(list))));
    live::watch(
        || Some("/api/v1/events".to_owned()),
        move |job: JobRow| {
            let news = data.with_untracked(|list| match list {
                Some(Ok(list)) => news(list, &job),
                _ => News::Elsewhere,
            });
            match news {
                News::Shown => {
                    moved.update(|moved| drop(moved.insert(job.id.clone(), job)));
                    speak();
                }
                News::New => fresh.update(|fresh| {
                    if !fresh.contains(&job.id) {
                        fresh.push(job.id);
                    }
                }),
                News::Elsewhere => {}
            }
        },
    );
    let reload = move |_| {
        fresh.set(Vec::new());
        data.refetch();
    };
    view! {
        <PageTitle text="My Results" />
        <h1 class="visually-hidden">"My Results"</h1>
        <p class="visually-hidden" aria-live="polite">{spoken}</p>
        {move || {
            let count = fresh.with(Vec::len);
            (count > 0).then(|| view! { <button class="fresh" on:click=reload>{format!("{count} new")}</button> })
        }}
        <div class="list" class:stale=fetching>
            <Transition fallback=|| ()>
                {move || list().map(|list| shown(list, search.get(), now.get()))}
            </Transition>
        </div>
    }
}

/// Where a row that has changed belongs.
enum News {
    /// On this page: it is put in its place.
    Shown,
    /// Before the rows of this page: it waits until it is asked for.
    New,
    /// On another page, or on none by these filters.
    Elsewhere,
}

fn news(list: &ListData, job: &JobRow) -> News {
    let rows = &list.page.results;
    if rows.iter().any(|row| row.id == job.id) {
        return News::Shown;
    }
    let is_top = list.page.pagination.page == 1 && list.chips.is_empty() && job.batch_id.is_none();
    let is_newer = rows
        .first()
        .is_none_or(|first| first.created_at < job.created_at);
    if is_top && is_newer {
        News::New
    } else {
        News::Elsewhere
    }
}

/// The list with what its rows have become since it was read.
fn with_moved(mut list: ListData, moved: &HashMap<JobId, JobRow>) -> ListData {
    for row in &mut list.page.results {
        if let Some(newer) = moved.get(&row.id)
            && newer.updated_at > row.updated_at
        {
            row.clone_from(newer);
        }
    }
    list
}

fn summary(list: Option<Result<ListData, AppError>>) -> String {
    let Some(Ok(list)) = list else {
        return String::new();
    };
    let ended = list
        .page
        .results
        .iter()
        .filter(|row| row.status.has_ended())
        .count();
    format!(
        "{ended} of {} on this page have ended",
        list.page.results.len()
    )
}

fn shown(
    list: Result<ListData, AppError>,
    search: String,
    now: hub::time::Timestamp,
) -> impl IntoView {
    let list = match list {
        Ok(list) => list,
        Err(error) => return EitherOf3::A(view! { <Fault error /> }),
    };
    let address = Address::new("/", &search).without(&["page_token", "page", "open"]);
    if list.page.results.is_empty() && list.chips.is_empty() && list.page.pagination.page == 1 {
        return EitherOf3::B(view! { <Examples /> });
    }
    let bar = filter::bar(&address, &list.chips);
    let rows = if list.page.results.is_empty() {
        Either::Left(nothing_found(&list))
    } else {
        Either::Right(table(&list, &address, &Address::new("/", &search), now))
    };
    let pages = (!list.page.results.is_empty()).then(|| pages(&list, &address));
    EitherOf3::C(view! { {bar} {rows} {pages} })
}

fn table(
    list: &ListData,
    address: &Address,
    here: &Address,
    now: hub::time::Timestamp,
) -> impl IntoView + use<> {
    let rows: Vec<_> = list
        .page
        .results
        .iter()
        .map(|job| row::row(job, list.opened.as_ref(), here, now))
        .collect();
    let oldest = address.get("sort") == "created_at";
    let (turned, arrow, order) = if oldest {
        ("", "↑", "ascending")
    } else {
        ("created_at", "↓", "descending")
    };
    let turned = address.clone().with("sort", turned).href();
    view! {
        <form id="acts" method="post" hidden></form>
        <table class="rows jobs">
            <caption class="visually-hidden">"Jobs and batches"</caption>
            <thead>
                <tr>
                    <th scope="col">"Name"</th>
                    <th scope="col">"Task"</th>
                    <th scope="col">"Status"</th>
                    <th scope="col" class="num">"Best value"</th>
                    <th scope="col">"Result"</th>
                    <th scope="col" aria-sort=order>
                        <a href=turned title="Turn the order">"Submitted " {arrow}</a>
                    </th>
                    <th scope="col" class="num">"Duration"</th>
                    <th scope="col"><span class="visually-hidden">"Actions"</span></th>
                </tr>
            </thead>
            <tbody>{rows}</tbody>
        </table>
    }
}

/// Says which filter to drop.
fn nothing_found(list: &ListData) -> impl IntoView + use<> {
    let ways: Vec<_> = list
        .chips
        .iter()
        .map(|chip| view! { <li><a href=chip.href.clone()>"without " <b>{chip.label.clone()}</b></a></li> })
        .collect();
    view! {
        <section class="empty">
            <h2>"Nothing matches all of these filters"</h2>
            {(!ways.is_empty()).then(|| view! { <p>"Drop one of them:"</p> <ul>{ways}</ul> })}
            <p><a href="/">"Show everything"</a></p>
        </section>
    }
}

fn pages(list: &ListData, address: &Address) -> impl IntoView + use<> {
    let token = |token: &Option<String>| {
        token
            .as_ref()
            .map(|token| address.clone().with("page_token", token).href())
    };
    let (before, after) = (
        token(&list.page.prev_page_token),
        token(&list.page.next_page_token),
    );
    let further = if list.page.search_incomplete {
        "Search further"
    } else {
        "Next"
    };
    let pagination = list.page.pagination;
    view! {
        <nav class="pages" aria-label="Pages">
            <span>{results(pagination)}</span>
            <span>
                {(pagination.page > 1).then(|| view! { <a href=address.href()>"First"</a> })}
                {before.map(|href| view! { <a href=href rel="prev">"Previous"</a> })}
                {format!("page {} of {}", number::grouped(pagination.page), at_least(pagination.total_pages, pagination))}
                {after.map(|href| view! { <a href=href rel="next">{further}</a> })}
            </span>
        </nav>
    }
}

fn results(pagination: Pagination) -> String {
    let noun = if pagination.total_results == 1 {
        "result"
    } else {
        "results"
    };
    format!("{} {noun}", at_least(pagination.total_results, pagination))
}

fn at_least(number: u32, pagination: Pagination) -> String {
    format!(
        "{}{}",
        number::grouped(number),
        if pagination.total_is_lower_bound {
            "+"
        } else {
            ""
        }
    )
}
