//! The life of a job against a gateway that does as it is told: fails, forgets, lies, does not answer. The stores are the
//! real ones; the clock is set by hand, so that minutes pass in no time.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[macro_use]
#[path = "../common/stores.rs"]
mod stores;

#[path = "../common/gateway.rs"]
mod gateway;

#[path = "../common/lines.rs"]
mod lines;

mod batches;
mod cancel;
mod dispatch;
mod failures;
mod hub;
mod limits;
mod predictions;
mod results;
mod servers;
mod units;
