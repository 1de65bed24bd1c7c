//! What readers of a link see: the parts of the pages of jobs and batches, and nothing that changes anything.

use hub::Result;
use hub::id::JobId;
use hub::list::{ChildrenQuery, JobDetail, JobRow, MAX_CHILDREN_PER_PAGE};
use hub::services::{Services, Shared};
use leptos::either::Either;
use leptos::prelude::*;

use super::card::Card;
use crate::address::Address;
use crate::batches::page::BatchData;
use crate::jobs::page::place::Place;
use crate::jobs::page::read::{JobData, record};
use crate::{batches, jobs, status, time};

/// What a page for readers shows.
pub enum Content {
    /// A batch with a page of its ligands.
    Batch(Box<BatchData>, Address),
    /// A job.
    Job(Box<JobData>),
}

/// What a link leads to, with the ligands that the address asks for when it is a batch.
pub async fn shared(services: &Services, shared: &Shared, address: &Address) -> Result<Content> {
    if shared.job.row.batch.is_none() {
        return job(services, shared, &shared.share.job_id, address).await;
    }
    let wanted = ChildrenQuery::from_query(address.pairs())?;
    let data = BatchData {
        facts: record::common(&shared.job),
        row: shared.job.row.clone(),
        children: services.shared_children(shared, &wanted).await?,
        place: place(shared, address.path()),
        now: services.now().await?,
    };
    Ok(Content::Batch(Box::new(data), address.clone()))
}

/// A job of a link: the shared one, or one of the shared batch.
pub async fn job(
    services: &Services,
    shared: &Shared,
    id: &JobId,
    base: &Address,
) -> Result<Content> {
    let job: JobDetail = services.shared_job(shared, id).await?;
    // Without them the page still has the best pose's score.
    let poses = services.shared_poses(shared, id).await.unwrap_or_default();
    let place = place(shared, base.path());
    Ok(Content::Job(Box::new(JobData {
        measures: record::measures(&job),
        sheets: record::sheets(&job),
        grids: record::grids(&job, &poses, &place),
        row: job.row,
        batch: None,
        before: None,
        after: None,
        place,
        now: services.now().await?,
    })))
}

/// What is said of a link in a few words.
pub async fn card(services: &Services, shared: &Shared) -> Result<Card> {
    let job = &shared.job;
    let values = if job.row.batch.is_some() {
        let best = ChildrenQuery {
            limit: MAX_CHILDREN_PER_PAGE,
            ..ChildrenQuery::default()
        };
        let rows = services.shared_children(shared, &best).await?.results;
        let kind = hub::metric::of_task(job.row.task).first();
        // A bar has no room to say that nobody vouches for it.
        let value = |row: &hub::batch::BatchRow| {
            let vouched = !row.unverified.contains(kind?.key);
            row.values.get(kind?.key).copied().filter(|_| vouched)
        };
        rows.iter().filter_map(value).collect()
    } else {
        let poses = services.shared_poses(shared, &job.row.id).await;
        let poses = poses.unwrap_or_default();
        poses.iter().map(|pose| pose.score).collect()
    };
    Ok(Card::of(job, values))
}

fn place(shared: &Shared, base: &str) -> Place {
    Place::Link {
        base: base.to_owned(),
        shared: shared.share.job_id.clone(),
    }
}

/// The page of a link, with who shared it and until when.
pub fn shown(shared: &Shared, content: &Content) -> impl IntoView + use<> {
    let until = shared.share.expires_at.map(time::exact);
    let notice = match until {
        Some(end) => format!("Shared by {} until {end}.", shared.share.shared_by),
        None => format!("Shared by {}, without an end.", shared.share.shared_by),
    };
    let result = match content {
        Content::Batch(data, address) => Either::Left(batch(data, address)),
        Content::Job(data) => Either::Right(one(shared, data)),
    };
    view! {
        <p class="notice shared">{notice} " It can be read and not changed."</p>
        {result}
    }
}

fn batch(data: &BatchData, address: &Address) -> impl IntoView + use<> {
    let name = data.row.name.clone();
    let tools = downloads(address.path(), &data.row);
    view! {
        <header class="head">
            <h1>{name}</h1>
            {status::of_job(&data.row)}
            {tools}
        </header>
        {batches::page::result(data, address)}
    }
}

fn one(shared: &Shared, data: &JobData) -> impl IntoView + use<> {
    let whole = data.row.id == shared.share.job_id;
    let base = data.place.job(&shared.share.job_id);
    let above = (!whole).then(|| {
        let (name, href) = (shared.job.row.name.clone(), base.clone());
        view! {
            <nav class="crumbs" aria-label="Breadcrumb">
                <ol>
                    <li><a href=href>{name}</a></li>
                    <li aria-current="page">{data.row.name.clone()}</li>
                </ol>
            </nav>
        }
    });
    let tools = whole.then(|| downloads(&base, &data.row));
    view! {
        {above}
        <header class="head">
            <h1>{data.row.name.clone()}</h1>
            {status::of_job(&data.row)}
            {tools}
        </header>
        {jobs::page::result(data)}
    }
}

fn downloads(base: &str, row: &JobRow) -> impl IntoView + use<> {
    let export = |format: &str| format!("{base}/export?format={format}");
    let (csv, sdf) = (export("csv"), export("sdf"));
    view! {
        <div class="tools">
            <a class="button" href=csv download="">"CSV"</a>
            {row.has_poses().then(|| view! { <a class="button" href=sdf download="" title="Poses with their scores">"SDF"</a> })}
        </div>
    }
}

/// The form that asks for the password of a link.
pub fn locked(base: &str, refused: Option<String>) -> impl IntoView + use<> {
    let wrong = refused.is_some();
    view! {
        <section class="confirm">
            <h1>"This result has a password"</h1>
            <p>"Whoever sent you the link knows it."</p>
            <form method="post" action=format!("{base}/unlock")>
                <label for="password">"Password"</label>
                <input
                    id="password"
                    type="password"
                    name="password"
                    required
                    maxlength="200"
                    autocomplete="off"
                    aria-invalid=wrong.then_some("true")
                    aria-describedby=wrong.then_some("password-wrong")
                />
                <button class="button primary">"Open"</button>
            </form>
            {refused.map(|message| view! { <p class="wrong" id="password-wrong" role="alert">{message}</p> })}
        </section>
    }
}

/// What stands where a link leads nowhere, whatever the reason.
pub fn nowhere() -> impl IntoView {
    view! {
        <section class="fault" role="alert">
            <h1>"This link leads nowhere"</h1>
            <p>"It was ended, its time is over, or it is not whole. Ask whoever sent it for a new one."</p>
        </section>
    }
}
