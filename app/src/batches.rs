//! The page of a batch: its sum, and its children as a table whose whole state is its address.

pub mod api;

#[cfg(feature = "ssr")]
pub mod page;
