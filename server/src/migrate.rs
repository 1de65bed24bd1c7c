//! The run of a migration: every document of the former system is looked at once, to see how they belong together, and
//! read once more to be brought. What came of it is told as it happens.

use std::io::Write;

use anyhow::Context;
use hub::former::{Document, Sorting, Work};
use hub::services::{Brought, Came, Migration, Services};

use crate::documents::firestore::FormerJobs;

/// Documents that are read in full at once: one may be of a megabyte.
const READ: usize = 50;

/// What came of a run, as numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Documents that there are.
    pub documents: u32,
    /// Those that were written here, or would be.
    pub mapped: u32,
    /// Of these, those with values that nobody vouches for.
    pub with_unverified: u32,
    /// Of these, those of which files are missing.
    pub without_files: u32,
    /// Those that were here already.
    pub here: u32,
    /// Those that were not brought.
    pub left_alone: u32,
}

/// A run: from where, and whither its lines go.
pub struct Run<'a> {
    services: &'a Services,
    former: &'a FormerJobs,
    lines: &'a mut (dyn Write + Send),
    /// What came of it so far.
    pub summary: Summary,
    /// What was left alone so far, and why.
    left_alone: Vec<String>,
}

/// How the documents belong together.
pub async fn sorted(former: &FormerJobs) -> anyhow::Result<Sorting> {
    let (mut sorting, mut after) = (Sorting::default(), None::<String>);
    loop {
        let page = former.page(after.as_deref()).await?;
        let Some(last) = page.last() else {
            return Ok(sorting);
        };
        after = Some(last.id.clone());
        page.iter().for_each(|document| sorting.see(document));
    }
}

impl<'a> Run<'a> {
    /// A run from the former system into a hub, with a line of JSON for each document.
    pub fn new(
        services: &'a Services,
        former: &'a FormerJobs,
        lines: &'a mut (dyn Write + Send),
    ) -> Self {
        Self {
            services,
            former,
            lines,
            summary: Summary::default(),
            left_alone: Vec::new(),
        }
    }

    /// What came of it, in words: the numbers, and a line for each document that was left alone.
    pub fn told(&self, dry_run: bool) -> String {
        let mut told = self.summary.told(dry_run);
        for line in &self.left_alone {
            told.push_str("\n  - ");
            told.push_str(line);
        }
        told
    }

    /// Brings everything. Broken off, it is done again and goes on where it was.
    pub async fn all(&mut self, sorting: &Sorting, migration: &Migration) -> anyhow::Result<()> {
        self.summary.documents = sorting.len() as u32;
        let mut singles = Vec::new();
        for work in sorting.work() {
            match work {
                Work::Single(id) => singles.push(id),
                Work::Batch(id, children) => self.batch(migration, &id, &children).await?,
            }
            if singles.len() == READ {
                self.singles(migration, &std::mem::take(&mut singles))
                    .await?;
            }
        }
        self.singles(migration, &singles).await
    }

    async fn singles(&mut self, migration: &Migration, ids: &[String]) -> anyhow::Result<()> {
        let here = self.services.brought_before(ids).await?;
        let is_new = |id: &&String| !here.iter().any(|here| here.former_id == **id);
        let new: Vec<String> = ids.iter().filter(is_new).cloned().collect();
        self.tell(&here)?;
        if new.is_empty() {
            return Ok(());
        }
        let documents = self.former.get(&new).await?;
        let brought = self.services.bring_jobs(migration, &documents).await?;
        self.tell(&brought)
    }

    async fn batch(
        &mut self,
        migration: &Migration,
        id: &String,
        children: &[String],
    ) -> anyhow::Result<()> {
        let here = self
            .services
            .brought_before(std::slice::from_ref(id))
            .await?;
        if let Some(Brought {
            id: Some(batch), ..
        }) = here.first()
        {
            let children = self
                .services
                .children_brought_before(batch, children)
                .await?;
            self.tell(&here)?;
            return self.tell(&children);
        }
        let parent = self.former.get(std::slice::from_ref(id)).await?;
        let parent: &Document = parent.first().context("a batch was deleted meanwhile")?;
        let mut rows = Vec::new();
        for chunk in children.chunks(READ) {
            let documents = self.former.get(chunk).await?;
            let first = rows.len() as u32;
            let (brought, more) = self
                .services
                .bring_children(migration, parent, &documents, first)
                .await?;
            self.tell(&brought)?;
            rows.extend(more);
        }
        let batch = if rows.is_empty() {
            self.services
                .bring_jobs(migration, std::slice::from_ref(parent))
                .await?
        } else {
            vec![self.services.bring_batch(migration, parent, rows).await?]
        };
        self.tell(&batch)
    }

    fn tell(&mut self, brought: &[Brought]) -> anyhow::Result<()> {
        for line in brought {
            self.summary.count(line);
            let why = line.reason.as_ref();
            self.left_alone
                .extend(why.map(|why| format!("{}: {why}", line.former_id)));
            serde_json::to_writer(&mut *self.lines, line)?;
            self.lines
                .write_all(b"\n")
                .context("the report cannot be written")?;
        }
        Ok(())
    }
}

impl Summary {
    fn count(&mut self, line: &Brought) {
        match line.came {
            Came::Here => self.here += 1,
            Came::LeftAlone => self.left_alone += 1,
            Came::Mapped => {
                self.mapped += 1;
                self.with_unverified += u32::from(!line.unverified.is_empty());
                self.without_files += u32::from(line.files_missing.is_some());
            }
        }
    }

    fn told(self, dry_run: bool) -> String {
        let mapped = if dry_run {
            "would be brought"
        } else {
            "were brought"
        };
        let mut told = format!(
            "{} documents of the former system: {} {mapped} ({} with unverified values, {} with files missing), {} were here \
             already, {} were left alone",
            self.documents,
            self.mapped,
            self.with_unverified,
            self.without_files,
            self.here,
            self.left_alone
        );
        if self.mapped == 0 {
            told.push_str("; nothing new was written");
        } else if dry_run {
            told.push_str("; this was a dry run, nothing was written");
        }
        told
    }
}
