//! The program: settings in, parts wired, served until it is told to end.

use std::fs::File;
use std::io::Write;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow};
use axum::Router;
use axum::serve::ListenerExt;
use clap::Parser;
use hub::ports::{Blobs, Documents};
use hub::services::{Migration, Post, Services, Settings};
use leptos::config::{Env, LeptosOptions};
use server::api::Api;
use server::blobs::{CloudStorage, Directory, directory};
use server::config::migrate::Wanted;
use server::config::{self, Auth, BlobsAt, Cli, Command, Config, DocumentsAt, Environment};
use server::documents::firestore::{FormerJobs, indexes};
use server::documents::{Clock, Firestore, Sqlite};
use server::events::Streams;
use server::gateway::Gateway;
use server::health::Watch;
use server::mail::Mailer;
use server::openid::OpenId;
use server::request::{Addresses, Origin, Rates};
use server::router::{Parts, router};
use server::session::{Accounts, Door, Tokens};
use server::{background, log, migrate, secret};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// How long requests that are being answered may still take when the server is told to end.
const FAREWELL: Duration = Duration::from_secs(9);
/// How long it may take to leave its duties to others.
const PARTING: Duration = Duration::from_millis(500);
/// How long a healthy hub may take to say so.
const HEALTH: Duration = Duration::from_secs(5);

/// Stack of a thread: pages are deep types, and an unoptimised build keeps all of a page's on the stack.
const STACK_BYTES: usize = 16 * 1024 * 1024;

fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failed) => {
            say(&format!("omtx-hub: {failed:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_stack_size(STACK_BYTES)
        .build()?;
    match &cli.command {
        Some(Command::Health) => runtime.block_on(ask_health(&cli)),
        Some(Command::Admin { email }) => {
            let email = email.clone();
            let config = check(cli.settings.without_gateway())?;
            runtime.block_on(appoint(&config, &email))
        }
        Some(Command::Migrate(asked)) => {
            let (asked, settings) = (asked.clone(), cli.settings.clone());
            let config = check(cli.settings.without_gateway())?;
            let wanted = settings.migration(&asked, &config).map_err(told)?;
            runtime.block_on(migrate(&config, wanted))
        }
        Some(Command::Indexes) => {
            print_indexes();
            Ok(())
        }
        None => runtime.block_on(serve(check(cli.settings)?)),
    }
}

#[expect(
    clippy::print_stderr,
    reason = "the program ends with it, and there may be no log yet"
)]
fn say(text: &str) {
    eprintln!("{text}");
}

#[expect(clippy::print_stdout, reason = "it is what was asked for")]
fn print_indexes() {
    print!("{}", indexes::file());
}

/// The settings, or every fault of them.
fn check(settings: config::Settings) -> anyhow::Result<Config> {
    settings.check().map_err(told)
}

fn told(faults: Vec<String>) -> anyhow::Error {
    anyhow!(
        "it cannot start with these settings:\n  - {}",
        faults.join("\n  - ")
    )
}

async fn ask_health(cli: &Cli) -> anyhow::Result<()> {
    let port = &cli.settings.port;
    let client = reqwest::Client::builder().timeout(HEALTH).build()?;
    let answer = client
        .get(format!("http://127.0.0.1:{port}/healthz"))
        .send()
        .await;
    let answer = answer.with_context(|| format!("no hub answers at port {port}"))?;
    anyhow::ensure!(
        answer.status().is_success(),
        "the hub at port {port} answers {}",
        answer.status()
    );
    Ok(())
}

/// Makes somebody an admin in the store that the settings name. A hub that runs may go on where several share the store.
async fn appoint(config: &Config, email: &str) -> anyhow::Result<()> {
    let public = config.origin(config.bind.port());
    use_cases(config, &public)
        .await?
        .services
        .appoint(email)
        .await?;
    say(&format!("{email} is an admin of this hub now"));
    Ok(())
}

/// Brings the former system's jobs into the stores that the settings name. A hub that runs may go on, as above.
async fn migrate(config: &Config, wanted: Wanted) -> anyhow::Result<()> {
    let public = config.origin(config.bind.port());
    let services = use_cases(config, &public).await?.services;
    let former = FormerJobs::open(wanted.from).await?;
    let files: Option<Arc<dyn Blobs>> = match wanted.files {
        Some(BlobsAt::Directory(folder)) => {
            Some(Arc::new(Directory::to_read(folder).context("--files")?))
        }
        Some(BlobsAt::CloudStorage(bucket)) => Some(Arc::new(
            CloudStorage::to_read(&bucket).await.context("--files")?,
        )),
        None => None,
    };
    let mut lines: Box<dyn Write + Send> = match &wanted.report {
        Some(path) => Box::new(File::create(path).with_context(|| path.display().to_string())?),
        None => Box::new(std::io::sink()),
    };
    let sorting = migrate::sorted(&former).await?;
    let database = former.database.clone();
    let migration = Migration::new(database, sorting.len(), files, wanted.dry_run);
    let mut run = migrate::Run::new(&services, &former, &mut *lines);
    run.all(&sorting, &migration).await?;
    say(&run.told(wanted.dry_run));
    Ok(())
}

async fn serve(config: Config) -> anyhow::Result<()> {
    log::start(&config)?;
    let listener = TcpListener::bind(config.bind)
        .await
        .with_context(|| format!("{} cannot be listened on", config.bind))?;
    let port = listener.local_addr()?.port();
    let stopping = CancellationToken::new();
    let parts = wire(&config, port, &stopping).await?;
    let mailer = mailer(&config)?;
    let services = parts.services.clone();
    let duties = background::start(&services, mailer, &stopping);
    let router = router(parts);
    tokio::spawn(stop_on_signal(stopping.clone()));
    announce(&config, port);
    // Without this a streamed page waits 44 ms for a delayed acknowledgement.
    let listener = listener.tap_io(|stream| {
        if let Err(failed) = stream.set_nodelay(true) {
            tracing::debug!(cause = %failed, "a connection stays slow");
        }
    });
    let router = router.into_make_service_with_connect_info::<SocketAddr>();
    let serving =
        axum::serve(listener, router).with_graceful_shutdown(stopping.clone().cancelled_owned());
    tokio::select! {
        ended = serving.into_future() => ended?,
        () = async { stopping.cancelled().await; tokio::time::sleep(FAREWELL).await } => {
            tracing::warn!("ended while requests were still open");
        }
    }
    duties.join_all().await;
    if !matches!(timeout(PARTING, services.resign()).await, Ok(Ok(()))) {
        tracing::warn!("the other servers wait until the leases of this one have ended");
    }
    Ok(())
}

/// Makes the parts and joins them.
async fn wire(config: &Config, port: u16, stopping: &CancellationToken) -> anyhow::Result<Parts> {
    let public = config.origin(port);
    let UseCases {
        services,
        files,
        gateway,
    } = use_cases(config, &public).await?;
    let gateway_secret = config.gateway.secret.clone();
    let door = door(config, &services, &public)?;
    Ok(Parts {
        api: Api {
            services: services.clone(),
            door,
            gateway_secret,
            streams: Streams::default(),
            stopping: stopping.clone(),
        },
        watch: Watch {
            services: services.clone(),
            gateway,
            environment: config.environment.name(),
            stopping: stopping.clone(),
        },
        services,
        leptos_options: leptos_options(config),
        addresses: Addresses { public, port },
        rates: Rates::new(config.trusted_proxies),
        files,
    })
}

/// The use cases, and what else is told of the parts that they stand on.
struct UseCases {
    services: Services,
    /// The signed addresses of files, where the hub answers them itself.
    files: Router,
    gateway: Arc<Gateway>,
}

/// The use cases, on the stores and the gateway that the settings name.
async fn use_cases(config: &Config, public: &Origin) -> anyhow::Result<UseCases> {
    let (documents, clock) = documents(&config.documents).await?;
    let (blobs, files) = blobs(config, public, clock).await?;
    let gateway = Gateway::new(
        &config.gateway.url,
        &config.gateway.secret,
        config.gateway.door.as_ref(),
    )?;
    let settings = Settings {
        public_url: public.to_string(),
        post: match (&config.mail, config.environment) {
            (Some(_), _) => Post::Sent,
            (None, Environment::Development) => Post::Shown,
            (None, Environment::Production) => Post::None,
        },
        elsewhere: config.openid.as_ref().map(|there| there.name.clone()),
    };
    let gateway = Arc::new(gateway);
    let services = Services::new(documents, blobs, gateway.clone(), settings);
    Ok(UseCases {
        services,
        files,
        gateway,
    })
}

/// The store of documents that the settings name, and the clock that it goes by.
async fn documents(at: &DocumentsAt) -> anyhow::Result<(Arc<dyn Documents>, Clock)> {
    Ok(match at {
        DocumentsAt::Sqlite(path) => {
            let clock = Clock::system();
            (Arc::new(Sqlite::open(path, clock.clone())?), clock)
        }
        DocumentsAt::Firestore(place) => {
            let clock = Clock::told();
            let opened = Firestore::open(place.clone(), clock.clone()).await;
            (Arc::new(opened.context("the documents")?), clock)
        }
    })
}

/// The store of files that the settings name, and what answers its addresses here.
async fn blobs(
    config: &Config,
    public: &Origin,
    clock: Clock,
) -> anyhow::Result<(Arc<dyn Blobs>, Router)> {
    match &config.blobs {
        BlobsAt::Directory(folder) => {
            let key = secret::kept_at(&config.data_dir.join("files.key"))?;
            let directory = Directory::new(folder.clone(), &public.to_string(), &key, clock)?;
            let directory = Arc::new(directory);
            Ok((directory.clone(), directory::routes(directory)))
        }
        BlobsAt::CloudStorage(bucket) => {
            let opened = CloudStorage::open(bucket, clock).await;
            Ok((Arc::new(opened.context("the files")?), Router::new()))
        }
    }
}

/// How one comes in: as the settings say.
fn door(config: &Config, services: &Services, public: &Origin) -> anyhow::Result<Door> {
    let Auth::Accounts(keys) = &config.auth else {
        return Ok(Door::Local);
    };
    let issuer = public.to_string();
    let tokens = if keys.is_empty() {
        Tokens::new(
            &[secret::kept_at(&config.data_dir.join("sessions.key"))?],
            issuer,
        )
    } else {
        Tokens::new(keys, issuer)
    };
    let openid = config
        .openid
        .clone()
        .map(|provider| OpenId::new(provider, &public.to_string()));
    Ok(Door::Accounts(Arc::new(Accounts {
        services: services.clone(),
        tokens,
        https: public.is_https(),
        openid: openid.transpose()?,
    })))
}

/// Whoever sends mails; shows them in the log where no server is named, at somebody's desk.
fn mailer(config: &Config) -> anyhow::Result<Option<Mailer>> {
    match (&config.mail, config.environment) {
        (Some(server), _) => Mailer::to(server).map(Some),
        (None, Environment::Development) => Ok(Some(Mailer::Log)),
        (None, Environment::Production) => Ok(None),
    }
}

/// Names of the built bundle, which `hash.txt` beside the executable tells. Without it the hub starts all the same, its
/// pages without script and style.
fn leptos_options(config: &Config) -> LeptosOptions {
    let beside = std::env::current_exe()
        .ok()
        .and_then(|path| Some(path.parent()?.join("hash.txt")));
    let built = beside.is_some_and(|path| path.exists());
    if !built {
        tracing::warn!(
            "the pages are not built, they have no script and no style: run cargo xtask build"
        );
    }
    LeptosOptions::builder()
        .output_name("omtx-hub")
        .site_root(config.site_root.clone())
        .site_addr(config.bind)
        .hash_files(built)
        .env(Env::PROD)
        .build()
}

#[expect(
    clippy::print_stdout,
    reason = "whoever started it at a terminal wants to know where to look"
)]
fn announce(config: &Config, port: u16) {
    let address = SocketAddr::new(config.bind.ip(), port);
    let shown = config.origin(port);
    tracing::info!(%address, "listening");
    println!("OMTX-Hub at {shown}");
}

async fn stop_on_signal(stopping: CancellationToken) {
    let (terminate, interrupt) = (
        signal(SignalKind::terminate()),
        signal(SignalKind::interrupt()),
    );
    match (terminate, interrupt) {
        (Ok(mut terminate), Ok(mut interrupt)) => {
            tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
        }
        (terminate, interrupt) => {
            tracing::error!(
                ?terminate,
                ?interrupt,
                "signals cannot be heard; the hub ends only when it is killed"
            );
            return;
        }
    }
    tracing::info!("ending");
    stopping.cancel();
}
