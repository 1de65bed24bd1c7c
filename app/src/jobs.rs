//! My Results and the page of one job.

pub mod api;
pub mod filter;
pub mod list;
pub mod row;

#[cfg(feature = "ssr")]
pub mod page;
