//! A batch's children, as its page asks for them: sorted, filtered and paged over the packed rows, in memory.

use std::cmp::Ordering;
use std::sync::Arc;

use super::Services;
use super::store::rows_key;
use crate::actor::Actor;
use crate::batch::{BatchRow, PackedRows, ROWS_PER_RECORD};
use crate::error::{Error, Result};
use crate::id::JobId;
use crate::job::Job;
use crate::list::{ChildrenPage, ChildrenQuery};
use crate::metric::{self, Better};
use crate::task::Task;

/// Rows that are kept in memory, of about a kilobyte at most.
const ROWS_KEPT: u64 = 100_000;

/// The rows of batches that were read last, by batch and version.
#[derive(Clone)]
pub(super) struct RowCache(moka::future::Cache<(JobId, u32), Arc<Vec<BatchRow>>>);

impl Default for RowCache {
    fn default() -> Self {
        let rows = |_: &(JobId, u32), rows: &Arc<Vec<BatchRow>>| rows.len() as u32;
        Self(
            moka::future::Cache::builder()
                .max_capacity(ROWS_KEPT)
                .weigher(rows)
                .build(),
        )
    }
}

impl Services {
    /// A page of a batch's children.
    pub async fn children(
        &self,
        actor: &Actor,
        id: &JobId,
        query: &ChildrenQuery,
    ) -> Result<ChildrenPage> {
        let batch = self.owned_batch(actor, id).await?.value;
        let rows = self.rows(&batch).await?;
        page_of(batch.task, rows.iter(), query)
    }

    /// All rows of a batch, in order.
    pub(super) async fn rows(&self, batch: &Job) -> Result<Arc<Vec<BatchRow>>> {
        let Some(state) = &batch.batch else {
            return Err(Error::NotFound);
        };
        let cached = (batch.id.clone(), state.rows_version);
        if let Some(rows) = self.rows.0.get(&cached).await {
            return Ok(rows);
        }
        let records = state.total.div_ceil(ROWS_PER_RECORD);
        let keys: Vec<_> = (0..records)
            .map(|record| rows_key(&batch.id, record))
            .collect();
        let packed = self.store.get_many::<PackedRows>(&keys).await?;
        let rows = Arc::new(
            packed
                .into_iter()
                .flatten()
                .flat_map(|packed| packed.value.rows)
                .collect::<Vec<_>>(),
        );
        self.rows.0.insert(cached, rows.clone()).await;
        Ok(rows)
    }

    /// Keeps rows that were just written.
    pub(super) async fn remember_rows(&self, batch: &JobId, version: u32, rows: Vec<BatchRow>) {
        self.rows
            .0
            .insert((batch.clone(), version), Arc::new(rows))
            .await;
    }
}

/// The page of some rows of a batch that a query asks for.
pub(super) fn page_of<'a>(
    task: Task,
    rows: impl Iterator<Item = &'a BatchRow>,
    query: &ChildrenQuery,
) -> Result<ChildrenPage> {
    let sort = Sort::parse(task, &query.sort, query.reversed)?;
    let mut found: Vec<&BatchRow> = rows.filter(|row| passes(row, query)).collect();
    found.sort_by(|a, b| sort.compare(a, b));
    let page = found
        .iter()
        .skip(query.offset as usize)
        .take(query.limit as usize);
    let results: Vec<BatchRow> = page.map(|row| (*row).clone()).collect();
    let end = query.offset + results.len() as u32;
    Ok(ChildrenPage {
        total_results: found.len() as u32,
        offset: query.offset,
        next_page_token: (end < found.len() as u32).then(|| end.to_string()),
        prev_page_token: (query.offset > 0)
            .then(|| query.offset.saturating_sub(query.limit).to_string()),
        results,
    })
}

fn passes(row: &BatchRow, query: &ChildrenQuery) -> bool {
    let text = query.text.to_lowercase();
    (query.status.is_empty() || query.status.contains(&row.status))
        && (text.is_empty()
            || row.name.to_lowercase().contains(&text)
            || row.smiles.to_lowercase().contains(&text))
        && query.ranges.iter().all(|(metric, least, most)| {
            let Some(value) = row.values.get(metric) else {
                return least.is_none() && most.is_none();
            };
            least.is_none_or(|least| *value >= least) && most.is_none_or(|most| *value <= most)
        })
}

/// An order of rows. Whatever the direction, missing values come last, and before them those that nobody vouches for;
/// ties keep the order of the batch.
pub(super) struct Sort {
    by: By,
    reversed: bool,
}

enum By {
    Index,
    Name,
    Status,
    RunTime,
    Metric(&'static str, Better),
}

impl Sort {
    /// Reads the name of an order; the task's first metric, good end first, when empty.
    pub fn parse(task: Task, name: &str, reversed: bool) -> Result<Self> {
        let metrics = metric::of_task(task);
        let by = match name {
            "index" => By::Index,
            "name" => By::Name,
            "status" => By::Status,
            "run_s" => By::RunTime,
            "" => metrics
                .first()
                .map_or(By::Index, |kind| By::Metric(kind.key, kind.better)),
            name => match metrics.iter().find(|kind| kind.key == name) {
                Some(kind) => By::Metric(kind.key, kind.better),
                None => {
                    let keys = metrics.iter().map(|kind| kind.key);
                    let offered: Vec<_> = ["index", "name", "status", "run_s"]
                        .into_iter()
                        .chain(keys)
                        .collect();
                    return Err(Error::bad_request(
                        "sort",
                        format!("sort by one of {}", offered.join(", ")),
                    ));
                }
            },
        };
        Ok(Self { by, reversed })
    }

    /// The order of two rows.
    pub fn compare(&self, a: &BatchRow, b: &BatchRow) -> Ordering {
        let directed = |order: Ordering| {
            if self.reversed {
                order.reverse()
            } else {
                order
            }
        };
        let order = match &self.by {
            By::Index => directed(a.index.cmp(&b.index)),
            By::Name => directed(a.name.to_lowercase().cmp(&b.name.to_lowercase())),
            By::Status => directed(a.status.cmp(&b.status)),
            By::RunTime => present(a.run_s, b.run_s, |a, b| directed(a.total_cmp(&b))),
            By::Metric(key, better) => {
                let vouched = |row: &BatchRow| {
                    row.values.contains_key(*key) && !row.unverified.contains(*key)
                };
                let (one, other) = (a.values.get(*key).copied(), b.values.get(*key).copied());
                vouched(b).cmp(&vouched(a)).then_with(|| {
                    present(one, other, |one, other| {
                        directed(if *better == Better::Low {
                            one.total_cmp(&other)
                        } else {
                            other.total_cmp(&one)
                        })
                    })
                })
            }
        };
        order.then(a.index.cmp(&b.index))
    }
}

fn present(a: Option<f64>, b: Option<f64>, compare: impl FnOnce(f64, f64) -> Ordering) -> Ordering {
    match (a, b) {
        (Some(a), Some(b)) => compare(a, b),
        (a, b) => b.is_some().cmp(&a.is_some()),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::job::Status;

    fn row(index: u32, score: Option<f64>) -> BatchRow {
        BatchRow {
            index,
            id: format!("b-{index:05}").parse().unwrap(),
            name: format!("ligand {index}"),
            smiles: "C".to_owned(),
            status: if score.is_some() {
                Status::Completed
            } else {
                Status::Failed
            },
            values: score
                .map(|score| ("docking_score".to_owned(), score))
                .into_iter()
                .collect(),
            unverified: BTreeSet::new(),
            run_s: None,
            ended_at: None,
            note: None,
        }
    }

    fn order(reversed: bool) -> Vec<u32> {
        let sort = Sort::parse(Task::Docking, "", reversed).unwrap();
        let mut rows = vec![
            row(0, Some(-5.0)),
            row(1, None),
            row(2, Some(-9.0)),
            row(3, Some(-5.0)),
        ];
        rows.sort_by(|a, b| sort.compare(a, b));
        rows.into_iter().map(|row| row.index).collect()
    }

    #[test]
    fn the_good_end_comes_first_and_missing_last_in_both_directions() {
        assert_eq!(order(false), [2, 0, 3, 1]);
        assert_eq!(order(true), [0, 3, 2, 1]);
        assert!(Sort::parse(Task::Docking, "ic50", false).is_err());
    }

    #[test]
    fn a_value_that_nobody_vouches_for_ranks_behind_those_that_a_model_wrote() {
        let doubted = BatchRow {
            unverified: BTreeSet::from(["docking_score".to_owned()]),
            ..row(4, Some(-20.0))
        };
        for reversed in [false, true] {
            let sort = Sort::parse(Task::Docking, "", reversed).unwrap();
            assert_eq!(
                sort.compare(&doubted, &row(0, Some(-5.0))),
                Ordering::Greater
            );
            assert_eq!(sort.compare(&doubted, &row(1, None)), Ordering::Less);
        }
    }

    #[test]
    fn a_missing_value_never_passes_a_range() {
        let range = |least, most| ChildrenQuery {
            ranges: vec![("docking_score".to_owned(), least, most)],
            ..ChildrenQuery::default()
        };
        assert!(passes(&row(0, Some(-5.0)), &range(None, Some(-5.0))));
        assert!(!passes(&row(0, Some(-5.0)), &range(None, Some(-5.1))));
        assert!(!passes(&row(0, None), &range(None, Some(0.0))));
    }
}
