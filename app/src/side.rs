//! The few things that are one way on the server and another in the browser.

#[cfg_attr(feature = "ssr", path = "side/server.rs")]
#[cfg_attr(not(feature = "ssr"), path = "side/browser.rs")]
mod here;

pub use here::{set_status, title_text, unheard, who};
