//! Every setting of the hub, read from the environment here and nowhere else, and checked as a whole: an operator reads
//! all faults at once. It opens nothing.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::gateway::ProxyToken;
use crate::request::Origin;

pub mod mail;
pub mod migrate;
pub mod openid;
mod stores;
#[cfg(test)]
mod tests;

use mail::MailServer;
use openid::Provider;
pub use stores::{BlobsAt, DocumentsAt};

/// The command line; every option is also an environment variable.
#[derive(Debug, Parser)]
#[command(
    name = "omtx-hub",
    version,
    about = "Serves OMTX-Hub: predictions submitted, followed and read."
)]
pub struct Cli {
    /// What to do; serves when nothing is named.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Settings.
    #[command(flatten)]
    pub settings: Settings,
}

/// What can be done besides serving.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Ask the running hub whether it is alive; fails when it is not.
    Health,
    /// Make somebody who has an account an admin of the hub.
    Admin {
        /// Their e-mail address.
        email: String,
    },
    /// Print the indexes that the hub's queries need of Firestore: the content of `firestore.indexes.json`.
    Indexes,
    /// Bring the jobs of the former system into this hub. It can be repeated: what is here already is left as it is.
    Migrate(migrate::Asked),
}

/// The settings as they were given.
#[derive(Clone, Debug, Parser)]
pub struct Settings {
    /// Port that is listened on; 0 takes a free one.
    #[arg(long, env = "PORT", default_value = "3000")]
    pub port: String,
    /// Address that is listened on.
    #[arg(long, env = "BIND", default_value = "127.0.0.1")]
    pub bind: String,
    /// Folder of what is kept on this machine.
    #[arg(long, env = "DATA_DIR", default_value = "data")]
    pub data_dir: String,
    /// Where documents are kept: `sqlite:PATH` or `firestore://PROJECT/(default)`, with the database's name at the end;
    /// `sqlite:{DATA_DIR}/hub.db` when unset.
    #[arg(long, env = "DOCUMENTS_URL")]
    pub documents_url: Option<String>,
    /// Where files are kept: `file:PATH` or `gs://BUCKET` of Cloud Storage; `file:{DATA_DIR}/files` when unset.
    #[arg(long, env = "BLOBS_URL")]
    pub blobs_url: Option<String>,
    /// Address of the compute gateway. `bin/run` starts a local one when unset.
    #[arg(long, env = "GATEWAY_URL")]
    pub gateway_url: Option<String>,
    /// Secret that hub and gateway share: at least 16 characters, in production 32.
    #[arg(long, env = "GATEWAY_SECRET", hide_env_values = true)]
    pub gateway_secret: Option<String>,
    /// Id of the proxy token that Modal asks for before a gateway of its own.
    #[arg(long, env = "MODAL_KEY", hide_env_values = true)]
    pub modal_key: Option<String>,
    /// Secret of that token.
    #[arg(long, env = "MODAL_SECRET", hide_env_values = true)]
    pub modal_secret: Option<String>,
    /// Who may enter: `local` (the visitor is the one owner; only on a loopback address in development, where it is what
    /// is meant when nothing is said) or `accounts`.
    #[arg(long, env = "AUTH")]
    pub auth: Option<String>,
    /// Key that signs sessions, at least 32 characters; in development one is made and kept in DATA_DIR.
    #[arg(long, env = "JWT_SECRET", hide_env_values = true)]
    pub jwt_secret: Option<String>,
    /// Keys that signed sessions before, with commas between them: what they signed holds until it ends.
    #[arg(long, env = "JWT_OLD_SECRETS", hide_env_values = true)]
    pub jwt_old_secrets: Option<String>,
    /// Server that mails are sent by: `smtps://user:password@host`, `smtp://user:password@host?tls=required`; in the clear
    /// (`smtp://127.0.0.1:2525`) only on this machine. Goes with MAIL_FROM.
    #[arg(long, env = "SMTP_URL", hide_env_values = true)]
    pub smtp_url: Option<String>,
    /// Whom mails come from: `hub@example.org` or `OMTX-Hub <hub@example.org>`.
    #[arg(long, env = "MAIL_FROM")]
    pub mail_from: Option<String>,
    /// Provider of OpenID Connect where people can sign in too: `https://login.example.org`. It is to be told of the
    /// address PUBLIC_URL/openid/callback.
    #[arg(long, env = "OPENID_ISSUER")]
    pub openid_issuer: Option<String>,
    /// What the provider calls the hub.
    #[arg(long, env = "OPENID_CLIENT_ID")]
    pub openid_client_id: Option<String>,
    /// What the hub proves itself to the provider by.
    #[arg(long, env = "OPENID_CLIENT_SECRET", hide_env_values = true)]
    pub openid_client_secret: Option<String>,
    /// What people call the provider: the button says "Sign in with NAME".
    #[arg(long, env = "OPENID_NAME")]
    pub openid_name: Option<String>,
    /// Address by which browsers and the gateway reach the hub; `http://127.0.0.1:PORT` when unset.
    #[arg(long, env = "PUBLIC_URL")]
    pub public_url: Option<String>,
    /// Proxies of your own that stand between browsers and the hub, each of which adds to `X-Forwarded-For`.
    #[arg(long, env = "TRUSTED_PROXIES", default_value = "0")]
    pub trusted_proxies: String,
    /// `development` or `production`, which refuses embedded parts, weak secrets and emulators.
    #[arg(long, env = "ENV", default_value = "development")]
    pub env: String,
    /// Host and port of a Firestore emulator to use instead of Firestore; refused in production.
    #[arg(long, env = "FIRESTORE_EMULATOR_HOST")]
    pub firestore_emulator_host: Option<String>,
    /// Folder of the built pages' files.
    #[arg(long, env = "LEPTOS_SITE_ROOT", default_value = "target/site")]
    pub site_root: String,
    /// What is logged, by the rules of `tracing`: `info`, `debug`, `server=debug,info`.
    #[arg(long, env = "LOG", default_value = "info")]
    pub log: String,
}

/// Where the hub runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Environment {
    /// At somebody's desk.
    Development,
    /// Before the public.
    Production,
}

impl Environment {
    /// Its name, as `ENV` says it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Development => "development",
            Self::Production => "production",
        }
    }
}

/// Who may enter.
#[derive(Clone, PartialEq, Eq)]
pub enum Auth {
    /// The visitor is the one owner.
    Local,
    /// Whoever has an account. The keys of sessions, the one that signs first; none when one is to be made and kept.
    Accounts(Vec<String>),
}

/// The compute gateway.
#[derive(Clone, PartialEq, Eq)]
pub struct GatewayAddress {
    /// Its address, without a slash at the end.
    pub url: String,
    /// What both sides know.
    pub secret: String,
    /// What opens the door of Modal, when the gateway is there.
    pub door: Option<ProxyToken>,
}

/// The settings, checked.
#[derive(Clone, PartialEq, Eq)]
pub struct Config {
    /// Address and port that are listened on.
    pub bind: SocketAddr,
    /// Folder of what is kept on this machine.
    pub data_dir: PathBuf,
    /// Where the documents are.
    pub documents: DocumentsAt,
    /// Where the files are.
    pub blobs: BlobsAt,
    /// The compute gateway.
    pub gateway: GatewayAddress,
    /// Who may enter.
    pub auth: Auth,
    /// By whom mails are sent.
    pub mail: Option<MailServer>,
    /// Where else people can sign in.
    pub openid: Option<Provider>,
    /// Where browsers and the gateway reach the hub, when it was given.
    pub public_url: Option<Origin>,
    /// Proxies whose word on where a request comes from is taken.
    pub trusted_proxies: usize,
    /// Where the hub runs.
    pub environment: Environment,
    /// Folder of the built pages' files.
    pub site_root: String,
    /// What is logged.
    pub log: String,
}

impl Config {
    /// Where browsers and the gateway reach a hub that listens on `port`.
    pub fn origin(&self, port: u16) -> Origin {
        self.public_url
            .clone()
            .unwrap_or_else(|| Origin::loopback(port))
    }
}

impl Settings {
    /// The settings when they are right, else every fault, in words for an operator.
    pub fn check(self) -> Result<Config, Vec<String>> {
        let mut faults = Vec::new();
        let environment = environment(&self.env, &mut faults);
        let production = environment == Environment::Production;
        let port = number(&self.port, &mut faults);
        let address = address(&self.bind, &mut faults);
        let documents = self.documents(production, &mut faults);
        let blobs = self.blobs(production, &mut faults);
        let gateway = self.gateway(production, &mut faults);
        let public_url = self.public_url(production, &mut faults);
        let trusted_proxies = proxies(&self.trusted_proxies, &mut faults);
        let auth = self.who_may_enter(address, production, &mut faults);
        let mail = mail::check(given(&self.smtp_url), given(&self.mail_from), &mut faults);
        let openid = self.elsewhere(&auth, production, &mut faults);
        if !faults.is_empty() {
            return Err(faults);
        }
        Ok(Config {
            bind: SocketAddr::new(address, port),
            data_dir: self.data_dir.into(),
            documents,
            blobs,
            gateway,
            auth,
            mail,
            openid,
            public_url,
            trusted_proxies,
            environment,
            site_root: self.site_root,
            log: self.log,
        })
    }

    /// The same for a command that asks nothing of a gateway: none need be named.
    pub fn without_gateway(mut self) -> Self {
        let nowhere = || "https://127.0.0.1:9".to_owned();
        self.gateway_url.get_or_insert_with(nowhere);
        self.gateway_secret
            .get_or_insert_with(|| "nobody is told ".repeat(3));
        self
    }

    fn gateway(&self, production: bool, faults: &mut Vec<String>) -> GatewayAddress {
        let url = given(&self.gateway_url)
            .unwrap_or_default()
            .trim_end_matches('/')
            .to_owned();
        if url.is_empty() {
            faults.push("GATEWAY_URL is not set; start the hub by bin/run, which starts a local gateway too".into());
        } else if !(url.starts_with("http://") || url.starts_with("https://")) {
            faults.push(format!(
                "GATEWAY_URL is {url:?}; it must begin with http:// or https://"
            ));
        } else if production && !url.starts_with("https://") {
            faults.push(format!(
                "GATEWAY_URL is {url:?}; production needs https://, since its secret and people's inputs go that way"
            ));
        }
        let secret = given(&self.gateway_secret).unwrap_or_default().to_owned();
        let least = if production { 32 } else { 16 };
        if secret.is_empty() {
            faults.push(
                "GATEWAY_SECRET is not set; it is the secret that the gateway was started with"
                    .into(),
            );
        } else if secret.len() < least {
            faults.push(format!(
                "GATEWAY_SECRET has {} characters; it must have at least {least}",
                secret.len()
            ));
        }
        let door = match (given(&self.modal_key), given(&self.modal_secret)) {
            (Some(key), Some(secret)) => Some(ProxyToken {
                key: key.to_owned(),
                secret: secret.to_owned(),
            }),
            (None, None) => None,
            _ => {
                faults.push(
                    "MODAL_KEY and MODAL_SECRET are the two parts of one token; set both or neither"
                        .into(),
                );
                None
            }
        };
        GatewayAddress { url, secret, door }
    }

    fn public_url(&self, production: bool, faults: &mut Vec<String>) -> Option<Origin> {
        let Some(text) = given(&self.public_url) else {
            if production {
                faults.push("PUBLIC_URL is not set; production must know its own address".into());
            }
            return None;
        };
        let origin = Origin::parse(text.trim_end_matches('/'));
        if origin.is_none() {
            faults.push(format!(
                "PUBLIC_URL is {text:?}; it must be like https://hub.example.org, without a path"
            ));
        }
        origin
    }

    fn who_may_enter(&self, address: IpAddr, production: bool, faults: &mut Vec<String>) -> Auth {
        let usual = if address.is_loopback() && !production {
            "local"
        } else {
            "accounts"
        };
        match given(&self.auth).unwrap_or(usual) {
            "local" => {
                if production {
                    faults.push(
                        "AUTH=local signs every visitor in as the owner; production must not"
                            .into(),
                    );
                }
                if !address.is_loopback() {
                    faults.push(format!(
                        "AUTH=local signs every visitor in as the owner; BIND={address} would let others in, take 127.0.0.1"
                    ));
                }
                Auth::Local
            }
            "accounts" => Auth::Accounts(self.session_keys(production, faults)),
            other => {
                faults.push(format!("AUTH is {other:?}; it must be local or accounts"));
                Auth::Local
            }
        }
    }

    fn elsewhere(
        &self,
        auth: &Auth,
        production: bool,
        faults: &mut Vec<String>,
    ) -> Option<Provider> {
        let given = [
            given(&self.openid_issuer),
            given(&self.openid_client_id),
            given(&self.openid_client_secret),
            given(&self.openid_name),
        ];
        let provider = openid::check(given, production, faults);
        if provider.is_some() && *auth == Auth::Local {
            faults.push(
                "OPENID_ISSUER is set, and AUTH=local lets nobody sign in; take AUTH=accounts"
                    .into(),
            );
        }
        provider
    }

    fn session_keys(&self, production: bool, faults: &mut Vec<String>) -> Vec<String> {
        let current = given(&self.jwt_secret);
        if production && current.is_none() {
            faults
                .push("JWT_SECRET is not set; production must have a key for its sessions".into());
        }
        let old = given(&self.jwt_old_secrets).unwrap_or_default();
        let old = old.split(',').map(str::trim).filter(|key| !key.is_empty());
        let mut keys = Vec::new();
        for (name, key) in current
            .map(|key| ("JWT_SECRET", key))
            .into_iter()
            .chain(old.map(|key| ("JWT_OLD_SECRETS", key)))
        {
            if key.len() < 32 {
                faults.push(format!("{name} must have at least 32 characters"));
            }
            keys.push(key.to_owned());
        }
        keys
    }
}

/// The Firestore emulator of the environment, for tests; nobody listens there when none is named.
pub fn emulator() -> String {
    let named = Settings::parse_from(["omtx-hub"]).firestore_emulator_host;
    given(&named).unwrap_or("127.0.0.1:1").to_owned()
}

/// A variable that is set to nothing counts as unset.
fn given(setting: &Option<String>) -> Option<&str> {
    setting
        .as_deref()
        .map(str::trim)
        .filter(|text| !text.is_empty())
}

fn environment(text: &str, faults: &mut Vec<String>) -> Environment {
    match text {
        "development" => Environment::Development,
        "production" => Environment::Production,
        _ => {
            faults.push(format!(
                "ENV is {text:?}; it must be development or production"
            ));
            Environment::Development
        }
    }
}

fn number(text: &str, faults: &mut Vec<String>) -> u16 {
    text.parse().unwrap_or_else(|_| {
        faults.push(format!(
            "PORT is {text:?}; it must be a number from 0 to 65535"
        ));
        0
    })
}

fn proxies(text: &str, faults: &mut Vec<String>) -> usize {
    let number = text.parse().ok().filter(|number| *number <= 9);
    number.unwrap_or_else(|| {
        faults.push(format!(
            "TRUSTED_PROXIES is {text:?}; it must be a number from 0 to 9"
        ));
        0
    })
}

fn address(text: &str, faults: &mut Vec<String>) -> IpAddr {
    let name = if text == "localhost" {
        "127.0.0.1"
    } else {
        text
    };
    name.parse().unwrap_or_else(|_| {
        faults.push(format!(
            "BIND is {text:?}; it must be an address like 127.0.0.1"
        ));
        IpAddr::from([127, 0, 0, 1])
    })
}
