//! Asking for something new.

pub mod api;
pub mod examples;

#[cfg(feature = "ssr")]
pub mod page;
