//! What was fetched a while ago and is still believed. Who wants it at the same time waits for one fetch.

use std::sync::Arc;

use hub::time::Timestamp;
use tokio::sync::Mutex;

use super::Cause;

/// A value and when it was fetched.
pub struct Held<T>(Mutex<Option<(Timestamp, Arc<T>)>>);

impl<T> Default for Held<T> {
    fn default() -> Self {
        Self(Mutex::new(None))
    }
}

impl<T> Held<T> {
    /// The value, fetched anew when it was fetched before this time. A fetch that fails leaves what was there.
    pub async fn get(
        &self,
        since: Timestamp,
        now: Timestamp,
        fetch: impl AsyncFnOnce() -> Result<T, Cause>,
    ) -> Result<Arc<T>, Cause> {
        let mut held = self.0.lock().await;
        if let Some((at, value)) = &*held
            && *at > since
        {
            return Ok(value.clone());
        }
        let value = Arc::new(fetch().await?);
        *held = Some((now, value.clone()));
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_is_fetched_when_it_is_too_old() {
        let held = Held::default();
        let (start, later) = (Timestamp::from_micros(100), Timestamp::from_micros(200));
        let (before, between) = (Timestamp::from_micros(0), Timestamp::from_micros(150));
        assert_eq!(*held.get(before, start, async || Ok(1)).await.unwrap(), 1);
        assert_eq!(*held.get(before, later, async || Ok(2)).await.unwrap(), 1);
        let away = held.get(between, later, async || Err("away".into()));
        assert!(away.await.is_err());
        assert_eq!(*held.get(before, later, async || Ok(3)).await.unwrap(), 1);
        assert_eq!(*held.get(between, later, async || Ok(4)).await.unwrap(), 4);
    }
}
