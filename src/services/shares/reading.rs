//! What a reader with a link sees. Everything goes through a [`Shared`], which only a good token opens, and nothing that
//! the link does not show can be asked of it.

use super::{Token, share_key, views_key};
use crate::actor::Actor;
use crate::batch::{BatchProgress, BatchRow, BatchState, Counts, common_wait};
use crate::docking::Pose;
use crate::error::{Error, Result};
use crate::id::JobId;
use crate::job::{Job, Kind};
use crate::list::{BestValue, ChildrenPage, ChildrenQuery, JobDetail};
use crate::ports::documents::{Key, Write};
use crate::services::children::page_of;
use crate::services::roll_up::best;
use crate::services::sign_ins::{Count, of_link};
use crate::services::store::Stored;
use crate::services::{Export, ExportFormat, Services};
use crate::share::Share;

/// Seconds that a reader who knew the password is let in.
const PASS_S: i64 = 3_600;

/// What a good token leads to.
pub enum Opened {
    /// What is shared.
    Shown(Box<Shared>),
    /// A password must be given first; nothing is told before.
    Locked,
}

/// A pass of a reader who knew the password.
pub struct Pass {
    /// What is shown at the next request.
    pub text: String,
    /// How many seconds it is good for.
    pub seconds: i64,
}

/// A link that was opened.
pub struct Shared {
    /// The link.
    pub share: Share,
    /// The job or batch, without what is nobody else's business; a batch with the sums of what is shown of it.
    pub job: JobDetail,
    key: Key,
    reader: Actor,
}

impl Services {
    /// Opens a link. Whatever is wrong with a token, the answer is that nothing was found.
    pub async fn open_share(&self, token: &str, pass: Option<&str>) -> Result<Opened> {
        let (token, found) = self.share_of(token).await?;
        if let Some(hash) = &found.value.password {
            let now = self.store.now().await?;
            if !pass.is_some_and(|pass| token.admits(pass, hash, now)) {
                return Ok(Opened::Locked);
            }
        }
        let reader = Actor::reading_for(&found.value);
        let job = self.detail(&reader, &found.value).await?;
        Ok(Opened::Shown(Box::new(Shared {
            share: found.value,
            job,
            key: found.key,
            reader,
        })))
    }

    /// Takes the password of a link, and gives a pass for it.
    pub async fn unlock_share(&self, token: &str, password: String) -> Result<Pass> {
        let (token, found) = self.share_of(token).await?;
        let hash = found.value.password.ok_or(Error::NotFound)?;
        let now = self.store.now().await?;
        let counts = of_link(&found.key.id);
        self.take_try(&counts, now).await?;
        if !self.passwords.matches(password, Some(hash.clone())).await? {
            return Err(Error::forbidden(
                "this is not the password of the link; ask whoever sent it",
            ));
        }
        let right = counts.iter().map(Count::given_back).collect();
        self.store.write(right).await?;
        let end = now.plus_seconds(PASS_S);
        Ok(Pass {
            text: token.pass(&hash, end),
            seconds: PASS_S,
        })
    }

    /// Counts that somebody looked.
    pub async fn count_view(&self, shared: &Shared) -> Result<()> {
        let add = Write::Add {
            key: views_key(&shared.key),
            amounts: vec![("views", 1)],
        };
        self.store.write(vec![add]).await
    }

    /// A child of the shared batch, or the shared job itself.
    pub async fn shared_job(&self, shared: &Shared, id: &JobId) -> Result<JobDetail> {
        if *id == shared.share.job_id {
            return Ok(shared.job.clone());
        }
        shared.check(id)?;
        let detail = self.job(&shared.reader, id).await?;
        Ok(without_private(detail))
    }

    /// A page of the shared batch's children.
    pub async fn shared_children(
        &self,
        shared: &Shared,
        query: &ChildrenQuery,
    ) -> Result<ChildrenPage> {
        let batch = self
            .owned_batch(&shared.reader, &shared.share.job_id)
            .await?
            .value;
        let rows = self.rows(&batch).await?;
        let shown = rows.iter().filter(|row| shared.share.shows(row.index));
        page_of(batch.task, shown, query)
    }

    /// The poses of the shared job, or of a child of the shared batch.
    pub async fn shared_poses(&self, shared: &Shared, id: &JobId) -> Result<Vec<Pose>> {
        shared.check(id)?;
        self.poses(&shared.reader, id).await
    }

    /// A file of the shared job, or of a child of the shared batch, as it is read.
    pub async fn shared_file(&self, shared: &Shared, id: &JobId, name: &str) -> Result<Export> {
        shared.check(id)?;
        if !Share::shows_file(name) {
            return Err(Error::NotFound);
        }
        self.file(&shared.reader, id, name).await
    }

    /// What is shared as a table or as poses, ranked among what is shared.
    pub async fn shared_export(&self, shared: &Shared, format: ExportFormat) -> Result<Export> {
        let job = self.owned(&shared.reader, &shared.share.job_id).await?;
        self.export_shown(job.value, format, shared.share.selection.clone())
            .await
    }

    /// The link of a token, while it holds and what it shows is there.
    async fn share_of(&self, token: &str) -> Result<(Token, Stored<Share>)> {
        let token = Token::parse(token).ok_or(Error::NotFound)?;
        let found = self.store.get::<Share>(share_key(&token)).await?;
        let now = self.store.now().await?;
        let found = found
            .filter(|share| share.value.holds(now))
            .ok_or(Error::NotFound)?;
        self.owned(&Actor::reading_for(&found.value), &found.value.job_id)
            .await?;
        Ok((token, found))
    }

    /// The job or batch of a link as its readers see it.
    async fn detail(&self, reader: &Actor, share: &Share) -> Result<JobDetail> {
        let mut detail = without_private(self.job(reader, &share.job_id).await?);
        // A child that is shared alone tells nothing of its batch.
        (detail.row.batch_id, detail.row.index) = (None, None);
        if share.selection.is_some() {
            let batch = self.owned_batch(reader, &share.job_id).await?.value;
            let rows = self.rows(&batch).await?;
            let rows: Vec<&BatchRow> = rows.iter().filter(|row| share.shows(row.index)).collect();
            narrow(&mut detail, &batch, &rows);
        }
        Ok(detail)
    }
}

impl Shared {
    /// Refuses what the link does not show.
    fn check(&self, id: &JobId) -> Result<()> {
        let shown = *id == self.share.job_id
            || (self.job.row.kind == Kind::Batch
                && id.parent().is_some_and(|(batch, index)| {
                    batch == self.share.job_id && self.share.shows(index)
                }));
        if shown { Ok(()) } else { Err(Error::NotFound) }
    }
}

/// A job without its tries, its log, and the job that it repeats.
fn without_private(mut detail: JobDetail) -> JobDetail {
    detail.attempts.clear();
    detail.source_id = None;
    detail.files.retain(|file| Share::shows_file(&file.name));
    if let Some(error) = &mut detail.row.error {
        error.log_tail = None;
    }
    detail
}

/// Sums a batch up as if it had these children only.
fn narrow(detail: &mut JobDetail, batch: &Job, rows: &[&BatchRow]) {
    let counts = Counts::of(rows.iter().map(|row| row.status));
    if let Some(state) = &batch.batch {
        if let Some(target) = batch.input.target()
            && batch.name == target.name_of_batch(state.total as usize)
        {
            detail.row.name = target.name_of_batch(rows.len());
        }
        detail.row.batch = Some(BatchProgress::from(&BatchState {
            total: rows.len() as u32,
            counts,
            recent_run_s: None,
            waiting: common_wait(rows.iter().copied()),
            ..state.clone()
        }));
    }
    detail.row.status = counts.status();
    detail.timings = None;
    let best = best(batch.task, rows.iter().copied());
    detail.row.best = best.as_ref().and_then(BestValue::of);
    detail.row.has_results = detail.row.best.is_some();
    detail.row.has_structure = detail.row.best.is_some();
}
