//! How many documents are read, from a store that can go away.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use async_trait::async_trait;
use hub::ports::Documents;
use hub::ports::documents::{Cursor, Document, DocumentsError, Key, Query, Write};
use hub::time::Timestamp;

/// Why a store that went away does not answer.
pub const GONE: &str = "the store went away";

/// A store of which is known how many documents were read.
pub struct Counted {
    store: Arc<dyn Documents>,
    read: AtomicUsize,
    commits: AtomicUsize,
    gone: AtomicBool,
}

impl Counted {
    /// This store, nothing of which was read.
    pub fn new(store: Arc<dyn Documents>) -> Self {
        Self {
            store,
            read: AtomicUsize::new(0),
            commits: AtomicUsize::new(0),
            gone: AtomicBool::new(false),
        }
    }

    /// Documents read since this was asked before; one that is not there counts too, as Firestore counts it.
    pub fn read(&self) -> usize {
        self.read.swap(0, Ordering::SeqCst)
    }

    /// Commits since this was asked before.
    pub fn commits(&self) -> usize {
        self.commits.swap(0, Ordering::SeqCst)
    }

    /// Lets it answer nothing any more.
    pub fn go_away(&self) {
        self.gone.store(true, Ordering::SeqCst);
    }

    /// Lets it answer again.
    pub fn come_back(&self) {
        self.gone.store(false, Ordering::SeqCst);
    }

    fn store(&self) -> Result<&dyn Documents, DocumentsError> {
        match self.gone.load(Ordering::SeqCst) {
            true => Err(DocumentsError::Unavailable(GONE.into())),
            false => Ok(self.store.as_ref()),
        }
    }
}

#[async_trait]
impl Documents for Counted {
    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Document>>, DocumentsError> {
        self.read.fetch_add(keys.len(), Ordering::SeqCst);
        self.store()?.get_many(keys).await
    }

    async fn query(&self, query: &Query) -> Result<Vec<Document>, DocumentsError> {
        let found = self.store()?.query(query).await?;
        self.read.fetch_add(found.len(), Ordering::SeqCst);
        Ok(found)
    }

    async fn last(&self, query: &Query) -> Result<Option<Cursor>, DocumentsError> {
        let found = self.store()?.last(query).await?;
        self.read
            .fetch_add(usize::from(found.is_some()), Ordering::SeqCst);
        Ok(found)
    }

    async fn count(&self, query: &Query) -> Result<u32, DocumentsError> {
        self.store()?.count(query).await
    }

    async fn commit(&self, writes: Vec<Write>) -> Result<(), DocumentsError> {
        self.commits.fetch_add(1, Ordering::SeqCst);
        self.store()?.commit(writes).await
    }

    async fn now(&self) -> Result<Timestamp, DocumentsError> {
        self.store()?.now().await
    }
}
