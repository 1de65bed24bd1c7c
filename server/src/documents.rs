//! The stores of documents. Which of them is used is chosen once, where the server is wired.

pub mod clock;
pub mod sqlite;

#[cfg(test)]
mod contract;

pub use clock::Clock;
pub use sqlite::Sqlite;
