//! The end of an organisation: by its owner, when nobody else is in it and nothing is left that was made in it.

use super::{Services, note, organization_key, role_of};
use crate::actor::{Actor, Owner};
use crate::audit::Act;
use crate::error::{Error, Result};
use crate::id::OrganizationId;
use crate::job::State;
use crate::organization::{MemberRole, Organization};
use crate::ports::documents::{Collection, Direction, Query};

impl Services {
    /// Ends the actor's organisation, whose name they say. Nothing is lost by it: what was made there must be deleted
    /// before, and the others must have left.
    pub async fn end_organization(&self, actor: &Actor, name: &str) -> Result<()> {
        actor.may_write()?;
        let (id, _) = self.membership(actor).await?;
        let mut owner = self.member_of(&id, &actor.user).await?;
        if role_of(&owner) != MemberRole::Owner {
            return Err(Error::forbidden(
                "only the owner of the organisation may end it",
            ));
        }
        let found = self
            .store
            .get::<Organization>(organization_key(&id))
            .await?;
        let organization = found.ok_or(Error::NotFound)?;
        if name.trim() != organization.value.name {
            return Err(Error::invalid(
                "ending",
                "type the name of the organisation as it stands above",
            ));
        }
        let now = self.store.now().await?;
        // Its books are written anew, so that this end and work that is accepted for it at this very moment do not both hold.
        let books = self.taken(&Owner::Organization(id.clone()), now, 0).await?;
        self.nothing_is_left(&id).await?;
        owner.value.membership = None;
        owner.value.organization = None;
        let end = organization.deleted();
        let note = note(actor, Act::Ended, organization.value.name, &id, now)?;
        let mut writes = vec![end, owner.replaced()?, note];
        writes.extend(books);
        self.done(writes).await
    }

    async fn nothing_is_left(&self, id: &OrganizationId) -> Result<()> {
        let query = Query::new(Collection::Users, "created_at", Direction::Ascending, 2)
            .equal("organization", id.as_str());
        if self.store.count(&query).await? > 1 {
            return Err(Error::conflict(
                "others are in the organisation; remove them first, or make one of them the owner and leave",
            ));
        }
        let any = State::ALL.iter().map(|state| state.name().into()).collect();
        let query = Query::new(Collection::Jobs, "created_at", Direction::Ascending, 1)
            .equal("owner", Owner::Organization(id.clone()).to_string())
            .any_of("state", any);
        if self.store.count(&query).await? > 0 {
            return Err(Error::conflict(
                "there is work that was made in the organisation; take away what you need, then delete its jobs and batches",
            ));
        }
        Ok(())
    }
}
