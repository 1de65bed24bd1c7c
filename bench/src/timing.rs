//! Times of requests, one client after another's answer or several at once.

use std::time::Duration;

use anyhow::ensure;
use reqwest::Client;
use tokio::time::Instant;

/// Times of the same request, in milliseconds.
pub struct Times {
    millis: Vec<f64>,
}

impl Times {
    /// The time below which this part of the requests was answered.
    pub fn quantile(&self, part: f64) -> f64 {
        self.millis[((self.millis.len() - 1) as f64 * part).round() as usize]
    }
}

/// Asks one after the other, after some that are not counted.
pub async fn one_client(client: &Client, address: &str, requests: usize) -> anyhow::Result<Times> {
    let mut millis = Vec::with_capacity(requests);
    for request in 0..requests + requests / 10 {
        let start = Instant::now();
        ask(client, address).await?;
        if request >= requests / 10 {
            millis.push(start.elapsed().as_secs_f64() * 1_000.0);
        }
    }
    millis.sort_by(f64::total_cmp);
    Ok(Times { millis })
}

/// Requests answered in a second to several clients that share this machine with the server.
pub async fn per_second(
    client: &Client,
    address: &str,
    clients: usize,
    span: Duration,
) -> anyhow::Result<f64> {
    let end = Instant::now() + span;
    let asking = (0..clients).map(|_| {
        let (client, address) = (client.clone(), address.to_owned());
        tokio::spawn(async move {
            let mut answered = 0u32;
            while Instant::now() < end {
                ask(&client, &address).await?;
                answered += 1;
            }
            anyhow::Ok(answered)
        })
    });
    let mut answered = 0;
    for asked in asking.collect::<Vec<_>>() {
        answered += asked.await??;
    }
    Ok(f64::from(answered) / span.as_secs_f64())
}

async fn ask(client: &Client, address: &str) -> anyhow::Result<()> {
    let answer = client.get(address).send().await?;
    let status = answer.status();
    let body = answer.bytes().await?;
    ensure!(
        status.is_success(),
        "{address}: {status} {}",
        String::from_utf8_lossy(&body)
    );
    Ok(())
}
