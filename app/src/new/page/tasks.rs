//! Everything that can be asked for, and what of it this hub can do.

use hub::Result;
use hub::actor::Actor;
use hub::services::Services;
use leptos::prelude::*;

use super::read::{self, TaskCard};
use crate::frame::Breadcrumbs;
use crate::served::{Page, write};

/// The choice of a task.
pub async fn page(services: &Services, actor: &Actor) -> Result<Page> {
    Ok(write::still(
        "New",
        shown(read::tasks(services, actor).await?),
    ))
}

fn shown(cards: Vec<TaskCard>) -> impl IntoView {
    let (closed, open): (Vec<_>, Vec<_>) =
        cards.into_iter().partition(|card| card.reason.is_some());
    let list = |cards: Vec<TaskCard>| cards.into_iter().map(card).collect_view();
    view! {
        <Breadcrumbs above=Vec::new() here="New" />
        <h1>"What do you want to know?"</h1>
        <ul class="tasks">{list(open)}</ul>
        <h2>"Not available here"</h2>
        <ul class="tasks closed">{list(closed)}</ul>
    }
}

fn card(card: TaskCard) -> impl IntoView {
    let href = format!("/new/{}", card.task.name());
    view! {
        <li>
            <a class:off=card.reason.is_some() href=href>{card.task.title()}</a>
            <p>{card.task.summary()}</p>
            {card.reason.map(|reason| view! { <p class="reason">{reason}</p> })}
        </li>
    }
}
