//! A hub that dies and comes back over stores and a gateway that stay, and somebody who insists on an answer.

use std::sync::Arc;

use futures::future::BoxFuture;
use hub::Error;
use hub::actor::{Actor, Owner};
use hub::id::JobId;
use hub::job::Job;
use hub::limits::Limits;
use hub::ports::documents::{Collection, Expect, Key, Write};
use hub::ports::{Blobs, Compute, Documents};
use hub::services::{Post, Services, Settings};
use hub::time::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::json;
use server::blobs::Directory;
use server::documents::Clock;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use crate::faulty::{Effects, Faulty};
use crate::gateway::Gateway;
use crate::invariants::Broken;
use crate::stores::Store;

/// How often somebody asks, once a second, before they give up: longer than a batch may be half-written.
const TRIES: usize = 90;
/// Longer than a run is left alone.
const A_LOOK_S: u32 = 61;
/// Looks after which a job has ended, whatever went wrong once or twice.
const LOOKS: usize = 30;

/// What becomes of a run at the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Succeeds,
    /// With a fault of this category.
    Fails(&'static str),
    GoesOn,
}

pub struct World {
    pub effects: Effects,
    pub gateway: Gateway,
    pub documents: Arc<dyn Documents>,
    pub blobs: Arc<dyn Blobs>,
    pub actor: Actor,
    /// What becomes of each run, by its id.
    pub verdict: fn(&str) -> Verdict,
    /// Runs of children that were begun when their batch had no seal yet.
    pub begun_early: Vec<String>,
    clock: Clock,
    compute: Arc<dyn Compute>,
    services: Services,
    server: CancellationToken,
    _folder: TempDir,
}

impl World {
    pub async fn open(store: Store, effects: Effects) -> Self {
        // In memory where the machine has such a folder: nothing here asks what a loss of power costs.
        let folder = tempfile::tempdir_in("/dev/shm")
            .or_else(|_| tempfile::tempdir())
            .unwrap();
        let clock = Clock::manual(Timestamp::from_micros(1_800_000_000_000_000));
        let documents = store.open(folder.path(), clock.clone()).await;
        let blobs: Arc<dyn Blobs> = Arc::new(
            Directory::new(
                folder.path().join("files"),
                "http://127.0.0.1:1",
                b"a key for tests",
                clock.clone(),
            )
            .unwrap(),
        );
        let (gateway, url) = Gateway::start().await;
        let compute = server::gateway::Gateway::new(&url, "a secret of sixteen or more", None);
        let compute: Arc<dyn Compute> = Arc::new(compute.unwrap());
        let mut actor = Actor::local();
        actor.user = "ada".parse().unwrap();
        actor.owner = Owner::User(actor.user.clone());
        let user = json!({
            "schema": 1, "id": "ada", "email": "ada@example.org", "name": "ada", "roles": ["user"],
            "limits": Limits::PERSON, "created_at": clock.now(),
        });
        let put = Write::Put {
            key: Key::new(Collection::Users, "ada"),
            json: user.to_string(),
            expect: Expect::Any,
        };
        documents.commit(vec![put]).await.unwrap();
        let server = effects.server();
        Self {
            services: serve(&effects, &documents, &blobs, &compute),
            effects,
            gateway,
            documents,
            blobs,
            actor,
            verdict: |_| Verdict::Succeeds,
            begun_early: Vec::new(),
            clock,
            compute,
            server,
            _folder: folder,
        }
    }

    /// What a server does, unless it dies of it; then there is another one, which remembers nothing.
    async fn alive<T>(&mut self, work: impl Future<Output = T>) -> Option<T> {
        let server = self.server.clone();
        let done = tokio::select! {
            biased;
            () = server.cancelled() => None,
            done = work => Some(done),
        };
        if done.is_none() {
            self.server = self.effects.server();
            self.services = serve(&self.effects, &self.documents, &self.blobs, &self.compute);
        }
        done
    }

    /// The answer to a request that somebody repeats until they have one.
    pub async fn insist<T>(
        &mut self,
        request: impl Fn(Services, Actor) -> BoxFuture<'static, hub::Result<T>>,
    ) -> Result<T, Broken> {
        for _ in 0..TRIES {
            let work = request(self.services.clone(), self.actor.clone());
            match self.alive(work).await {
                Some(Ok(answer)) => return Ok(answer),
                None | Some(Err(Error::Unavailable { .. } | Error::Conflict(_))) => {}
                Some(Err(error)) => return Err(Broken::request(format!("{error:?}"))),
            }
            self.pass(1).await;
        }
        Err(Broken::request("no answer".to_owned()))
    }

    /// Time passes: the hub does what is due, runs end, and the hub is told.
    async fn pass(&mut self, seconds: u32) {
        self.clock.advance_seconds(seconds);
        let services = self.services.clone();
        self.alive(background(services)).await;
        let runs: Vec<String> = {
            let script = self.gateway.script();
            let is_running = |run: &&String| script.runs[*run]["state"] == "running";
            script.begun.iter().filter(is_running).cloned().collect()
        };
        for run in runs {
            if let Some((batch, _)) = run.split_once('-') {
                let batch: Option<Job> = self.read(Key::new(Collection::Jobs, batch)).await;
                if !batch.is_some_and(|job| job.batch.is_some_and(|batch| batch.sealed)) {
                    self.begun_early.push(run.clone());
                }
            }
            match (self.verdict)(&run) {
                Verdict::GoesOn => continue,
                Verdict::Fails(category) => self.gateway.fails(&run, category),
                Verdict::Succeeds => {
                    self.gateway
                        .succeeds(&run, &*self.blobs, |_, _, _| true)
                        .await;
                }
            }
            let services = self.services.clone();
            // The call of the worker may be lost: nothing depends on it.
            self.alive(async move { services.run_reported(&run).await })
                .await;
        }
    }

    /// Lets time pass until it is so.
    pub async fn until(
        &mut self,
        invariant: &'static str,
        is_so: impl Fn(&Job, &[Job]) -> bool,
        id: &JobId,
    ) -> Result<(), Broken> {
        for _ in 0..LOOKS {
            let (job, children) = self.stored(id).await?;
            if is_so(&job, &children) {
                return Ok(());
            }
            self.pass(A_LOOK_S).await;
        }
        let (job, children) = self.stored(id).await?;
        let states: Vec<_> = children.iter().map(|child| child.state).collect();
        Err(Broken(
            invariant,
            format!("{:?}, children {states:?}", job.state),
        ))
    }

    /// Lets time pass until everything has ended and is summed up.
    pub async fn until_ended(&mut self, id: &JobId) -> Result<(), Broken> {
        let has_ended = |job: &Job, children: &[Job]| {
            job.state.has_ended() && children.iter().all(|child| child.state.has_ended())
        };
        self.until("every accepted job ends", has_ended, id).await
    }

    /// Lets more time pass than anything is kept that nobody asked to keep.
    pub async fn a_month(&mut self) {
        self.clock.advance_seconds(31 * 24 * 3_600);
        let services = self.services.clone();
        self.alive(async move { while services.sweep().await.unwrap_or(false) {} })
            .await;
    }

    /// A job and its children as they are stored.
    pub async fn stored(&self, id: &JobId) -> Result<(Job, Vec<Job>), Broken> {
        let job: Job = self
            .read(Key::new(Collection::Jobs, id.as_str()))
            .await
            .ok_or_else(|| {
                Broken(
                    "what was accepted is not lost",
                    format!("{id} is not there"),
                )
            })?;
        let mut children = Vec::new();
        for index in 0..job.batch.as_ref().map_or(0, |batch| batch.total) {
            let key = Key::new(Collection::Children, id.child(index).as_str());
            children.extend(self.read(key).await);
        }
        Ok((job, children))
    }

    /// A document as it is stored.
    pub async fn read<T: DeserializeOwned>(&self, key: Key) -> Option<T> {
        let found = self
            .documents
            .get_many(&[key])
            .await
            .unwrap()
            .pop()
            .flatten()?;
        Some(serde_json::from_str(&found.json).unwrap())
    }

    /// Units on the owner's books of the day and of the month: held, charged, refunded.
    pub async fn books(&self) -> [[i64; 3]; 2] {
        let mut books = [[0; 3]; 2];
        for (book, time) in books.iter_mut().zip(["2027-01-15", "2027-01"]) {
            let key = Key::new(Collection::Usage, format!("{}:{time}", self.actor.owner));
            let read: serde_json::Value = self.read(key).await.unwrap_or_default();
            *book = ["held", "charged", "refunded"]
                .map(|field| read[field].as_i64().unwrap_or_default());
        }
        books
    }

    /// The use cases without faults, for a look at what there is.
    pub fn reader(&self) -> Services {
        let none = Effects::planned(Vec::new());
        serve(&none, &self.documents, &self.blobs, &self.compute)
    }
}

/// A turn of everything that the hub does by itself. What fails waits for the next turn.
async fn background(services: Services) {
    while services.poll_due().await.unwrap_or(false) {}
    while services.dispatch_due().await.unwrap_or(false) {}
}

/// A server that has just begun.
fn serve(
    effects: &Effects,
    documents: &Arc<dyn Documents>,
    blobs: &Arc<dyn Blobs>,
    compute: &Arc<dyn Compute>,
) -> Services {
    let settings = Settings {
        public_url: "http://127.0.0.1:1".to_owned(),
        post: Post::Sent,
        elsewhere: None,
    };
    Services::new(
        Arc::new(Faulty {
            port: documents.clone(),
            effects: effects.clone(),
        }),
        Arc::new(Faulty {
            port: blobs.clone(),
            effects: effects.clone(),
        }),
        Arc::new(Faulty {
            port: compute.clone(),
            effects: effects.clone(),
        }),
        settings,
    )
}
