//! What somebody sees who has nothing yet: what this is, a picture, and three examples that fill the form.

use leptos::prelude::*;

/// An example: its name in addresses, its title, and what it is.
pub struct Example {
    /// Its name in addresses.
    pub name: &'static str,
    /// Its title.
    pub title: &'static str,
    /// What it is, and how long it takes.
    pub summary: &'static str,
}

/// All examples.
pub const EXAMPLES: [Example; 3] = [
    Example {
        name: "kinases",
        title: "Screen kinase inhibitors",
        summary: "20 approved kinase inhibitors in the ABL1 kinase, ranked by docking score.",
    },
    Example {
        name: "imatinib",
        title: "Dock imatinib into ABL1",
        summary: "One drug in the kinase it was made for; look at its pose in 3D.",
    },
    Example {
        name: "pyridine",
        title: "Dock pyridine into CYP3A4",
        summary: "A molecule of six atoms, for a first result within seconds.",
    },
];

/// The empty list.
#[component]
pub fn Examples() -> impl IntoView {
    let examples: Vec<_> = EXAMPLES
        .iter()
        .map(|example| {
            view! {
                <li>
                    <a href=format!("/new/docking?example={}", example.name)>{example.title}</a>
                    <p>{example.summary}</p>
                </li>
            }
        })
        .collect();
    view! {
        <section class="welcome">
            <img src="/welcome.svg" alt="Ligands ranked by how well they fit a pocket" width="320" height="200" />
            <div>
                <h2>"Nothing here yet"</h2>
                <p>
                    "Everything that you submit stands in this list: while it waits and runs, and when it has a result. "
                    "Begin with an example; it fills the form, and nothing runs before you say so."
                </p>
                <ul class="examples">{examples}</ul>
                <p><a class="button primary" href="/new">"Start something of your own"</a></p>
            </div>
        </section>
    }
}
