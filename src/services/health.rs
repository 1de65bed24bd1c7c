//! How the parts that the use cases need stand. Asked by whoever watches over the hub; nobody acts here.

use super::Services;
use crate::error::Error;
use crate::health::{Part, Standing};
use crate::time::Timestamp;

/// A path that is no file's.
const NOTHING: &str = "health/nothing";

impl Services {
    /// The database, with its time.
    pub async fn database_health(&self) -> (Part, Option<Timestamp>) {
        match self.store.now().await {
            Ok(now) => (well("it answers"), Some(now)),
            Err(failed) => (ill("database", &failed), None),
        }
    }

    /// The store of files.
    pub async fn storage_health(&self) -> Part {
        match self.blobs.head(NOTHING).await {
            Ok(_) => well("it answers"),
            Err(failed) => ill("storage", &super::files::error(failed)),
        }
    }

    /// Whoever computes: by what was heard within the last seconds. Without them jobs wait, and nothing is lost.
    pub async fn compute_health(&self) -> Part {
        let answer = async {
            let now = self.store.now().await?;
            self.offers(now).await
        };
        match answer.await {
            Ok(Ok(offers)) => {
                let offered = offers.iter().filter(|offer| offer.available).count();
                well(&format!("it answers, and offers {offered} models"))
            }
            Ok(Err(since)) => Part {
                status: Standing::Degraded,
                message: format!("it has not answered since {since}; jobs wait"),
            },
            Err(failed) => ill("compute", &failed),
        }
    }
}

fn well(message: &str) -> Part {
    Part {
        status: Standing::Healthy,
        message: message.to_owned(),
    }
}

/// The cause is for the log: everybody may read this page.
fn ill(part: &'static str, failed: &Error) -> Part {
    tracing::error!(part, cause = ?failed, "a part that the hub depends on does not answer");
    Part {
        status: Standing::Unhealthy,
        message: "it does not answer".to_owned(),
    }
}
