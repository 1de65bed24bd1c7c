//! Asking for something new.

pub mod api;
pub mod examples;

#[cfg(feature = "ssr")]
mod field;
#[cfg(feature = "ssr")]
mod ligands;
#[cfg(feature = "ssr")]
pub mod page;
#[cfg(feature = "ssr")]
mod parameters;
#[cfg(feature = "ssr")]
mod preflight;
#[cfg(feature = "ssr")]
mod read;
#[cfg(feature = "ssr")]
mod target;
#[cfg(feature = "ssr")]
pub mod tasks;

#[cfg(feature = "ssr")]
pub use parameters::exhaustiveness_of;
