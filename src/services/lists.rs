//! My Results: pages of jobs and batches, and what changed since a page was read.

use serde_json::Value;

use super::Services;
use super::store::Seen;
use crate::actor::{Actor, Owner};
use crate::error::{Error, Result};
use crate::job::{JobSummary, shelf};
use crate::list::{COUNTED_TO, JobRow, ListPage, ListQuery, Pagination};
use crate::page::PageToken;
use crate::ports::documents::{COMBINATIONS, Collection, Cursor, Direction, Query};
use crate::search::{self, Filters, Scope};
use crate::time::Timestamp;

mod counts;

pub(super) use counts::CountCache;

/// Documents that one search reads at most.
const SEARCHED: u32 = 500;

/// The lists on which the actor's own work is: what they made for themselves, and for their organisation.
fn shelves(actor: &Actor) -> Vec<Value> {
    let own = Owner::User(actor.user.clone());
    let mut shelves = vec![shelf(&own, &actor.user).into()];
    if actor.owner != own {
        shelves.push(shelf(&actor.owner, &actor.user).into());
    }
    shelves
}

/// What was read for a page.
struct Found {
    jobs: Vec<Seen<JobSummary>>,
    /// Where reading stopped, when there may be more.
    stopped_at: Option<Cursor>,
    /// Whether it stopped because enough was read, not because the page was full.
    incomplete: bool,
}

impl Services {
    /// A page of the actor's jobs and batches.
    pub async fn list(&self, actor: &Actor, query: &ListQuery) -> Result<ListPage> {
        let (filters, request) = (&query.filters, &query.page);
        if filters.scope == Scope::Organization && actor.member.is_none() {
            return Err(Error::bad_request(
                "scope",
                "you belong to no organisation; take scope=mine",
            ));
        }
        if filters.scope == Scope::All && !actor.is_admin() {
            return Err(Error::bad_request("scope", search::NO_SUCH_SCOPE));
        }
        // Rows that the store finds are counted, not those among them that fit.
        if request.page.is_some_and(|page| page > 1) && !is_plain(actor, filters) {
            return Err(Error::bad_request(
                "page",
                "pages of these filters together have no numbers: use page_token",
            ));
        }
        if filters.scope == Scope::All {
            self.note_list(actor).await?;
        }
        let back = request.token.as_ref().is_some_and(|token| token.back);
        let mut base = self.filtered(actor, filters, query.oldest_first);
        if back {
            base.order.1 = base.order.1.reversed();
        }
        base.after = match (&request.token, request.page) {
            (Some(token), _) => Some(Cursor {
                value: token.value.as_str().into(),
                id: token.id.clone(),
            }),
            (None, Some(page)) if page > 1 => {
                base.limit = (page - 1) * request.per_page;
                match self.store.last(&base).await? {
                    Some(cursor) => Some(cursor),
                    None => {
                        return self
                            .finish(actor, query, Vec::new(), false, None, false)
                            .await;
                    }
                }
            }
            _ => None,
        };
        let mut found = self.search(actor, base, filters, request.per_page).await?;
        let (more, incomplete) = (found.stopped_at.is_some(), found.incomplete);
        if back {
            found.jobs.reverse();
        }
        self.finish(actor, query, found.jobs, more, found.stopped_at, incomplete)
            .await
    }

    /// The actor's jobs and batches written after `since`, in the order of writing, at most 100.
    pub async fn changed_since(&self, actor: &Actor, since: Timestamp) -> Result<Vec<JobRow>> {
        let query = Query::new(Collection::Jobs, "updated_at", Direction::Ascending, 100)
            .any_of("shelf", shelves(actor))
            .from(Timestamp::from_micros(since.as_micros() + 1).to_string());
        let changed = self.store.parts::<JobSummary>(query).await?;
        let rows = changed.into_iter().map(|job| self.row(job.value));
        Ok(rows.collect())
    }

    fn filtered(&self, actor: &Actor, filters: &Filters, oldest_first: bool) -> Query {
        let direction = if oldest_first {
            Direction::Ascending
        } else {
            Direction::Descending
        };
        let query = Query::new(Collection::Jobs, "created_at", direction, 1);
        let mut query = match filters.scope {
            Scope::Mine => query.any_of("shelf", shelves(actor)),
            Scope::Organization => query.equal("shared_shelf", actor.owner.to_string()),
            Scope::All => query,
        };
        if filters.scope == Scope::All {
            return between(query, filters);
        }
        for (field, values) in lists(actor, filters).0 {
            query = query.any_of(field, values);
        }
        if let Some(word) = search::lookup_word(&filters.words) {
            query = query.contains("terms", word);
        }
        between(query, filters)
    }

    /// Reads until a page is full and one more is seen, or the search has read enough.
    async fn search(
        &self,
        actor: &Actor,
        mut query: Query,
        filters: &Filters,
        wanted: u32,
    ) -> Result<Found> {
        let mut jobs: Vec<Seen<JobSummary>> = Vec::new();
        let mut read = 0;
        let plain = is_plain(actor, filters);
        loop {
            query.limit = match plain {
                true => wanted + 1,
                false => (wanted + 1).max(100).min(SEARCHED - read),
            };
            let found = self.store.parts::<JobSummary>(query.clone()).await?;
            let exhausted = (found.len() as u32) < query.limit;
            read += found.len() as u32;
            let last = found.last().map(cursor);
            for job in found {
                if !plain && !fits(&job.value, filters) {
                    continue;
                }
                if jobs.len() as u32 == wanted {
                    let stopped_at = jobs.last().map(cursor);
                    return Ok(Found {
                        jobs,
                        stopped_at,
                        incomplete: false,
                    });
                }
                jobs.push(job);
            }
            if exhausted {
                return Ok(Found {
                    jobs,
                    stopped_at: None,
                    incomplete: false,
                });
            }
            if read >= SEARCHED {
                return Ok(Found {
                    jobs,
                    stopped_at: last,
                    incomplete: true,
                });
            }
            query.after = last;
        }
    }

    async fn finish(
        &self,
        actor: &Actor,
        query: &ListQuery,
        jobs: Vec<Seen<JobSummary>>,
        more: bool,
        stopped_at: Option<Cursor>,
        incomplete: bool,
    ) -> Result<ListPage> {
        let back = query.page.token.as_ref().is_some_and(|token| token.back);
        let page = query.page.number();
        let token = |at: Option<Cursor>, page: u32, back: bool| {
            let at = at?;
            let value = at.value.as_str()?.to_owned();
            Some(
                PageToken {
                    value,
                    id: at.id,
                    page,
                    back,
                }
                .encode(),
            )
        };
        let (has_next, has_prev) = if back { (true, more) } else { (more, page > 1) };
        let last = if back {
            jobs.last().map(cursor)
        } else {
            stopped_at
        };
        // What the store cannot filter alone it cannot count: then only what was seen is known.
        let seen = (page - 1) * query.page.per_page + jobs.len() as u32 + u32::from(has_next);
        let (total, is_lower_bound) = match is_plain(actor, &query.filters) {
            true => self
                .count(actor, &query.filters)
                .await
                .map(|count| (count, count > COUNTED_TO))?,
            false => (seen, has_next),
        };
        let total_results = total.min(COUNTED_TO);
        let first = jobs.first().map(cursor);
        Ok(ListPage {
            next_page_token: token(last, page + 1, false).filter(|_| has_next),
            prev_page_token: token(first, page.saturating_sub(1).max(1), true).filter(|_| has_prev),
            has_more: has_next,
            search_incomplete: incomplete,
            results: jobs
                .into_iter()
                .map(|job| self.listed(job.value, query.filters.scope))
                .collect(),
            pagination: Pagination {
                page,
                per_page: query.page.per_page,
                total_pages: total_results.div_ceil(query.page.per_page).max(1),
                total_results,
                total_is_lower_bound: is_lower_bound,
                has_next,
                has_prev,
            },
        })
    }

    /// The row of a job on a list: whoever sees everybody's sees whose it is.
    fn listed(&self, job: JobSummary, scope: Scope) -> JobRow {
        if scope != Scope::All {
            return self.row(job);
        }
        let former = job.former.as_ref();
        JobRow {
            owner: Some(job.owner.clone()),
            former_owner: former.and_then(|former| former.owner.clone()),
            ..self.row(job)
        }
    }
}

/// Only what was submitted between the dates of the filters.
fn between(mut query: Query, filters: &Filters) -> Query {
    if let Some(from) = filters.from {
        query = query.from(from.to_string());
    }
    if let Some(until) = filters.until {
        query = query.until(until.to_string());
    }
    query
}

/// The values that the store looks up beside those of the shelf, and whether these are all that are filtered by: it walks
/// so many combinations and no more.
fn lists(actor: &Actor, filters: &Filters) -> (Vec<(&'static str, Vec<Value>)>, bool) {
    let names = |names: Vec<&'static str>| names.into_iter().map(Value::from).collect();
    let asked: [(_, Vec<Value>); 3] = [
        (
            "status",
            names(filters.status.iter().map(|status| status.name()).collect()),
        ),
        (
            "model",
            names(filters.model.iter().map(|model| model.name()).collect()),
        ),
        (
            "task",
            names(filters.task.iter().map(|task| task.name()).collect()),
        ),
    ];
    let mut combinations = match filters.scope {
        Scope::Mine => shelves(actor).len(),
        Scope::Organization | Scope::All => 1,
    };
    let (mut looked_up, mut is_all) = (Vec::new(), true);
    for (field, values) in asked.into_iter().filter(|(_, values)| !values.is_empty()) {
        if combinations * values.len() <= COMBINATIONS {
            combinations *= values.len();
            looked_up.push((field, values));
        } else {
            is_all = false;
        }
    }
    (looked_up, is_all)
}

/// Whether the store alone answers the filters.
fn is_plain(actor: &Actor, filters: &Filters) -> bool {
    if filters.scope == Scope::All {
        let dates = Filters {
            scope: Scope::All,
            from: filters.from,
            until: filters.until,
            ..Filters::default()
        };
        return *filters == dates;
    }
    lists(actor, filters).1
        && filters.without.is_empty()
        && search::lookup_is_enough(&filters.words)
}

/// Whether a job that the store found passes the filters that the store does not know.
fn fits(job: &JobSummary, filters: &Filters) -> bool {
    (filters.status.is_empty() || filters.status.contains(&job.status))
        && (filters.model.is_empty() || filters.model.contains(&job.model))
        && (filters.task.is_empty() || filters.task.contains(&job.task))
        && filters.matches(&job.searched)
}

fn cursor(job: &Seen<JobSummary>) -> Cursor {
    Cursor {
        value: job.value.created_at.to_string().into(),
        id: job.key.id.clone(),
    }
}
