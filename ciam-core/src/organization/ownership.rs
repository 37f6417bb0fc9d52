//! What becomes of organizations when the account of an owner is closed.
//!
//! An organization that others work in keeps an owner who can act: closing or erasing the account of the last one is refused,
//! with the organizations that it is about, until somebody else is made an owner or the tenant has stopped the organization.
//! Nobody is kept from leaving by an organization in which they are alone; when the account is erased, it is suspended.

use super::model::Organization;
use super::service::Organizations;
use crate::account::AccountStatus;
use crate::error::PortError;
use crate::id::{AccountId, OrganizationId};
use crate::store::{Batch, EntityRef, PageRequest, Write};

/// What closing an account means for the organizations that it owns.
#[derive(Debug)]
pub(crate) struct Leaving {
    /// Those in which others would be left without an owner.
    pub(crate) stranded: Vec<OrganizationId>,
    /// What must still hold when the account is closed, for the same commit. It writes each organization as it was, so that
    /// two owners who leave at once contend for it.
    pub(crate) batch: Batch,
}

impl Organizations {
    /// So many organizations are held against owners who leave at the same moment: a batch has an end.
    const CONTENDED: usize = 24;

    /// Looks at the organizations that an account owns, before it is closed.
    pub(crate) async fn leaving(&self, account: AccountId) -> Result<Leaving, PortError> {
        let mut leaving = Leaving { stranded: Vec::new(), batch: Batch::new() };
        let (mut request, mut held) = (PageRequest::first(PAGE), 0);
        loop {
            let page = self.ports.store().memberships_of(account, request).await?;
            for membership in page.items.into_iter().map(|found| found.value).filter(|it| it.is_owner()) {
                let found = self.ports.store().organization(membership.organization).await?;
                let Some(found) = found.filter(|it| it.value.is_active()) else { continue };
                if !self.has_another_owner(&found.value, account).await?
                    && self.has_another_member(membership.organization, account).await?
                {
                    leaving.stranded.push(membership.organization);
                }
                held += 1;
                if held <= Self::CONTENDED {
                    let entity = EntityRef::Organization(membership.organization);
                    let batch = leaving.batch.require_version(entity, found.version);
                    leaving.batch = batch.write(Write::PutOrganization(found.value));
                }
            }
            match page.next {
                Some(next) => request = PageRequest::after(next, PAGE),
                None => return Ok(leaving),
            }
        }
    }

    /// Whether somebody else owns it who is not leaving as well.
    async fn has_another_owner(
        &self,
        organization: &Organization,
        account: AccountId,
    ) -> Result<bool, PortError> {
        for owner in organization.owners.iter().filter(|owner| **owner != account) {
            let found = self.ports.store().account(*owner).await?.map(|found| found.value.status);
            if found.is_some_and(|it| !matches!(it, AccountStatus::Deactivated | AccountStatus::Erased)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn has_another_member(&self, id: OrganizationId, account: AccountId) -> Result<bool, PortError> {
        let page = self.ports.store().members_of(id, PageRequest::first(2)).await?;
        Ok(page.items.iter().any(|found| found.value.account != account))
    }
}

const PAGE: u32 = 100;
