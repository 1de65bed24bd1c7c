//! What is said of a result in a few words: by chat programs, search lines and the preview image.

use hub::input::Parameters;
use hub::list::JobDetail;
use hub::metric;
use hub::model::Model;

use crate::number;

/// A result in a few words.
#[derive(Clone, Debug, PartialEq)]
pub struct Card {
    /// Its name.
    pub title: String,
    /// What was done: `Docking of 20 ligands against ABL1`.
    pub what: String,
    /// How: `AutoDock Vina, exhaustiveness 8`.
    pub how: String,
    /// The best value with its unit; none before there is one.
    pub best: Option<String>,
    /// What the values below are, with their unit and direction.
    pub measured: String,
    /// Values of the ligands or poses, the best first.
    pub values: Vec<f64>,
}

impl Card {
    /// What is said of a link before its password is given: nothing of what it shows.
    pub fn locked() -> Self {
        Self {
            title: "A shared result".to_owned(),
            what: "It opens with the password that came with the link.".to_owned(),
            how: String::new(),
            best: None,
            measured: String::new(),
            values: Vec::new(),
        }
    }

    /// A result with values of its ligands or poses, the best first.
    pub fn of(job: &JobDetail, values: Vec<f64>) -> Self {
        let row = &job.row;
        let ligands = match (&row.batch, job.input.ligand()) {
            (Some(batch), _) => Some(number::count(batch.total, "ligand")),
            (None, ligand) => ligand.map(|ligand| ligand.name.clone()),
        };
        let target = job.input.target().map(|target| target.title().to_owned());
        let of: Vec<_> = ligands.into_iter().chain(target).collect();
        let kind = metric::of_task(row.task).first();
        Self {
            title: row.name.clone(),
            what: format!("{} of {}", row.task.title(), of.join(" against ")),
            how: how(row.model, job.parameters.as_ref()),
            best: row.best.as_ref().map(number::best),
            measured: kind.map_or_else(String::new, |kind| {
                format!("{}, {}", kind.title(), kind.better.words())
            }),
            values,
        }
    }

    /// All of it in one line.
    pub fn line(&self) -> String {
        let mut parts = vec![self.what.trim_end_matches('.').to_owned()];
        parts.extend(Some(self.how.clone()).filter(|how| !how.is_empty()));
        parts.extend(self.best.as_ref().map(|best| format!("best {best}")));
        format!("{}.", parts.join("; "))
    }
}

fn how(model: Model, parameters: Option<&Parameters>) -> String {
    match parameters {
        Some(Parameters::Docking(parameters)) => format!(
            "{}, exhaustiveness {}",
            model.title(),
            parameters.exhaustiveness
        ),
        Some(Parameters::Sequence(_)) | None => model.title().to_owned(),
    }
}
