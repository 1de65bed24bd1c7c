//! The stores of files. Which of them is used is chosen once, where the server is wired.

pub mod cloud_storage;
pub mod directory;
mod path;

#[cfg(test)]
mod contract;

pub use cloud_storage::CloudStorage;
pub use directory::Directory;
