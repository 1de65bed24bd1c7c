//! What the pages of jobs and batches share.

use hub::list::JobRow;
use leptos::prelude::*;

/// A small form for another name.
pub fn rename(job: &JobRow) -> impl IntoView + use<> {
    view! {
        <details class="menu rename">
            <summary class="button">"Rename"</summary>
            <form method="post" action="/api/jobs/rename">
                <input type="hidden" name="id" value=job.id.to_string() />
                <label>"Name" <input name="name" required maxlength="200" value=job.name.clone() /></label>
                <button class="button">"Save"</button>
            </form>
        </details>
    }
}
