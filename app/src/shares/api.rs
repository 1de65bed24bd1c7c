//! What the pages of links change.

#![expect(
    missing_docs,
    reason = "the fields that Leptos makes of parameters cannot be documented"
)]

use leptos::prelude::*;
use leptos::server_fn::codec::PostUrl;

use crate::codec::Json;
use crate::error::AppError;
use crate::fetch::Writes;

/// Makes a link, and goes back to the form, which shows it once.
#[server(prefix = "/api", endpoint = "shares/create", input = PostUrl, output = Json, client = Writes)]
pub async fn create_share(
    id: String,
    expires: String,
    #[server(default)] best: String,
    #[server(default)] password: String,
) -> Result<(), AppError> {
    let (services, actor) = crate::state::asker()?;
    let form = super::new::Form {
        id,
        expires,
        best,
        password,
    };
    crate::state::answer(super::new::create(&services, &actor, form).await)
}

/// Ends a link for good, and goes back to the list that it stands in.
#[server(prefix = "/api", endpoint = "shares/revoke", input = PostUrl, output = Json, client = Writes)]
pub async fn revoke_share(id: String, back: String) -> Result<(), AppError> {
    use crate::jobs::page::read;

    let (services, actor) = crate::state::asker()?;
    crate::state::answer(
        read::and_back(&back, async {
            let id = id.parse().map_err(|_| hub::Error::NotFound)?;
            services.revoke_share(&actor, &id).await
        })
        .await,
    )
}

/// Shows a job or batch to the organisation that it was made in, or no longer.
#[server(prefix = "/api", endpoint = "shares/organization", input = PostUrl, output = Json, client = Writes)]
pub async fn share_with_organization(id: String, shared: bool) -> Result<(), AppError> {
    use crate::jobs::page::read;

    let (services, actor) = crate::state::asker()?;
    let back = format!("/jobs/{id}/share");
    crate::state::answer(
        read::and_back(&back, async {
            let id = read::id(&id)?;
            let shown = services.share_with_organization(&actor, &id, shared);
            shown.await.map(drop)
        })
        .await,
    )
}
