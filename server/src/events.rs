//! Server-sent events: rows of jobs as they change. A stream tells nothing that cannot be read again: it is woken by
//! what this server writes, looks for what others wrote every two seconds, and may tell a row twice.

use std::collections::{HashMap, VecDeque};
use std::convert::Infallible;
use std::future::Future;
use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, KeepAliveStream, Sse};
use futures::stream::{self, BoxStream, Stream, StreamExt};
use hub::Error;
use hub::actor::Actor;
use hub::id::JobId;
use hub::list::JobRow;
use hub::services::{Change, Services};
use hub::time::Timestamp;
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;

use crate::api::{Api, read::Id};
use crate::problem::Problem;
use crate::session::Signed;

mod open;

pub use open::{Place, Streams};

/// Between two looks when nothing wakes.
const PATIENCE: Duration = Duration::from_secs(2);
/// Between two looks however often it is woken: at most four a second.
const PAUSE: Duration = Duration::from_millis(250);
const HEARTBEAT: Duration = Duration::from_secs(20);
/// After how long a browser that lost the stream asks again.
const RETRY: Duration = Duration::from_secs(2);
/// Commits become readable up to this much after the time they carry.
const LATENESS_S: i64 = 2;
/// A new stream tells what changed this recently: the page was read a moment before it could listen.
const FIRST_LOOK_S: i64 = 30;
/// What changed longer ago than this is read anew and not told.
const LONGEST_AWAY_S: i64 = 3_600;
/// Rows of one look at the list.
const LOOK: usize = 100;

type Events = Sse<KeepAliveStream<BoxStream<'static, Result<Event, Infallible>>>>;

/// `GET /events`: the actor's jobs and batches. Resumes after `Last-Event-ID`.
pub async fn of_list(
    State(api): State<Api>,
    Signed(actor): Signed,
    headers: HeaderMap,
) -> Result<Events, Problem> {
    let place = api.streams.open(&actor.user)?;
    let woken = api.services.changes().subscribe();
    let since = match last_event(&headers) {
        Some(time) => time.max(api.services.now().await?.plus_seconds(-LONGEST_AWAY_S)),
        None => api.services.now().await?.plus_seconds(-FIRST_LOOK_S),
    };
    let list = List {
        services: api.services,
        actor,
        since,
        told: HashMap::new(),
    };
    Ok(answer(Watch::new(list, woken, api.stopping, place)))
}

/// `GET /jobs/{id}/events`: one job, batch or child, first as it stands.
pub async fn of_job(
    State(api): State<Api>,
    Signed(actor): Signed,
    Id(id): Id<JobId>,
) -> Result<Events, Problem> {
    let woken = api.services.changes().subscribe();
    api.services.job(&actor, &id).await?;
    let place = api.streams.open(&actor.user)?;
    let one = One {
        services: api.services,
        actor,
        id,
        told: None,
    };
    Ok(answer(Watch::new(one, woken, api.stopping, place)))
}

/// `GET /batches/{id}/events`: a batch, first as it stands.
pub async fn of_batch(
    State(api): State<Api>,
    signed: Signed,
    Id(id): Id<JobId>,
) -> Result<Events, Problem> {
    api.services.batch(&signed.0, &id).await?;
    of_job(State(api), signed, Id(id)).await
}

/// When the row that was told last was written.
fn last_event(headers: &HeaderMap) -> Option<Timestamp> {
    headers.get("last-event-id")?.to_str().ok()?.parse().ok()
}

fn answer(watch: Watch<impl Look>) -> Events {
    Sse::new(watch.events().boxed())
        .keep_alive(KeepAlive::new().interval(HEARTBEAT).text("still here"))
}

/// What a stream looks at.
trait Look: Send + 'static {
    /// Whether a change may be one of its own.
    fn concerns(&self, change: &Change) -> bool;

    /// Rows that have not been told yet.
    fn look(&mut self) -> impl Future<Output = Result<Vec<JobRow>, Error>> + Send;
}

/// The actor's list.
struct List {
    services: Services,
    actor: Actor,
    /// Everything written before is told.
    since: Timestamp,
    /// What was told of the last moments, which are looked at again.
    told: HashMap<JobId, Timestamp>,
}

impl Look for List {
    fn concerns(&self, change: &Change) -> bool {
        self.actor.owns(&change.owner)
    }

    async fn look(&mut self) -> Result<Vec<JobRow>, Error> {
        self.actor = self.services.again(&self.actor).await?;
        let mut from = self.since.plus_seconds(-LATENESS_S);
        self.told.retain(|_, written| *written > from);
        let mut news = Vec::new();
        loop {
            let rows = self.services.changed_since(&self.actor, from).await?;
            let more = rows.len() >= LOOK;
            for row in rows {
                from = row.updated_at;
                self.since = self.since.max(row.updated_at);
                if self.told.insert(row.id.clone(), row.updated_at) != Some(row.updated_at) {
                    news.push(row);
                }
            }
            if !more {
                return Ok(news);
            }
        }
    }
}

/// One job or batch.
struct One {
    services: Services,
    actor: Actor,
    id: JobId,
    told: Option<JobRow>,
}

impl Look for One {
    fn concerns(&self, change: &Change) -> bool {
        change.id == self.id
    }

    async fn look(&mut self) -> Result<Vec<JobRow>, Error> {
        self.actor = self.services.again(&self.actor).await?;
        let row = self.services.job(&self.actor, &self.id).await?.row;
        if self.told.as_ref() == Some(&row) {
            return Ok(Vec::new());
        }
        self.told = Some(row.clone());
        Ok(vec![row])
    }
}

/// A stream of what is looked at.
struct Watch<L> {
    look: L,
    woken: broadcast::Receiver<Change>,
    stopping: CancellationToken,
    ready: VecDeque<Event>,
    looked: bool,
    over: bool,
    _place: Place,
}

impl<L: Look> Watch<L> {
    fn new(
        look: L,
        woken: broadcast::Receiver<Change>,
        stopping: CancellationToken,
        place: Place,
    ) -> Self {
        let hello = Event::default().retry(RETRY).comment("listening");
        Self {
            look,
            woken,
            stopping,
            ready: VecDeque::from([hello]),
            looked: false,
            over: false,
            _place: place,
        }
    }

    fn events(self) -> impl Stream<Item = Result<Event, Infallible>> + Send {
        stream::unfold(self, |mut watch| async move {
            watch.next().await.map(|event| (Ok(event), watch))
        })
    }

    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some(event);
            }
            if self.over {
                return None;
            }
            if self.stopping.is_cancelled() || !self.wait().await {
                self.over = true;
                // A new server is there in a moment.
                return Some(
                    Event::default()
                        .retry(RETRY)
                        .comment("the server is ending"),
                );
            }
            self.look_once().await;
        }
    }

    /// Waits for a reason to look again; `false` when the server ends.
    async fn wait(&mut self) -> bool {
        if !std::mem::replace(&mut self.looked, true) {
            return true;
        }
        let stopping = self.stopping.clone();
        let waiting = async {
            tokio::time::sleep(PAUSE).await;
            // Whoever is not woken looks anyway, and one look answers everything that woke.
            let _ = tokio::time::timeout(PATIENCE - PAUSE, self.wake()).await;
            while self.woken.try_recv().is_ok() {}
        };
        stopping.run_until_cancelled(waiting).await.is_some()
    }

    async fn wake(&mut self) {
        loop {
            match self.woken.recv().await {
                Ok(change) if self.look.concerns(&change) => return,
                Ok(_) => {}
                // Something was missed, and may have been ours.
                Err(broadcast::error::RecvError::Lagged(_)) => return,
                Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
            }
        }
    }

    async fn look_once(&mut self) {
        match self.look.look().await {
            Ok(rows) => self.ready.extend(rows.iter().filter_map(event)),
            // It was deleted, or whoever looks was signed out: a browser that asks again is told so and stops.
            Err(Error::NotFound | Error::Unauthenticated) => self.over = true,
            Err(failed) => tracing::warn!(cause = ?failed, "a stream of events could not look"),
        }
    }
}

fn event(row: &JobRow) -> Option<Event> {
    Event::default()
        .event("job")
        .id(row.updated_at.to_string())
        .json_data(row)
        .ok()
}
