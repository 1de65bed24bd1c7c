//! The list page and its API, over as many jobs as there are.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use serde_json::Value;

use crate::load::NEEDLE;
use crate::stack::Stack;
use crate::timing::{one_client, per_second};

/// Rows of a page.
const PER_PAGE: u32 = 50;
/// Requests of one client.
const REQUESTS: usize = 1_000;
/// Clients that ask at once.
const CLIENTS: usize = 4;
/// How long they ask.
const SPAN: Duration = Duration::from_secs(3);

/// Above the rows that [`measure`] gives.
pub const HEAD: &str = "\n## List page of 50 rows\n\nOne client for p50 and p99; four clients for requests a second. \
    \"Hello\" is the server's `/healthz`, a constant text: what the network and the server's frame cost alone.\n\n\
    | stored jobs | what | p50 | p99 | requests/s |\n|---:|---|---:|---:|---:|\n";

/// Rows of the table for a database of `jobs` jobs.
pub async fn measure(folder: &Path, jobs: u32) -> anyhow::Result<String> {
    let stack = Stack::start(folder, false, None).await?;
    let far = page_200(&stack, jobs).await?;
    let query = |rest: &str| format!("per_page={PER_PAGE}{rest}");
    let cases = [
        ("hello", "/healthz".to_owned()),
        ("API, page 1", format!("/api/v1/jobs?{}", query(""))),
        (
            "API, page 200 by cursor",
            format!("/api/v1/jobs?{}", query(&far)),
        ),
        (
            "API, status that one job has",
            format!("/api/v1/jobs?{}", query("&status=cancelled")),
        ),
        (
            "API, word that one job has",
            format!("/api/v1/jobs?{}", query(&format!("&search={NEEDLE}"))),
        ),
        (
            "API, word that all have, with a status",
            format!("/api/v1/jobs?{}", query("&search=compound&status=failed")),
        ),
        ("HTML, page 1", format!("/?{}", query(""))),
        ("HTML, page 200 by cursor", format!("/?{}", query(&far))),
        (
            "HTML, status that one job has",
            format!("/?{}", query("&status=cancelled")),
        ),
    ];
    let mut rows = String::new();
    for (what, path) in cases {
        let address = format!("{}{path}", stack.origin);
        let times = one_client(&stack.client, &address, REQUESTS)
            .await
            .context(what)?;
        let rate = per_second(&stack.client, &address, CLIENTS, SPAN)
            .await
            .context(what)?;
        let (p50, p99) = (times.quantile(0.5), times.quantile(0.99));
        writeln!(
            rows,
            "| {jobs} | {what} | {p50:.2} | {p99:.2} | {rate:.0} |"
        )?;
        eprintln!("{jobs} jobs, {what}: {p50:.2} ms");
    }
    Ok(rows)
}

/// The query that leads to page 200, walked to as a reader would.
async fn page_200(stack: &Stack, jobs: u32) -> anyhow::Result<String> {
    let pages = 200.min(jobs / PER_PAGE);
    let mut query = String::new();
    for _ in 1..pages {
        let address = format!("{}/api/v1/jobs?per_page={PER_PAGE}{query}", stack.origin);
        let page: Value = stack
            .client
            .get(address)
            .send()
            .await?
            .error_for_status()?
            .json()
            .await?;
        query = format!(
            "&page_token={}",
            page["next_page_token"].as_str().context("a page after")?
        );
    }
    Ok(query)
}
