//! How the documents of the former system belong together: one look at each, in any order, and then the work in an order
//! that is the same every time.

use std::collections::BTreeMap;

use super::{Document, Role};

/// The fields that a look needs.
pub const FIELDS: [&str; 12] = [
    "job_type",
    "type",
    "task_type",
    "task",
    "batch_parent_id",
    "parent_batch_id",
    "parent_id",
    "batch_id",
    "batch_index",
    "input_data",
    "inputs",
    "input",
];

/// What is brought in one go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Work {
    /// A job alone.
    Single(String),
    /// A batch with its children, in their order.
    Batch(String, Vec<String>),
}

/// What was seen so far.
#[derive(Clone, Debug, Default)]
pub struct Sorting {
    seen: BTreeMap<String, Seen>,
}

#[derive(Clone, Debug)]
struct Seen {
    role: Role,
    parent: Option<String>,
    index: Option<u64>,
}

impl Sorting {
    /// Looks at a document, of which [`FIELDS`] are enough.
    pub fn see(&mut self, document: &Document) {
        let seen = Seen {
            role: document.role(),
            parent: document.parent().map(str::to_owned),
            index: document.index(),
        };
        self.seen.insert(document.id.clone(), seen);
    }

    /// How many documents were seen.
    pub fn len(&self) -> usize {
        self.seen.len()
    }

    /// Whether none was seen.
    pub fn is_empty(&self) -> bool {
        self.seen.is_empty()
    }

    /// What is to be brought, each document once. A child whose batch is not there is single, and so is a batch without
    /// children.
    pub fn work(&self) -> Vec<Work> {
        let mut children: BTreeMap<&str, Vec<(u64, &str)>> = BTreeMap::new();
        let mut work = Vec::new();
        for (id, seen) in &self.seen {
            match self.batch_of(id, seen) {
                Some((batch, index)) => children.entry(batch).or_default().push((index, id)),
                None if seen.role != Role::Batch => work.push(Work::Single(id.clone())),
                None => {}
            }
        }
        let batches = self
            .seen
            .iter()
            .filter(|(_, seen)| seen.role == Role::Batch);
        work.extend(batches.map(|(id, _)| match children.remove(id.as_str()) {
            None => Work::Single(id.clone()),
            Some(mut children) => {
                children.sort_unstable();
                let children = children.into_iter().map(|(_, child)| child.to_owned());
                Work::Batch(id.clone(), children.collect())
            }
        }));
        work
    }

    /// The batch of a child and its place there: what the document names, or else what its id is made of.
    fn batch_of(&self, id: &str, seen: &Seen) -> Option<(&str, u64)> {
        if seen.role != Role::Child {
            return None;
        }
        let by_id = || {
            let (batch, number) = id.rsplit_once(['-', '_'])?;
            let number = number
                .parse::<u64>()
                .ok()
                .filter(|_| !number.starts_with('+'))?;
            Some((batch, number))
        };
        let parent = seen
            .parent
            .as_deref()
            .or_else(|| by_id().map(|(batch, _)| batch))?;
        let (batch, _) = self
            .seen
            .get_key_value(parent)
            .filter(|(_, seen)| seen.role == Role::Batch)?;
        let index = seen.index.or_else(|| by_id().map(|(_, number)| number));
        Some((batch, index.unwrap_or(u64::MAX)))
    }
}
