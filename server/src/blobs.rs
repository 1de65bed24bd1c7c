//! The stores of files. Which of them is used is chosen once, where the server is wired.

pub mod directory;

#[cfg(test)]
mod contract;

pub use directory::Directory;
