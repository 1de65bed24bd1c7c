//! Where things are read and written.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

/// Name of our files in the site's `pkg` folder, the same as `LEPTOS_OUTPUT_NAME` in `.cargo/config.toml`.
pub const OUTPUT_NAME: &str = "omtx-hub";

/// The folders of a build.
pub struct Paths {
    /// The checkout.
    pub root: PathBuf,
    /// Cargo's target folder, wherever it lies.
    pub target: PathBuf,
    /// What the server serves: always `target/site` in the checkout.
    pub site: PathBuf,
    /// What is dear to make, by the hash of what it was made from.
    pub cache: PathBuf,
}

impl Paths {
    /// The checkout that this program was compiled from, and the target folder that it lies in.
    pub fn find() -> Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"))
            .parent()
            .context("xtask lies in no checkout")?
            .to_path_buf();
        let program = std::env::current_exe()?;
        let target = program
            .ancestors()
            .nth(2)
            .context("xtask lies in no target folder")?
            .to_path_buf();
        Ok(Self {
            site: root.join("target/site"),
            cache: target.join("site-cache"),
            root,
            target,
        })
    }

    /// A tool of the packages in `frontend/package.json`.
    pub fn node_module(&self, path: &str) -> Result<PathBuf> {
        let file = self.root.join("frontend/node_modules").join(path);
        anyhow::ensure!(
            file.exists(),
            "{path} is not installed: run `npm ci` in frontend/, or bin/run"
        );
        Ok(file)
    }
}

/// Cargo's own folder, whose path must not get into what we publish.
#[expect(
    clippy::disallowed_methods,
    reason = "the build reads cargo's variables, not the hub's settings"
)]
pub fn cargo_home() -> Option<PathBuf> {
    let home = || std::env::var_os("HOME").map(|home| Path::new(&home).join(".cargo"));
    std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(home)
}

/// The cargo that started us.
#[expect(
    clippy::disallowed_methods,
    reason = "the build reads cargo's variables, not the hub's settings"
)]
pub fn cargo_program() -> OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}
