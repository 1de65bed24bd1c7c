//! The hub through its router: real stores in a temporary folder, and a far gateway that speaks the protocol's golden
//! files. One file for each noun.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[macro_use]
#[path = "../common/stores.rs"]
mod stores;

#[path = "../common/far_gateway.rs"]
#[expect(dead_code, reason = "each program of tests uses what it needs")]
mod far_gateway;
#[expect(dead_code, reason = "the rest is for the tests of the adapter")]
#[path = "../common/far_storage.rs"]
mod far_storage;

#[path = "../common/lines.rs"]
mod lines;

mod accounts;
mod addresses;
mod admin;
mod audit;
mod batches;
mod counted;
mod drafts;
mod endings;
mod events;
mod exports;
mod far_firestore;
mod far_provider;
mod former_system;
mod health;
mod hub;
mod input;
mod jobs;
mod lists;
mod mails;
mod matrix;
mod migration;
mod models;
mod notices;
mod openid;
mod organizations;
mod people;
mod problems;
mod program;
mod readers;
mod removals;
mod shares;
mod sign_in;
mod storage;
mod taint;
mod tokens;
mod usage;
mod watchers;
