//! `cargo xtask build | run | test`: makes what the browser loads, then the server. It knows no noun of the hub.

mod cache;
mod cargo;
mod compress;
mod paths;
mod report;
mod site;
mod style;
mod wasm;

use std::process::{Command, ExitCode};

use anyhow::{Result, bail, ensure};

use crate::{cargo::Cargo, paths::Paths};

const USAGE: &str =
    "cargo xtask build [--server dev|release]   the site, and the server of that profile
cargo xtask run                              everything, then serve (bin/run)
cargo xtask test                             every test (bin/test)";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match run(&words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report::say(&format!("xtask: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(words: &[&str]) -> Result<()> {
    let paths = Paths::find()?;
    match words {
        ["build"] => build(&paths, None),
        ["build", "--server", profile @ ("dev" | "release")] => build(&paths, Some(profile)),
        ["run"] => script(&paths, "bin/run"),
        ["test"] => script(&paths, "bin/test"),
        _ => bail!("it can do\n{USAGE}"),
    }
}

fn build(paths: &Paths, server_profile: Option<&str>) -> Result<()> {
    wasm::compile(paths)?;
    // The server's compilation leaves a core free now and then; the wasm is optimised and compressed meanwhile.
    let server = server_profile.map(|profile| {
        Cargo::build(paths, "server")
            .args([
                "--package",
                "omtx-hub-server",
                "--bin",
                "omtx-hub",
                "--profile",
                profile,
            ])
            .spawn()
    });
    let site = site::assemble(paths);
    if let Some(server) = server {
        server?.wait()?;
    }
    site
}

fn script(paths: &Paths, name: &str) -> Result<()> {
    let status = Command::new(paths.root.join(name)).status()?;
    ensure!(status.success(), "{name}: {status}");
    Ok(())
}
