//! What became of the last form: said at the top of the page that it led back to.

use leptos::prelude::*;
use leptos::server_fn::error::ServerFnUrlError;
use leptos_router::hooks::use_query_map;

use crate::error::{AppError, Reference};

/// Says why the last form was refused; nothing when it was not.
#[component]
pub fn Notice() -> impl IntoView {
    let query = use_query_map();
    let refused = move || {
        let text = query.with(|query| query.get("__err"))?;
        Some(ServerFnUrlError::<AppError>::decode_err(&text))
    };
    view! {
        {move || {
            refused()
                .map(|error| {
                    view! {
                        <div class="notice" role="alert">
                            <p>{error.error.to_string()}</p>
                            {(!error.reference.is_empty()).then(|| view! { <Reference reference=error.reference.clone() /> })}
                        </div>
                    }
                })
        }}
    }
}
