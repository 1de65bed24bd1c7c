//! The stores of documents that a hub of the tests stands on.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use hub::ports::Documents;
use hub::ports::documents::{Document, DocumentsError, Key, Query, Write};
use hub::time::Timestamp;
use server::documents::{Clock, Firestore, Sqlite};

/// Which store.
#[derive(Clone, Copy, Debug)]
pub enum Store {
    Sqlite,
    /// A database of its own on the emulator.
    Firestore,
}

impl Store {
    /// The store, empty.
    pub async fn open(self, folder: &Path, clock: Clock) -> Arc<Counted> {
        let store: Box<dyn Documents> = match self {
            Self::Sqlite => Box::new(Sqlite::open(&folder.join("hub.db"), clock).unwrap()),
            Self::Firestore => Box::new(Firestore::temporary(clock).await.unwrap()),
        };
        Arc::new(Counted {
            store,
            read: AtomicUsize::new(0),
        })
    }
}

/// A store of which is known how many documents were read.
pub struct Counted {
    store: Box<dyn Documents>,
    read: AtomicUsize,
}

impl Counted {
    /// Documents read since this was asked before; one that is not there counts too, as Firestore counts it.
    #[allow(dead_code, reason = "not every group of tests looks at it")]
    pub fn read(&self) -> usize {
        self.read.swap(0, Ordering::SeqCst)
    }
}

#[async_trait]
impl Documents for Counted {
    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Document>>, DocumentsError> {
        self.read.fetch_add(keys.len(), Ordering::SeqCst);
        self.store.get_many(keys).await
    }

    async fn query(&self, query: &Query) -> Result<Vec<Document>, DocumentsError> {
        let found = self.store.query(query).await?;
        self.read.fetch_add(found.len(), Ordering::SeqCst);
        Ok(found)
    }

    async fn count(&self, query: &Query) -> Result<u32, DocumentsError> {
        self.store.count(query).await
    }

    async fn commit(&self, writes: Vec<Write>) -> Result<(), DocumentsError> {
        self.store.commit(writes).await
    }

    async fn now(&self) -> Result<Timestamp, DocumentsError> {
        self.store.now().await
    }
}

/// Runs each case on each store, under the store's name.
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
