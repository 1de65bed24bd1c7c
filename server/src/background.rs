//! What happens without anybody asking: dispatch, looks at what is due, roll-ups, mails, sweeps. Each turn reads the store; what
//! wakes a turn early only spares the wait.

use std::collections::HashSet;
use std::future::Future;
use std::time::Duration;

use hub::services::Services;
use tokio::sync::broadcast;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::mail::Mailer;

/// Time between turns of the dispatcher when nothing wakes it.
const DISPATCH: Duration = Duration::from_secs(2);
/// Time between looks for what is due.
const POLL: Duration = Duration::from_secs(1);
/// Time between roll-ups of the same batch.
const ROLL_UP: Duration = Duration::from_secs(1);
/// Time between looks for mails.
const MAIL: Duration = Duration::from_secs(1);
/// Time between sweeps of what has expired.
const SWEEP: Duration = Duration::from_secs(600);

/// Starts the background work; it ends with `stopping`, wherever it is: what is half done is found again by its due time.
/// Mails wait where there is no mailer.
pub fn start(
    services: &Services,
    mailer: Option<Mailer>,
    stopping: &CancellationToken,
) -> JoinSet<()> {
    let mut duties = JoinSet::new();
    duties.spawn(until(stopping.clone(), dispatch(services.clone())));
    duties.spawn(until(stopping.clone(), poll(services.clone())));
    duties.spawn(until(stopping.clone(), roll_up(services.clone())));
    duties.spawn(until(stopping.clone(), sweep(services.clone())));
    if let Some(mailer) = mailer {
        duties.spawn(until(stopping.clone(), mail(services.clone(), mailer)));
    }
    duties
}

async fn until(stopping: CancellationToken, duty: impl Future<Output = ()>) {
    stopping.run_until_cancelled_owned(duty).await;
}

async fn dispatch(services: Services) {
    loop {
        while turn("dispatch", services.dispatch_due().await) {}
        tokio::select! {
            () = services.changes().work() => {}
            () = sleep(DISPATCH) => {}
        }
    }
}

async fn poll(services: Services) {
    loop {
        while turn("poll", services.poll_due().await) {}
        sleep(POLL).await;
    }
}

async fn mail(services: Services, mailer: Mailer) {
    loop {
        while turn("mail", mail_one(&services, &mailer).await) {}
        sleep(MAIL).await;
    }
}

/// Sends the mail that has waited longest; whether there was one. What cannot be sent is due again later.
async fn mail_one(services: &Services, mailer: &Mailer) -> hub::Result<bool> {
    let Some(letter) = services.take_mail().await? else {
        return Ok(false);
    };
    match mailer.send(&letter).await {
        Ok(()) => services.mail_sent(&letter).await?,
        Err(error) => tracing::warn!(
            mail = letter.id,
            ?error,
            "a mail could not be sent and will be tried again"
        ),
    }
    Ok(true)
}

async fn sweep(services: Services) {
    loop {
        while turn("sweep", services.sweep().await) {}
        sleep(SWEEP).await;
    }
}

/// Rolls up the batches whose children changed on this server, each at most once a second, and asks again for those that
/// another server leads. What was missed is found by the batch's own due time.
async fn roll_up(services: Services) {
    let mut changes = services.changes().subscribe();
    let mut batches = HashSet::new();
    loop {
        if batches.is_empty() {
            match changes.recv().await {
                Ok(change) => batches.extend(change.batch_id),
                Err(broadcast::error::RecvError::Lagged(_)) => continue,
                Err(broadcast::error::RecvError::Closed) => return,
            }
        }
        sleep(ROLL_UP).await;
        while let Ok(change) = changes.try_recv() {
            batches.extend(change.batch_id);
        }
        for batch in std::mem::take(&mut batches) {
            let led = services.roll_up(&batch).await;
            if turn("roll-up", led.map(|led| !led)) {
                batches.insert(batch);
            }
        }
    }
}

/// Whether there is more to do at once; a failed turn is logged and waits for the next.
fn turn(duty: &'static str, outcome: hub::Result<bool>) -> bool {
    outcome.unwrap_or_else(|error| {
        tracing::error!(
            duty,
            ?error,
            "background work failed and will be tried again"
        );
        false
    })
}
