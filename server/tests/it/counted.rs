//! How many documents are read and what of them, and where what is written goes, in a store that can go away.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use hub::ports::Documents;
use hub::ports::documents::{Collection, Cursor, Document, DocumentsError, Key, Query, Write};
use hub::time::Timestamp;

/// Why a store that went away does not answer.
pub const GONE: &str = "the store went away";

/// Where a commit writes to.
pub type Written = Vec<Collection>;

/// A store of which is known what was read and written.
pub struct Counted {
    store: Arc<dyn Documents>,
    texts: Mutex<Vec<String>>,
    commits: Mutex<Vec<Written>>,
    gone: AtomicBool,
}

impl Counted {
    /// This store, nothing of which was read or written.
    pub fn new(store: Arc<dyn Documents>) -> Self {
        Self {
            store,
            texts: Mutex::default(),
            commits: Mutex::default(),
            gone: AtomicBool::new(false),
        }
    }

    /// Documents read since this was asked before; one that is not there counts too, as Firestore counts it.
    pub fn read(&self) -> usize {
        self.texts().len()
    }

    /// The text of each of these, empty for what is not there or of which only the place was read.
    pub fn texts(&self) -> Vec<String> {
        std::mem::take(&mut *self.texts.lock().unwrap())
    }

    /// Commits since this was asked before.
    pub fn commits(&self) -> Vec<Written> {
        std::mem::take(&mut *self.commits.lock().unwrap())
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
        let found = self.store()?.get_many(keys).await?;
        let text = |found: &Option<Document>| found.as_ref().map(|found| found.json.clone());
        let texts = found.iter().map(|found| text(found).unwrap_or_default());
        self.texts.lock().unwrap().extend(texts);
        Ok(found)
    }

    async fn query(&self, query: &Query) -> Result<Vec<Document>, DocumentsError> {
        let found = self.store()?.query(query).await?;
        let texts = found.iter().map(|found| found.json.clone());
        self.texts.lock().unwrap().extend(texts);
        Ok(found)
    }

    async fn last(&self, query: &Query) -> Result<Option<Cursor>, DocumentsError> {
        let found = self.store()?.last(query).await?;
        let text = found.iter().map(|_| String::new());
        self.texts.lock().unwrap().extend(text);
        Ok(found)
    }

    async fn count(&self, query: &Query) -> Result<u32, DocumentsError> {
        self.store()?.count(query).await
    }

    async fn commit(&self, writes: Vec<Write>) -> Result<(), DocumentsError> {
        let written = writes.iter().map(|write| write.key().collection);
        self.commits.lock().unwrap().push(written.collect());
        self.store()?.commit(writes).await
    }

    async fn now(&self) -> Result<Timestamp, DocumentsError> {
        self.store()?.now().await
    }
}
