//! The few things that are one way on the server and another in the browser.

#[cfg(not(feature = "ssr"))]
mod browser;
#[cfg(feature = "ssr")]
mod server;

#[cfg(not(feature = "ssr"))]
pub use browser::{set_status, title_text, who};
#[cfg(feature = "ssr")]
pub use server::{set_status, title_text, who};
