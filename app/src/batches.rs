//! The page of a batch: its sum, and its children as a table whose whole state is its address.

pub mod api;

#[cfg(feature = "ssr")]
mod columns;
#[cfg(feature = "ssr")]
mod filter;
#[cfg(feature = "ssr")]
pub mod page;
#[cfg(feature = "ssr")]
pub mod retry;
#[cfg(feature = "ssr")]
mod summary;
#[cfg(feature = "ssr")]
mod table;
