//! Pages of records in the order of a field, one after the other.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Services;
use crate::error::{Error, Result};
use crate::page::{PageRequest, PageToken};
use crate::ports::documents::{Cursor, Query};

/// A page of records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listing<T> {
    /// The records.
    pub results: Vec<T>,
    /// What leads to the next page; none on the last.
    pub next_page_token: Option<String>,
}

impl<T> Listing<T> {
    /// The same page of something else.
    pub(super) fn map<U>(self, read: impl FnMut(T) -> U) -> Listing<U> {
        Listing {
            results: self.results.into_iter().map(read).collect(),
            next_page_token: self.next_page_token,
        }
    }
}

impl Services {
    /// The page of a query's answer that is asked for, by token only: what lies after it is read, nothing is counted.
    pub(super) async fn listing<T: DeserializeOwned>(
        &self,
        mut query: Query,
        page: &PageRequest,
    ) -> Result<Listing<T>> {
        if page.page.is_some() || page.token.as_ref().is_some_and(|token| token.back) {
            return Err(Error::bad_request(
                "page",
                "this list is read forwards; use page_token",
            ));
        }
        query.limit = page.per_page + 1;
        query.after = page.token.as_ref().map(|token| Cursor {
            value: token.value.as_str().into(),
            id: token.id.clone(),
        });
        let order = query.order.0;
        let mut found = self.store.query::<Value>(&query).await?;
        let more = found.len() as u32 > page.per_page;
        found.truncate(page.per_page as usize);
        let last = found.last().filter(|_| more);
        let next_page_token = last.and_then(|last| {
            let token = PageToken {
                value: last.value.get(order)?.as_str()?.to_owned(),
                id: last.key.id.clone(),
                page: page.number() + 1,
                back: false,
            };
            Some(token.encode())
        });
        let results = found
            .into_iter()
            .map(|found| serde_json::from_value(found.value).map_err(Error::internal))
            .collect::<Result<_>>()?;
        Ok(Listing {
            results,
            next_page_token,
        })
    }
}
