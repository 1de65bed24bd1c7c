//! Calls of the worker to the hub: signed with the secret that both know, and good for five minutes.

use data_encoding::HEXLOWER;
use hmac::{Hmac, KeyInit, Mac};
use hub::time::Timestamp;
use sha2::Sha256;

/// The header that holds the seconds since 1970-01-01 UTC at which the call was signed.
pub const TIMESTAMP_HEADER: &str = "x-omtx-timestamp";
/// The header that holds the signature, in hexadecimal.
pub const SIGNATURE_HEADER: &str = "x-omtx-signature";

/// How far from now a call may have been signed; clocks of two machines differ, so this holds in both directions.
const MAX_AGE_S: u64 = 300;

/// Whether a call about `run_id` with this body was signed, at `timestamp`, by somebody who knows the secret, and not
/// long ago.
pub fn verify_callback(
    secret: &str,
    timestamp: &str,
    run_id: &str,
    body: &[u8],
    signature: &str,
    now: Timestamp,
) -> bool {
    let recent = timestamp
        .parse::<i64>()
        .is_ok_and(|signed_at| signed_at.abs_diff(now.as_seconds()) <= MAX_AGE_S);
    let Ok(signature) = HEXLOWER.decode(signature.as_bytes()) else {
        return false;
    };
    let Ok(mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else {
        return false;
    };
    let mac = mac
        .chain_update(timestamp)
        .chain_update(".")
        .chain_update(run_id)
        .chain_update(".")
        .chain_update(body);
    // Compared in a time that does not depend on where they differ.
    mac.verify_slice(&signature).is_ok() && recent
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn a_call_is_believed_only_as_it_was_signed_and_when() {
        let golden = include_str!("../../../worker/tests/golden/callback.json");
        let golden: Value = serde_json::from_str(golden).unwrap();
        let text = |pointer: &str| {
            golden
                .pointer(pointer)
                .unwrap()
                .as_str()
                .unwrap()
                .to_owned()
        };
        let (secret, run_id, body) = (text("/secret"), text("/run_id"), text("/body"));
        let timestamp = text("/headers/X-OMTX-Timestamp");
        let signature = text("/headers/X-OMTX-Signature");
        let signed_at = Timestamp::from_micros(timestamp.parse::<i64>().unwrap() * 1_000_000);
        let believed = |run_id: &str, body: &str, signature: &str, seconds| {
            verify_callback(
                &secret,
                &timestamp,
                run_id,
                body.as_bytes(),
                signature,
                signed_at.plus_seconds(seconds),
            )
        };
        for seconds in [0, 300, -300] {
            assert!(believed(&run_id, &body, &signature, seconds));
        }
        for seconds in [301, -301, i64::from(i32::MAX)] {
            assert!(!believed(&run_id, &body, &signature, seconds));
        }
        assert!(!believed(&run_id.replace(":1", ":2"), &body, &signature, 0));
        assert!(!believed(
            &run_id,
            &body.replace("0.4", "0.5"),
            &signature,
            0
        ));
        assert!(!believed(&run_id, &body, "", 0));
        assert!(!believed(&run_id, &body, &signature[..32], 0));
        assert!(!verify_callback(
            "",
            &timestamp,
            &run_id,
            body.as_bytes(),
            &signature,
            signed_at
        ));
        for odd in ["", "soon", "9223372036854775807", "-9223372036854775808"] {
            assert!(!verify_callback(
                &secret,
                odd,
                &run_id,
                body.as_bytes(),
                &signature,
                signed_at
            ));
        }
    }
}
