//! Documents in Firestore, for a hub of many servers, by its gRPC interface.

mod client;
mod commit;
mod fault;
mod former;
pub mod indexes;
mod layout;
mod question;

use std::collections::HashMap;

use async_trait::async_trait;
use hub::ports::Documents;
use hub::ports::documents::{Cursor, Document, DocumentsError, Key, Query, Write};
use hub::time::Timestamp;

use super::{Clock, check};
use crate::config;
use client::Client;
pub use fault::{Fault, Place};
pub use former::FormerJobs;

/// The documents of one database, which other servers use too.
pub struct Firestore {
    client: Client,
    clock: Clock,
}

impl Firestore {
    /// Finds out whether the database answers this hub, and what time it is there.
    pub async fn open(place: Place, clock: Clock) -> Result<Self, Fault> {
        let client = Client::new(place, clock.clone())?;
        client.ask_time().await?;
        Ok(Self { client, clock })
    }

    /// Opens an empty database of the emulator that the environment names; for tests.
    pub async fn temporary(clock: Clock) -> Result<Self, Fault> {
        let number = getrandom::u64().unwrap_or_default();
        let place = Place {
            database: format!("projects/test-{number:x}/databases/(default)"),
            emulator: Some(config::emulator()),
            setting: "DOCUMENTS_URL",
        };
        Self::open(place, clock).await
    }
}

#[async_trait]
impl Documents for Firestore {
    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Document>>, DocumentsError> {
        let documents = self.client.documents();
        let names: Vec<_> = keys
            .iter()
            .map(|key| format!("{documents}/{key}"))
            .collect();
        // What can be no document is not asked for.
        let could_be = keys.iter().zip(&names);
        let could_be = could_be.filter(|(key, _)| check::is_id(&key.id));
        let mut distinct: Vec<_> = could_be.map(|(_, name)| name.clone()).collect();
        distinct.sort_unstable();
        distinct.dedup();
        let found = if distinct.is_empty() {
            Vec::new()
        } else {
            self.client.get(&distinct, None).await?
        };
        let found: HashMap<_, _> = found
            .into_iter()
            .map(|document| (document.name.clone(), document))
            .collect();
        keys.iter()
            .zip(names)
            .map(|(key, name)| {
                let stored = found.get(&name).cloned();
                stored
                    .map(|stored| layout::document(key.clone(), stored))
                    .transpose()
            })
            .collect()
    }

    async fn query(&self, query: &Query) -> Result<Vec<Document>, DocumentsError> {
        let mut structured = question::structured(query, &self.client.documents())?;
        if query.limit == 0 {
            return Ok(Vec::new());
        }
        structured.limit = Some(i32::try_from(query.limit).unwrap_or(i32::MAX));
        let found = self.client.query(structured).await?;
        found
            .into_iter()
            .map(|stored| layout::found(query, stored))
            .collect()
    }

    async fn last(&self, query: &Query) -> Result<Option<Cursor>, DocumentsError> {
        let mut structured = question::structured(query, &self.client.documents())?;
        let Some(before) = query.limit.checked_sub(1) else {
            return Ok(None);
        };
        structured.select = Some(question::read(&[query.order.0]));
        structured.offset = i32::try_from(before).unwrap_or(i32::MAX);
        structured.limit = Some(1);
        let last = self.client.query(structured).await?.pop();
        last.map(|stored| layout::place(query, stored)).transpose()
    }

    async fn count(&self, query: &Query) -> Result<u32, DocumentsError> {
        let mut structured = question::structured(query, &self.client.documents())?;
        if query.limit == 0 {
            return Ok(0);
        }
        (structured.start_at, structured.select) = (None, None);
        let counted = self.client.count(structured, query.limit).await?;
        Ok(u32::try_from(counted).unwrap_or_default())
    }

    async fn commit(&self, writes: Vec<Write>) -> Result<(), DocumentsError> {
        check::writes(&writes)?;
        if writes.is_empty() {
            return Ok(());
        }
        commit::commit(&self.client, &writes).await
    }

    async fn now(&self) -> Result<Timestamp, DocumentsError> {
        if self.clock.is_to_be_told() {
            self.client.ask_time().await?;
        }
        Ok(self.clock.now())
    }
}

#[cfg(test)]
mod tests;
