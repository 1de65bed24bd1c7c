//! Signatures of addresses: who has the address may do the one thing that it says, until it expires.

use std::fmt::Write;

use data_encoding::HEXLOWER;
use hmac::{Hmac, KeyInit, Mac};
use hub::ports::blobs::Download;
use hub::time::Timestamp;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use crate::blobs::path::BlobPath;

/// What an address allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Verb {
    /// To read the file.
    Get,
    /// To put the file, once.
    Put,
}

/// What an address says beside its path: what is signed.
#[derive(Clone, Debug, Serialize)]
pub struct Access {
    /// What it allows.
    pub verb: Verb,
    /// Seconds since 1970-01-01 UTC at which it expires.
    pub expires: i64,
    /// The name that a browser saves the file under.
    pub save_as: Option<String>,
    /// The media type that is answered.
    pub media_type: Option<String>,
}

impl Access {
    /// To read a file.
    pub fn get(expires_at: Timestamp, download: &Download) -> Self {
        let save_as = download.save_as.clone();
        Self {
            verb: Verb::Get,
            expires: seconds(expires_at),
            save_as,
            media_type: Some(download.media_type.to_owned()),
        }
    }

    /// To put a file.
    pub fn put(expires_at: Timestamp) -> Self {
        Self {
            verb: Verb::Put,
            expires: seconds(expires_at),
            save_as: None,
            media_type: None,
        }
    }
}

/// Whole seconds, up, so that no address ends before its time.
fn seconds(time: Timestamp) -> i64 {
    time.plus_millis(999).as_seconds()
}

/// The query of a signed address, as it comes back.
#[derive(Debug, Deserialize)]
pub struct SignedQuery {
    expires: i64,
    sig: String,
    save_as: Option<String>,
    #[serde(rename = "type")]
    media_type: Option<String>,
}

/// Why an address is not honoured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotHonoured {
    /// Its time is over.
    #[error("this address has expired")]
    Expired,
    /// It was not made here, or not for this.
    #[error("this address is not signed for what was asked")]
    Forged,
}

/// Whoever signs addresses and knows its own again.
pub struct Signer {
    key: Box<[u8]>,
}

impl Signer {
    /// Signs with this key.
    pub fn new(key: &[u8]) -> Self {
        Self { key: key.into() }
    }

    /// The query of an address of `path`.
    pub fn query(&self, path: &BlobPath, access: &Access) -> String {
        let signature = HEXLOWER.encode(&self.mac(path, access).finalize().into_bytes());
        let mut query = format!("expires={}&sig={signature}", access.expires);
        for (name, value) in [("save_as", &access.save_as), ("type", &access.media_type)] {
            if let Some(value) = value {
                // Writing to a text does not fail.
                let _ = write!(
                    query,
                    "&{name}={}",
                    utf8_percent_encode(value, NON_ALPHANUMERIC)
                );
            }
        }
        query
    }

    /// What an address of `path` allows, if it is one of ours, for `verb`, and not expired.
    pub fn honour(
        &self,
        verb: Verb,
        path: &BlobPath,
        query: SignedQuery,
        now: Timestamp,
    ) -> Result<Access, NotHonoured> {
        let SignedQuery {
            expires,
            sig,
            save_as,
            media_type,
        } = query;
        let access = Access {
            verb,
            expires,
            save_as,
            media_type,
        };
        let signature = HEXLOWER
            .decode(sig.as_bytes())
            .map_err(|_| NotHonoured::Forged)?;
        // Compared in a time that does not depend on where they differ.
        self.mac(path, &access)
            .verify_slice(&signature)
            .map_err(|_| NotHonoured::Forged)?;
        if now.as_seconds() >= expires {
            Err(NotHonoured::Expired)
        } else {
            Ok(access)
        }
    }

    fn mac(&self, path: &BlobPath, access: &Access) -> Hmac<Sha256> {
        // As JSON, no two addresses have the same text.
        let text = serde_json::json!([path.as_str(), access]).to_string();
        #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
        let mac = Hmac::<Sha256>::new_from_slice(&self.key).expect("HMAC takes keys of any length");
        mac.chain_update(text)
    }
}
