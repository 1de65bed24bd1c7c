//! The styles: `style/main.css` and what it imports, as one small file for the browsers of "defaults".

use std::{fs, path::Path};

use anyhow::{Context, Result, anyhow, bail};
use lightningcss::{
    bundler::{Bundler, FileProvider},
    printer::PrinterOptions,
    stylesheet::{MinifyOptions, ParserOptions},
    targets::{Browsers, Targets},
};

/// Bundles `main` into `output`.
pub fn bundle(main: &Path, output: &Path) -> Result<()> {
    let files = FileProvider::new();
    let targets =
        Targets::from(Browsers::from_browserslist(["defaults"])?.context("no browser is meant")?);
    let mut bundler = Bundler::new(&files, None, ParserOptions::default());
    let mut sheet = bundler
        .bundle(main)
        .map_err(|error| anyhow!("{}: {error}", main.display()))?;
    sheet
        .minify(MinifyOptions {
            targets,
            ..MinifyOptions::default()
        })
        .map_err(|error| anyhow!("{error}"))?;
    let printed = sheet.to_css(PrinterOptions {
        minify: true,
        targets,
        ..PrinterOptions::default()
    })?;
    if printed.code.is_empty() {
        bail!("{} holds no rule", main.display());
    }
    Ok(fs::write(output, printed.code)?)
}
