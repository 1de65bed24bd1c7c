//! My Results and the page of one job.

pub mod api;
pub mod filter;
pub mod list;
pub mod row;

#[cfg(feature = "ssr")]
pub mod confirm;
#[cfg(feature = "ssr")]
mod detail;
#[cfg(feature = "ssr")]
pub mod page;
#[cfg(feature = "ssr")]
pub mod part;
#[cfg(feature = "ssr")]
pub(crate) mod read;
