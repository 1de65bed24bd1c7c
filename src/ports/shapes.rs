//! Every shape of query that the hub asks, in one table: from it come the indexes of the stores. A query that is not of
//! one of these shapes is refused by every store alike, so that none is slow in production only.

use std::collections::BTreeSet;

use super::documents::{Collection, Query};

/// What the queries of one kind have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Where they look.
    pub collection: Collection,
    /// Fields that always equal something.
    pub equal: &'static [&'static str],
    /// Fields that may equal something or be one of several values, in any combination.
    pub optional: &'static [&'static str],
    /// The list field whose terms are looked up, when it is one of those queries. Optional fields are then applied to
    /// what the term finds.
    pub contains: Option<&'static str>,
    /// The field that orders and bounds.
    pub order: &'static str,
}

const fn shape(
    collection: Collection,
    equal: &'static [&'static str],
    optional: &'static [&'static str],
    order: &'static str,
) -> Shape {
    Shape {
        collection,
        equal,
        optional,
        contains: None,
        order,
    }
}

/// The table.
pub const SHAPES: &[Shape] = &[
    // My Results: every filter, newest or oldest first.
    shape(
        Collection::Jobs,
        &["shelf"],
        &["status", "model", "task"],
        "created_at",
    ),
    // My Results, with a word to look up.
    Shape {
        collection: Collection::Jobs,
        equal: &["shelf"],
        optional: &["status", "model", "task"],
        contains: Some("terms"),
        order: "created_at",
    },
    // The same for what is shown to an organisation.
    shape(
        Collection::Jobs,
        &["shared_shelf"],
        &["status", "model", "task"],
        "created_at",
    ),
    Shape {
        collection: Collection::Jobs,
        equal: &["shared_shelf"],
        optional: &["status", "model", "task"],
        contains: Some("terms"),
        order: "created_at",
    },
    // Everybody's, for the admins of the hub: filters are applied to what is read, since an index of everybody's jobs by
    // what they have in common would be walked for one owner's list too.
    shape(Collection::Jobs, &[], &[], "created_at"),
    // What of my list changed since the page was read.
    shape(Collection::Jobs, &["shelf"], &[], "updated_at"),
    // Work that is due, and how much of a model is queued or out at the gateway.
    shape(Collection::Jobs, &[], &[], "due_at"),
    shape(Collection::Jobs, &["model", "state"], &[], "created_at"),
    shape(Collection::Children, &[], &[], "due_at"),
    shape(Collection::Children, &["model", "state"], &[], "created_at"),
    // Whose jobs for a model are ready, and whose batches still have children to dispatch; and those jobs and batches.
    shape(Collection::Jobs, &["model", "state"], &[], "owner"),
    shape(Collection::Jobs, &["model", "dispatchable"], &[], "owner"),
    shape(
        Collection::Jobs,
        &["owner", "model", "state"],
        &[],
        "created_at",
    ),
    shape(
        Collection::Jobs,
        &["owner", "model", "dispatchable"],
        &[],
        "created_at",
    ),
    // What failed by the system's own fault, for its operators.
    shape(Collection::Jobs, &[], &[], "faulty_at"),
    shape(Collection::Children, &[], &[], "faulty_at"),
    // A batch's children: in order, by state, and what changed since they were last rolled up.
    shape(Collection::Children, &["batch_id"], &["state"], "index"),
    shape(Collection::Children, &["batch_id"], &[], "updated_at"),
    // What is kept for a time only.
    shape(Collection::Drafts, &[], &[], "expires_at"),
    shape(Collection::Unclaimed, &[], &[], "expires_at"),
    shape(Collection::Idempotency, &[], &[], "expires_at"),
    shape(Collection::Sessions, &[], &[], "expires_at"),
    shape(Collection::SignIns, &[], &[], "expires_at"),
    shape(Collection::Invitations, &[], &[], "expires_at"),
    shape(Collection::Shares, &[], &[], "expires_at"),
    // Mails that are due.
    shape(Collection::Mails, &[], &[], "due_at"),
    // Somebody's drafts, sessions, keys and links; the members of an organisation.
    shape(Collection::Drafts, &["owner"], &[], "expires_at"),
    shape(Collection::Sessions, &["user"], &[], "created_at"),
    shape(Collection::Keys, &["user"], &[], "created_at"),
    shape(Collection::Shares, &["created_by"], &["id"], "created_at"),
    shape(Collection::Shares, &["owner"], &["id"], "created_at"),
    shape(Collection::Users, &["organization"], &[], "created_at"),
    // All of them, for the admins of the hub.
    shape(Collection::Users, &[], &[], "created_at"),
    shape(Collection::Organizations, &[], &[], "created_at"),
    shape(
        Collection::Invitations,
        &["organization"],
        &[],
        "created_at",
    ),
    // How much of an owner's work is out at the gateway.
    shape(Collection::Jobs, &["owner", "state"], &[], "created_at"),
    shape(Collection::Children, &["owner", "state"], &[], "created_at"),
    // What happened, to all and to one owner.
    shape(Collection::Audit, &[], &[], "at"),
    shape(Collection::Audit, &["owner"], &[], "at"),
];

/// Fields that hold the time after which a document may be forgotten: a store that can do so by itself does it.
pub const EXPIRING: &[(Collection, &str)] = &[
    (Collection::Idempotency, "expires_at"),
    (Collection::Sessions, "expires_at"),
    (Collection::Shares, "expires_at"),
];

impl Shape {
    /// Whether a query is of this shape.
    pub fn fits(&self, query: &Query) -> bool {
        let mut narrowed = query
            .equal
            .iter()
            .map(|(field, _)| *field)
            .chain(query.any_of.iter().map(|(field, _)| *field));
        self.collection == query.collection
            && self.order == query.order.0
            && self.contains == query.contains.as_ref().map(|(field, _)| *field)
            && self
                .equal
                .iter()
                .all(|field| narrowed.clone().any(|name| name == *field))
            && narrowed.all(|field| self.equal.contains(&field) || self.optional.contains(&field))
    }

    /// Every combination of the optional fields, each with the fields that always stand before them.
    pub fn combinations(&self) -> Vec<Vec<&'static str>> {
        (0..1u32 << self.optional.len())
            .map(|chosen| {
                let optional = self
                    .optional
                    .iter()
                    .enumerate()
                    .filter(|(bit, _)| chosen & (1 << bit) != 0);
                self.equal
                    .iter()
                    .copied()
                    .chain(optional.map(|(_, field)| *field))
                    .collect()
            })
            .collect()
    }
}

/// Every field of a collection that a query narrows, looks up or orders by.
pub fn fields(collection: Collection) -> BTreeSet<&'static str> {
    let shapes = SHAPES.iter().filter(|shape| shape.collection == collection);
    shapes
        .flat_map(|shape| {
            let narrowing = shape.equal.iter().chain(shape.optional).copied();
            narrowing.chain(shape.contains).chain([shape.order])
        })
        .collect()
}

/// The shape of a query, when it has one.
pub fn of(query: &Query) -> Option<&'static Shape> {
    SHAPES.iter().find(|shape| shape.fits(query))
}

#[cfg(test)]
mod tests {
    use super::super::documents::Direction;
    use super::*;

    #[test]
    fn a_query_without_an_index_has_no_shape() {
        let newest = || Query::new(Collection::Jobs, "created_at", Direction::Descending, 20);
        assert!(of(&newest().equal("shelf", "user:a").equal("model", "vina")).is_some());
        assert!(
            of(&newest()
                .equal("shelf", "user:a")
                .contains("terms", "kinase"))
            .is_some()
        );
        assert!(
            of(&newest().equal("model", "vina")).is_none(),
            "lists look jobs up by their shelf"
        );
        assert!(of(&newest().equal("shelf", "user:a").equal("name", "x")).is_none());
    }

    #[test]
    fn optional_fields_make_every_combination() {
        let combinations = SHAPES[0].combinations();
        assert_eq!(combinations.len(), 8);
        assert!(combinations.contains(&vec!["shelf", "status", "task"]));
    }
}
