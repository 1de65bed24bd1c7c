//! Showing a job or batch to the organisation that it was made in.

use crate::actor::Actor;
use crate::audit::Act;
use crate::error::{Error, Result};
use crate::id::JobId;
use crate::job::{Job, Kind, SharedWithOrganization};
use crate::organization::MemberRole;
use crate::services::Services;
use crate::services::audit::{entry, told};

impl Services {
    /// Shows a job or batch to the actor's organisation, or to nobody but its owner again. What the children of a batch
    /// are is what their batch is.
    pub async fn share_with_organization(
        &self,
        actor: &Actor,
        id: &JobId,
        shared: bool,
    ) -> Result<Option<SharedWithOrganization>> {
        actor.may_write()?;
        let job = self.owned(actor, id).await?.value;
        may_share(actor, &job)?;
        let act = if shared { Act::Shown } else { Act::Hidden };
        let entry = entry(actor, act, told(&job), &job.owner, self.store.now().await?);
        let change = |job: &mut Job, now| {
            // Who showed it first and when stays, however often it is asked.
            if job.shared.is_some() != shared {
                job.share_with_organization(shared.then(|| SharedWithOrganization {
                    by: actor.user.clone(),
                    at: now,
                }));
                job.updated_at = now;
            }
            Ok(())
        };
        let changed = self.change_noted(id, change, &entry).await?;
        changed.map(|job| job.shared).ok_or(Error::NotFound)
    }

    /// Who showed a job or batch of the actor's to their organisation, if somebody did.
    pub async fn organization_share(
        &self,
        actor: &Actor,
        id: &JobId,
    ) -> Result<Option<SharedWithOrganization>> {
        Ok(self.owned(actor, id).await?.value.shared)
    }
}

fn may_share(actor: &Actor, job: &Job) -> Result<()> {
    let refused = |message: &str| Err(Error::conflict(message));
    let Some(role) = actor.member else {
        return refused("you belong to no organisation; share it by a link instead");
    };
    if job.owner != actor.owner {
        return refused(
            "it was made outside of your organisation and stays yours; share it by a link instead",
        );
    }
    if job.kind == Kind::Child {
        return refused("a ligand is shared with its batch; share the batch");
    }
    if job.created_by != actor.user && role < MemberRole::Admin {
        return Err(Error::forbidden(
            "whoever made it decides whether the organisation sees it; ask them, or an admin",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::actor::Owner;

    #[test]
    fn without_an_organisation_there_is_nobody_to_share_with() {
        let job: Job = serde_json::from_value(json!({
            "schema": 1, "id": "a", "kind": "single", "task": "docking", "model": "vina", "name": "a",
            "owner": "user:local", "created_by": "local", "state": "completed", "status": "completed", "epoch": 1,
            "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z",
            "input": {"target": {"named": "ABL1"}, "ligand": {"name": "ethanol", "smiles": "CCO"}},
            "parameters": {}, "estimate_s": 10
        }))
        .unwrap();
        let alone = Actor::local();
        assert_eq!(may_share(&alone, &job).unwrap_err().status(), 409);
        let owner: Owner = "organization:lab".parse().unwrap();
        let member = |user: &str, role| Actor {
            user: user.parse().unwrap(),
            owner: owner.clone(),
            member: Some(role),
            ..Actor::local()
        };
        let of_lab = Job {
            owner: owner.clone(),
            ..job.clone()
        };
        let (made_it, other) = (
            member("local", MemberRole::Member),
            member("ada", MemberRole::Member),
        );
        assert_eq!(may_share(&made_it, &job).unwrap_err().status(), 409);
        assert!(may_share(&made_it, &of_lab).is_ok());
        assert_eq!(may_share(&other, &of_lab).unwrap_err().status(), 403);
        assert!(may_share(&member("ada", MemberRole::Admin), &of_lab).is_ok());
    }
}
