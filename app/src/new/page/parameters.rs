//! How hard is searched.

use hub::draft::DraftForm;
use leptos::prelude::*;

use super::field::{Faults, described, fault};

/// The settings with a name: name, title, exhaustiveness, and what it is for.
const SETTINGS: [(&str, &str, &str, &str); 3] = [
    (
        "fast",
        "Fast",
        "1",
        "to sift; the scores of large ligands vary from run to run",
    ),
    (
        "standard",
        "Standard",
        "8",
        "as in the DOCKSTRING benchmark",
    ),
    (
        "thorough",
        "Thorough",
        "32",
        "for large or flexible ligands; four times as long",
    ),
];

/// The exhaustiveness that a setting of the form stands for; `None` where it is typed.
pub fn exhaustiveness_of(setting: &str) -> Option<&'static str> {
    let named = SETTINGS.iter().find(|(name, ..)| *name == setting);
    named.map(|(_, _, value, _)| *value)
}

/// The part of the form.
pub fn parameters(form: &DraftForm, faults: &Faults) -> impl IntoView + use<> {
    let typed = form.exhaustiveness.trim().to_owned();
    let typed = if typed.is_empty() {
        "8".to_owned()
    } else {
        typed
    };
    let own = SETTINGS.iter().all(|(_, _, value, _)| *value != typed);
    let settings: Vec<_> = SETTINGS
        .iter()
        .map(|(name, title, value, meaning)| {
            view! {
                <label class="radio">
                    <input type="radio" name="setting" value=*name checked=*value == typed />
                    {*title} <small>{*meaning}</small>
                </label>
            }
        })
        .collect();
    let (wrong, poses_wrong, seed_wrong) = (
        faults.at("parameters.exhaustiveness"),
        faults.at("parameters.poses"),
        faults.at("parameters.seed"),
    );
    let open = own || poses_wrong.is_some() || seed_wrong.is_some();
    view! {
        <fieldset class="choice">
            <legend>"Search"</legend>
            {settings}
            <details open=open>
                <summary>"More"</summary>
                <label class="radio">
                    <input type="radio" name="setting" value="own" checked=own />
                    "Own exhaustiveness"
                </label>
                {whole("exhaustiveness", "Exhaustiveness, 1 to 32", &typed, ("1", "32"), wrong)}
                {whole("poses", "Poses kept, 1 to 20", &form.poses, ("1", "20"), poses_wrong)}
                {whole("seed", "Seed", &form.seed, ("0", "2147483647"), seed_wrong)}
            </details>
        </fieldset>
    }
}

fn whole(
    id: &'static str,
    label: &'static str,
    value: &str,
    (least, most): (&'static str, &'static str),
    wrong: Option<String>,
) -> impl IntoView + use<> {
    view! {
        <label for=id>{label}</label>
        <input
            id=id
            type="number"
            name=id
            min=least
            max=most
            value=value.to_owned()
            aria-invalid=wrong.is_some().then_some("true")
            aria-describedby=described(id, &wrong)
        />
        {fault(id, wrong)}
    }
}
