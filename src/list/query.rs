//! Lists as an address asks for them: the parameters that the API and the pages share.

use super::{ChildrenQuery, ListQuery};
use crate::error::{Error, Result};
use crate::job::Status;
use crate::metric::{self, Better};
use crate::page::PageRequest;
use crate::search::Filters;

/// Children on a page when nothing else is asked.
const USUAL_CHILDREN: u32 = 100;
/// Children on a page at most.
pub const MAX_CHILDREN_PER_PAGE: u32 = 500;

impl ListQuery {
    /// Reads `sort` beside what [`Filters::from_query`] and [`PageRequest::from_query`] read. Other
    /// parameters are not looked at, empty ones count as absent.
    ///
    /// Errors are [`Error::BadRequest`] and name the parameter.
    pub fn from_query(pairs: &[(String, String)]) -> Result<Self> {
        let oldest_first = match last(pairs, "sort") {
            None | Some("-created_at") => false,
            Some("created_at") => true,
            Some(_) => {
                return Err(Error::bad_request(
                    "sort",
                    "sort by created_at, or -created_at for the newest first",
                ));
            }
        };
        match last(pairs, "include_children") {
            None | Some("false") => {}
            Some("true") => {
                let message =
                    "children are listed by their batch, at /api/v1/batches/{id}/children";
                return Err(Error::bad_request("include_children", message));
            }
            Some(_) => {
                return Err(Error::bad_request(
                    "include_children",
                    "include_children must be false",
                ));
            }
        }
        Ok(Self {
            filters: Filters::from_query(pairs)?,
            oldest_first,
            page: PageRequest::from_query(pairs)?,
        })
    }
}

impl ChildrenQuery {
    /// Reads `children_limit` (1 to 500), `children_status` (a comma list), `search` (a text in name or SMILES), `sort`
    /// (`-` before a name is descending), `page_token`, and for each metric `{metric}_min` and `{metric}_max`.
    ///
    /// Errors are [`Error::BadRequest`] and name the parameter.
    pub fn from_query(pairs: &[(String, String)]) -> Result<Self> {
        let limit = match last(pairs, "children_limit") {
            None => USUAL_CHILDREN,
            Some(text) => text
                .parse()
                .ok()
                .filter(|limit| (1..=MAX_CHILDREN_PER_PAGE).contains(limit))
                .ok_or_else(|| {
                    Error::bad_request(
                        "children_limit",
                        format!("children_limit must be a whole number from 1 to {MAX_CHILDREN_PER_PAGE}"),
                    )
                })?,
        };
        let offset = match last(pairs, "page_token") {
            None => 0,
            Some(text) => text.parse().map_err(|_| {
                Error::bad_request(
                    "page_token",
                    "this is not a page token of this list; begin again at the first page",
                )
            })?,
        };
        let (sort, reversed) = last(pairs, "sort").map(sort).unwrap_or_default();
        let text = last(pairs, "search").unwrap_or_default().to_owned();
        Ok(Self {
            limit,
            status: statuses(pairs)?,
            text,
            ranges: ranges(pairs)?,
            sort,
            reversed,
            offset,
        })
    }
}

/// The last value of a parameter; an empty one counts as absent.
fn last<'a>(pairs: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let value = pairs
        .iter()
        .rev()
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.trim());
    value.filter(|value| !value.is_empty())
}

/// The order, and whether it runs against its own direction: a metric's own is its good end first.
fn sort(text: &str) -> (String, bool) {
    let (descending, name) = text
        .strip_prefix('-')
        .map_or((false, text), |name| (true, name));
    let own_descending = metric::named(name).is_some_and(|kind| kind.better == Better::High);
    (name.to_owned(), descending != own_descending)
}

fn statuses(pairs: &[(String, String)]) -> Result<Vec<Status>> {
    let words = last(pairs, "children_status")
        .unwrap_or_default()
        .split(',')
        .map(str::trim);
    let parse = |word: &str| {
        let known = Status::ALL.map(Status::name).join(", ");
        word.parse().map_err(|_| {
            Error::bad_request(
                "children_status",
                format!("there is no status \"{word}\"; take one of {known}"),
            )
        })
    };
    words.filter(|word| !word.is_empty()).map(parse).collect()
}

/// A metric with its least and most.
type Range = (String, Option<f64>, Option<f64>);

/// Bounds of every metric that has one.
fn ranges(pairs: &[(String, String)]) -> Result<Vec<Range>> {
    let mut ranges: Vec<Range> = Vec::new();
    for (name, _) in pairs {
        let Some(metric) = name
            .strip_suffix("_min")
            .or_else(|| name.strip_suffix("_max"))
        else {
            continue;
        };
        if metric::named(metric).is_none() || ranges.iter().any(|(known, ..)| known == metric) {
            continue;
        }
        let (least, most) = (
            bound(pairs, &format!("{metric}_min"))?,
            bound(pairs, &format!("{metric}_max"))?,
        );
        if least.zip(most).is_some_and(|(least, most)| least > most) {
            return Err(Error::bad_request(
                name,
                format!("{metric}_min is larger than {metric}_max; nothing lies between"),
            ));
        }
        if least.is_some() || most.is_some() {
            ranges.push((metric.to_owned(), least, most));
        }
    }
    Ok(ranges)
}

fn bound(pairs: &[(String, String)], name: &str) -> Result<Option<f64>> {
    let number = |text: &str| {
        text.replace('\u{2212}', "-")
            .parse()
            .ok()
            .filter(|value: &f64| value.is_finite())
    };
    last(pairs, name)
        .map(|text| {
            number(text).ok_or_else(|| {
                Error::bad_request(name, format!("{name} must be a number, like -7.5"))
            })
        })
        .transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(text: &str) -> Vec<(String, String)> {
        text.split('&')
            .filter_map(|pair| pair.split_once('='))
            .map(|(a, b)| (a.into(), b.into()))
            .collect()
    }

    fn refused(result: Result<impl std::fmt::Debug>) -> String {
        let error = result.unwrap_err();
        assert_eq!(error.status(), 400);
        error.faults()[0].field.clone()
    }

    #[test]
    fn nothing_asked_is_the_usual() {
        assert_eq!(
            ListQuery::from_query(&pairs("sort=&scope=mine&unknown=1")).unwrap(),
            ListQuery::default()
        );
        let usual = ChildrenQuery {
            limit: 100,
            ..ChildrenQuery::default()
        };
        assert_eq!(ChildrenQuery::from_query(&[]).unwrap(), usual);
    }

    #[test]
    fn what_is_not_offered_is_refused_by_name() {
        for (query, field) in [
            ("sort=name", "sort"),
            ("scope=everybody", "scope"),
            ("include_children=true", "include_children"),
            ("status=odd", "status"),
            ("per_page=0", "per_page"),
        ] {
            assert_eq!(
                refused(ListQuery::from_query(&pairs(query))),
                field,
                "{query}"
            );
        }
        for (query, field) in [
            ("children_limit=501", "children_limit"),
            ("children_limit=0", "children_limit"),
            ("children_status=odd", "children_status"),
            ("page_token=x", "page_token"),
            ("page_token=-1", "page_token"),
            ("docking_score_min=low", "docking_score_min"),
            ("docking_score_max=NaN", "docking_score_max"),
            (
                "docking_score_min=-5&docking_score_max=-9",
                "docking_score_min",
            ),
        ] {
            assert_eq!(
                refused(ChildrenQuery::from_query(&pairs(query))),
                field,
                "{query}"
            );
        }
    }

    #[test]
    fn a_minus_is_descending() {
        let read = |text| ChildrenQuery::from_query(&pairs(text)).unwrap();
        assert!(
            !read("sort=docking_score").reversed,
            "ascending is the good end of a docking score first"
        );
        assert!(read("sort=-docking_score").reversed);
        assert_eq!(read("sort=-name").sort, "name");
    }

    #[test]
    fn ranges_are_inclusive_bounds_of_known_metrics() {
        let query = "docking_score_max=\u{2212}7.5&other_min=3&docking_score_min=&children_status=failed,completed";
        let read = ChildrenQuery::from_query(&pairs(query)).unwrap();
        assert_eq!(
            read.ranges,
            [("docking_score".to_owned(), None, Some(-7.5))]
        );
        assert_eq!(read.status, [Status::Failed, Status::Completed]);
    }
}
