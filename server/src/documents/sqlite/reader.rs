//! Connections that read, and what is read with them. Documents are handed on as the text they are stored as.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use hub::ports::documents::{Collection, Cursor, Document, DocumentsError, Key, Version};
use rusqlite::types::{Type, ValueRef};
use rusqlite::{Connection, OptionalExtension, Row, params_from_iter};
use serde_json::value::RawValue;
use tokio::sync::Semaphore;

use super::fault;
use super::statement::Statement;

/// Connections that read; each reads for one caller at a time, on a thread that may block.
pub struct Readers {
    idle: Arc<Mutex<Vec<Connection>>>,
    permits: Arc<Semaphore>,
}

impl Readers {
    /// Opens a few connections.
    pub fn open(connect: impl Fn() -> rusqlite::Result<Connection>) -> rusqlite::Result<Self> {
        // Reads come mostly from memory: more connections than cores would only wait for each other.
        let number = std::thread::available_parallelism()
            .map_or(2, usize::from)
            .clamp(2, 8);
        let connections = (0..number)
            .map(|_| {
                let connection = connect()?;
                connection.pragma_update(None, "query_only", true)?;
                Ok(connection)
            })
            .collect::<rusqlite::Result<Vec<_>>>()?;
        Ok(Self {
            idle: Arc::new(Mutex::new(connections)),
            permits: Arc::new(Semaphore::new(number)),
        })
    }

    /// Reads everything that `job` reads as of one moment.
    pub async fn read<T, F>(&self, job: F) -> Result<T, DocumentsError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        let permits = self.permits.clone();
        let permit = permits
            .acquire_owned()
            .await
            .map_err(|_| fault::gone("the store is closed"))?;
        let idle = self.idle.clone();
        let read = tokio::task::spawn_blocking(move || {
            let mut lent = Lent::take(idle);
            let answer = lent.read(job);
            drop(lent);
            drop(permit);
            answer
        });
        read.await
            .map_err(|error| DocumentsError::Unavailable(error.into()))?
            .map_err(fault::of_sqlite)
    }
}

/// A connection that goes back to the others when it is dropped, even by a panic.
struct Lent {
    connection: Option<Connection>,
    idle: Arc<Mutex<Vec<Connection>>>,
}

impl Lent {
    fn take(idle: Arc<Mutex<Vec<Connection>>>) -> Self {
        let connection = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        Self { connection, idle }
    }

    fn read<T>(
        &mut self,
        job: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        // There are as many permits as connections, so that there is always one.
        let connection = self
            .connection
            .as_mut()
            .ok_or(rusqlite::Error::InvalidQuery)?;
        let moment = connection.transaction()?;
        let answer = job(&moment)?;
        moment.commit()?;
        Ok(answer)
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        self.idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend(self.connection.take());
    }
}

/// The document of this name.
pub fn get(connection: &Connection, key: Key) -> rusqlite::Result<Option<Document>> {
    let sql = format!(
        "SELECT version, json FROM {} WHERE id = ?1",
        key.collection.name()
    );
    let found = connection
        .prepare_cached(&sql)?
        .query_row([&key.id], |row| Ok((Version(row.get(0)?), row.get(1)?)))
        .optional()?;
    Ok(found.map(|(version, json)| Document { key, version, json }))
}

/// The documents that a statement selects; of each only some fields, when they are named.
pub fn documents(
    connection: &Connection,
    collection: Collection,
    statement: &Statement,
    only: Option<&[&str]>,
) -> rusqlite::Result<Vec<Document>> {
    let document = |row: &Row<'_>| {
        Ok(Document {
            key: Key {
                collection,
                id: row.get(1)?,
            },
            version: Version(row.get(2)?),
            json: match only {
                Some(fields) => part(row.get_ref(3)?.as_str()?, fields)?,
                None => row.get(3)?,
            },
        })
    };
    connection
        .prepare_cached(&statement.sql)?
        .query_map(params_from_iter(&statement.parameters), document)?
        .collect()
}

/// These fields of an object alone. A record lies in one place of the file and is read at one go: what is left out here is
/// what nobody makes values of.
fn part(json: &str, fields: &[&str]) -> rusqlite::Result<String> {
    let odd = |error: serde_json::Error| {
        rusqlite::Error::FromSqlConversionFailure(3, Type::Text, Box::new(error))
    };
    let mut document: BTreeMap<&str, &RawValue> = serde_json::from_str(json).map_err(odd)?;
    document.retain(|name, _| fields.contains(name));
    serde_json::to_string(&document).map_err(odd)
}

/// The place that a statement comes to, if there is one.
pub fn place(connection: &Connection, statement: &Statement) -> rusqlite::Result<Option<Cursor>> {
    let place = |row: &Row<'_>| {
        let value = match row.get_ref(0)? {
            ValueRef::Integer(number) => number.into(),
            text => text.as_str()?.into(),
        };
        let id = row.get(1)?;
        Ok(Cursor { value, id })
    };
    connection
        .prepare_cached(&statement.sql)?
        .query_row(params_from_iter(&statement.parameters), place)
        .optional()
}

/// The number that a statement counts.
pub fn number(connection: &Connection, statement: &Statement) -> rusqlite::Result<u32> {
    connection
        .prepare_cached(&statement.sql)?
        .query_row(params_from_iter(&statement.parameters), |row| row.get(0))
}
