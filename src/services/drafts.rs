//! Drafts: a form is sent whole, kept for a day with what is said of it, shown again, mended, and submitted by name.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::requests::{BatchRequest, JobRequest, OnFailedRows};
use super::store::{self, Stored, draft_key};
use super::submissions::Submitted;
use super::{IdempotencyKey, Services};
use crate::actor::{Actor, Owner};
use crate::docking::{self, Parameters};
use crate::draft::{Draft, DraftForm, DraftView, KEPT_S};
use crate::error::{Error, Fault, Result};
use crate::id::DraftId;
use crate::ligand::Ligand;
use crate::ports::blobs;
use crate::ports::documents::{Collection, Direction, Query};
use crate::preflight::{Preflight, RowVerdict, Verdict};
use crate::task::Task;

mod form;
mod ligands;

use form::{parameters, target};

/// A form as it comes in.
#[derive(Clone, Debug, Default)]
pub struct DraftUpload {
    /// Its fields.
    pub form: DraftForm,
    /// The receptor's file.
    pub receptor: Option<Upload>,
    /// The ligands' file.
    pub ligands: Option<Upload>,
    /// The draft that this one mends: its files are kept where none is sent anew.
    pub previous: Option<DraftId>,
}

/// A file of a form.
#[derive(Clone, Debug)]
pub struct Upload {
    /// Its name on the sender's side.
    pub file_name: String,
    /// Its content.
    pub bytes: Bytes,
}

/// What is kept beside the form: everything that a submission needs, and what is said of each row.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Checked {
    ligands: Vec<Ligand>,
    preflight: Option<Preflight>,
    columns: Vec<String>,
}

/// Drafts of a person that are kept; an older one is forgotten before its time.
const KEPT: u32 = 20;
/// Drafts that are forgotten at once, should several have been made at the same moment.
const FORGOTTEN: u32 = 20;

const RECEPTOR_FILE: &str = "receptor";
const LIGANDS_FILE: &str = "ligands";
const CHECKED_FILE: &str = "checked.json";

impl Services {
    /// Keeps a form, with what is said of it. Faults are kept too, to be shown at their fields.
    pub async fn create_draft(&self, actor: &Actor, mut upload: DraftUpload) -> Result<DraftId> {
        actor.may_write()?;
        self.keep_files(actor, &mut upload).await?;
        let now = self.store.now().await?;
        let form = &mut upload.form;
        let mut faults = Vec::new();
        if let Some(receptor) = &upload.receptor {
            form.receptor_name = receptor.file_name.clone();
        }
        form.ligands_file = upload
            .ligands
            .as_ref()
            .map(|file| file.file_name.clone())
            .unwrap_or_default();
        let receptor_text = upload
            .receptor
            .as_ref()
            .map(|file| String::from_utf8_lossy(&file.bytes).into_owned());
        docking::read_target(
            &target(form, receptor_text.as_deref()),
            "target",
            &mut faults,
        );
        let parameters = Parameters::parse(&parameters(form, &mut faults), &mut faults);
        if !form.name.trim().is_empty()
            && let Err(message) = crate::ligand::check_name(form.name.trim(), 200)
        {
            faults.push(Fault::new("name", format!("the name {message}")));
        }
        let checked = self
            .check_ligands(actor, &upload, parameters, &mut faults)
            .await?;
        let draft = Draft {
            id: DraftId::random(),
            owner: Owner::User(actor.user.clone()),
            task: Task::Docking,
            created_at: now,
            expires_at: now.plus_seconds(KEPT_S),
            form: upload.form.clone(),
            parameters,
            faults,
        };
        // Before its files, so that those of a draft that never came about are forgotten with it.
        self.store
            .write(vec![store::created_draft(&draft)?])
            .await?;
        let json = serde_json::to_vec(&checked).map_err(Error::internal)?;
        self.put_once(&path(&draft, CHECKED_FILE), json).await?;
        for (name, file) in [
            (RECEPTOR_FILE, upload.receptor),
            (LIGANDS_FILE, upload.ligands),
        ] {
            if let Some(file) = file {
                self.put_once(&path(&draft, name), file.bytes).await?;
            }
        }
        self.forget_oldest(&draft.owner).await?;
        Ok(draft.id)
    }

    /// Forgets what is more than is kept, so that nobody fills the files with what is never submitted.
    async fn forget_oldest(&self, owner: &Owner) -> Result<()> {
        let (order, newest) = ("expires_at", Direction::Descending);
        let query = Query::new(Collection::Drafts, order, newest, KEPT + FORGOTTEN)
            .equal("owner", owner.to_string());
        let drafts = self.store.query::<Draft>(&query).await?;
        for draft in drafts.into_iter().skip(KEPT as usize) {
            self.delete_folder(&draft.value.folder()).await?;
            self.store.commit(vec![draft.deleted()]).await.map(drop)?;
        }
        Ok(())
    }

    /// A draft as its page shows it.
    pub async fn draft(&self, actor: &Actor, id: &DraftId) -> Result<DraftView> {
        let draft = self.owned_draft(actor, id).await?;
        let mut checked = self.checked_draft(&draft).await?;
        if let Some(preflight) = &mut checked.preflight {
            preflight.remaining = self.remaining(actor).await?;
        }
        Ok(DraftView {
            idempotency_key: format!("draft-{id}"),
            id: draft.id,
            form: draft.form,
            faults: draft.faults,
            preflight: checked.preflight,
            columns: checked.columns,
            expires_at: draft.expires_at,
        })
    }

    /// Submits a draft: one ligand is a job, several are a batch.
    pub async fn submit_draft(
        &self,
        actor: &Actor,
        id: &DraftId,
        key: IdempotencyKey,
        on_failed_rows: OnFailedRows,
    ) -> Result<Submitted> {
        actor.may_write()?;
        let draft = self.owned_draft(actor, id).await?;
        crate::error::check(draft.faults.clone())?;
        let Checked {
            ligands, preflight, ..
        } = self.checked_draft(&draft).await?;
        let rows = preflight
            .map(|preflight| preflight.rows)
            .unwrap_or_default();
        if on_failed_rows == OnFailedRows::Refuse {
            let failing = rows.iter().filter(|row| row.verdict == Verdict::Fail);
            let fault = |row: &RowVerdict| {
                Fault::new(
                    "ligands",
                    format!(
                        "line {}, {}: {}",
                        row.line,
                        row.name,
                        row.reasons.join("; ")
                    ),
                )
            };
            crate::error::check(failing.map(fault).collect())?;
        }
        let receptor = match draft.form.receptor_name.as_str() {
            "" => None,
            _ => Some(self.read_file(&draft, RECEPTOR_FILE).await?),
        };
        let receptor = receptor
            .as_ref()
            .map(|bytes| String::from_utf8_lossy(bytes));
        let target = target(&draft.form, receptor.as_deref());
        let parameters = serde_json::to_value(draft.parameters).map_err(Error::internal)?;
        let name = Some(draft.form.name.trim().to_owned()).filter(|name| !name.is_empty());
        let task = draft.task.name().to_owned();
        match ligands.as_slice() {
            [ligand] => {
                let input = json!({"target": target, "ligand": ligand});
                let request = JobRequest {
                    task,
                    model: None,
                    name,
                    input,
                    parameters,
                    source_id: None,
                };
                self.submit_job(actor, request, Some(key)).await
            }
            _ => {
                let ligands = ligands
                    .iter()
                    .map(serde_json::to_value)
                    .collect::<Result<_, _>>();
                let ligands = ligands.map_err(Error::internal)?;
                let request = BatchRequest {
                    task,
                    model: None,
                    name,
                    target,
                    ligands,
                    parameters,
                    on_failed_rows,
                };
                self.submit_batch(actor, request, Some(key)).await
            }
        }
    }

    /// Files of the draft that is mended, where none is sent anew.
    async fn keep_files(&self, actor: &Actor, upload: &mut DraftUpload) -> Result<()> {
        let Some(previous) = &upload.previous else {
            return Ok(());
        };
        let draft = match self.owned_draft(actor, previous).await {
            Err(Error::NotFound) => return Ok(()),
            draft => draft?,
        };
        if upload.receptor.is_none() && !draft.form.receptor_name.is_empty() {
            let bytes = self.read_file(&draft, RECEPTOR_FILE).await?;
            upload.receptor = Some(Upload {
                file_name: draft.form.receptor_name.clone(),
                bytes,
            });
        }
        let nothing_typed = upload.form.ligands.trim().is_empty();
        if upload.ligands.is_none() && nothing_typed && !draft.form.ligands_file.is_empty() {
            let bytes = self.read_file(&draft, LIGANDS_FILE).await?;
            upload.ligands = Some(Upload {
                file_name: draft.form.ligands_file.clone(),
                bytes,
            });
        }
        Ok(())
    }

    async fn owned_draft(&self, actor: &Actor, id: &DraftId) -> Result<Draft> {
        let draft: Option<Stored<Draft>> = self.store.get(draft_key(id)).await?;
        draft
            .map(|draft| draft.value)
            .filter(|draft| actor.owns(&draft.owner))
            .ok_or(Error::NotFound)
    }

    async fn checked_draft(&self, draft: &Draft) -> Result<Checked> {
        serde_json::from_slice(&self.read_file(draft, CHECKED_FILE).await?).map_err(Error::internal)
    }

    async fn read_file(&self, draft: &Draft, name: &str) -> Result<Bytes> {
        blobs::read(&*self.blobs, &path(draft, name))
            .await
            .map_err(super::files::error)
    }
}

fn path(draft: &Draft, name: &str) -> String {
    format!("{}/{name}", draft.folder())
}
