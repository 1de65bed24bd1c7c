//! The use cases over real stores, a scripted gateway and a clock set by hand. Nothing happens between a test's calls.

use std::sync::Arc;
use std::time::Duration;

use hub::actor::{Actor, Owner};
use hub::id::JobId;
use hub::limits::Limits;
use hub::list::{ChildrenQuery, JobDetail, JobRow};
use hub::ports::Blobs;
use hub::ports::documents::{Collection, Documents, Expect, Key, Write};
use hub::services::{BatchRequest, JobRequest, Post, Services, Settings};
use hub::time::Timestamp;
use serde_json::{Value, json};
use server::blobs::Directory;
use server::documents::Clock;
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::gateway::Gateway;
use crate::stores::Store;

pub struct Hub {
    pub services: Services,
    pub gateway: Gateway,
    pub actor: Actor,
    pub clock: Clock,
    pub documents: Arc<dyn Documents>,
    /// The use cases of another server over the same stores.
    pub other: Services,
    pub blobs: Arc<Directory>,
    _folder: TempDir,
}

impl Hub {
    pub async fn start() -> Self {
        Self::start_on(Store::Sqlite).await
    }

    pub async fn start_on(store: Store) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Clock::manual(Timestamp::from_micros(1_800_000_000_000_000));
        let documents = store.open(folder.path(), clock.clone()).await;
        let files = folder.path().join("files");
        let blobs = Arc::new(
            Directory::new(
                files,
                "http://127.0.0.1:1",
                b"a key for tests",
                clock.clone(),
            )
            .unwrap(),
        );
        let (gateway, url) = Gateway::start().await;
        let compute = Arc::new(
            server::gateway::Gateway::new(&url, "a secret of sixteen or more", None).unwrap(),
        );
        let settings = Settings {
            public_url: "http://127.0.0.1:1".to_owned(),
            post: Post::Sent,
            elsewhere: None,
        };
        let services = || {
            let (documents, blobs) = (documents.clone(), blobs.clone());
            Services::new(documents, blobs, compute.clone(), settings.clone())
        };
        Self {
            services: services(),
            other: services(),
            gateway,
            actor: Actor::local(),
            clock,
            documents: documents.clone(),
            blobs: blobs.clone(),
            _folder: folder,
        }
    }

    /// Somebody with an account and these limits acts from now on.
    pub async fn sign_in(&mut self, name: &str, limits: Limits) {
        let user = json!({
            "schema": 1, "id": name, "email": format!("{name}@example.org"), "name": name, "roles": ["user"],
            "limits": limits, "created_at": self.clock.now(),
        });
        let put = Write::Put {
            key: Key::new(Collection::Users, name),
            json: user.to_string(),
            expect: Expect::Any,
        };
        self.documents.commit(vec![put]).await.unwrap();
        self.actor.user = name.parse().unwrap();
        self.actor.owner = Owner::User(self.actor.user.clone());
    }

    /// Whoever acts is a member of an organisation from now on, and works for it.
    pub async fn join(&mut self, organization: &str) {
        let key = Key::new(Collection::Users, self.actor.user.as_str());
        let found = self.documents.get_many(std::slice::from_ref(&key)).await;
        let found = found.unwrap().remove(0).unwrap();
        let mut user: Value = serde_json::from_str(&found.json).unwrap();
        user["organization"] = json!(organization);
        user["membership"] =
            json!({"organization": organization, "role": "member", "since": self.clock.now()});
        let put = Write::Put {
            key,
            json: user.to_string(),
            expect: Expect::Any,
        };
        self.documents.commit(vec![put]).await.unwrap();
        self.actor.owner = Owner::Organization(organization.parse().unwrap());
    }

    /// A job that was accepted.
    pub async fn submit(&self) -> JobId {
        self.services
            .submit_job(&self.actor, job(), None)
            .await
            .unwrap()
            .job
            .id
    }

    /// A batch of this many ligands that was accepted.
    pub async fn submit_batch(&self, ligands: usize) -> JobId {
        self.services
            .submit_batch(&self.actor, batch(ligands), None)
            .await
            .unwrap()
            .job
            .id
    }

    /// A job whose run the gateway has taken.
    pub async fn submit_and_dispatch(&self) -> JobId {
        let id = self.submit().await;
        self.dispatch().await;
        id
    }

    pub async fn dispatch(&self) {
        while self.services.dispatch_due().await.unwrap() {}
    }

    /// The run has something to tell.
    pub async fn report(&self, run_id: &str) {
        self.services.run_reported(run_id).await.unwrap();
    }

    /// The first server has asked where a run stands, and waits for the answer until the gateway's slow ones are sent.
    pub async fn ask_after_slowly(&self, run_id: &str) -> JoinHandle<()> {
        self.gateway.script().answers_slowly = true;
        let (first, run) = (self.services.clone(), run_id.to_owned());
        let asking = tokio::spawn(async move { first.run_reported(&run).await.unwrap() });
        while self.gateway.script().asked_after.is_empty() {
            sleep(Duration::from_millis(5)).await;
        }
        self.gateway.script().answers_slowly = false;
        asking
    }

    /// Lets time pass, then does all that is due.
    pub async fn pass(&self, seconds: u32) {
        self.clock.advance_seconds(seconds);
        while self.services.poll_due().await.unwrap() {}
        self.dispatch().await;
    }

    pub async fn job(&self, id: &JobId) -> JobDetail {
        self.services.job(&self.actor, id).await.unwrap()
    }

    pub async fn row(&self, id: &JobId) -> JobRow {
        self.job(id).await.row
    }

    /// The statuses of a batch's children, in their order.
    pub async fn children(&self, batch: &JobId) -> Vec<String> {
        let query = ChildrenQuery {
            limit: 500,
            sort: "index".to_owned(),
            ..ChildrenQuery::default()
        };
        let page = self
            .services
            .children(&self.actor, batch, &query)
            .await
            .unwrap();
        page.results
            .iter()
            .map(|row| row.status.to_string())
            .collect()
    }

    /// Lets a run end well: its files are put as asked, but for what a test spoils, and the gateway says so.
    pub async fn succeed(
        &self,
        run_id: &str,
        spoil: impl Fn(&str, &mut Vec<u8>, &mut Value) -> bool,
    ) {
        self.gateway.succeeds(run_id, &*self.blobs, spoil).await;
        self.report(run_id).await;
    }

    /// A job or batch as it is stored.
    pub async fn stored(&self, id: &JobId) -> Value {
        let key = Key::new(Collection::Jobs, id.as_str());
        let found = self.documents.get_many(&[key]).await.unwrap();
        serde_json::from_str(&found[0].as_ref().unwrap().json).unwrap()
    }

    /// Makes a batch one whose writing broke off, and whose ligands are lost: nobody can complete it.
    pub async fn lose_half_of(&self, batch: &JobId) {
        let key = Key::new(Collection::Jobs, batch.as_str());
        let mut stored = self.stored(batch).await;
        stored["batch"]["sealed"] = json!(false);
        stored["dispatchable"] = json!(null);
        stored["due_at"] = json!(self.clock.now());
        let put = Write::Put {
            key,
            json: stored.to_string(),
            expect: Expect::Any,
        };
        self.documents.commit(vec![put]).await.unwrap();
        let files = self.blobs.list("users").await.unwrap();
        for file in files
            .iter()
            .filter(|file| file.path.contains(batch.as_str()))
        {
            self.blobs.delete(&file.path).await.unwrap();
        }
    }

    /// Units of quota on the books of the first day: held, charged, refunded.
    pub async fn usage(&self) -> [i64; 3] {
        self.usage_of("2027-01-15").await
    }

    /// Units of quota on the books of a day or a month.
    pub async fn usage_of(&self, time: &str) -> [i64; 3] {
        let key = Key::new(Collection::Usage, format!("{}:{time}", self.actor.owner));
        let found = self
            .documents
            .get_many(&[key])
            .await
            .unwrap()
            .pop()
            .flatten();
        let books: Value = found.map_or(Value::Null, |document| {
            serde_json::from_str(&document.json).unwrap()
        });
        ["held", "charged", "refunded"].map(|field| books[field].as_i64().unwrap_or_default())
    }
}

/// A job that is as it should be.
pub fn job() -> JobRequest {
    serde_json::from_value(json!({
        "task": "docking", "input": {"target": {"named": "ABL1"}, "ligand": {"name": "ethanol", "smiles": "CCO"}}
    }))
    .unwrap()
}

/// A batch of this many ligands.
pub fn batch(ligands: usize) -> BatchRequest {
    let ligands: Vec<_> = (0..ligands)
        .map(|place| json!({"name": format!("ligand {place}"), "smiles": "C".repeat(place % 100 + 1)}))
        .collect();
    let batch = json!({"task": "docking", "target": {"named": "ABL1"}, "ligands": ligands});
    serde_json::from_value(batch).unwrap()
}

/// A run that spoils nothing.
pub fn sound(_: &str, _: &mut Vec<u8>, _: &mut Value) -> bool {
    true
}
