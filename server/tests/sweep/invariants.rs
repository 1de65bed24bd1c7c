//! What holds in the end, whatever went wrong on the way. Each has a name, by which a defect is known that breaks it.

use hub::batch::{BatchRow, Counts, PackedRows};
use hub::id::JobId;
use hub::job::{Job, State};
use hub::list::ListQuery;
use hub::ports::documents::{Collection, Key};

use crate::world::World;

/// The invariant that does not hold, and what was found instead.
#[derive(Debug, PartialEq, Eq)]
pub struct Broken(pub &'static str, pub String);

impl Broken {
    /// Somebody who asks again and again is answered in the end.
    pub fn request(found: String) -> Self {
        Self("every request is answered in the end", found)
    }
}

/// How a life must have ended.
#[derive(Clone, Copy, Debug, Default)]
pub struct Expected {
    pub completed: usize,
    pub cancelled: usize,
    pub failed: usize,
    /// Units: what completed, what a person's own fault ended, and what was cancelled while it ran.
    pub charged: i64,
    /// Units: what failed through nobody's fault.
    pub refunded: i64,
    /// Runs that the gateway began.
    pub begun: usize,
}

fn holds(
    invariant: &'static str,
    is_so: bool,
    found: impl FnOnce() -> String,
) -> Result<(), Broken> {
    if is_so {
        Ok(())
    } else {
        Err(Broken(invariant, found()))
    }
}

/// Looks at what is left of a job or batch that has ended.
pub async fn check(world: &World, id: &JobId, expected: Expected) -> Result<(), Broken> {
    one_submission_is_one_job(world).await?;
    let (job, children) = world.stored(id).await?;
    let units = if job.batch.is_some() {
        children.clone()
    } else {
        vec![job.clone()]
    };
    ended_as_expected(&units, expected)?;
    for unit in &units {
        one_accepted_result(world, unit).await?;
    }
    units_are_settled(world, expected).await?;
    one_run_for_each_epoch(world, expected)?;
    if job.batch.is_some() {
        holds(
            "a batch is dispatched when it is sealed",
            world.begun_early.is_empty(),
            || format!("{:?}", world.begun_early),
        )?;
        the_summary_is_the_sum(world, &job, &children).await?;
    }
    Ok(())
}

async fn one_submission_is_one_job(world: &World) -> Result<(), Broken> {
    let query = ListQuery::from_query(&[]).unwrap();
    let page = world.reader().list(&world.actor, &query).await.unwrap();
    holds("one submission is one job", page.results.len() == 1, || {
        format!("{} jobs", page.results.len())
    })
}

fn ended_as_expected(units: &[Job], expected: Expected) -> Result<(), Broken> {
    let ended = |state| units.iter().filter(|unit| unit.state == state).count();
    let [completed, cancelled, failed] =
        [State::Completed, State::Cancelled, State::Failed].map(ended);
    let is_so = completed == expected.completed
        && cancelled == expected.cancelled
        && failed == expected.failed
        && completed + cancelled + failed == units.len();
    holds("no fault on the way changes how a job ends", is_so, || {
        let errors: Vec<_> = units
            .iter()
            .filter_map(|unit| unit.error.as_ref())
            .collect();
        format!(
            "{completed} completed, {cancelled} cancelled, {failed} failed of {}; {errors:?}",
            units.len()
        )
    })
}

/// A completed job has one attempt that completed, one sealed manifest of that epoch, and each of its files; another job
/// has none that is accepted.
async fn one_accepted_result(world: &World, job: &Job) -> Result<(), Broken> {
    const NAME: &str = "a job has at most one accepted result";
    let completed: Vec<u32> = job
        .attempts
        .iter()
        .filter(|attempt| attempt.outcome.as_deref() == Some("completed"))
        .map(|attempt| attempt.epoch)
        .collect();
    let accepted: Vec<u32> = job.result_epoch.into_iter().collect();
    let wanted = usize::from(job.state == State::Completed);
    holds(
        NAME,
        completed == accepted && accepted.len() == wanted,
        || format!("{}: completed {completed:?}, accepted {accepted:?}", job.id),
    )?;
    for epoch in accepted {
        let names = job.files.iter().map(|file| file.name.as_str());
        for name in names.chain(["manifest.json"]) {
            let path = job.output_path(epoch, name);
            let there = world.blobs.head(&path).await.unwrap();
            holds("an accepted result has its files", there.is_some(), || path)?;
        }
    }
    Ok(())
}

async fn units_are_settled(world: &World, expected: Expected) -> Result<(), Broken> {
    for [held, charged, refunded] in world.books().await {
        holds("no unit stays held", held == 0, || format!("{held} held"))?;
        let is_so = charged == expected.charged && refunded == expected.refunded;
        holds("each unit is charged or given back once", is_so, || {
            format!("{charged} charged, {refunded} given back of {expected:?}")
        })?;
    }
    Ok(())
}

fn one_run_for_each_epoch(world: &World, expected: Expected) -> Result<(), Broken> {
    let begun = world.gateway.script().begun.clone();
    let again = world.gateway.script().asked_again.clone();
    holds(
        "a run that has begun is asked after, not asked for again",
        again.is_empty(),
        || format!("{again:?}"),
    )?;
    holds(
        "no more runs are begun than are needed",
        begun.len() == expected.begun,
        || format!("{} instead of {}: {begun:?}", begun.len(), expected.begun),
    )
}

async fn the_summary_is_the_sum(
    world: &World,
    batch: &Job,
    children: &[Job],
) -> Result<(), Broken> {
    const NAME: &str = "the summary is the sum of the children";
    let state = batch.batch.as_ref().unwrap();
    holds(
        "a batch has all its children",
        children.len() == state.total as usize,
        || format!("{} of {}", children.len(), state.total),
    )?;
    let counts = Counts::of(children.iter().map(|child| child.status));
    holds(
        NAME,
        counts == state.counts && batch.status == counts.status(),
        || format!("{:?}, {:?} of {counts:?}", batch.status, state.counts),
    )?;
    let key = Key::new(Collection::BatchRows, format!("{}-000", batch.id));
    let packed: Option<PackedRows> = world.read(key).await;
    let rows: Vec<_> = children.iter().filter_map(BatchRow::of).collect();
    holds(
        NAME,
        packed.as_ref().is_some_and(|packed| packed.rows == rows),
        || format!("{packed:?} of {rows:?}"),
    )
}

/// Looks at what is left of what was deleted.
pub async fn check_deleted(world: &World, id: &JobId, children: u32) -> Result<(), Broken> {
    let keys = (0..children).map(|index| Key::new(Collection::Children, id.child(index).as_str()));
    let keys = keys.chain([
        Key::new(Collection::Jobs, id.as_str()),
        Key::new(Collection::BatchRows, format!("{id}-000")),
        Key::new(Collection::Leases, format!("roll-up-{id}")),
        Key::new(Collection::Unclaimed, id.as_str()),
    ]);
    let keys: Vec<_> = keys.collect();
    let left = world.documents.get_many(&keys).await.unwrap();
    let files = world.blobs.list("users").await.unwrap();
    let is_so = left.iter().all(Option::is_none) && files.is_empty();
    holds("what is deleted leaves nothing", is_so, || {
        format!("{} documents, {files:?}", left.iter().flatten().count())
    })?;
    units_are_settled(
        world,
        Expected {
            charged: i64::from(children),
            ..Expected::default()
        },
    )
    .await
}
