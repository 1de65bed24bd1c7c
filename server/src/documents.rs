//! The stores of documents. Which of them is used is chosen once, where the server is wired.

mod check;
pub mod clock;
pub mod firestore;
pub mod sqlite;

#[cfg(test)]
mod contract;

pub use clock::Clock;
pub use firestore::Firestore;
pub use sqlite::Sqlite;
