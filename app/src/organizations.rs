//! One's organisation: its members, and the links that let people in.

#[cfg(feature = "ssr")]
pub mod page;
