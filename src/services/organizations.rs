//! Organisations: founding one, letting people in by a link, roles, leaving. The members are the users whose record
//! names the organisation, so that nobody is in two and every change is the write of one record.

mod ending;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Services;
use super::accounts::user_key;
use super::audit::{entry, noted};
use super::idempotency::hex;
use super::store::{self, Committed, Stored};
use crate::account::{Email, Membership, User};
use crate::actor::{Actor, Owner};
use crate::audit::Act;
use crate::error::{Error, Result};
use crate::id::{OrganizationId, UserId, random_secret};
use crate::ligand::check_name;
use crate::limits::Tier;
use crate::organization::{MemberRole, Organization};
use crate::ports::documents::{Collection, Direction, Expect, Key, Query, Write};
use crate::time::Timestamp;

/// Seconds that a link is good.
const INVITED_S: i64 = 7 * 24 * 3_600;
/// Members of an organisation that are listed.
const LISTED: u32 = 1_000;

/// A link that lets somebody into an organisation, once; stored under the hash of its token.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Invitation {
    organization: OrganizationId,
    role: MemberRole,
    invited_by: UserId,
    created_at: Timestamp,
    expires_at: Timestamp,
}

/// An organisation as its members read it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OrganizationView {
    /// Its id.
    pub id: OrganizationId,
    /// Its name.
    pub name: String,
    /// What was agreed on.
    pub tier: Tier,
    /// What whoever asks may do in it.
    pub role: MemberRole,
    /// Its members, the oldest first.
    pub members: Vec<Member>,
}

/// A member as others read them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Member {
    /// Their id.
    pub id: UserId,
    /// Their name.
    pub name: String,
    /// Their address.
    pub email: Email,
    /// What they may do.
    pub role: MemberRole,
    /// Since when.
    pub since: Timestamp,
}

/// Where a link leads, for whoever has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InvitationView {
    /// The organisation's name.
    pub organization: String,
    /// What one would be there.
    pub role: MemberRole,
    /// Until when it is good.
    pub expires_at: Timestamp,
}

pub(super) fn organization_key(id: &OrganizationId) -> Key {
    Key::new(Collection::Organizations, id.as_str())
}

fn invitation_key(token: &str) -> Key {
    Key::new(
        Collection::Invitations,
        hex(Sha256::digest(format!("invitation\n{token}"))),
    )
}

fn meanwhile() -> Error {
    Error::conflict("somebody changed this meanwhile; look again and try again")
}

/// Whether one may give this role to somebody, or take it from them: what is below one's own, and only as an admin.
fn may_care_for(own: MemberRole, role: MemberRole) -> Result<()> {
    if own >= MemberRole::Admin && (role < own || own == MemberRole::Owner) {
        return Ok(());
    }
    Err(Error::forbidden(
        "only an admin of the organisation may do this, and only the owner to an admin",
    ))
}

impl Services {
    /// Founds an organisation; whoever does is its owner. What they made before stays their own.
    pub async fn found(&self, actor: &Actor, name: &str) -> Result<OrganizationId> {
        actor.may_write()?;
        let name = name.trim();
        check_name(name, 100)
            .map_err(|message| Error::invalid("name", format!("the name {message}")))?;
        let user = self.outsider(actor).await?;
        let now = self.store.now().await?;
        let organization = Organization {
            schema: 1,
            id: OrganizationId::random(),
            name: name.to_owned(),
            owner: actor.user.clone(),
            tier: Tier::Free,
            limits: None,
            created_at: now,
        };
        let id = organization.id.clone();
        let writes = vec![
            store::put(organization_key(&id), &organization, Expect::Absent)?,
            admitted(user, &id, MemberRole::Owner, now)?,
            note(actor, Act::Founded, name, &id, now)?,
        ];
        self.done(writes).await?;
        Ok(id)
    }

    /// The actor's organisation; none when they are in none.
    pub async fn organization(&self, actor: &Actor) -> Result<Option<OrganizationView>> {
        let (Owner::Organization(id), Some(role)) = (&actor.owner, actor.member) else {
            return Ok(None);
        };
        let found = self.store.get::<Organization>(organization_key(id)).await?;
        let Some(Stored {
            value: organization,
            ..
        }) = found
        else {
            return Ok(None);
        };
        let query = Query::new(
            Collection::Users,
            "created_at",
            Direction::Ascending,
            LISTED,
        )
        .equal("organization", id.as_str());
        let members = self.store.query::<User>(&query).await?;
        let member = |user: Stored<User>| {
            let membership = user.value.membership?;
            Some(Member {
                id: user.value.id,
                name: user.value.name,
                email: user.value.email,
                role: membership.role,
                since: membership.since,
            })
        };
        Ok(Some(OrganizationView {
            id: organization.id,
            name: organization.name,
            tier: organization.tier,
            role,
            members: members.into_iter().filter_map(member).collect(),
        }))
    }

    /// The token of a link that lets one person in, within a week.
    pub async fn invite(&self, actor: &Actor, role: MemberRole) -> Result<(String, Timestamp)> {
        let (organization, own) = self.membership(actor).await?;
        actor.may_write()?;
        if role == MemberRole::Owner {
            return Err(Error::invalid(
                "role",
                "an organisation has one owner; it is transferred, not shared",
            ));
        }
        may_care_for(own, role)?;
        let now = self.store.now().await?;
        let token = random_secret();
        let invitation = Invitation {
            organization,
            role,
            invited_by: actor.user.clone(),
            created_at: now,
            expires_at: now.plus_seconds(INVITED_S),
        };
        let writes = vec![
            store::put(invitation_key(&token), &invitation, Expect::Absent)?,
            note(
                actor,
                Act::Invited,
                role.name(),
                &invitation.organization,
                now,
            )?,
        ];
        self.store.write(writes).await?;
        Ok((token, invitation.expires_at))
    }

    /// Where a link leads; what is not good any more is not found.
    pub async fn invitation(&self, token: &str) -> Result<InvitationView> {
        let (invitation, organization) = self.good_invitation(token).await?;
        Ok(InvitationView {
            organization: organization.value.name,
            role: invitation.value.role,
            expires_at: invitation.value.expires_at,
        })
    }

    /// Follows a link into an organisation, once.
    pub async fn join(&self, actor: &Actor, token: &str) -> Result<OrganizationId> {
        actor.may_write()?;
        let (invitation, organization) = self.good_invitation(token).await?;
        let user = self.outsider(actor).await?;
        if self.settings.post.confirms() && user.value.verified_at.is_none() {
            return Err(Error::conflict(
                "confirm your e-mail address first, then follow the link again",
            ));
        }
        let now = self.store.now().await?;
        let used = invitation.deleted();
        let (id, role) = (&organization.value.id, invitation.value.role);
        let to = format!("{} as {}", organization.value.name, role.name());
        let note = note(actor, Act::Joined, to, id, now)?;
        let admitted = admitted(user, id, role, now)?;
        // It is written as it is: whoever ends it at this moment has not counted the new member.
        self.done(vec![used, organization.replaced()?, admitted, note])
            .await?;
        Ok(organization.value.id)
    }

    /// Gives a member another role. The owner's is given by giving it to somebody else, which makes the owner an admin.
    pub async fn set_role(&self, actor: &Actor, member: &UserId, role: MemberRole) -> Result<()> {
        actor.may_write()?;
        let (organization, own) = self.membership(actor).await?;
        let mut other = self.member_of(&organization, member).await?;
        let before = role_of(&other);
        if role == MemberRole::Owner || before == MemberRole::Owner {
            if own != MemberRole::Owner || role != MemberRole::Owner || *member == actor.user {
                return Err(Error::forbidden(
                    "the owner stays the owner until they make another member the owner",
                ));
            }
            return self.transfer(actor, &organization, other).await;
        }
        may_care_for(own, before.max(role))?;
        if let Some(membership) = &mut other.value.membership {
            membership.role = role;
        }
        let to = format!("{}: {}", other.value.email, role.name());
        let now = self.store.now().await?;
        let note = note(actor, Act::RoleGiven, to, &organization, now)?;
        self.done(vec![other.replaced()?, note]).await
    }

    async fn transfer(
        &self,
        actor: &Actor,
        id: &OrganizationId,
        mut other: Stored<User>,
    ) -> Result<()> {
        let mut organization = self
            .store
            .get::<Organization>(organization_key(id))
            .await?
            .ok_or(Error::NotFound)?;
        let mut owner = self.member_of(id, &actor.user).await?;
        if role_of(&owner) != MemberRole::Owner || organization.value.owner != actor.user {
            return Err(meanwhile());
        }
        organization.value.owner = other.value.id.clone();
        for (user, role) in [
            (&mut owner, MemberRole::Admin),
            (&mut other, MemberRole::Owner),
        ] {
            if let Some(membership) = &mut user.value.membership {
                membership.role = role;
            }
        }
        let to = other.value.email.to_string();
        let note = note(actor, Act::OwnerChanged, to, id, self.store.now().await?)?;
        self.done(vec![
            organization.replaced()?,
            owner.replaced()?,
            other.replaced()?,
            note,
        ])
        .await
    }

    /// Ends a membership: one's own, or that of somebody one cares for. What they made there stays there.
    pub async fn remove_member(&self, actor: &Actor, member: &UserId) -> Result<()> {
        let (organization, own) = self.membership(actor).await?;
        let mut other = self.member_of(&organization, member).await?;
        let before = role_of(&other);
        if before == MemberRole::Owner {
            return Err(Error::conflict(
                "the owner cannot leave; make another member the owner first",
            ));
        }
        // A viewer may leave; a key for reading may not make them.
        if *member != actor.user || actor.key.is_some() {
            actor.may_write()?;
        }
        if *member != actor.user {
            may_care_for(own, before)?;
        }
        other.value.membership = None;
        other.value.organization = None;
        let to = other.value.email.to_string();
        let now = self.store.now().await?;
        let note = note(actor, Act::MemberLeft, to, &organization, now)?;
        self.done(vec![other.replaced()?, note]).await
    }

    /// Commits changes of members. Whoever they concern is looked up anew: here at once, on other servers in seconds.
    async fn done(&self, writes: Vec<Write>) -> Result<()> {
        match self.store.commit(writes).await? {
            Committed::Done => {
                self.known.0.invalidate_all();
                Ok(())
            }
            Committed::Conflict(_) => Err(meanwhile()),
        }
    }

    /// Where the actor belongs and what they may do there, by their record and not by what was known a moment ago.
    async fn membership(&self, actor: &Actor) -> Result<(OrganizationId, MemberRole)> {
        let Owner::Organization(id) = &actor.owner else {
            return Err(Error::NotFound);
        };
        let own = self.member_of(id, &actor.user).await?;
        Ok((id.clone(), role_of(&own)))
    }

    /// The organisation that the actor leads, as its admin or owner.
    pub(super) async fn led(&self, actor: &Actor) -> Result<OrganizationId> {
        let (organization, own) = self.membership(actor).await?;
        if own >= MemberRole::Admin {
            return Ok(organization);
        }
        Err(Error::forbidden(
            "only the admins of the organisation may read this",
        ))
    }

    async fn member_of(&self, organization: &OrganizationId, id: &UserId) -> Result<Stored<User>> {
        let user = self.store.get::<User>(user_key(id)).await?;
        user.filter(|user| user.value.organization.as_ref() == Some(organization))
            .ok_or(Error::NotFound)
    }

    /// The record of an actor who is in no organisation yet.
    async fn outsider(&self, actor: &Actor) -> Result<Stored<User>> {
        let user = self.own_record(actor).await?;
        if user.value.membership.is_some() {
            return Err(Error::conflict(
                "you are in an organisation already; leave it first",
            ));
        }
        Ok(user)
    }

    async fn good_invitation(
        &self,
        token: &str,
    ) -> Result<(Stored<Invitation>, Stored<Organization>)> {
        let now = self.store.now().await?;
        let invitation = self.store.get::<Invitation>(invitation_key(token)).await?;
        let invitation = invitation
            .filter(|invitation| invitation.value.expires_at > now)
            .ok_or(Error::NotFound)?;
        // A link is worth what whoever made it may still do.
        let maker = self
            .member_of(&invitation.value.organization, &invitation.value.invited_by)
            .await?;
        may_care_for(role_of(&maker), invitation.value.role).map_err(|_| Error::NotFound)?;
        let key = organization_key(&invitation.value.organization);
        let organization = self
            .store
            .get::<Organization>(key)
            .await?
            .ok_or(Error::NotFound)?;
        Ok((invitation, organization))
    }
}

/// The entry of what the actor does to an organisation.
fn note(
    actor: &Actor,
    act: Act,
    to: impl Into<String>,
    organization: &OrganizationId,
    at: Timestamp,
) -> Result<Write> {
    let owner = Owner::Organization(organization.clone());
    noted(&entry(actor, act, to, &owner, at))
}

fn role_of(user: &Stored<User>) -> MemberRole {
    user.value
        .membership
        .as_ref()
        .map_or(MemberRole::Viewer, |membership| membership.role)
}

fn admitted(
    mut user: Stored<User>,
    organization: &OrganizationId,
    role: MemberRole,
    now: Timestamp,
) -> Result<Write> {
    user.value.membership = Some(Membership {
        organization: organization.clone(),
        role,
        since: now,
    });
    user.value.organization = Some(organization.clone());
    user.replaced()
}
