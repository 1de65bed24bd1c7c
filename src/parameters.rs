//! How `parameters` of a request are read: whole numbers in their ranges, and every fault named at its field.

use std::ops::RangeInclusive;

use serde_json::{Map, Value};

use crate::docking::shortened;
use crate::error::Fault;

/// Whole numbers by their names.
pub(crate) struct Whole<'a> {
    given: Option<&'a Map<String, Value>>,
    faults: &'a mut Vec<Fault>,
}

impl<'a> Whole<'a> {
    /// The numbers that were given for `what`, which knows these names; `null` gives none.
    pub fn new(value: &'a Value, what: &str, names: &[&str], faults: &'a mut Vec<Fault>) -> Self {
        let given = value.as_object();
        if given.is_none() && !value.is_null() {
            faults.push(Fault::new("parameters", "parameters must be an object"));
        }
        let unknown = given
            .into_iter()
            .flat_map(Map::keys)
            .filter(|name| !names.contains(&name.as_str()));
        faults.extend(unknown.map(|name| {
            Fault::new(
                format!("parameters.{}", shortened(name)),
                format!("{what} has no such parameter"),
            )
        }));
        Self { given, faults }
    }

    /// The number of this name; the usual one when it is not given, or at fault.
    pub fn read(&mut self, name: &str, range: RangeInclusive<u64>, usual: u64) -> u64 {
        match self.given.and_then(|given| given.get(name)) {
            None | Some(Value::Null) => usual,
            Some(value) => value
                .as_u64()
                .filter(|number| range.contains(number))
                .unwrap_or_else(|| {
                    let (from, to) = (range.start(), range.end());
                    self.faults.push(Fault::new(
                        format!("parameters.{name}"),
                        format!("{name} must be a whole number from {from} to {to}"),
                    ));
                    usual
                }),
        }
    }
}
