//! The use cases, one file per noun. Each takes the actor first and checks them before anything is read; each is what a
//! server function or an API handler calls, and nothing but ports lies behind it.

use std::sync::Arc;

use crate::ports::{Blobs, Compute, Documents};

mod access;
mod accounts;
mod admin;
mod audit;
mod batches;
mod changes;
mod children;
mod collect;
mod dispatch;
mod drafts;
mod exports;
mod files;
mod health;
mod hours;
mod idempotency;
mod identities;
mod jobs;
mod keys;
mod leases;
mod limits;
mod listing;
mod lists;
mod mail_links;
mod mails;
mod migration;
mod models;
mod organizations;
mod passwords;
mod preflights;
mod recovery;
mod requests;
mod retries;
mod roll_up;
mod runs;
mod sessions;
mod settings;
mod shares;
mod sign_ins;
mod store;
mod submissions;
mod unclaimed;

pub use accounts::{Account, AccountChange, SignUp, SignedUp};
pub use changes::{Change, Changes};
pub use drafts::{DraftUpload, Upload};
pub use exports::{Export, ExportFormat};
pub use idempotency::IdempotencyKey;
pub use identities::Identity;
pub use keys::{KeyRow, NewKey};
pub use listing::Listing;
pub use mail_links::Confirmed;
pub use migration::{Brought, Came, Migration};
pub use organizations::{InvitationView, Member, OrganizationView};
pub use requests::{BatchRequest, JobRequest, OnFailedRows};
pub use sessions::{Entered, SessionRow};
pub use settings::{Post, Settings};
pub use shares::{Opened, Pass, Shared};
pub use submissions::Submitted;

/// Everything that a use case needs.
#[derive(Clone)]
pub struct Services {
    /// Jobs, batches, drafts: typed access to the documents.
    store: store::Store,
    /// Inputs and results.
    blobs: Arc<dyn Blobs>,
    /// Whoever computes.
    compute: Arc<dyn Compute>,
    /// What changed on this server, for those who watch.
    changes: Changes,
    /// Hours that the runs of each model took.
    hours: hours::Hours,
    /// What the gateway offers, asked at most every few seconds.
    offers: models::Offers,
    /// Whose places are all taken.
    places: dispatch::Places,
    /// How many jobs a filter finds, counted at most every few seconds.
    counts: lists::CountCache,
    /// RDKit's words on ligands that were asked about before.
    reports: preflights::Reports,
    /// The packed rows of batches that were read last.
    rows: children::RowCache,
    /// The duties that this server holds.
    leases: leases::Leases,
    /// Who takes units of quota now.
    turns: limits::Turns,
    /// Whose queue was looked at last.
    rotation: dispatch::Rotation,
    /// Who stands behind sessions and keys that were used of late.
    known: sessions::Known,
    /// What admins of the hub looked at of late.
    looks: audit::Looks,
    /// Hashes of passwords.
    passwords: passwords::Passwords,
    /// What the operator chose.
    settings: Arc<Settings>,
}

impl Services {
    /// Wires the use cases to the ports.
    pub fn new(
        documents: Arc<dyn Documents>,
        blobs: Arc<dyn Blobs>,
        compute: Arc<dyn Compute>,
        settings: Settings,
    ) -> Self {
        let store = store::Store::new(documents);
        Self {
            hours: hours::Hours::new(store.clone()),
            store,
            blobs,
            offers: models::Offers::default(),
            places: dispatch::Places::default(),
            compute,
            changes: Changes::default(),
            counts: lists::CountCache::default(),
            reports: preflights::Reports::default(),
            rows: children::RowCache::default(),
            leases: leases::Leases::default(),
            turns: limits::Turns::default(),
            rotation: dispatch::Rotation::default(),
            known: sessions::Known::default(),
            looks: audit::Looks::default(),
            passwords: passwords::Passwords::default(),
            settings: Arc::new(settings),
        }
    }

    /// What the operator chose.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// What changes on this server from now on.
    pub fn changes(&self) -> &Changes {
        &self.changes
    }
}
