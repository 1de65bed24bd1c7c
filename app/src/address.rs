//! The address of a page as a value: its path and its parameters, which hold the whole state of every list.

use hub::search::query_string;
use leptos::prelude::*;

/// A path with its parameters in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Address {
    path: String,
    pairs: Vec<(String, String)>,
}

impl Address {
    /// From a path and the query of an address, without its question mark. What only says how the last form went is
    /// left out.
    pub fn new(path: impl Into<String>, query: &str) -> Self {
        let mut pairs = pairs(query);
        pairs.retain(|(name, value)| !name.starts_with("__") && !value.is_empty());
        Self {
            path: path.into(),
            pairs,
        }
    }

    /// The path alone.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// All parameters.
    pub fn pairs(&self) -> &[(String, String)] {
        &self.pairs
    }

    /// The last value of a parameter, empty when absent.
    pub fn get(&self, name: &str) -> &str {
        self.pairs
            .iter()
            .rev()
            .find(|(key, _)| key == name)
            .map_or("", |(_, value)| value)
    }

    /// Every value of a parameter, lists taken apart at their commas.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        let values = self.pairs.iter().filter(move |(key, _)| key == name);
        values
            .flat_map(|(_, value)| value.split(','))
            .filter(|value| !value.is_empty())
    }

    /// The same with one value for a parameter, absent when empty.
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.pairs.retain(|(key, _)| key != name);
        let value = value.into();
        if !value.is_empty() {
            self.pairs.push((name.to_owned(), value));
        }
        self
    }

    /// The same without these parameters.
    pub fn without(mut self, names: &[&str]) -> Self {
        self.pairs.retain(|(key, _)| !names.contains(&key.as_str()));
        self
    }

    /// The same with these parameters only.
    pub fn only(mut self, names: &[&str]) -> Self {
        self.pairs.retain(|(key, _)| names.contains(&key.as_str()));
        self
    }

    /// The same, its list `name` with `value` taken in or, when it is in it, out.
    pub fn toggled(self, name: &str, value: &str) -> Self {
        let mut values: Vec<String> = self.all(name).map(str::to_owned).collect();
        match values.iter().position(|other| other == value) {
            Some(place) => drop(values.remove(place)),
            None => values.push(value.to_owned()),
        }
        let values = values.join(",");
        self.with(name, values)
    }

    /// Its parameters as what a form passes on.
    pub fn hidden(&self) -> Vec<impl IntoView + use<>> {
        let pairs = self.pairs.iter().cloned();
        pairs
            .map(|(name, value)| view! { <input type="hidden" name=name value=value /> })
            .collect()
    }

    /// As a link says it.
    pub fn href(&self) -> String {
        if self.pairs.is_empty() {
            self.path.clone()
        } else {
            format!("{}?{}", self.path, query_string(&self.pairs))
        }
    }
}

/// A place of this hub out of a request: as it was sent when a browser can only take it for one of ours, else the first
/// page.
///
/// Browsers leave out tabs and line ends and take `\` for `/`: to them, `/`, a tab and `/evil.example` are another site.
pub fn own_path(sent: &str) -> &str {
    let own = sent.starts_with('/')
        && !sent.starts_with("//")
        && sent
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if own { sent } else { "/" }
}

/// Takes a query apart; a broken escape stays as it was written.
pub fn pairs(query: &str) -> Vec<(String, String)> {
    let parts = query.split('&').filter(|part| !part.is_empty());
    parts
        .map(|part| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            (decoded(name), decoded(value))
        })
        .collect()
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        match (first, tail) {
            (b'+', _) => bytes.push(b' '),
            (b'%', [high, low, after @ ..]) => match (digit(*high), digit(*low)) {
                (Some(high), Some(low)) => {
                    bytes.push(high * 16 + low);
                    rest = after;
                }
                _ => bytes.push(b'%'),
            },
            _ => bytes.push(*first),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).map(|digit| digit as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let address = Address::new("/", "")
            .with("search", "a+b &=% ü,:")
            .with("status", "failed");
        let (path, query) = address
            .href()
            .split_once('?')
            .map(|(a, b)| (a.to_owned(), b.to_owned()))
            .unwrap();
        assert_eq!(Address::new(path, &query), address);
    }

    #[test]
    fn broken_escapes_stay() {
        assert_eq!(
            pairs("a=%zz%4&b&=c"),
            [("a", "%zz%4"), ("b", ""), ("", "c")].map(|(a, b)| (a.into(), b.into()))
        );
    }

    #[test]
    fn no_request_leads_to_another_site() {
        for own in [
            "/",
            "/jobs/abc?x=1",
            "/batches/b?search=%C3%BC,:",
            "/?next=//x",
        ] {
            assert_eq!(own_path(own), own);
        }
        for other in [
            "",
            "jobs",
            "https://evil.example",
            "//evil.example",
            "/\\evil.example",
            "/\t/evil.example",
            "/\r\n/evil.example",
            "\t//evil.example",
            "/a b",
            "/ü",
            "javascript:x",
        ] {
            assert_eq!(own_path(other), "/", "{other:?}");
        }
    }

    #[test]
    fn a_list_takes_in_and_out() {
        let address = Address::new("/", "status=failed,running&status=pending&__err=x&page=");
        assert_eq!(
            address.clone().toggled("status", "running").href(),
            "/?status=failed,pending"
        );
        assert_eq!(
            address.clone().toggled("status", "completed").get("status"),
            "failed,running,pending,completed"
        );
        assert_eq!(address.without(&["status"]).href(), "/");
    }
}
