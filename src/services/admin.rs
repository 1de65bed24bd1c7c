//! What the admins of the hub read and set: people, organisations, roles and limits. Models are in `models`, work
//! without an owner in `assign`, what went wrong in `errors`. Every change is written down in its own commit.

use super::accounts::user_key;
use super::audit::{entry, noted};
use super::organizations::organization_key;
use super::store::{Committed, Stored};
use super::{Listing, Services};
use crate::account::{Email, Role, User};
use crate::actor::{Actor, Owner};
use crate::admin::{Agreement, OrganizationRow, UserRow};
use crate::audit::{Act, Entry};
use crate::batch::MAX_CHILDREN;
use crate::error::{Error, Result};
use crate::id::{OrganizationId, UserId};
use crate::limits::Limits;
use crate::organization::Organization;
use crate::page::PageRequest;
use crate::ports::documents::{Collection, Direction, Key, Query};
use crate::usage::Usage;

mod assign;
mod errors;
mod models;

/// How often a change is written again when somebody was quicker.
const TRIES: u32 = 12;

impl From<User> for UserRow {
    fn from(user: User) -> Self {
        Self {
            id: user.id,
            email: user.email,
            verified: user.verified_at.is_some(),
            name: user.name,
            roles: user.roles,
            membership: user.membership,
            limits: user.limits,
            created_at: user.created_at,
            last_sign_in_at: user.last_sign_in_at,
        }
    }
}

impl From<Organization> for OrganizationRow {
    fn from(organization: Organization) -> Self {
        Self {
            id: organization.id,
            name: organization.name,
            owner: organization.owner,
            tier: organization.tier,
            limits: organization.limits,
            created_at: organization.created_at,
        }
    }
}

/// Refuses whoever may not set what concerns the whole hub. A program's key never may.
pub(super) fn may_set(actor: &Actor) -> Result<()> {
    actor.administers()?;
    actor.in_person()
}

fn check_limits(limits: Option<Limits>) -> Result<()> {
    match limits {
        Some(limits) if limits.children as usize > MAX_CHILDREN => Err(Error::invalid(
            "limits.children",
            format!("a batch has at most {MAX_CHILDREN} ligands"),
        )),
        _ => Ok(()),
    }
}

/// Limits in words, for the log.
fn told(limits: Option<Limits>) -> String {
    match limits {
        None => "the usual".to_owned(),
        Some(limits) => format!(
            "{} a day, {} a month, {} at once, {} in a batch",
            limits.per_day, limits.per_month, limits.running, limits.children
        ),
    }
}

impl Services {
    /// A page of everybody with an account, newest first, or whoever has an address.
    pub async fn users(
        &self,
        actor: &Actor,
        page: &PageRequest,
        email: Option<&str>,
    ) -> Result<Listing<UserRow>> {
        actor.administers()?;
        if let Some(email) = email {
            let email =
                Email::new(email).map_err(|message| Error::bad_request("email", message))?;
            let found = self.user_of(&email).await?;
            return Ok(Listing {
                results: found.into_iter().map(|user| user.value.into()).collect(),
                next_page_token: None,
            });
        }
        let query = Query::new(Collection::Users, "created_at", Direction::Descending, 1);
        Ok(self.listing::<User>(query, page).await?.map(UserRow::from))
    }

    /// Somebody with an account, and what they use.
    pub async fn user(&self, actor: &Actor, id: &UserId) -> Result<(UserRow, Usage)> {
        actor.administers()?;
        let user = self.store.get::<User>(user_key(id)).await?;
        let user = user.ok_or(Error::NotFound)?.value;
        let usage = self.usage_of(&Owner::User(id.clone())).await?;
        Ok((user.into(), usage))
    }

    /// Gives somebody the roles that they have from now on. Nobody takes from themselves the role that they do it with.
    pub async fn set_roles(&self, actor: &Actor, id: &UserId, roles: &[Role]) -> Result<()> {
        may_set(actor)?;
        if *id == actor.user && !roles.contains(&Role::Admin) {
            return Err(Error::conflict(
                "you would not be an admin any more; another admin can do this",
            ));
        }
        let roles = in_order(roles);
        let names: Vec<_> = roles.iter().map(|role| role.name()).collect();
        self.set_user(actor, id, Act::RolesSet, &names.join(", "), |user| {
            user.roles.clone_from(&roles)
        })
        .await
    }

    /// Sets limits of somebody, or, with none, the usual ones again.
    pub async fn set_limits(
        &self,
        actor: &Actor,
        id: &UserId,
        limits: Option<Limits>,
    ) -> Result<()> {
        may_set(actor)?;
        check_limits(limits)?;
        self.set_user(actor, id, Act::LimitsSet, &told(limits), |user| {
            user.limits = limits;
        })
        .await
    }

    async fn set_user(
        &self,
        actor: &Actor,
        id: &UserId,
        act: Act,
        told: &str,
        set: impl Fn(&mut User),
    ) -> Result<()> {
        let note = |user: &User, now| {
            let owner = Owner::User(user.id.clone());
            entry(actor, act, format!("{}: {told}", user.email), &owner, now)
        };
        self.set(user_key(id), set, note).await
    }

    /// A page of every organisation, newest first.
    pub async fn organizations(
        &self,
        actor: &Actor,
        page: &PageRequest,
    ) -> Result<Listing<OrganizationRow>> {
        actor.administers()?;
        let query = Query::new(
            Collection::Organizations,
            "created_at",
            Direction::Descending,
            1,
        );
        let found = self.listing::<Organization>(query, page).await?;
        Ok(found.map(OrganizationRow::from))
    }

    /// An organisation, and what it uses.
    pub async fn any_organization(
        &self,
        actor: &Actor,
        id: &OrganizationId,
    ) -> Result<(OrganizationRow, Usage)> {
        actor.administers()?;
        let found = self.store.get::<Organization>(organization_key(id)).await?;
        let organization = found.ok_or(Error::NotFound)?.value;
        let usage = self.usage_of(&Owner::Organization(id.clone())).await?;
        Ok((organization.into(), usage))
    }

    /// Sets the tier of an organisation, and its limits where they are not the tier's.
    pub async fn set_agreement(
        &self,
        actor: &Actor,
        id: &OrganizationId,
        agreement: Agreement,
    ) -> Result<()> {
        may_set(actor)?;
        check_limits(agreement.limits)?;
        let told = format!("{}, {}", agreement.tier.name(), told(agreement.limits));
        let set = |organization: &mut Organization| {
            organization.tier = agreement.tier;
            organization.limits = agreement.limits;
        };
        let note = |organization: &Organization, now| {
            let owner = Owner::Organization(id.clone());
            let to = format!("{}: {told}", organization.name);
            entry(actor, Act::LimitsSet, to, &owner, now)
        };
        self.set(organization_key(id), set, note).await
    }

    /// Makes somebody an admin of the hub: for whoever runs it, at its machine.
    pub async fn appoint(&self, email: &str) -> Result<()> {
        let email = Email::new(email).map_err(|message| Error::invalid("email", message))?;
        let user = self.user_of(&email).await?.ok_or_else(|| {
            Error::invalid(
                "email",
                "nobody has an account with this address; sign up first",
            )
        })?;
        // Whoever made the account may not be whom the address belongs to.
        if self.settings.post.confirms() && user.value.verified_at.is_none() {
            return Err(Error::invalid(
                "email",
                "nobody has confirmed this address yet; open the link that was sent there first",
            ));
        }
        let set =
            |user: &mut User| user.roles = in_order(&[&user.roles[..], &[Role::Admin]].concat());
        let note = |user: &User, at| Entry {
            schema: 1,
            at,
            by: None,
            act: Act::RolesSet,
            to: format!("{}: {}", user.email, Role::Admin.name()),
            owner: Owner::User(user.id.clone()),
            address: String::new(),
        };
        self.set(user.key, set, note).await
    }

    /// Changes a record and writes down who did.
    async fn set<T: serde::Serialize + serde::de::DeserializeOwned>(
        &self,
        key: Key,
        set: impl Fn(&mut T),
        note: impl Fn(&T, crate::time::Timestamp) -> Entry,
    ) -> Result<()> {
        for _ in 0..TRIES {
            let found = self.store.get::<T>(key.clone()).await?;
            let mut found: Stored<T> = found.ok_or(Error::NotFound)?;
            set(&mut found.value);
            let entry = note(&found.value, self.store.now().await?);
            let writes = vec![found.replaced()?, noted(&entry)?];
            if self.store.commit(writes).await? == Committed::Done {
                self.known.0.invalidate_all();
                return Ok(());
            }
        }
        Err(Error::conflict(
            "too many changes of this at once; try again",
        ))
    }
}

/// Each role once, and that of everybody always.
fn in_order(roles: &[Role]) -> Vec<Role> {
    Role::ALL
        .into_iter()
        .filter(|role| *role == Role::User || roles.contains(role))
        .collect()
}
