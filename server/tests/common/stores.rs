//! The stores of documents that a hub of the tests stands on.

use std::path::Path;
use std::sync::Arc;

use hub::ports::Documents;
use server::documents::{Clock, Firestore, Sqlite};

/// Which store.
#[derive(Clone, Copy, Debug, Default)]
pub enum Store {
    #[default]
    Sqlite,
    /// A database of its own on the emulator.
    Firestore,
}

impl Store {
    /// The store, empty.
    pub async fn open(self, folder: &Path, clock: Clock) -> Arc<dyn Documents> {
        match self {
            Self::Sqlite => Arc::new(Sqlite::open(&folder.join("hub.db"), clock).unwrap()),
            Self::Firestore => Arc::new(Firestore::temporary(clock).await.unwrap()),
        }
    }
}

/// Runs each case on each store, under the store's name.
#[allow(unused_macros, reason = "each program of tests uses what it needs")]
macro_rules! on_each_store {
    ($($case:ident),* $(,)?) => {
        mod sqlite {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    super::$case(crate::stores::Store::Sqlite).await;
                }
            )*
        }
        mod firestore {
            $(
                #[ignore = "needs the Firestore emulator: bin/test starts it"]
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    super::$case(crate::stores::Store::Firestore).await;
                }
            )*
        }
    };
}
