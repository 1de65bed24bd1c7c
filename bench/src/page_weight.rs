//! What the browser loads for the list page, compressed as it is sent.

use std::fmt::Write as _;

use anyhow::Context;

use crate::stack::built;

/// A section with the size of each file.
pub fn measure() -> anyhow::Result<String> {
    // Lines `js: `, `wasm: `, `css: ` with the hash in each file's name.
    let names = std::fs::read_to_string(built("hash.txt")?)?;
    let mut section = String::from(
        "\n## What the browser loads\n\nBrotli, as it is sent.\n\n| file | kB |\n|---|---:|\n",
    );
    let hashed = names.lines().filter_map(|line| line.split_once(": "));
    let hashed = hashed.map(|(ending, hash)| (ending, format!("pkg/omtx-hub.{hash}.{ending}")));
    let mut total = 0.0;
    for (ending, name) in hashed.chain([("start.js", "start.js".to_owned())]) {
        let file = format!("target/site/{name}.br");
        let kilobytes = std::fs::metadata(&file).context(file)?.len() as f64 / 1_000.0;
        if ending != "css" {
            total += kilobytes;
        }
        writeln!(section, "| {ending} | {kilobytes:.1} |")?;
    }
    writeln!(section, "| wasm and js together | {total:.1} |")?;
    Ok(section)
}
