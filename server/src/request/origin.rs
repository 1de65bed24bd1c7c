//! The hub's own addresses, and whether a request was meant for one of them and made by one of its own pages. A page of
//! another site must neither reach a hub on this machine by a name that points here, nor change something in the
//! visitor's name.

use std::fmt;
use std::net::IpAddr;

use axum::extract::Request;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};

use crate::problem::Problem;

/// Scheme, host and port of a site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    https: bool,
    host: Host,
}

/// A host in lower case and its port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    name: String,
    /// `None` when it goes without saying.
    port: Option<u16>,
}

impl Origin {
    /// The hub on this machine.
    pub fn loopback(port: u16) -> Self {
        Self {
            https: false,
            host: Host {
                name: "127.0.0.1".into(),
                port: Some(port).filter(|port| *port != 80),
            },
        }
    }

    /// Whether it is reached by https.
    pub fn is_https(&self) -> bool {
        self.https
    }

    /// Reads `https://hub.example.org`, with or without a port and with nothing behind it.
    pub fn parse(text: &str) -> Option<Self> {
        let uri: Uri = text.parse().ok()?;
        let https = match uri.scheme_str()? {
            "https" => true,
            "http" => false,
            _ => return None,
        };
        let bare = text
            .split_once("://")
            .is_some_and(|(_, rest)| !rest.contains(['/', '?', '#', '@']));
        bare.then(|| {
            Some(Self {
                https,
                host: Host::of(uri.authority()?, https)?,
            })
        })
        .flatten()
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}://{}",
            if self.https { "https" } else { "http" },
            self.host.name
        )?;
        self.host.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

impl Host {
    fn of(authority: &Authority, https: bool) -> Option<Self> {
        // `as_str` would keep what stands before an `@`, which no header of a browser has.
        let plain = !authority.host().is_empty() && !authority.as_str().contains('@');
        let usual = if https { 443 } else { 80 };
        let port = authority.port_u16();
        let whole = port.is_some()
            == authority
                .as_str()
                .trim_start_matches(authority.host())
                .starts_with(':');
        (plain && whole).then(|| Self {
            name: authority.host().to_ascii_lowercase(),
            port: port.filter(|port| *port != usual),
        })
    }

    fn is_loopback(&self) -> bool {
        is_loopback(&self.name)
    }
}

/// Whether a host, as an address names it, is this machine.
pub fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    let address = address.parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

/// Where the hub is reached.
#[derive(Clone, Debug)]
pub struct Addresses {
    /// By browsers and the gateway.
    pub public: Origin,
    /// By loopback names and addresses at this port.
    pub port: u16,
}

/// The host that a request names, when it is one of ours.
pub fn check_host(own: &Addresses, request: &Request) -> Result<Host, Problem> {
    let named = match request.uri().authority() {
        Some(authority) => Some(authority.clone()),
        None => text(request.headers(), header::HOST).and_then(|text| text.parse().ok()),
    };
    let by_port = |host: &Host| host.is_loopback() && host.port.unwrap_or(80) == own.port;
    let is_public = |authority: &Authority| {
        Host::of(authority, own.public.https).is_some_and(|host| host == own.public.host)
    };
    named
        .and_then(|authority| {
            let host = Host::of(&authority, false)?;
            (by_port(&host) || is_public(&authority)).then_some(host)
        })
        .ok_or_else(|| {
            Problem::new(
                StatusCode::MISDIRECTED_REQUEST,
                "misdirected",
                format!(
                    "this hub is at {}; the request names another host",
                    own.public
                ),
            )
        })
}

/// Whether a request that changes something was made by one of our own pages, or by a program, which says neither where
/// it comes from nor how.
pub fn check_origin(own: &Addresses, host: &Host, request: &Request) -> Result<(), Problem> {
    if matches!(
        *request.method(),
        Method::GET | Method::HEAD | Method::OPTIONS
    ) {
        return Ok(());
    }
    let headers = request.headers();
    // By another name of this machine than the public one, as which nobody else can serve a page.
    let is_here = |origin: &Origin| !origin.https && host.is_loopback() && origin.host == *host;
    let same_site = match headers.get("sec-fetch-site") {
        None => true,
        Some(site) => site == "same-origin" || site == "none",
    };
    let same_origin = match headers.get(header::ORIGIN) {
        None => true,
        Some(_) => text(headers, header::ORIGIN)
            .and_then(Origin::parse)
            .is_some_and(|origin| origin == own.public || is_here(&origin)),
    };
    if same_site && same_origin {
        return Ok(());
    }
    let message =
        "this request was made by a page of another site; open the hub itself and try again there";
    Err(Problem::new(StatusCode::FORBIDDEN, "cross-site", message))
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use super::Origin;

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        for (text, written) in [
            ("https://Hub.example.org", "https://hub.example.org"),
            ("https://hub.example.org:443", "https://hub.example.org"),
            ("http://[::1]:3000", "http://[::1]:3000"),
            ("http://localhost:80", "http://localhost"),
        ] {
            assert_eq!(
                Origin::parse(text)
                    .map(|origin| origin.to_string())
                    .as_deref(),
                Some(written),
                "{text}"
            );
        }
        for text in [
            "",
            "null",
            "hub.example.org",
            "ftp://x",
            "http://x/",
            "http://x?y",
            "http://u@x",
            "http://",
            "http://x:",
        ] {
            assert_eq!(Origin::parse(text), None, "{text}");
        }
    }
}
