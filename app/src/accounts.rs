//! Signing up and in, and one's own account.

#[cfg(feature = "ssr")]
pub mod page;
