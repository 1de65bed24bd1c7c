//! Pages, components, server functions and the HTML shell. It knows no storage and no environment; what it shows it asks
//! of `hub::services`, through server functions.

// Views are types: a page's is deep.
#![recursion_limit = "512"]

#[cfg(all(feature = "ssr", feature = "hydrate"))]
compile_error!(
    "`ssr` is for the server and `hydrate` for the browser: build them in two calls of cargo"
);

pub mod accounts;
pub mod address;
#[cfg(feature = "ssr")]
pub mod admin;
pub mod batches;
pub mod codec;
pub mod error;
pub mod fetch;
pub mod frame;
pub mod jobs;
pub mod live;
pub mod new;
pub mod number;
pub mod organizations;
pub mod router;
pub mod served;
pub mod shares;
pub mod sheet;
pub mod side;
pub mod status;
pub mod text;
pub mod time;

#[cfg(feature = "ssr")]
pub mod cookie;
#[cfg(feature = "ssr")]
pub mod shell;
#[cfg(feature = "ssr")]
pub mod state;
#[cfg(feature = "ssr")]
pub mod usage;

pub use error::{AppError, RequestId};
pub use router::App;
