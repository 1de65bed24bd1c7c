//! What of My Results is looked for: filters, words, and how they are written in a search line, in an address and as
//! chips. It does not know how they are answered.

use crate::error::{Error, Result};
use crate::job::Status;
use crate::model::Model;
use crate::task::Task;
use crate::time::Timestamp;

mod date;
mod line;
mod terms;

pub use terms::{lookup_is_enough, lookup_word, terms_of};

const DAY_S: i64 = 86_400;
/// What is said of a scope that is none, and of one that is not for whoever asks.
pub const NO_SUCH_SCOPE: &str = "scope must be mine or organization";

/// Whose jobs are looked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    /// Those that whoever asks made.
    #[default]
    Mine,
    /// Those that are shown to their organisation.
    Organization,
    /// Everybody's, for the admins of the hub.
    All,
}

/// Which jobs are looked for. Lists are empty when everything is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filters {
    /// Whose.
    pub scope: Scope,
    /// Any of these.
    pub status: Vec<Status>,
    /// Any of these.
    pub model: Vec<Model>,
    /// Any of these.
    pub task: Vec<Task>,
    /// Submitted then or later.
    pub from: Option<Timestamp>,
    /// Submitted earlier than this.
    pub until: Option<Timestamp>,
    /// Words and phrases that must all occur, the last word of each as the beginning of one.
    pub words: Vec<String>,
    /// Words and phrases of which none may occur.
    pub without: Vec<String>,
}

/// A filter as a button that takes it away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chip {
    /// What it says.
    pub label: String,
    /// The query string of all filters but this one.
    pub without: String,
}

impl Filters {
    /// Reads a search line: `status:failed,running model:vina task:docking after:2026-05 before:2026-06-01 name words
    /// -word "two words"`. `after` includes the day or month named, `before` does not. What cannot be understood is
    /// left out and named in the second part; a colon after any other word is part of that word.
    pub fn parse_line(line: &str) -> (Self, Vec<String>) {
        let (mut filters, mut problems) = (Self::default(), Vec::new());
        line::read(line, &mut filters, &mut problems);
        filters.put_in_order();
        (filters, problems)
    }

    /// Reads `scope` (`mine` or `organization`), `status`, `model`, `task` (comma lists), `date_from`, `date_to` (a day, a month or an RFC 3339 time, both
    /// inclusive) and `search` (a search line). Other parameters are not looked at, empty ones count as absent.
    ///
    /// Errors are [`Error::BadRequest`] and name the parameter.
    pub fn from_query(pairs: &[(String, String)]) -> Result<Self> {
        let mut filters = Self::default();
        for (name, value) in pairs.iter().filter(|(_, value)| !value.trim().is_empty()) {
            let result = match name.as_str() {
                "status" => line::add_all(
                    value,
                    &mut filters.status,
                    "status",
                    &Status::ALL,
                    Status::name,
                ),
                "model" => {
                    line::add_all(value, &mut filters.model, "model", &Model::ALL, Model::name)
                }
                "task" => line::add_all(value, &mut filters.task, "task", &Task::ALL, Task::name),
                "scope" => match value.trim() {
                    "mine" => {
                        filters.scope = Scope::Mine;
                        Ok(())
                    }
                    "organization" => {
                        filters.scope = Scope::Organization;
                        Ok(())
                    }
                    "all" => {
                        filters.scope = Scope::All;
                        Ok(())
                    }
                    _ => Err(NO_SUCH_SCOPE.to_owned()),
                },
                "date_from" => date::first_moment(value).map(|from| filters.from = Some(from)),
                "date_to" => date::moment_after(value).map(|until| filters.until = Some(until)),
                "search" => {
                    let mut problems = Vec::new();
                    line::read(value, &mut filters, &mut problems);
                    if problems.is_empty() {
                        Ok(())
                    } else {
                        Err(problems.join("; "))
                    }
                }
                _ => Ok(()),
            };
            result.map_err(|message| Error::bad_request(name, message))?;
        }
        if filters
            .from
            .zip(filters.until)
            .is_some_and(|(from, until)| from >= until)
        {
            return Err(Error::bad_request(
                "date_to",
                "date_to lies before date_from; nothing can be found between them",
            ));
        }
        filters.put_in_order();
        Ok(filters)
    }

    /// The parameters that [`Self::from_query`] reads, in a fixed order, absent where nothing is filtered.
    pub fn to_query(&self) -> Vec<(String, String)> {
        let words = self.words.iter().map(|word| line::written(word, false));
        let without = self.without.iter().map(|word| line::written(word, true));
        let scope = match self.scope {
            Scope::Mine => "",
            Scope::Organization => "organization",
            Scope::All => "all",
        };
        let pairs = [
            ("scope", scope.to_owned()),
            ("status", joined(&self.status, Status::name)),
            ("model", joined(&self.model, Model::name)),
            ("task", joined(&self.task, Task::name)),
            (
                "date_from",
                self.from.map(date::from_as_text).unwrap_or_default(),
            ),
            (
                "date_to",
                self.until.map(date::until_as_text).unwrap_or_default(),
            ),
            ("search", words.chain(without).collect::<Vec<_>>().join(" ")),
        ];
        pairs
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| (name.to_owned(), value))
            .collect()
    }

    /// Whether nothing is filtered.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// One chip for each value of each filter.
    pub fn chips(&self) -> Vec<Chip> {
        let mut chips = Vec::new();
        let mut chip = |label: String, take: &dyn Fn(&mut Self)| {
            let mut rest = self.clone();
            take(&mut rest);
            chips.push(Chip {
                label,
                without: query_string(&rest.to_query()),
            });
        };
        let scope = match self.scope {
            Scope::Mine => None,
            Scope::Organization => Some("shown to my organisation"),
            Scope::All => Some("everybody's"),
        };
        if let Some(scope) = scope {
            chip(scope.to_owned(), &|rest| rest.scope = Scope::Mine);
        }
        for status in &self.status {
            chip(format!("status: {status}"), &|rest| {
                rest.status.retain(|other| other != status)
            });
        }
        for model in &self.model {
            chip(format!("model: {model}"), &|rest| {
                rest.model.retain(|other| other != model)
            });
        }
        for task in &self.task {
            chip(format!("task: {task}"), &|rest| {
                rest.task.retain(|other| other != task)
            });
        }
        if let Some(from) = self.from {
            chip(format!("from {}", date::from_as_text(from)), &|rest| {
                rest.from = None
            });
        }
        if let Some(until) = self.until {
            chip(format!("to {}", date::until_as_text(until)), &|rest| {
                rest.until = None
            });
        }
        for word in &self.words {
            chip(word.clone(), &|rest| {
                rest.words.retain(|other| other != word)
            });
        }
        for word in &self.without {
            chip(format!("without {word}"), &|rest| {
                rest.without.retain(|other| other != word)
            });
        }
        chips
    }

    /// Whether texts (those that [`terms_of`] was given) have all words and none that is excluded.
    pub fn matches<T: AsRef<str>>(&self, texts: &[T]) -> bool {
        if self.words.is_empty() && self.without.is_empty() {
            return true;
        }
        let texts: Vec<_> = texts
            .iter()
            .map(|text| terms::words_of(text.as_ref()))
            .collect();
        let occurs = |phrase: &String| {
            let phrase = terms::words_of(phrase);
            (!phrase.is_empty()).then(|| texts.iter().any(|text| terms::has_phrase(text, &phrase)))
        };
        self.words.iter().all(|word| occurs(word).unwrap_or(true))
            && !self
                .without
                .iter()
                .any(|word| occurs(word).unwrap_or(false))
    }

    /// Each value once, those of a closed list in that list's order: equal filters are then equally written.
    fn put_in_order(&mut self) {
        fn ordered<T: Copy + PartialEq>(values: &mut Vec<T>, all: &[T]) {
            *values = all
                .iter()
                .copied()
                .filter(|value| values.contains(value))
                .collect();
        }
        ordered(&mut self.status, &Status::ALL);
        ordered(&mut self.model, &Model::ALL);
        ordered(&mut self.task, &Task::ALL);
        for words in [&mut self.words, &mut self.without] {
            let mut seen = std::collections::HashSet::new();
            words.retain(|word| seen.insert(word.clone()));
        }
    }
}

fn joined<T: Copy>(values: &[T], name: fn(T) -> &'static str) -> String {
    values
        .iter()
        .map(|value| name(*value))
        .collect::<Vec<_>>()
        .join(",")
}

/// Parameters as the query of an address, without the question mark.
pub fn query_string(pairs: &[(String, String)]) -> String {
    let mut text = String::new();
    for (name, value) in pairs {
        if !text.is_empty() {
            text.push('&');
        }
        push_encoded(name, &mut text);
        text.push('=');
        push_encoded(value, &mut text);
    }
    text
}

/// Percent-encodes all but what every server and mail program leaves alone; `,` and `:` stay readable.
fn push_encoded(part: &str, text: &mut String) {
    for byte in part.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b',' | b':' => {
                text.push(char::from(byte));
            }
            b' ' => text.push('+'),
            _ => {
                const HEX: &[u8; 16] = b"0123456789ABCDEF";
                text.push('%');
                text.push(char::from(HEX[usize::from(byte >> 4)]));
                text.push(char::from(HEX[usize::from(byte & 15)]));
            }
        }
    }
}

#[cfg(test)]
mod tests;
