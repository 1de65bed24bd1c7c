//! How the server fills the docking form, and where a submission leads.

use hub::actor::Actor;
use hub::docking::Parameters;
use hub::draft::DraftForm;
use hub::list::JobRow;
use hub::model::{Model, ModelCard};
use hub::preflight::Preflight;
use hub::services::{IdempotencyKey, OnFailedRows, Services};
use hub::task::Task;
use hub::{Error, Fault, Result};

use crate::address::Address;

/// 20 approved kinase inhibitors, as the file that the README names.
const KINASES: &str = include_str!("../../../../examples/kinase_inhibitors.csv");

/// A form as its page shows it.
#[derive(Clone, Debug)]
pub struct FormData {
    /// What is filled in.
    pub form: DraftForm,
    /// What is said of it, when it was sent before.
    pub checked: Option<Checked>,
    /// Why nothing would run now.
    pub away: Option<String>,
}

/// What is said of a form that was sent.
#[derive(Clone, Debug)]
pub struct Checked {
    /// The draft's id.
    pub id: String,
    /// The key that makes one submission of it one job.
    pub key: String,
    /// What is wrong, by field.
    pub faults: Vec<Fault>,
    /// What is said of the ligands; absent when they could not be read at all.
    pub preflight: Option<Preflight>,
    /// Columns of the ligand file.
    pub columns: Vec<String>,
}

/// A task, and why it cannot be done here.
#[derive(Clone, Debug)]
pub struct TaskCard {
    /// The task.
    pub task: Task,
    /// Why not; none when there is a form for it.
    pub reason: Option<String>,
}

/// Every task, and why it cannot be done here.
pub async fn tasks(services: &Services, actor: &Actor) -> Result<Vec<TaskCard>> {
    let models = services.models(actor).await?;
    let card = |task| TaskCard {
        task,
        reason: why_not(task, &models),
    };
    Ok(Task::ALL.into_iter().map(card).collect())
}

/// Why a task cannot be done here. Docking can be asked for even while nothing runs it: it waits.
fn why_not(task: Task, models: &[ModelCard]) -> Option<String> {
    if task == Task::Docking {
        return None;
    }
    let cards = task
        .models()
        .filter_map(|model| models.iter().find(|card| card.id == model));
    let reasons: Vec<_> = cards.filter_map(|card| card.reason.clone()).collect();
    Some(if reasons.is_empty() {
        "There is no form for it yet.".to_owned()
    } else {
        reasons.join("; ")
    })
}

/// The form that an address asks for.
pub async fn form(services: &Services, actor: &Actor, address: &Address) -> Result<FormData> {
    let (form, checked) = match address.get("draft") {
        "" => (example(address.get("example")), None),
        id => {
            let draft = services
                .draft(actor, &id.parse().map_err(|_| Error::NotFound)?)
                .await?;
            let checked = Checked {
                id: draft.id.to_string(),
                key: draft.idempotency_key,
                faults: draft.faults,
                preflight: draft.preflight,
                columns: draft.columns,
            };
            (draft.form, Some(checked))
        }
    };
    let models = services.models(actor).await?;
    let vina = models
        .into_iter()
        .find(|model| model.id == Model::Vina && !model.available);
    let away = vina.map(|model| {
        model
            .reason
            .unwrap_or_else(|| "the gateway does not offer it".to_owned())
    });
    Ok(FormData {
        form,
        checked,
        away,
    })
}

fn example(name: &str) -> DraftForm {
    let usual = Parameters::default();
    let form = |name: &str, named: &str, ligands: &str, exhaustiveness: u8| DraftForm {
        name: name.to_owned(),
        target_kind: "named".to_owned(),
        named: named.to_owned(),
        ligands: ligands.to_owned(),
        exhaustiveness: exhaustiveness.to_string(),
        seed: usual.seed.to_string(),
        poses: usual.poses.to_string(),
        ..DraftForm::default()
    };
    match name {
        "kinases" => form("Kinase inhibitors in ABL1", "ABL1", KINASES, 1),
        "imatinib" => form(
            "Imatinib in ABL1",
            "ABL1",
            "Cc1ccc(NC(=O)c2ccc(CN3CCN(C)CC3)cc2)cc1Nc1nccc(n1)-c1cccnc1 imatinib",
            1,
        ),
        "pyridine" => form("Pyridine in CYP3A4", "CYP3A4", "c1ccncc1 pyridine", 8),
        _ => form("", "", "", 8),
    }
}

/// Submits a draft, and leads to the job or batch that was made of it.
pub async fn submit(
    services: &Services,
    actor: &Actor,
    draft: &str,
    key: &str,
    on_failed_rows: OnFailedRows,
) -> Result<JobRow> {
    let (draft, key) = (
        draft.parse().map_err(|_| Error::NotFound)?,
        IdempotencyKey::new(key)?,
    );
    let submitted = services
        .submit_draft(actor, &draft, key, on_failed_rows)
        .await?;
    leptos_axum::redirect(&crate::jobs::row::href(&submitted.job));
    Ok(submitted.job)
}
