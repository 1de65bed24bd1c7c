//! The browser's half of the app: compiled, bound to JavaScript and optimised for size.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail, ensure};
use wasm_bindgen_cli_support::Bindgen;

use crate::{
    cache::{self, digest},
    cargo::Cargo,
    paths::{OUTPUT_NAME, Paths, cargo_home, cargo_program},
    report::Step,
};

const TARGET: &str = "wasm32-unknown-unknown";
const PROFILE: &str = "wasm-release";
/// What every browser of "defaults" has and rustc uses.
const OPTIMISER_ARGUMENTS: [&str; 8] = [
    "-Oz",
    "--converge",
    "--enable-bulk-memory",
    "--enable-nontrapping-float-to-int",
    "--enable-sign-ext",
    "--enable-mutable-globals",
    "--enable-reference-types",
    "--enable-multivalue",
];

/// Compiles the frontend.
pub fn compile(paths: &Paths) -> Result<()> {
    ensure_target()?;
    let mut flags = String::new();
    if let Some(home) = cargo_home() {
        // Otherwise every panic message would carry this machine's paths into the browser. The checkout's own path is
        // not in them, and must not be named here: another path would mean to compile all dependencies again.
        write!(flags, "--remap-path-prefix={}=/cargo", home.display())?;
    }
    Cargo::build(paths, "wasm")
        .args([
            "--package",
            "frontend",
            "--target",
            TARGET,
            "--profile",
            PROFILE,
        ])
        .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS", flags)
        .spawn()?
        .wait()
}

/// A folder with `omtx-hub.js`, `omtx-hub_bg.wasm` and perhaps `snippets/`, made from what `compile` left.
pub fn bind(paths: &Paths) -> Result<PathBuf> {
    let raw = paths
        .target
        .join(TARGET)
        .join(PROFILE)
        .join("frontend.wasm");
    let content = fs::read(&raw).with_context(|| format!("{} cannot be read", raw.display()))?;
    let optimiser = paths.node_module("binaryen/bin/wasm-opt")?;
    let minifier = paths.node_module("esbuild/bin/esbuild")?;
    let mut key = vec![content];
    for module in ["binaryen", "esbuild"] {
        key.push(fs::read(
            paths.node_module(&format!("{module}/package.json"))?,
        )?);
    }
    // This file's own text stands for the options below; wasm-bindgen's version is in the content.
    key.push(include_bytes!("wasm.rs").to_vec());
    let key: Vec<&[u8]> = key.iter().map(Vec::as_slice).collect();
    cache::folder(&paths.cache, &format!("wasm-{}", digest(&key)), |folder| {
        generate(&raw, folder)?;
        let wasm = folder.join(format!("{OUTPUT_NAME}_bg.wasm"));
        let mut optimise = Command::new("node");
        optimise.arg(&optimiser).args(OPTIMISER_ARGUMENTS);
        shrink("wasm-opt", optimise.arg(&wasm).arg("-o").arg(&wasm))?;
        let script = folder.join(format!("{OUTPUT_NAME}.js"));
        let mut minify = Command::new("node");
        minify
            .arg(&minifier)
            .args(["--minify", "--allow-overwrite"]);
        let outfile = format!("--outfile={}", script.display());
        shrink(
            "esbuild",
            minify.arg("--log-level=error").arg(&script).arg(outfile),
        )
    })
}

fn generate(raw: &Path, folder: &Path) -> Result<()> {
    let step = Step::announce("wasm-bindgen");
    Bindgen::new()
        .input_path(raw)
        .out_name(OUTPUT_NAME)
        .web(true)?
        .typescript(false)
        .remove_name_section(true)
        .remove_producers_section(true)
        .generate(folder)?;
    step.say_end();
    Ok(())
}

/// Has a program make a file smaller, in its place.
fn shrink(name: &str, program: &mut Command) -> Result<()> {
    let step = Step::announce(name);
    let status = program.status().context("node could not be started")?;
    ensure!(status.success(), "{name} failed");
    step.say_end();
    Ok(())
}

/// Adds the standard library for wasm when it is not there.
fn ensure_target() -> Result<()> {
    let rustc = Path::new(&cargo_program()).with_file_name("rustc");
    let printed = Command::new(rustc)
        .args(["--print", "sysroot"])
        .output()
        .context("rustc could not be started")?;
    let sysroot = PathBuf::from(String::from_utf8(printed.stdout)?.trim());
    if sysroot
        .join("lib/rustlib")
        .join(TARGET)
        .join("lib")
        .exists()
    {
        return Ok(());
    }
    let step = Step::announce(format!("rustup target add {TARGET}"));
    match Command::new("rustup")
        .args(["target", "add", TARGET])
        .status()
    {
        Ok(status) if status.success() => step.say_end(),
        Ok(_) => bail!("rustup could not add {TARGET}"),
        Err(_) => bail!(
            "Rust's standard library for {TARGET} is missing and rustup is not here to add it"
        ),
    }
    Ok(())
}
