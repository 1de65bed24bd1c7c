//! Signed addresses, version 4: who has one may do the one thing that it says, until it expires.

use std::collections::BTreeMap;

use data_encoding::HEXLOWER;
use hub::time::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::{Digest, Sha256};

/// Most seconds that Cloud Storage lets an address hold.
const MAX_SECONDS: i64 = 7 * 24 * 3_600;

/// Bytes that stand for themselves in a query (RFC 3986).
const QUERY: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// What an address allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// To read the file.
    Get,
    /// To put it.
    Put,
}

/// What is signed.
#[derive(Clone, Debug)]
pub struct Address<'a> {
    /// What it allows.
    pub method: Method,
    /// Host and port of Cloud Storage.
    pub host: &'a str,
    /// `/{bucket}/{path}`, where nothing needs an escape.
    pub path: String,
    /// Who signs.
    pub email: &'a str,
    /// When it is signed.
    pub signed_at: Timestamp,
    /// Until when it holds; at most 7 days, to which a longer time is cut. No run lasts that long.
    pub expires_at: Timestamp,
    /// The headers that are to be answered: parameters in the order of their names.
    pub answers: Vec<(&'static str, String)>,
    /// The headers that must be sent, by their names in lower case.
    pub headers: &'a BTreeMap<String, String>,
}

/// An address that lacks its signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsigned {
    /// What is to be signed.
    pub text: String,
    /// Path and query so far.
    target: String,
}

impl Unsigned {
    /// Path and query, signed.
    pub fn with(&self, signature: &[u8]) -> String {
        let signature = HEXLOWER.encode(signature);
        format!("{}&X-Goog-Signature={signature}", self.target)
    }
}

impl Address<'_> {
    /// The address without its signature, and what is to be signed.
    pub fn unsigned(&self) -> Unsigned {
        // Up to whole seconds, so that no address ends before its time; one that has ended is dated back.
        let expires_at = self.expires_at.plus_millis(999).as_seconds();
        let signed_at = self.signed_at.as_seconds().min(expires_at - 1);
        let seconds = (expires_at - signed_at).min(MAX_SECONDS);
        let time = compact(Timestamp::from_micros(signed_at * 1_000_000));
        let scope = format!("{}/auto/storage/goog4_request", &time[..8]);

        let mut headers = self.headers.clone();
        headers.insert("host".to_owned(), self.host.to_owned());
        let names = headers.keys().cloned().collect::<Vec<_>>().join(";");
        let mut parameters = vec![
            ("X-Goog-Algorithm", "GOOG4-RSA-SHA256".to_owned()),
            ("X-Goog-Credential", format!("{}/{scope}", self.email)),
            ("X-Goog-Date", time.clone()),
            ("X-Goog-Expires", seconds.to_string()),
            ("X-Goog-SignedHeaders", names.clone()),
        ];
        // Capital letters come first.
        parameters.extend(self.answers.iter().cloned());
        let parameters = parameters.iter().map(|(name, value)| {
            let value = utf8_percent_encode(value, QUERY);
            format!("{name}={value}")
        });
        let query = parameters.collect::<Vec<_>>().join("&");

        let method = match self.method {
            Method::Get => "GET",
            Method::Put => "PUT",
        };
        let lines = headers.iter();
        let lines: String = lines
            .map(|(name, value)| format!("{name}:{value}\n"))
            .collect();
        let path = &self.path;
        let request = format!("{method}\n{path}\n{query}\n{lines}\n{names}\nUNSIGNED-PAYLOAD");
        let hash = HEXLOWER.encode(&Sha256::digest(request));
        Unsigned {
            text: format!("GOOG4-RSA-SHA256\n{time}\n{scope}\n{hash}"),
            target: format!("{path}?{query}"),
        }
    }
}

/// A time as `20260504T102030Z`.
fn compact(time: Timestamp) -> String {
    let time = time.to_string();
    let seconds = time.split('.').next().unwrap_or_default();
    let digits = seconds
        .chars()
        .filter(|letter| !matches!(letter, '-' | ':'));
    digits.chain(['Z']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Some of the cases that Google publishes for those who sign by version 4.
    #[test]
    fn what_is_signed_is_what_google_says() {
        let headers = [("bar", "BAR-value"), ("foo", "foo-value")];
        for (method, time, seconds, headers, hash) in [
            (
                Method::Get,
                "2019-02-01T09:00:00Z",
                10,
                &[][..],
                "00e2fb794ea93d7adb703edaebdd509821fcc7d4f1a79ac5c8d2b394df109320",
            ),
            (
                Method::Put,
                "2019-02-01T09:00:00Z",
                10,
                &[],
                "78742860705da91404222d5d66ff89850292471199c3c2808d116ad12e6177b4",
            ),
            (
                Method::Get,
                "2019-03-01T09:00:00Z",
                20,
                &[],
                "779f19fdb6fd381390e2d5af04947cf21750277ee3c20e0c97b7e46a1dff8907",
            ),
            (
                Method::Get,
                "2019-02-01T09:00:00Z",
                10,
                &headers,
                "59c1ac1a6ee7d773d5c4487ecc861d60b71c4871dd18fc7d8485fac09df1d296",
            ),
        ] {
            let signed_at: Timestamp = time.parse().unwrap();
            let headers = headers.iter();
            let headers = headers.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            let address = Address {
                method,
                host: "storage.googleapis.com",
                path: "/test-bucket/test-object".to_owned(),
                email: "test-iam-credentials@dummy-project-id.iam.gserviceaccount.com",
                signed_at,
                expires_at: signed_at.plus_seconds(seconds),
                answers: Vec::new(),
                headers: &headers.collect(),
            };
            let text = address.unsigned().text;
            assert_eq!(text.rsplit('\n').next(), Some(hash), "{text}");
        }
    }
}
