//! What stands at each address of the router but My Results, and how it is written. Only the server carries this.

use hub::actor::Actor;
use hub::services::Services;
use hub::{Error, Result};
use leptos::prelude::*;

use super::Page;
use crate::address::Address;
use crate::{accounts, admin, batches, jobs, new, organizations, shares, usage};

/// The page at an address.
pub async fn page(
    services: &Services,
    actor: Option<&Actor>,
    path: &str,
    query: &str,
) -> Result<Page> {
    let address = Address::new(path, query);
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    match parts.as_slice() {
        ["login"] => return accounts::page::sign_in(services, &address),
        ["signup"] => return accounts::page::sign_up(),
        ["reset"] => return accounts::page::reset(&address),
        ["verify"] => return accounts::page::verify(&address),
        _ => {}
    }
    let actor = actor.ok_or(Error::Unauthenticated)?;
    match parts.as_slice() {
        ["organization"] => organizations::page::organization(services, actor).await,
        ["organization", "links"] => shares::mine::of_organization(services, actor).await,
        ["organization", "audit"] => admin::audit::of_organization(services, actor, &address).await,
        ["admin"] => admin::hub::page(services, actor).await,
        ["admin", "audit"] => admin::audit::of_hub(services, actor, &address).await,
        ["admin", "errors"] => admin::errors::page(services, actor).await,
        ["admin", "users"] => admin::users::list(services, actor, &address).await,
        ["admin", "users", id] => admin::users::one(services, actor, id).await,
        ["admin", "organizations"] => admin::organizations::list(services, actor, &address).await,
        ["admin", "organizations", id] => admin::organizations::one(services, actor, id).await,
        ["join"] => organizations::page::join(services, &address).await,
        ["account"] => accounts::page::account(services, actor).await,
        ["new"] => new::page::tasks::page(services, actor).await,
        ["new", "docking"] => new::page::docking(services, actor, &address).await,
        ["new", task] => new::page::elsewhere(services, actor, task).await,
        ["jobs", id] => jobs::page::page(services, actor, id).await,
        ["jobs", id, "share"] => shares::new::page(services, actor, id).await,
        ["jobs", id, act] => jobs::page::confirm::page(services, actor, id, act, &address).await,
        ["shares"] => shares::mine::page(services, actor).await,
        ["batches", id] => batches::page::page(services, actor, id, &address).await,
        ["batches", id, "retry-failed"] => batches::page::retry::page(services, actor, id).await,
        ["usage"] => usage::page(services, actor).await,
        _ => Err(Error::NotFound),
    }
}

/// A page that nothing changes.
pub fn still(title: impl Into<String>, view: impl IntoView) -> Page {
    Page {
        title: title.into(),
        html: view.into_view().to_html(),
        events: None,
        said: String::new(),
    }
}
