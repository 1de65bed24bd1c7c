//! The server: adapters to stores and gateway, the REST API, background work, and the wiring of it all.

pub mod api;
mod attachment;
pub mod background;
pub mod blobs;
pub mod config;
pub mod documents;
pub mod events;
pub mod gateway;
pub mod health;
pub mod log;
pub mod mail;
pub mod metrics;
pub mod migrate;
pub mod openid;
pub mod pages;
pub mod problem;
pub mod request;
pub mod router;
pub mod secret;
pub mod session;
pub mod shares;
