//! What every store of documents does, whatever it is made of: each case runs on each store, under the store's name.

mod commits;
mod queries;
mod terms;
mod walks;

use std::sync::Arc;

use hub::ports::Documents;
use hub::ports::documents::{
    Collection, Cursor, Direction, DocumentsError, Expect, Key, Query, Version, Write,
};
use serde_json::{Value, json};

/// A store that is empty, and ends with the test.
type Store = Arc<dyn Documents>;

/// Runs each case, when `$when` lets it, on a store that `$open` gives.
macro_rules! on {
    ($store:ident, $when:tt, $open:expr, $($module:ident: [$($case:ident),* $(,)?]),* $(,)?) => {
        mod $store {
            $($(
                #$when
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    super::$module::$case($open).await;
                }
            )*)*
        }
    };
}

/// All cases on a store.
macro_rules! on_store {
    ($store:ident, $when:tt, $open:expr) => {
        on!(
            $store,
            $when,
            $open,
            commits: [
                what_is_written_is_read,
                one_write_or_two_hundred_happen_all_or_not_at_all,
                a_write_happens_only_when_what_it_expects_is_true,
                a_conflict_names_the_first_document_that_was_changed,
                a_version_is_never_given_twice,
                one_of_fifty_conditional_writers_wins,
                a_hundred_adds_at_once_are_all_counted,
                adding_makes_what_is_missing_and_keeps_what_is_there,
                many_documents_are_read_in_the_order_asked_with_holes,
                a_large_document_is_kept,
                what_no_store_takes_is_refused,
                the_clock_never_shows_a_time_twice,
            ],
            queries: [
                every_shape_is_answered,
                a_query_without_a_shape_is_refused,
                ties_are_in_the_order_of_ids,
                numbers_are_in_the_order_of_numbers,
                a_document_without_the_order_is_not_found,
                a_range_takes_its_first_and_not_its_last,
                any_of_merges_in_order,
                several_lists_of_values_are_walked_together,
                a_flag_is_found_by_its_value,
                counting_ends_at_the_limit,
                only_the_fields_asked_for_are_read,
            ],
            terms: [
                terms_are_found_and_narrowed,
                terms_follow_their_document,
            ],
            walks: [
                pages_cover_everything_once,
                pages_cover_everything_once_while_documents_come,
                the_last_of_so_many_is_where_the_next_page_begins,
                a_cursor_outside_the_range_is_beside_or_beyond_it,
                a_cursor_at_a_document_that_is_gone_goes_on_after_it,
            ],
        );
    };
}

on_store!(
    sqlite,
    [cfg(test)],
    std::sync::Arc::new(
        crate::documents::Sqlite::temporary(crate::documents::Clock::system()).unwrap()
    )
);

on_store!(
    firestore,
    [ignore = "needs the Firestore emulator: bin/test starts it"],
    std::sync::Arc::new(
        crate::documents::Firestore::temporary(crate::documents::Clock::told())
            .await
            .unwrap()
    )
);

fn put(collection: Collection, id: &str, fields: &Value, expect: Expect) -> Write {
    Write::Put {
        key: Key::new(collection, id),
        json: fields.to_string(),
        expect,
    }
}

/// The jobs of `user:a`, the newest first.
fn newest() -> Query {
    Query::new(Collection::Jobs, "created_at", Direction::Descending, 50).equal("shelf", "user:a")
}

/// The jobs of `user:a`, the oldest first.
fn oldest() -> Query {
    Query::new(Collection::Jobs, "created_at", Direction::Ascending, 50).equal("shelf", "user:a")
}

/// A job of `user:a` that was made at `created_at`, with what `fields` say beside or instead.
fn job(id: &str, created_at: &str, fields: Value) -> Write {
    let mut job = json!({"shelf": "user:a", "created_at": created_at});
    job.as_object_mut()
        .unwrap()
        .extend(fields.as_object().unwrap().clone());
    put(Collection::Jobs, id, &job, Expect::Any)
}

async fn write(store: &Store, writes: Vec<Write>) {
    for chunk in writes.chunks(500) {
        store.commit(chunk.to_vec()).await.unwrap();
    }
}

/// The fields of a document, `None` when it is not there.
async fn read(store: &Store, collection: Collection, id: &str) -> Option<Value> {
    let found = store
        .get_many(&[Key::new(collection, id)])
        .await
        .unwrap()
        .remove(0)?;
    Some(serde_json::from_str(&found.json).unwrap())
}

async fn version(store: &Store, collection: Collection, id: &str) -> Version {
    store
        .get_many(&[Key::new(collection, id)])
        .await
        .unwrap()
        .remove(0)
        .unwrap()
        .version
}

/// The ids of what a query finds.
async fn find(store: &Store, query: &Query) -> Vec<String> {
    store
        .query(query)
        .await
        .unwrap()
        .into_iter()
        .map(|document| document.key.id)
        .collect()
}

/// The ids of everything that a query finds page by page.
async fn walk(store: &Store, query: &Query) -> Vec<String> {
    let mut ids = Vec::new();
    let mut query = query.clone();
    loop {
        let page = store.query(&query).await.unwrap();
        let Some(last) = page.last() else { return ids };
        let fields: Value = serde_json::from_str(&last.json).unwrap();
        query.after = Some(Cursor {
            value: fields[query.order.0].clone(),
            id: last.key.id.clone(),
        });
        ids.extend(page.into_iter().map(|document| document.key.id));
    }
}

fn assert_refused<T: std::fmt::Debug>(answer: Result<T, DocumentsError>) {
    assert!(
        matches!(answer, Err(DocumentsError::Refused(_))),
        "not refused: {answer:?}"
    );
}
