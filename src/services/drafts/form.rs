//! The fields of a form, as the API takes them.

use serde_json::{Value, json};

use crate::draft::DraftForm;
use crate::error::Fault;

/// The target as the API takes it.
pub(super) fn target(form: &DraftForm, receptor_text: Option<&str>) -> Value {
    if form.target_kind != "upload" {
        return json!({"named": form.named});
    }
    let edges: Option<Vec<f64>> = form
        .search_box
        .iter()
        .map(|text| text.trim().replace(',', ".").parse().ok())
        .collect();
    let search_box = edges.map(|edges| json!({"center": edges[..3], "size": edges[3..]}));
    let names = |text: &str| {
        text.split([',', ' ', ';'])
            .filter(|name| !name.is_empty())
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    json!({
        "receptor": {
            "name": form.receptor_name,
            "text": receptor_text.unwrap_or_default(),
            "chains": names(&form.chains),
            "keep": names(&form.keep),
        },
        "box": search_box,
    })
}

/// The parameters as the API takes them; an empty field is the usual value.
pub(super) fn parameters(form: &DraftForm, faults: &mut Vec<Fault>) -> Value {
    let mut parameters = serde_json::Map::new();
    for (name, text) in [
        ("exhaustiveness", &form.exhaustiveness),
        ("seed", &form.seed),
        ("poses", &form.poses),
    ] {
        let text = text.trim();
        if text.is_empty() {
            continue;
        }
        match text.parse::<u64>() {
            Ok(number) => drop(parameters.insert(name.to_owned(), number.into())),
            Err(_) => faults.push(Fault::new(
                format!("parameters.{name}"),
                format!("{name} must be a whole number"),
            )),
        }
    }
    Value::Object(parameters)
}
