//! Cookies as they come and go. No script reads one of ours, and no other site's page sends one with a form.

use axum::http::header::{self, HeaderMap, HeaderValue};
use hub::{Error, Result};

/// The value of the cookie of this name.
pub fn read<'a>(headers: &'a HeaderMap, wanted: &str) -> Option<&'a str> {
    let all = headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok());
    all.flat_map(|text| text.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, _)| *name == wanted)
        .map(|(_, value)| value)
}

/// When a browser sends a cookie along on the way from another site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SameSite {
    /// When it follows a link.
    Lax,
    /// Never.
    Strict,
}

/// A cookie that a browser is to keep.
#[derive(Clone, Copy, Debug)]
pub struct Cookie<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its value.
    pub value: &'a str,
    /// The part of the hub that it is sent to.
    pub path: &'a str,
    /// For how long it is kept; not at all when it is 0.
    pub seconds: i64,
    /// Whether it comes along from another site.
    pub same_site: SameSite,
    /// Whether it is sent by https only.
    pub secure: bool,
}

impl Cookie<'_> {
    /// The header that sets it.
    pub fn header(&self) -> Result<HeaderValue> {
        let Self {
            name,
            value,
            path,
            seconds,
            same_site,
            secure,
        } = self;
        let secure = if *secure { "; Secure" } else { "" };
        let text = format!(
            "{name}={value}; Path={path}; Max-Age={seconds}; HttpOnly; SameSite={same_site:?}{secure}"
        );
        HeaderValue::try_from(text).map_err(Error::internal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_read_by_its_whole_name() {
        let mut headers = HeaderMap::new();
        headers.append(
            header::COOKIE,
            HeaderValue::from_static("passed=1;pass=a=b"),
        );
        headers.append(header::COOKIE, HeaderValue::from_static("other=2"));
        assert_eq!(read(&headers, "pass"), Some("a=b"));
        assert_eq!(read(&headers, "other"), Some("2"));
        assert_eq!(read(&headers, "passe"), None);
    }

    #[test]
    fn no_script_reads_a_cookie_that_is_set() {
        let cookie = Cookie {
            name: "pass",
            value: "a.b",
            path: "/s/x",
            seconds: 60,
            same_site: SameSite::Lax,
            secure: true,
        };
        assert_eq!(
            cookie.header().unwrap(),
            "pass=a.b; Path=/s/x; Max-Age=60; HttpOnly; SameSite=Lax; Secure"
        );
        let strict = Cookie {
            same_site: SameSite::Strict,
            secure: false,
            ..cookie
        };
        assert!(
            strict
                .header()
                .unwrap()
                .to_str()
                .unwrap()
                .ends_with("; SameSite=Strict")
        );
    }
}
