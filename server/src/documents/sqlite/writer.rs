//! The thread that writes. Commits that wait together are written together: each whole or not at all, and one wait for
//! the disk for all of them.

use std::collections::BTreeMap;
use std::thread::JoinHandle;

use hub::ports::documents::{DocumentsError, Expect, Key, Write};
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params, params_from_iter};
use tokio::sync::{mpsc, oneshot};

use super::fault;
use crate::documents::check;

/// Most commits that are written together.
const MAX_GROUP: usize = 256;

/// A commit that waits for its answer.
struct Waiting {
    writes: Vec<Write>,
    answer: oneshot::Sender<Result<(), DocumentsError>>,
}

/// The thread's other end.
pub struct Writer {
    queue: Option<mpsc::Sender<Waiting>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts the thread.
    pub fn start(connection: Connection) -> rusqlite::Result<Self> {
        let sequence = connection.query_row("SELECT sequence FROM store", [], |row| row.get(0))?;
        let (queue, waiting) = mpsc::channel(MAX_GROUP);
        let thread = std::thread::spawn(move || {
            Store {
                connection,
                sequence,
            }
            .write_all(waiting)
        });
        Ok(Self {
            queue: Some(queue),
            thread: Some(thread),
        })
    }

    /// Writes all or nothing, and answers when it is on disk.
    pub async fn commit(&self, writes: Vec<Write>) -> Result<(), DocumentsError> {
        check::writes(&writes)?;
        if writes.is_empty() {
            return Ok(());
        }
        let ended = || fault::gone("the thread that writes has ended");
        let (answer, answered) = oneshot::channel();
        let queue = self.queue.as_ref().ok_or_else(ended)?;
        queue
            .send(Waiting { writes, answer })
            .await
            .map_err(|_| ended())?;
        answered.await.map_err(|_| ended())?
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // What waits is still written; then nobody holds the file any more.
        self.queue = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that writes documents had panicked");
        }
    }
}

/// What the thread has.
struct Store {
    connection: Connection,
    /// The number of the last commit, kept in the file, so that no version is ever given twice.
    sequence: i64,
}

impl Store {
    fn write_all(mut self, mut waiting: mpsc::Receiver<Waiting>) {
        while let Some(first) = waiting.blocking_recv() {
            let mut group = vec![first];
            while group.len() < MAX_GROUP
                && let Ok(next) = waiting.try_recv()
            {
                group.push(next);
            }
            self.write_group(group);
        }
    }

    fn write_group(&mut self, group: Vec<Waiting>) {
        // When it fails, whose fault that was shows when each is written alone. A savepoint for each would spare this, at
        // several times the price of everything else: SQLite then walks all it could undo at the end of each statement.
        let outcomes = self.commit_group(&group).unwrap_or_else(|_| {
            group
                .chunks(1)
                .flat_map(|alone| self.commit_alone(alone))
                .collect()
        });
        for (waiting, outcome) in group.into_iter().zip(outcomes) {
            // Who asked may have stopped waiting.
            let _ = waiting.answer.send(outcome);
        }
    }

    fn commit_alone(&mut self, alone: &[Waiting]) -> Vec<Result<(), DocumentsError>> {
        self.commit_group(alone)
            .unwrap_or_else(|error| vec![Err(fault::of_sqlite(error))])
    }

    /// Commits a group in one transaction; an error means that nothing of it was written.
    fn commit_group(
        &mut self,
        group: &[Waiting],
    ) -> rusqlite::Result<Vec<Result<(), DocumentsError>>> {
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut outcomes = Vec::with_capacity(group.len());
        for Waiting { writes, .. } in group {
            self.sequence += 1;
            let conflict = first_conflict(&transaction, writes)?;
            if conflict.is_none() {
                writes
                    .iter()
                    .try_for_each(|write| apply(&transaction, self.sequence, write))?;
            }
            outcomes.push(conflict.map_or(Ok(()), |key| Err(DocumentsError::Conflict(key))));
        }
        // When nothing was written there is nothing to wait for the disk for.
        if outcomes.iter().any(Result::is_ok) {
            transaction.execute("UPDATE store SET sequence = ?1", [self.sequence])?;
            transaction.commit()?;
        }
        Ok(outcomes)
    }
}

fn first_conflict(connection: &Connection, writes: &[Write]) -> rusqlite::Result<Option<Key>> {
    for write in writes {
        let expected = match write {
            Write::Put {
                expect: Expect::Absent,
                ..
            }
            | Write::Delete {
                expect: Expect::Absent,
                ..
            } => None,
            Write::Put {
                expect: Expect::Version(version),
                ..
            }
            | Write::Delete {
                expect: Expect::Version(version),
                ..
            } => Some(version.0),
            Write::Put { .. } | Write::Delete { .. } | Write::Add { .. } => continue,
        };
        let key = write.key();
        let sql = format!(
            "SELECT version FROM {} WHERE id = ?1",
            key.collection.name()
        );
        let version: Option<i64> = connection
            .prepare_cached(&sql)?
            .query_row([&key.id], |row| row.get(0))
            .optional()?;
        if version != expected {
            return Ok(Some(key.clone()));
        }
    }
    Ok(None)
}

fn apply(connection: &Connection, version: i64, write: &Write) -> rusqlite::Result<()> {
    let table = write.key().collection.name();
    let id = &write.key().id;
    match write {
        Write::Put { json, .. } => {
            let sql = format!(
                "INSERT INTO {table} (id, version, json) VALUES (?1, ?2, ?3) \
                 ON CONFLICT (id) DO UPDATE SET version = excluded.version, json = excluded.json"
            );
            connection
                .prepare_cached(&sql)?
                .execute(params![id, version, json])?;
        }
        Write::Delete { .. } => {
            connection
                .prepare_cached(&format!("DELETE FROM {table} WHERE id = ?1"))?
                .execute([id])?;
        }
        Write::Add { amounts, .. } => {
            let amounts = summed(amounts);
            let mut parameters = vec![Value::Text(id.clone()), Value::Integer(version)];
            for (field, amount) in &amounts {
                parameters.push(Value::Text(format!("$.{field}")));
                parameters.push(Value::Integer(*amount));
            }
            connection
                .prepare_cached(&add(table, amounts.len()))?
                .execute(params_from_iter(parameters))?;
        }
    }
    Ok(())
}

/// What is added to each field in all.
fn summed(amounts: &[(&'static str, i64)]) -> BTreeMap<&'static str, i64> {
    let mut sums = BTreeMap::new();
    for (field, amount) in amounts {
        *sums.entry(*field).or_default() += amount;
    }
    sums
}

/// Adds `?4` to what is at the path `?3`, `?6` to what is at `?5`, ...
fn add(table: &str, fields: usize) -> String {
    let added = |json: &str| {
        (0..fields).map(|n| (2 * n + 3, 2 * n + 4)).fold(
            format!("json_set({json}"),
            |sql, (path, amount)| {
                format!("{sql}, ?{path}, coalesce(json_extract({json}, ?{path}), 0) + ?{amount}")
            },
        ) + ")"
    };
    format!(
        "INSERT INTO {table} (id, version, json) VALUES (?1, ?2, {}) \
         ON CONFLICT (id) DO UPDATE SET version = excluded.version, json = {}",
        added("'{}'"),
        added(&format!("{table}.json")),
    )
}
