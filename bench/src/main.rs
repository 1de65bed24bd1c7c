//! Figures of the hub, measured on the release server as it is run: `cargo run --release -p bench` writes
//! `bench/figures.md`. Run `cargo xtask build --server release` first, so that the pages are there.
#![expect(
    clippy::print_stderr,
    reason = "whoever waits for figures wants to see that it goes on"
)]

use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::Context;
use clap::Parser;

mod list;
mod load;
mod page_weight;
mod stack;
mod submit;
mod timing;

/// What is measured.
#[derive(Parser)]
struct Options {
    /// Stored jobs over which the list is measured.
    #[arg(long, value_delimiter = ',', default_value = "10000,100000,1000000")]
    jobs: Vec<u32>,
    /// Where databases of that many jobs are kept between measurements.
    #[arg(long, default_value = "target/bench")]
    folder: PathBuf,
    /// Where the figures are written.
    #[arg(long, default_value = "bench/figures.md")]
    figures: PathBuf,
    /// Firestore emulator that is measured instead, as far as that says something: submitting only.
    #[arg(long)]
    firestore: Option<String>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    if let Some(host) = &options.firestore {
        return firestore(host).await;
    }
    let mut figures = String::from(
        "# Figures\n\nMade by `bin/bench`; times in milliseconds unless said otherwise.\n",
    );
    writeln!(figures, "\n{}", stack::machine())?;
    figures.push_str(&page_weight::measure().context("page weight")?);
    figures.push_str(&submit::measure().await.context("submitting")?);
    figures.push_str(list::HEAD);
    for jobs in options.jobs {
        let folder = options.folder.join(format!("{jobs}-jobs"));
        load::jobs(&folder, jobs).await.context("loading")?;
        figures.push_str(&list::measure(&folder, jobs).await.context("the list")?);
    }
    std::fs::write(&options.figures, &figures)?;
    eprintln!("{figures}");
    Ok(())
}

/// The figures of a hub on Firestore. An emulator on the same machine has no way to go and keeps all in memory: it shows
/// what the hub asks for, and not how quick the real one is.
async fn firestore(emulator: &str) -> anyhow::Result<()> {
    let submitted = submit::measure_on(emulator).await.context("submitting")?;
    let figures = format!(
        "# Figures on Firestore\n\nMade by `bin/bench firestore` on the emulator. {}\n{submitted}\n\
         ## Documents read for a page of the list\n\nThe rows of the page and one more, whatever the page, the filter and the \
         number of jobs: `a_page_reads_its_rows_and_one_more` in `server/tests/it/lists.rs` counts them.\n",
        stack::machine()
    );
    std::fs::write("bench/firestore.md", &figures)?;
    eprintln!("{figures}");
    Ok(())
}
