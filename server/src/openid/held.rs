//! What was fetched a while ago and is still believed. Who wants it at the same time waits for one fetch.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

use super::Cause;

/// A value and when it was fetched.
pub struct Held<T>(Mutex<Option<(Instant, Arc<T>)>>);

impl<T> Default for Held<T> {
    fn default() -> Self {
        Self(Mutex::new(None))
    }
}

impl<T> Held<T> {
    /// The value, fetched anew when it is older than this. A fetch that fails leaves what was there.
    pub async fn get(
        &self,
        no_older_than: Duration,
        fetch: impl AsyncFnOnce() -> Result<T, Cause>,
    ) -> Result<Arc<T>, Cause> {
        let mut held = self.0.lock().await;
        if let Some((at, value)) = &*held
            && at.elapsed() < no_older_than
        {
            return Ok(value.clone());
        }
        let value = Arc::new(fetch().await?);
        *held = Some((Instant::now(), value.clone()));
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_is_fetched_when_it_is_too_old() {
        let held = Held::default();
        let hour = Duration::from_secs(3_600);
        assert_eq!(*held.get(hour, async || Ok(1)).await.unwrap(), 1);
        assert_eq!(*held.get(hour, async || Ok(2)).await.unwrap(), 1);
        tokio::time::advance(Duration::from_secs(31)).await;
        let short = Duration::from_secs(30);
        assert!(held.get(short, async || Err("away".into())).await.is_err());
        assert_eq!(*held.get(short, async || Ok(3)).await.unwrap(), 3);
        assert_eq!(*held.get(hour, async || Ok(4)).await.unwrap(), 3);
    }
}
