//! Bringing work of the former system here. A job is written once, after its files, and a batch after its children: what
//! was broken off is done again and goes on where it was, and what is here already is left as it is.

use std::collections::HashMap;
use std::sync::Arc;

use futures::{StreamExt, TryStreamExt, stream};
use serde::Serialize;
use tokio::sync::{Mutex, OnceCell};

use super::Services;
use super::accounts::user_key;
use super::audit::noted;
use super::roll_up::{packed, summarize};
use super::store::{self, Committed, job_key};
use crate::account::{Email, LEGACY, User};
use crate::actor::Owner;
use crate::audit::{Act, Entry};
use crate::batch::{BatchRow, BatchState, Counts};
use crate::error::{Error, Result};
use crate::former::{self, Document, Give, LeftAlone};
use crate::id::{JobId, UserId};
use crate::job::Job;
use crate::ports::Blobs;

mod files;

/// Jobs that are brought at once.
const AT_ONCE: usize = 8;
/// Children that are written in one commit, and records of packed rows.
const CHUNK: usize = 50;
const RECORDS: usize = 5;

/// One run of the migration.
pub struct Migration {
    /// The database that is read, `projects/P/databases/D`.
    from: String,
    /// How many documents there are.
    documents: usize,
    /// The files of the former system, where they are at hand.
    files: Option<Arc<dyn Blobs>>,
    /// Whether nothing is written.
    dry_run: bool,
    /// Owners that were looked for, by what the former system called them.
    owners: Mutex<HashMap<String, UserId>>,
    /// Whether the run is in the audit log.
    noted: OnceCell<()>,
}

/// What became of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Came {
    /// It was written here; on a dry run, it would be.
    Mapped,
    /// It is here since an earlier run.
    Here,
    /// It was not brought.
    LeftAlone,
}

/// What became of a document, in full: a line of the report.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Brought {
    /// Its id in the former system.
    pub former_id: String,
    /// Its id here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<JobId>,
    /// What became of it.
    pub came: Came,
    /// Why it was left alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Metrics whose values nobody vouches for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unverified: Vec<String>,
    /// Files that came with it.
    pub files: u32,
    /// Why files are missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub files_missing: Option<String>,
}

impl Brought {
    fn left_alone(former: &str, why: LeftAlone) -> Self {
        Self {
            former_id: former.to_owned(),
            id: None,
            came: Came::LeftAlone,
            reason: Some(why.0),
            unverified: Vec::new(),
            files: 0,
            files_missing: None,
        }
    }

    fn here(former: &str, id: JobId) -> Self {
        Self {
            former_id: former.to_owned(),
            id: Some(id),
            came: Came::Here,
            reason: None,
            unverified: Vec::new(),
            files: 0,
            files_missing: None,
        }
    }

    fn mapped(job: &Job, files_missing: Option<String>) -> Self {
        let doubted = job
            .metrics
            .iter()
            .filter(|(_, metric)| metric.unverified.is_some());
        Self {
            former_id: job
                .former
                .as_ref()
                .map(|former| former.id.clone())
                .unwrap_or_default(),
            id: Some(job.id.clone()),
            came: Came::Mapped,
            reason: None,
            unverified: doubted.map(|(key, _)| key.clone()).collect(),
            files: job.files.len() as u32,
            files_missing,
        }
    }
}

impl Migration {
    /// A run that brings the documents of a database, with their files where these are at hand.
    pub fn new(
        from: String,
        documents: usize,
        files: Option<Arc<dyn Blobs>>,
        dry_run: bool,
    ) -> Self {
        Self {
            from,
            documents,
            files,
            dry_run,
            owners: Mutex::default(),
            noted: OnceCell::new(),
        }
    }
}

impl Services {
    /// Which of these jobs and batches of the former system are here already.
    pub async fn brought_before(&self, former: &[String]) -> Result<Vec<Brought>> {
        let ids: Vec<JobId> = former.iter().map(|former| former::new_id(former)).collect();
        let keys: Vec<_> = ids.iter().map(job_key).collect();
        let here = self.store.get_many::<Job>(&keys).await?;
        let all = former.iter().zip(ids).zip(here);
        Ok(all
            .filter(|(_, here)| here.is_some())
            .map(|((former, id), _)| Brought::here(former, id))
            .collect())
    }

    /// What became of the children of a batch that is here already. A batch is brought whole, and takes no more.
    pub async fn children_brought_before(
        &self,
        batch: &JobId,
        children: &[String],
    ) -> Result<Vec<Brought>> {
        let stored = self.store.get::<Job>(job_key(batch)).await?;
        let state = stored.and_then(|batch| batch.value.batch);
        let total = state.map_or(0, |state| state.total);
        let keys: Vec<_> = (0..total)
            .map(|index| job_key(&batch.child(index)))
            .collect();
        let mut here = HashMap::new();
        for chunk in keys.chunks(CHUNK) {
            let found = self
                .store
                .get_many::<Job>(chunk)
                .await?
                .into_iter()
                .flatten();
            here.extend(found.filter_map(|child| Some((child.value.former?.id, child.value.id))));
        }
        let of = |former: &String| match here.remove(former) {
            Some(id) => Brought::here(former, id),
            None => Brought::left_alone(
                former,
                LeftAlone(
                    "its batch was brought without it; it comes when the batch is deleted here"
                        .to_owned(),
                ),
            ),
        };
        Ok(children.iter().map(of).collect())
    }

    /// Brings jobs that stand alone.
    pub async fn bring_jobs(
        &self,
        migration: &Migration,
        documents: &[Document],
    ) -> Result<Vec<Brought>> {
        stream::iter(documents)
            .map(|document| self.bring_job(migration, document))
            .buffered(AT_ONCE)
            .try_collect()
            .await
    }

    async fn bring_job(&self, migration: &Migration, document: &Document) -> Result<Brought> {
        let (owner, made_by) = self.owner_of(migration, document).await?;
        let give = migration.give(&owner, &made_by);
        let mut job = match former::job(document, give, None) {
            Ok(job) => job,
            Err(why) => return Ok(Brought::left_alone(&document.id, why)),
        };
        let missing = self.bring_files(migration, document, &mut job).await?;
        if migration.dry_run {
            return Ok(Brought::mapped(&job, missing));
        }
        job.updated_at = self.store.now().await?;
        self.note(migration).await?;
        match self.store.commit(vec![store::created(&job)?]).await? {
            Committed::Done => Ok(Brought::mapped(&job, missing)),
            Committed::Conflict(_) => Ok(Brought::here(&document.id, job.id)),
        }
    }

    /// Brings children of a batch, the first of them to the place `first`; with what becomes of each, and the rows of
    /// those that came. They are not seen before their batch is brought.
    pub async fn bring_children(
        &self,
        migration: &Migration,
        batch: &Document,
        children: &[Document],
        first: u32,
    ) -> Result<(Vec<Brought>, Vec<BatchRow>)> {
        let (owner, made_by) = self.owner_of(migration, batch).await?;
        let (give, id) = (migration.give(&owner, &made_by), former::new_id(&batch.id));
        let (mut brought, mut jobs) = (Vec::new(), Vec::new());
        for document in children {
            let index = first + jobs.len() as u32;
            match former::job(document, give, Some((&id, index))) {
                Ok(job) => jobs.push((document, job)),
                Err(why) => brought.push(Brought::left_alone(&document.id, why)),
            }
        }
        let jobs: Vec<(Job, Option<String>)> = stream::iter(jobs)
            .map(|(document, mut job)| async move {
                let missing = self.bring_files(migration, document, &mut job).await?;
                Ok::<_, Error>((job, missing))
            })
            .buffered(AT_ONCE)
            .try_collect()
            .await?;
        if !migration.dry_run {
            for chunk in jobs.chunks(CHUNK) {
                self.write_children_of(migration, chunk).await?;
            }
        }
        let rows = jobs
            .iter()
            .filter_map(|(job, _)| BatchRow::of(job))
            .collect();
        brought.extend(
            jobs.into_iter()
                .map(|(job, missing)| Brought::mapped(&job, missing)),
        );
        Ok((brought, rows))
    }

    async fn write_children_of(
        &self,
        migration: &Migration,
        chunk: &[(Job, Option<String>)],
    ) -> Result<()> {
        let keys: Vec<_> = chunk.iter().map(|(job, _)| job_key(&job.id)).collect();
        let there = self.store.get_many::<Job>(&keys).await?;
        let now = self.store.now().await?;
        let mut writes = Vec::new();
        for ((job, _), there) in chunk.iter().zip(there) {
            match there {
                None => writes.push(store::created(&Job {
                    updated_at: now,
                    ..job.clone()
                })?),
                Some(there) if there.value.former == job.former => {}
                Some(_) => return Err(moved()),
            }
        }
        if writes.is_empty() {
            return Ok(());
        }
        self.note(migration).await?;
        match self.store.commit(writes).await? {
            Committed::Done => Ok(()),
            Committed::Conflict(_) => Err(moved()),
        }
    }

    /// Brings a batch whose children were brought, with their rows.
    pub async fn bring_batch(
        &self,
        migration: &Migration,
        document: &Document,
        rows: Vec<BatchRow>,
    ) -> Result<Brought> {
        let (owner, made_by) = self.owner_of(migration, document).await?;
        let mut batch = former::batch(document, migration.give(&owner, &made_by));
        let missing = self.bring_files(migration, document, &mut batch).await?;
        let now = self.store.now().await?;
        batch.batch = Some(BatchState {
            total: rows.len() as u32,
            sealed: true,
            counts: Counts::default(),
            timings: None,
            recent_run_s: None,
            waiting: None,
            columns: Vec::new(),
            rolled_up_to: now,
            rows_version: 1,
            reopening: None,
        });
        let ended_at = batch.ended_at;
        summarize(&mut batch, &rows, None);
        // What its record says of the whole counts; what the children do not say is not made up.
        batch.ended_at = ended_at.or(batch.ended_at);
        batch.updated_at = now;
        if migration.dry_run {
            return Ok(Brought::mapped(&batch, missing));
        }
        self.note(migration).await?;
        let all: Vec<u32> = rows.iter().map(|row| row.index).collect();
        for records in packed(&batch.id, &rows, &all)?.chunks(RECORDS) {
            self.store.write(records.to_vec()).await?;
        }
        match self.store.commit(vec![store::created(&batch)?]).await? {
            Committed::Done => Ok(Brought::mapped(&batch, missing)),
            Committed::Conflict(_) => Ok(Brought::here(&document.id, batch.id)),
        }
    }

    /// Writes the run down before its first write, once.
    async fn note(&self, migration: &Migration) -> Result<()> {
        let note = async || {
            let entry = Entry {
                schema: 1,
                at: self.store.now().await?,
                by: None,
                act: Act::Imported,
                to: format!("{} documents of {}", migration.documents, migration.from),
                owner: Owner::User(legacy()?),
                address: String::new(),
            };
            self.store.write(vec![noted(&entry)?]).await
        };
        migration.noted.get_or_try_init(note).await.map(drop)
    }

    /// Whose a job becomes: the person's who has an account under the same id or address, else nobody's.
    async fn owner_of(
        &self,
        migration: &Migration,
        document: &Document,
    ) -> Result<(Owner, UserId)> {
        let named = [document.owner(), document.email()];
        let mut owners = migration.owners.lock().await;
        for name in named.into_iter().flatten() {
            let user = match owners.get(name) {
                Some(known) => known.clone(),
                None => {
                    let found = self.person(name).await?;
                    let found = found.map_or_else(legacy, Ok)?;
                    owners.insert(name.to_owned(), found.clone());
                    found
                }
            };
            if user.as_str() != LEGACY {
                return Ok((Owner::User(user.clone()), user));
            }
        }
        let legacy = legacy()?;
        Ok((Owner::User(legacy.clone()), legacy))
    }

    /// Who has an account under an id, or under an address that they have shown to be theirs.
    async fn person(&self, name: &str) -> Result<Option<UserId>> {
        let found = if let Ok(email) = Email::new(name) {
            let found = self.user_of(&email).await?;
            found.filter(|user| !self.settings.post.confirms() || user.value.verified_at.is_some())
        } else if let Ok(id) = name.parse::<UserId>() {
            self.store.get::<User>(user_key(&id)).await?
        } else {
            None
        };
        Ok(found.map(|user| user.value.id))
    }
}

impl Migration {
    fn give<'a>(&'a self, owner: &'a Owner, made_by: &'a UserId) -> Give<'a> {
        Give {
            owner,
            made_by,
            from: &self.from,
        }
    }
}

fn legacy() -> Result<UserId> {
    LEGACY.parse().map_err(Error::internal)
}

/// Children that stand elsewhere than an earlier run put them.
fn moved() -> Error {
    Error::conflict(
        "a batch of the former system has changed since a run that broke off; switch the former system off, and delete \
         what that run wrote",
    )
}
