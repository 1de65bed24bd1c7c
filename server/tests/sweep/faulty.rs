//! What stands around all three ports: it numbers and names every effect of the hub on the world outside, and lets those
//! that a plan names go wrong.

use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use hub::model::ModelOffer;
use hub::ports::blobs::{Blob, BlobsError, Content, Download, Source, Upload};
use hub::ports::compute::{Accepted, ComputeError, LigandReport, Ligands, Run, RunRequest};
use hub::ports::documents::{Cursor, Document, DocumentsError, Key, Query, Write};
use hub::ports::{Blobs, Compute, Documents};
use hub::time::Timestamp;
use tokio_util::sync::CancellationToken;

/// What happens instead of an effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The server dies before it.
    CrashBefore,
    /// The server dies after it, and never hears that it was done.
    CrashAfter,
    /// It is not done, and the server hears so.
    Fails,
    /// It is done, and the server hears that it was not.
    DoneButFails,
    /// Not an effect goes wrong but a question: there is no answer.
    Unanswered,
}

/// The effects of one life, and which of them go wrong. Questions have numbers of their own.
#[derive(Clone)]
pub struct Effects(Arc<Mutex<Kept>>);

struct Kept {
    plan: Vec<(usize, Fault)>,
    effects: Vec<String>,
    questions: Vec<String>,
    server: CancellationToken,
}

impl Effects {
    /// Nothing happened yet; `plan` says which effects, by their numbers, will go wrong and how.
    pub fn planned(plan: Vec<(usize, Fault)>) -> Self {
        Self(Arc::new(Mutex::new(Kept {
            plan,
            effects: Vec::new(),
            questions: Vec::new(),
            server: CancellationToken::new(),
        })))
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap()
    }

    /// The names of the effects so far, in their order; those of the questions for [`Fault::Unanswered`].
    pub fn names(&self, of: Fault) -> Vec<String> {
        let kept = self.kept();
        if of == Fault::Unanswered {
            kept.questions.clone()
        } else {
            kept.effects.clone()
        }
    }

    /// A server that begins to live now; cancelled when it dies.
    pub fn server(&self) -> CancellationToken {
        let mut kept = self.kept();
        kept.server = CancellationToken::new();
        kept.server.clone()
    }

    /// The server dies: what it was about to do never goes on.
    async fn die(&self) -> ! {
        let server = self.kept().server.clone();
        server.cancel();
        std::future::pending().await
    }

    async fn effect<T, E>(
        &self,
        name: String,
        act: impl Future<Output = Result<T, E>>,
        failed: impl Fn() -> E,
    ) -> Result<T, E> {
        let fault = {
            let mut kept = self.kept();
            let number = kept.effects.len();
            kept.effects.push(name);
            let planned =
                |(place, fault): &&(usize, Fault)| *place == number && *fault != Fault::Unanswered;
            kept.plan.iter().find(planned).map(|(_, fault)| *fault)
        };
        match fault {
            None | Some(Fault::Unanswered) => act.await,
            Some(Fault::CrashBefore) => self.die().await,
            Some(Fault::CrashAfter) => {
                let _ = act.await;
                self.die().await
            }
            Some(Fault::Fails) => Err(failed()),
            Some(Fault::DoneButFails) => act.await.and_then(|_| Err(failed())),
        }
    }

    async fn question<T, E>(
        &self,
        name: &str,
        ask: impl Future<Output = Result<T, E>>,
        failed: impl Fn() -> E,
    ) -> Result<T, E> {
        let is_planned = {
            let mut kept = self.kept();
            let number = kept.questions.len();
            kept.questions.push(name.to_owned());
            kept.plan.contains(&(number, Fault::Unanswered))
        };
        if is_planned { Err(failed()) } else { ask.await }
    }
}

/// A port with its faults.
pub struct Faulty<P: ?Sized> {
    pub port: Arc<P>,
    pub effects: Effects,
}

const PLANNED: &str = "this was planned to go wrong";

fn no_documents() -> DocumentsError {
    DocumentsError::Unavailable(PLANNED.into())
}

fn no_blobs() -> BlobsError {
    BlobsError::Unavailable(PLANNED.into())
}

fn no_compute() -> ComputeError {
    ComputeError::Unavailable(PLANNED.into())
}

/// The writes of a commit, in short: the first documents, and how many more.
fn commit_name(writes: &[Write]) -> String {
    let shown: Vec<_> = writes
        .iter()
        .take(3)
        .map(|write| write.key().to_string())
        .collect();
    let more = writes.len() - shown.len();
    let more = if more > 0 {
        format!(" and {more} more")
    } else {
        String::new()
    };
    format!("commit of {}{more}", shown.join(", "))
}

#[async_trait]
impl Documents for Faulty<dyn Documents> {
    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Document>>, DocumentsError> {
        let ask = self.port.get_many(keys);
        self.effects.question("get", ask, no_documents).await
    }

    async fn query(&self, query: &Query) -> Result<Vec<Document>, DocumentsError> {
        let ask = self.port.query(query);
        self.effects.question("query", ask, no_documents).await
    }

    async fn last(&self, query: &Query) -> Result<Option<Cursor>, DocumentsError> {
        let ask = self.port.last(query);
        self.effects.question("last", ask, no_documents).await
    }

    async fn count(&self, query: &Query) -> Result<u32, DocumentsError> {
        let ask = self.port.count(query);
        self.effects.question("count", ask, no_documents).await
    }

    async fn commit(&self, writes: Vec<Write>) -> Result<(), DocumentsError> {
        let name = commit_name(&writes);
        let act = self.port.commit(writes);
        self.effects.effect(name, act, no_documents).await
    }

    async fn now(&self) -> Result<Timestamp, DocumentsError> {
        self.effects
            .question("time", self.port.now(), no_documents)
            .await
    }
}

#[async_trait]
impl Blobs for Faulty<dyn Blobs> {
    async fn put(&self, path: &str, content: Source) -> Result<(), BlobsError> {
        let act = self.port.put(path, content);
        self.effects
            .effect(format!("put of {path}"), act, no_blobs)
            .await
    }

    async fn get(
        &self,
        path: &str,
        range: Option<std::ops::Range<u64>>,
    ) -> Result<Content, BlobsError> {
        let ask = self.port.get(path, range);
        self.effects.question("file", ask, no_blobs).await
    }

    async fn head(&self, path: &str) -> Result<Option<Blob>, BlobsError> {
        self.effects
            .question("head of a file", self.port.head(path), no_blobs)
            .await
    }

    async fn list(&self, folder: &str) -> Result<Vec<Blob>, BlobsError> {
        self.effects
            .question("list of files", self.port.list(folder), no_blobs)
            .await
    }

    async fn delete(&self, path: &str) -> Result<(), BlobsError> {
        let act = self.port.delete(path);
        self.effects
            .effect(format!("removal of {path}"), act, no_blobs)
            .await
    }

    async fn signed_get(
        &self,
        path: &str,
        expires_at: Timestamp,
        download: &Download,
    ) -> Result<String, BlobsError> {
        let ask = self.port.signed_get(path, expires_at, download);
        self.effects
            .question("address of a file", ask, no_blobs)
            .await
    }

    async fn signed_put(&self, path: &str, expires_at: Timestamp) -> Result<Upload, BlobsError> {
        let ask = self.port.signed_put(path, expires_at);
        self.effects
            .question("address for a file", ask, no_blobs)
            .await
    }
}

#[async_trait]
impl Compute for Faulty<dyn Compute> {
    async fn submit(&self, run: &RunRequest) -> Result<Accepted, ComputeError> {
        let act = self.port.submit(run);
        self.effects
            .effect(format!("run {}", run.run_id), act, no_compute)
            .await
    }

    async fn state(&self, run_id: &str) -> Result<Run, ComputeError> {
        self.effects
            .question("state of a run", self.port.state(run_id), no_compute)
            .await
    }

    async fn cancel(&self, run_id: &str) -> Result<Run, ComputeError> {
        let act = self.port.cancel(run_id);
        self.effects
            .effect(format!("cancellation of {run_id}"), act, no_compute)
            .await
    }

    async fn models(&self) -> Result<Vec<ModelOffer>, ComputeError> {
        self.effects
            .question("models", self.port.models(), no_compute)
            .await
    }

    async fn ligands(
        &self,
        task: &str,
        ligands: Ligands<'_>,
    ) -> Result<Vec<LigandReport>, ComputeError> {
        let ask = self.port.ligands(task, ligands);
        self.effects.question("ligands", ask, no_compute).await
    }
}
