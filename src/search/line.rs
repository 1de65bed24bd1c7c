//! The search line: keys, words, phrases and exclusions as they are typed.

use std::str::FromStr;

use super::{Filters, date};
use crate::job::Status;
use crate::model::Model;
use crate::task::Task;
use crate::time::Timestamp;

/// Characters of a search line at most.
const MAX_LINE: usize = 500;
const KEYS: [&str; 5] = ["status", "model", "task", "after", "before"];

/// A piece of the line between spaces or quotation marks.
struct Piece<'a> {
    text: &'a str,
    excluded: bool,
    quoted: bool,
}

/// Adds what a line says; what it says in vain is told as problems.
pub(super) fn read(line: &str, filters: &mut Filters, problems: &mut Vec<String>) {
    let length = line.chars().count();
    if length > MAX_LINE {
        problems.push(format!(
            "the search has {length} characters, the most is {MAX_LINE}"
        ));
        return;
    }
    for piece in pieces(line) {
        match key_of(piece.text).filter(|_| !piece.quoted) {
            Some((key, _)) if piece.excluded => {
                problems.push(format!(
                    "{key} cannot be excluded; name the ones that are wanted"
                ));
            }
            Some((key, value)) => problems.extend(add_key(key, value, filters).err()),
            None if piece.excluded => filters.without.push(piece.text.to_owned()),
            None => filters.words.push(piece.text.to_owned()),
        }
    }
}

fn pieces(line: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = line.trim_start();
    while !rest.is_empty() {
        let excluded = rest.starts_with('-');
        let after = if excluded { &rest[1..] } else { rest };
        let (text, quoted);
        if let Some(inside) = after.strip_prefix('"') {
            let end = inside.find('"').unwrap_or(inside.len());
            (text, quoted) = (inside[..end].trim(), true);
            rest = inside.get(end + 1..).unwrap_or_default();
        } else {
            let end = after.find(char::is_whitespace).unwrap_or(after.len());
            (text, quoted) = (&after[..end], false);
            rest = &after[end..];
        }
        rest = rest.trim_start();
        if !text.is_empty() {
            pieces.push(Piece {
                text,
                excluded,
                quoted,
            });
        }
    }
    pieces
}

/// The key and value of `key:value`, when the key is one of ours.
fn key_of(text: &str) -> Option<(&'static str, &str)> {
    let (typed, value) = text.split_once(':')?;
    let key = KEYS
        .into_iter()
        .find(|key| key.eq_ignore_ascii_case(typed))?;
    Some((key, value))
}

fn add_key(key: &str, value: &str, filters: &mut Filters) -> Result<(), String> {
    match key {
        "status" => add_all(value, &mut filters.status, key, &Status::ALL, Status::name),
        "model" => add_all(value, &mut filters.model, key, &Model::ALL, Model::name),
        "task" => add_all(value, &mut filters.task, key, &Task::ALL, Task::name),
        "after" => date::first_moment(value).map(|from| filters.from = Some(from)),
        _ => before(value).map(|until| filters.until = Some(until)),
    }
}

fn before(value: &str) -> Result<Timestamp, String> {
    let until = date::first_moment(value)?;
    if until.as_micros() == 0 {
        Err("there is nothing before 1970".to_owned())
    } else {
        Ok(until)
    }
}

/// Adds each of a comma list to `values`; refuses the whole when one of it is none of `all`.
pub(super) fn add_all<T: FromStr + Copy>(
    list: &str,
    values: &mut Vec<T>,
    kind: &str,
    all: &[T],
    name: fn(T) -> &'static str,
) -> Result<(), String> {
    let words = list
        .split(',')
        .map(str::trim)
        .filter(|word| !word.is_empty());
    let read: Vec<T> = words
        .map(|word| {
            word.to_lowercase().parse().map_err(|_| {
                let allowed = all
                    .iter()
                    .map(|value| name(*value))
                    .collect::<Vec<_>>()
                    .join(", ");
                format!(
                    "there is no {kind} \"{}\"; take one or several of: {allowed}",
                    shortened(word)
                )
            })
        })
        .collect::<Result<_, _>>()?;
    if read.is_empty() {
        return Err(format!("after {kind}: there must be a value"));
    }
    values.extend(read);
    Ok(())
}

/// A word or phrase as it must be typed to be read as just that.
pub(super) fn written(word: &str, excluded: bool) -> String {
    let misread = word.contains(char::is_whitespace)
        || key_of(word).is_some()
        || (!excluded && word.starts_with('-'));
    let sign = if excluded { "-" } else { "" };
    if misread {
        format!("{sign}\"{word}\"")
    } else {
        format!("{sign}{word}")
    }
}

/// A text of at most 40 characters, to be repeated in a message.
pub(super) fn shortened(text: &str) -> String {
    if text.chars().count() > 40 {
        text.chars().take(40).chain(['…']).collect()
    } else {
        text.to_owned()
    }
}
