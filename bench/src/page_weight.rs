//! What the browser loads for the list page, compressed as it is sent.

use std::fmt::Write as _;

use anyhow::Context;

/// The names that the server gives its pages: lines `js: `, `wasm: `, `css: ` with the hash of each file.
const NAMES: &str = "target/release/hash.txt";

/// A section with the size of each file.
pub fn measure() -> anyhow::Result<String> {
    let names = std::fs::read_to_string(NAMES)
        .with_context(|| format!("{NAMES} is missing: cargo xtask build --server release"))?;
    let mut section = String::from(
        "\n## What the browser loads\n\nBrotli, as it is sent.\n\n| file | kB |\n|---|---:|\n",
    );
    let mut total = 0.0;
    for (ending, hash) in names.lines().filter_map(|line| line.split_once(": ")) {
        let file = format!("target/site/pkg/omtx-hub.{hash}.{ending}.br");
        let kilobytes = std::fs::metadata(&file).context(file)?.len() as f64 / 1_000.0;
        if matches!(ending, "wasm" | "js") {
            total += kilobytes;
        }
        writeln!(section, "| {ending} | {kilobytes:.1} |")?;
    }
    writeln!(section, "| wasm and js together | {total:.1} |")?;
    Ok(section)
}
