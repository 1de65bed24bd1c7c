//! The second look of the chaos: not at what is answered, but at what there is.

use std::sync::Arc;
use std::time::Duration;

use hub::ports::Documents;
use hub::ports::documents::{Collection, Key};
use serde_json::Value;
use tokio::time::sleep;

/// What is stored, read past the hubs: nothing that they remember tells for them.
pub struct Stored(pub Arc<dyn Documents>);

impl Stored {
    /// Jobs and children by their ids; null where there is none.
    pub async fn read(&self, ids: &[String]) -> Vec<Value> {
        let collection = |id: &str| match id.contains('-') {
            true => Collection::Children,
            false => Collection::Jobs,
        };
        let keys: Vec<_> = ids
            .iter()
            .map(|id| Key::new(collection(id), id.clone()))
            .collect();
        let found = self.0.get_many(&keys).await.unwrap();
        let read = |json: &str| serde_json::from_str(json).unwrap();
        found
            .iter()
            .map(|found| {
                found
                    .as_ref()
                    .map_or(Value::Null, |found| read(&found.json))
            })
            .collect()
    }

    /// A job or batch that has ended.
    pub async fn until_ended(&self, id: &str) -> Value {
        loop {
            let job = self.read(&[id.to_owned()]).await.remove(0);
            if job["ended_at"].is_string() {
                return job;
            }
            sleep(Duration::from_secs(1)).await;
        }
    }
}
