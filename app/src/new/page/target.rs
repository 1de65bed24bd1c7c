//! What is docked into: a named target, or an uploaded receptor with a box.

use hub::docking::NAMED_TARGETS;
use hub::draft::DraftForm;
use leptos::prelude::*;

use super::field::{Faults, described, fault, line};

const AXES: [(&str, &str); 6] = [
    ("center_x", "Centre x"),
    ("center_y", "Centre y"),
    ("center_z", "Centre z"),
    ("size_x", "Edge x"),
    ("size_y", "Edge y"),
    ("size_z", "Edge z"),
];

/// The part of the form.
pub fn target(form: &DraftForm, faults: &Faults) -> impl IntoView + use<> {
    let upload = form.target_kind == "upload";
    let options: Vec<_> = NAMED_TARGETS
        .iter()
        .map(|name| view! { <option value=*name></option> })
        .collect();
    let wrong = faults
        .at("target.named")
        .or_else(|| (!upload).then(|| faults.at("target")).flatten());
    view! {
        <fieldset class="choice">
            <legend>"Target"</legend>
            <label class="radio">
                <input type="radio" name="target_kind" value="named" checked=!upload />
                "A named target"
            </label>
            <div class="when-named">
                <label for="named">"Gene name"</label>
                <input
                    id="named"
                    name="named"
                    list="targets"
                    value=form.named.clone()
                    placeholder="ABL1"
                    autocomplete="off"
                    spellcheck="false"
                    aria-invalid=wrong.is_some().then_some("true")
                    aria-describedby=described("named", &wrong)
                />
                <datalist id="targets">{options}</datalist>
                {fault("named", wrong)}
                <details>
                    <summary>"All 58 targets of DOCKSTRING"</summary>
                    <p class="help">{NAMED_TARGETS.join(", ")}</p>
                </details>
            </div>
            <label class="radio">
                <input type="radio" name="target_kind" value="upload" checked=upload />
                "My own receptor, with a box"
            </label>
            <div class="when-upload">{receptor(form, faults)}</div>
        </fieldset>
    }
}

fn receptor(form: &DraftForm, faults: &Faults) -> impl IntoView + use<> {
    let kept = (!form.receptor_name.is_empty()).then(|| {
        format!(
            "Kept: {}. Choose a file only to take another.",
            form.receptor_name
        )
    });
    let wrong = faults
        .at("target.receptor")
        .or_else(|| faults.at("receptor_file"));
    let box_wrong = faults.at("target.box");
    let edges: Vec<_> = AXES
        .into_iter()
        .zip(&form.search_box)
        .map(|((name, label), value)| {
            view! {
                <label>
                    {label}
                    <input name=name inputmode="decimal" value=value.clone() placeholder=if name.starts_with("size") { "20" } else { "0" } />
                </label>
            }
        })
        .collect();
    view! {
        <label for="receptor_file">"Receptor file"</label>
        <input
            id="receptor_file"
            type="file"
            name="receptor_file"
            accept=".pdb,.ent,.cif,.mmcif,.pdbqt"
            aria-invalid=wrong.is_some().then_some("true")
            aria-describedby=described("receptor_file", &wrong)
        />
        {kept.map(|kept| view! { <p class="help">{kept}</p> })}
        {fault("receptor_file", wrong)}
        <p class="help">"PDB, mmCIF or PDBQT, at most 10 MB. The first model is taken, waters are removed, hydrogens are added at pH 7.4."</p>
        <div class="box" role="group" aria-label="Box in Å" aria-describedby=described("box", &box_wrong)>{edges}</div>
        {fault("box", box_wrong)}
        <p class="help">"The box in Å, in the receptor's own frame: its centre, and edges of 5 to 40 Å."</p>
        <div class="pair">
            <div>{line("chains", "Chains to keep", &form.chains, "all", None)}</div>
            <div>{line("keep", "Residues to keep beside metals", &form.keep, "HEM, NAD", None)}</div>
        </div>
    }
}
