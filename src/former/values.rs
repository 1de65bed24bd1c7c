//! Values of the former system: which key of a record is which metric. Each value that comes out stands in the record under
//! the key that it names as its source; what is no number there is missing.

use serde_json::{Map, Value};

use super::INPUTS;
use crate::metric::prediction as kinds;
use crate::metric::{Metric, MetricKind, Metrics, Source};
use crate::model::Model;

/// Values that the former system filled in where it had none.
const FILLED_IN: [f64; 7] = [0.0, -8.5, 0.75, 0.82, 0.73, 0.8, 85.0];
/// Objects within objects that are looked into.
const DEPTH: usize = 5;

/// A metric, and how records name it.
struct Known {
    kind: MetricKind,
    /// Keys that are this metric and nothing else, the surest first.
    keys: &'static [&'static str],
    /// Keys that mean it in a record of Boltz-2.
    of_boltz2: &'static [&'static str],
    /// Values that it can have.
    range: (f64, f64),
    /// Whether a value outside is one of another scale, and none of this metric.
    other_scale: bool,
}

const fn known(kind: MetricKind, keys: &'static [&'static str], range: (f64, f64)) -> Known {
    Known {
        kind,
        keys,
        of_boltz2: &[],
        range,
        other_scale: false,
    }
}

impl Known {
    const fn of_boltz2(self, keys: &'static [&'static str]) -> Self {
        Self {
            of_boltz2: keys,
            ..self
        }
    }

    const fn by_scale(self) -> Self {
        Self {
            other_scale: true,
            ..self
        }
    }
}

const PART: (f64, f64) = (0.0, 1.0);
const LOG_IC50: (f64, f64) = (-6.0, 6.0);
const DISTANCE: (f64, f64) = (0.0, 1_000.0);

/// Both scales were written under these; no mean of 100 is below 1.5.
const PLDDT_KEYS: [&str; 3] = ["plddt", "mean_plddt", "plddt_score"];

const KNOWN: [Known; 21] = [
    known(kinds::AFFINITY, &["affinity_pred_value"], LOG_IC50).of_boltz2(&["affinity"]),
    known(kinds::AFFINITY_1, &["affinity_pred_value1"], LOG_IC50),
    known(kinds::AFFINITY_2, &["affinity_pred_value2"], LOG_IC50),
    known(
        kinds::BINDING_PROBABILITY,
        &["affinity_probability_binary"],
        PART,
    )
    .of_boltz2(&["affinity_probability"]),
    known(
        kinds::BINDING_PROBABILITY_1,
        &["affinity_probability_binary1"],
        PART,
    ),
    known(
        kinds::BINDING_PROBABILITY_2,
        &["affinity_probability_binary2"],
        PART,
    ),
    known(kinds::CONFIDENCE, &["confidence_score"], PART).of_boltz2(&["confidence"]),
    known(kinds::PTM, &["ptm", "ptm_score"], PART),
    known(kinds::IPTM, &["iptm", "iptm_score"], PART),
    known(kinds::LIGAND_IPTM, &["ligand_iptm"], PART),
    known(kinds::PROTEIN_IPTM, &["protein_iptm"], PART),
    // What stands under the surer key comes later, and counts.
    known(kinds::COMPLEX_PLDDT, &PLDDT_KEYS, PART).by_scale(),
    known(kinds::COMPLEX_PLDDT, &["complex_plddt"], PART),
    known(kinds::COMPLEX_IPLDDT, &["complex_iplddt"], PART),
    known(kinds::PLDDT, &PLDDT_KEYS, (1.5, 100.0)).by_scale(),
    known(kinds::COMPLEX_PDE, &["complex_pde"], DISTANCE),
    known(kinds::COMPLEX_IPDE, &["complex_ipde"], DISTANCE),
    known(kinds::AGGREGATE_SCORE, &["aggregate_score"], (-1e6, 1.0)),
    known(kinds::INTERACTION_PAE, &["interaction_pae"], DISTANCE),
    known(kinds::PAE, &["pae"], DISTANCE),
    known(kinds::PRED_LDDT, &["pred_lddt"], PART),
];

/// Whether a file of the former system is a record with values.
pub fn is_of_results(name: &str) -> bool {
    ["results.json", "affinity.json", "confidence.json"].contains(&name)
        || (name.ends_with(".json")
            && (name.starts_with("affinity_") || name.starts_with("confidence_")))
}

/// The values of a record, whose place is `file`. Where a metric stands several times, the surest key counts, and of
/// those the one that lies least deep.
pub fn values(record: &Map<String, Value>, model: Model, file: &str) -> Metrics {
    let mut numbers = Vec::new();
    collect(record, "", 0, &mut numbers);
    let metric = |known: &Known| {
        let keys = known.keys.iter();
        let of_boltz2 = known.of_boltz2.iter().filter(|_| model == Model::Boltz2);
        let found = keys.chain(of_boltz2).find_map(|key| {
            let named = numbers.iter().filter(|number| number.key == *key);
            named
                .filter(|number| !known.other_scale || known.holds(number.value))
                .min_by_key(|number| (number.depth, &number.path))
        })?;
        let source = Source {
            file: file.to_owned(),
            key: found.path.clone(),
        };
        let metric = Metric::read(&known.kind, found.value, source);
        let metric = match known.doubt(found.value) {
            Some(why) => metric.doubted(why),
            None => metric,
        };
        Some((known.kind.key.to_owned(), metric))
    };
    KNOWN.iter().filter_map(metric).collect()
}

impl Known {
    fn holds(&self, value: f64) -> bool {
        let (least, most) = self.range;
        (least..=most).contains(&value)
    }

    /// Why nobody vouches for a value.
    fn doubt(&self, value: f64) -> Option<String> {
        let (least, most) = self.range;
        if FILLED_IN.contains(&value) {
            Some(format!(
                "the former system filled in {value} where it had no value, so that it may be none"
            ))
        } else if !self.holds(value) {
            Some(format!(
                "the former system wrote {value}, which is outside of what can be: {least} to {most}"
            ))
        } else {
            None
        }
    }
}

/// A number of a record.
struct Number<'a> {
    key: &'a str,
    path: String,
    depth: usize,
    value: f64,
}

/// Every number that stands under a name, but for what was asked. Lists are of many things and belong to none of them.
fn collect<'a>(
    object: &'a Map<String, Value>,
    path: &str,
    depth: usize,
    numbers: &mut Vec<Number<'a>>,
) {
    for (key, value) in object {
        let path = if depth == 0 {
            key.clone()
        } else {
            format!("{path}.{key}")
        };
        match value {
            Value::Number(number) => {
                let value = number.as_f64().filter(|value| value.is_finite());
                numbers.extend(value.map(|value| Number {
                    key,
                    path,
                    depth,
                    value,
                }));
            }
            Value::Object(inner) if depth < DEPTH && !INPUTS.contains(&key.as_str()) => {
                collect(inner, &path, depth + 1, numbers);
            }
            _ => {}
        }
    }
}
