//! What somebody comes for: the score and the picture; or why there is none.

use hub::job::{JobError, Status};
use hub::list::JobRow;
use leptos::prelude::*;

use super::place::Place;
use super::read::Measure;
use crate::error::Reference;
use crate::number;

/// Every metric with unit, direction and meaning.
pub fn answer(measures: &[Measure]) -> impl IntoView + use<> {
    let measures: Vec<_> = measures
        .iter()
        .map(|measure| {
            let value = measure.value.clone();
            let missing = value.is_none();
            view! {
                <div>
                    <dt>{measure.label.clone()} " " <small>{measure.better.clone()}</small></dt>
                    <dd class:missing=missing title=measure.full.clone()>
                        {value.unwrap_or_else(|| number::MISSING.to_owned())}
                    </dd>
                    <dd class="meaning">{measure.meaning.clone()}</dd>
                </div>
            }
        })
        .collect();
    view! { <dl class="answer">{measures}</dl> }
}

/// Where the 3D view opens; without script, the files it would show.
pub fn picture(job: &JobRow, place: &Place) -> impl IntoView + use<> {
    let id = job.id.to_string();
    let files = place.files(&job.id);
    let stage = format!("stage-{id}");
    view! {
        <section class="picture" id="picture">
            <h2>"Pose"</h2>
            <div class="poster">
                <img src="/poster.svg" alt="" width="320" height="180" loading="lazy" />
                <a
                    class="button primary"
                    href=format!("{files}/poses.sdf")
                    rel="external"
                    data-pose=id.clone()
                    data-name=job.name.clone()
                    data-files=place.files_of_view(&job.id)
                    data-stage=stage.clone()
                >
                    "Show in 3D"
                </a>
                <p>"Receptor, poses and the box that was searched."</p>
            </div>
            <div id=stage class="stage" data-kept=""></div>
        </section>
    }
}

/// Why it failed, and what to do.
pub fn failure(error: &JobError, is_former: bool) -> impl IntoView + use<> {
    let stage = error
        .stage
        .clone()
        .map(|stage| format!("It happened while: {stage}."));
    let tries = (error.attempts > 0)
        .then(|| format!("It was tried {}.", number::count(error.attempts, "time")));
    let advice = if is_former {
        "It came from the former system and cannot be run again in place: submit its input anew."
    } else if error.user_action_required {
        "Mend the input and submit it again."
    } else {
        "Nothing is wrong with the input: try again, and if it fails again tell the operators the reference."
    };
    let log = error.log_tail.clone().map(|log| {
        view! {
            <details open>
                <summary>"End of the log"</summary>
                <pre>{log}</pre>
            </details>
        }
    });
    view! {
        <section class="notice failed">
            <h2>{Status::Failed.title()}</h2>
            <p>{error.message.clone()}</p>
            <p>{stage} " " {tries} " " {advice}</p>
            <Reference reference=error.reference.clone() />
            {log}
        </section>
    }
}
