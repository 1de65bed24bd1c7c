//! Brotli beside the files that gain by it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use brotli::enc::{BrotliEncoderParams, backward_references::BrotliEncoderMode};

use crate::{
    cache::{self, digest},
    report::Step,
};

const QUALITY: i32 = 11;
const WINDOW_BITS: i32 = 22;
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

/// The whole file as one block, and fonts' distances, which are those of tables of numbers: a hundredth less of our wasm.
fn parameters(bytes: usize) -> BrotliEncoderParams {
    BrotliEncoderParams {
        quality: QUALITY,
        lgwin: WINDOW_BITS,
        lgblock: WINDOW_BITS,
        size_hint: bytes,
        mode: BrotliEncoderMode::BROTLI_MODE_FONT,
        ..BrotliEncoderParams::default()
    }
}

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
    let key = format!(
        "br{QUALITY}-{}",
        digest(&[&content, include_bytes!("compress.rs")])
    );
    let folder = cache::folder(cache, &key, |folder| {
        let name = file
            .file_name()
            .context("a file has a name")?
            .to_string_lossy()
            .into_owned();
        let step = (content.len() > LARGE_BYTES).then(|| Step::announce(format!("brotli: {name}")));
        let mut compressed = fs::File::create(folder.join("br"))?;
        brotli::BrotliCompress(&mut &*content, &mut compressed, &parameters(content.len()))?;
        if let Some(step) = step {
            step.say_end();
        }
        Ok(())
    })?;
    Ok(Some(folder.join("br")))
}
