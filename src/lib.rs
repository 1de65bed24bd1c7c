//! The nouns of the hub and their rules. It knows no runtime, no HTTP, no cloud and no page; the browser carries all of
//! it but what stands behind the feature `services`.

pub mod account;
pub mod actor;
pub mod admin;
pub mod audit;
pub mod batch;
pub mod docking;
pub mod draft;
pub mod error;
pub mod estimate;
#[cfg(feature = "services")]
pub mod former;
pub mod health;
pub mod id;
pub mod input;
pub mod job;
pub mod ligand;
pub mod ligand_table;
pub mod limits;
pub mod list;
pub mod mail;
pub mod metric;
pub mod model;
pub mod organization;
pub mod page;
mod parameters;
pub mod preflight;
pub mod search;
pub mod sequence;
pub mod session;
pub mod share;
pub mod smiles;
pub mod task;
pub mod time;
pub mod usage;

#[cfg(feature = "services")]
pub mod ports;
#[cfg(feature = "services")]
pub mod services;

pub use error::{Error, Fault, Result};
