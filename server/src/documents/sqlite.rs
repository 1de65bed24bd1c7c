//! Documents in one SQLite file, for a hub on one machine: a thread that writes, a few connections that read.
//!
//! A collection is a table of id, version and JSON text. Fields that a query may name are generated columns, never
//! stored; each kind of query in `shapes::SHAPES` has its index over them.

mod fault;
mod reader;
mod schema;
mod statement;
mod writer;

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use hub::ports::Documents;
use hub::ports::documents::{Cursor, Document, DocumentsError, Key, Query, Write};
use hub::time::Timestamp;
use rusqlite::Connection;
use tempfile::TempDir;

use super::Clock;
use reader::Readers;
use statement::Statement;
use writer::Writer;

/// The documents of one SQLite file, which no other process may have open.
pub struct Sqlite {
    // The order of fields is the order of their end: nobody reads or writes any more when the lock is let go.
    readers: Readers,
    writer: Writer,
    clock: Clock,
    _lock: File,
    _folder: Option<TempDir>,
}

/// Why a file could not be opened as the store of documents.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it open.
    #[error("{} is in use by another process; if a hub runs on it, end that first", .0.display())]
    InUse(PathBuf),
    /// The folder cannot be made, or the file beside it cannot be written.
    #[error("{} cannot be opened", .0.display())]
    File(PathBuf, #[source] std::io::Error),
    /// SQLite cannot read or write it.
    #[error("{} cannot be opened as a database", .0.display())]
    Database(PathBuf, #[source] rusqlite::Error),
}

impl Sqlite {
    /// Opens the file, made with its folder when it is not there, and brings its indexes up to date.
    pub fn open(path: &Path, clock: Clock) -> Result<Self, OpenError> {
        let lock = lock(path)?;
        let database = |error| OpenError::Database(path.to_owned(), error);
        let mut connection = connect(path).map_err(database)?;
        schema::bring_up_to_date(&mut connection).map_err(database)?;
        let writer = Writer::start(connection).map_err(database)?;
        let readers = Readers::open(|| connect(path)).map_err(database)?;
        Ok(Self {
            readers,
            writer,
            clock,
            _lock: lock,
            _folder: None,
        })
    }

    /// Opens an empty store that is gone when this is dropped; for tests.
    pub fn temporary(clock: Clock) -> Result<Self, OpenError> {
        let folder =
            TempDir::new().map_err(|error| OpenError::File(std::env::temp_dir(), error))?;
        let store = Self::open(&folder.path().join("hub.db"), clock)?;
        Ok(Self {
            _folder: Some(folder),
            ..store
        })
    }
}

/// Takes the lock that the file's one process holds; it ends with the process, however that ends.
fn lock(path: &Path) -> Result<File, OpenError> {
    let file = |error| OpenError::File(path.to_owned(), error);
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(file)?;
    }
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let lock = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(name)
        .map_err(file)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse(path.to_owned())),
        Err(TryLockError::Error(error)) => Err(file(error)),
    }
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    // Every kind of query in every length of its value list stays prepared.
    connection.set_prepared_statement_cache_capacity(512);
    connection.execute_batch(
        "PRAGMA journal_mode = WAL;
         PRAGMA synchronous = FULL;
         PRAGMA wal_autocheckpoint = 4000;
         PRAGMA journal_size_limit = 67108864;
         PRAGMA mmap_size = 2147418112;
         PRAGMA cache_size = -32768;
         PRAGMA temp_store = MEMORY;",
    )?;
    Ok(connection)
}

#[async_trait]
impl Documents for Sqlite {
    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Document>>, DocumentsError> {
        let keys = keys.to_vec();
        self.readers
            .read(move |connection| {
                keys.into_iter()
                    .map(|key| reader::get(connection, key))
                    .collect()
            })
            .await
    }

    async fn query(&self, query: &Query) -> Result<Vec<Document>, DocumentsError> {
        let (collection, only) = (query.collection, query.only);
        match Statement::select(query)? {
            Some(statement) => {
                self.readers
                    .read(move |connection| {
                        reader::documents(connection, collection, &statement, only)
                    })
                    .await
            }
            None => Ok(Vec::new()),
        }
    }

    async fn last(&self, query: &Query) -> Result<Option<Cursor>, DocumentsError> {
        match Statement::last(query)? {
            Some(statement) => {
                self.readers
                    .read(move |connection| reader::place(connection, &statement))
                    .await
            }
            None => Ok(None),
        }
    }

    async fn count(&self, query: &Query) -> Result<u32, DocumentsError> {
        match Statement::count(query)? {
            Some(statement) => {
                self.readers
                    .read(move |connection| reader::number(connection, &statement))
                    .await
            }
            None => Ok(0),
        }
    }

    async fn commit(&self, writes: Vec<Write>) -> Result<(), DocumentsError> {
        self.writer.commit(writes).await
    }

    async fn now(&self) -> Result<Timestamp, DocumentsError> {
        Ok(self.clock.now())
    }
}

#[cfg(test)]
mod tests;
