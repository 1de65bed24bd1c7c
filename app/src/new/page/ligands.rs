//! What is docked: pasted or uploaded.

use hub::draft::DraftForm;
use leptos::prelude::*;

use super::field::{Faults, described, fault};
use super::read::Checked;
use crate::served::typing::{LIGANDS, LIGANDS_SAID};
use crate::text::escaped;

/// The part of the form.
pub fn ligands(
    form: &DraftForm,
    checked: Option<&Checked>,
    faults: &Faults,
) -> impl IntoView + use<> {
    let wrong = faults.at("ligands");
    let file_wrong = faults.at("ligands_file");
    let column_wrong = faults.at("smiles_column");
    let kept = (!form.ligands_file.is_empty()).then(|| {
        format!(
            "Kept: {}. Choose a file only to take another.",
            form.ligands_file
        )
    });
    let columns = checked
        .map(|checked| checked.columns.clone())
        .unwrap_or_default();
    let options: Vec<_> = columns
        .iter()
        .map(|name| view! { <option value=name.clone()></option> })
        .collect();
    view! {
        <fieldset>
            <legend>"Ligands"</legend>
            <label for="ligands">"SMILES, one a line with a name after it, or a table"</label>
            <textarea
                id=LIGANDS
                name="ligands"
                rows="8"
                spellcheck="false"
                placeholder="CCO ethanol"
                aria-invalid=wrong.is_some().then_some("true")
                aria-describedby=described("ligands", &wrong)
                inner_html=escaped(&form.ligands)
            ></textarea>
            {fault("ligands", wrong)}
            <p class="help" role="status" id=LIGANDS_SAID></p>
            <label for="ligands_file">"or a file"</label>
            <input
                id="ligands_file"
                type="file"
                class="drop"
                name="ligands_file"
                accept=".smi,.smiles,.txt,.csv,.tsv,.sdf,.sd,.mol"
                aria-invalid=file_wrong.is_some().then_some("true")
                aria-describedby=described("ligands_file", &file_wrong)
            />
            {kept.map(|kept| view! { <p class="help">{kept}</p> })}
            {fault("ligands_file", file_wrong)}
            <p class="help">".smi, CSV, TSV or SDF (V2000), at most 1,500 rows and 10 MB. Further columns are kept. Drop it here."</p>
            <label for="smiles_column">"Column with the SMILES"</label>
            <input
                id="smiles_column"
                name="smiles_column"
                list="columns"
                value=form.smiles_column.clone()
                placeholder="found by itself"
                autocomplete="off"
                aria-invalid=column_wrong.is_some().then_some("true")
                aria-describedby=described("smiles_column", &column_wrong)
            />
            <datalist id="columns">{options}</datalist>
            {fault("smiles_column", column_wrong)}
        </fieldset>
    }
}
