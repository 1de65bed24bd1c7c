//! Brotli beside the files that gain by it.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

use crate::{
    cache::{self, digest},
    report::Step,
};

const QUALITY: u32 = 11;
const WINDOW_BITS: u32 = 22;
/// Below this a header costs more than is saved.
const WORTH_BYTES: usize = 512;
const LARGE_BYTES: usize = 1 << 20;
const TEXTUAL: [&str; 8] = [
    "css",
    "html",
    "js",
    "json",
    "svg",
    "txt",
    "wasm",
    "webmanifest",
];

/// The compressed form of `file`, or none for a kind or size that does not gain.
pub fn brotli(cache: &Path, file: &Path) -> Result<Option<PathBuf>> {
    let textual = file
        .extension()
        .and_then(|extension| extension.to_str())
        .is_some_and(|it| TEXTUAL.contains(&it));
    let content = if textual { fs::read(file)? } else { Vec::new() };
    if content.len() < WORTH_BYTES {
        return Ok(None);
    }
    let key = format!("br{QUALITY}-{}", digest(&[&content]));
    let folder = cache::folder(cache, &key, |folder| {
        let name = file
            .file_name()
            .context("a file has a name")?
            .to_string_lossy()
            .into_owned();
        let step = (content.len() > LARGE_BYTES).then(|| Step::announce(format!("brotli: {name}")));
        let mut writer = brotli::CompressorWriter::new(
            fs::File::create(folder.join("br"))?,
            1 << 16,
            QUALITY,
            WINDOW_BITS,
        );
        writer.write_all(&content)?;
        writer.flush()?;
        drop(writer);
        if let Some(step) = step {
            step.say_end();
        }
        Ok(())
    })?;
    Ok(Some(folder.join("br")))
}
