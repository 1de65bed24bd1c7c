//! A field of a form, and what is wrong with it.

use hub::Fault;
use leptos::prelude::*;

/// Faults of a form, found by the field they belong to.
#[derive(Clone, Debug, Default)]
pub struct Faults(pub Vec<Fault>);

impl Faults {
    /// What is wrong at a field or below it.
    pub fn at(&self, field: &str) -> Option<String> {
        let belongs = |fault: &&Fault| {
            fault
                .field
                .strip_prefix(field)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        };
        let messages: Vec<_> = self
            .0
            .iter()
            .filter(belongs)
            .map(|fault| fault.message.as_str())
            .collect();
        (!messages.is_empty()).then(|| messages.join("; "))
    }
}

/// What is wrong, at its field; the field names it by `aria-describedby`.
pub fn fault(id: &str, message: Option<String>) -> impl IntoView + use<> {
    let id = format!("{id}-wrong");
    message.map(|message| view! { <p class="wrong" id=id>{message}</p> })
}

/// What a field is described by: its fault, when it has one.
pub fn described(id: &str, message: &Option<String>) -> Option<String> {
    message.is_some().then(|| format!("{id}-wrong"))
}

/// One line of text with its label.
pub fn line(
    id: &'static str,
    label: &'static str,
    value: &str,
    placeholder: &'static str,
    wrong: Option<String>,
) -> impl IntoView + use<> {
    view! {
        <label for=id>{label}</label>
        <input
            id=id
            name=id
            value=value.to_owned()
            placeholder=placeholder
            autocomplete="off"
            aria-invalid=wrong.is_some().then_some("true")
            aria-describedby=described(id, &wrong)
        />
        {fault(id, wrong)}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_belongs_to_its_field_and_those_above() {
        let faults = Faults(vec![
            Fault::new("target.box.size", "too long"),
            Fault::new("ligands_file", "empty"),
        ]);
        assert_eq!(faults.at("target.box").as_deref(), Some("too long"));
        assert_eq!(faults.at("target.bo"), None);
        assert_eq!(faults.at("ligands"), None);
    }
}
