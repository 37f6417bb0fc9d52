//! Claiming, verifying and giving up domains; looking again whether the proof is still there.

use std::collections::BTreeSet;

use time::OffsetDateTime;

use super::domain::{BY_ORGANIZATION, BY_VERIFIED, DomainClaim, DomainName, DomainState};
use super::error::OrganizationError;
use super::model::{Membership, Organization};
use super::policy::OrganizationPolicy;
use super::role::{Permission, RoleName};
use super::service::{OrganizationSettings, Organizations};
use crate::account::{Account, Identifier, IdentifierKey};
use crate::actor::Actor;
use crate::encoding::base64url;
use crate::error::PortError;
use crate::event::EventType;
use crate::id::{AccountId, OrganizationId};
use crate::store::{
    Batch, Commit, Conflict, EntityRef, PageRequest, StoredRecord as _, Versioned, Write, load,
};

/// Where the people of an e-mail domain sign in.
///
/// # Security
///
/// It follows from the domain alone: whether the address has an account makes no difference.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HomeRealm {
    /// The organization.
    pub organization: OrganizationId,
    /// Its name in URLs.
    pub slug: String,
    /// The name that people read.
    pub name: String,
    /// What it demands of a sign-in, with the connection to sign in by.
    pub policy: OrganizationPolicy,
}

/// What looking again came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rechecked {
    /// How many claims were due.
    pub due: u32,
    /// How many of them are still proved.
    pub proved: u32,
    /// How many lapsed.
    pub lapsed: u32,
}

/// What a look at DNS makes of a claim: a pure rule. `proved` is `None` when DNS did not answer.
fn after_look(
    state: DomainState,
    proved: Option<bool>,
    settings: &OrganizationSettings,
    now: OffsetDateTime,
) -> DomainState {
    let verified = |since, after, misses| DomainState::Verified { since, recheck_at: now + after, misses };
    match (state, proved) {
        (DomainState::Verified { since, .. }, Some(true)) => verified(since, settings.recheck_after, 0),
        (_, Some(true)) => verified(now, settings.recheck_after, 0),
        (DomainState::Verified { since, misses, .. }, Some(false)) => {
            if misses + 1 >= settings.max_misses {
                DomainState::Lapsed { since: now }
            } else {
                verified(since, settings.recheck_after_miss, misses + 1)
            }
        }
        // An outage of DNS is no miss.
        (DomainState::Verified { since, misses, .. }, None) => {
            verified(since, settings.recheck_after_miss, misses)
        }
        (state, _) => state,
    }
}

impl Organizations {
    /// Claims a domain for an organization: what it returns says which TXT record proves the claim. Claiming it again returns
    /// the claim that there is.
    ///
    /// # Errors
    ///
    /// Fails when the actor may not, when the text is no domain or one that nobody may claim, when there are too many, and
    /// when a port fails.
    pub async fn claim_domain(
        &self,
        actor: &Actor,
        organization: OrganizationId,
        domain: &str,
    ) -> Result<DomainClaim, OrganizationError> {
        let domain = DomainName::new(domain).map_err(|_| OrganizationError::Invalid("domain"))?;
        for _ in 0..Self::MAX_RACES {
            let standing = self.permitted(actor, organization, &Permission::DOMAIN_WRITE).await?;
            if self.settings.refused_domains.refuses(&domain) {
                return Err(OrganizationError::DomainRefused);
            }
            let claims = self.domain_claims(organization).await?;
            if let Some(found) = claims.iter().find(|found| found.value.domain == domain) {
                return Ok(found.value.clone());
            }
            if claims.len() >= self.settings.max_domains {
                return Err(OrganizationError::TooMany);
            }
            let mut random = [0_u8; 24];
            self.ports.entropy().fill(&mut random)?;
            let token = base64url::encode(&random);
            let claim = DomainClaim::new(organization, domain.clone(), token, self.ports.now());
            let place = EntityRef::record::<DomainClaim>(claim.key());
            // The organization is written as well, so that claims made at once are counted one after the other.
            let batch = standing
                .required(Batch::new())
                .require_absent(place)
                .write(Write::PutOrganization(standing.organization.value.clone()));
            let batch = self.claim_batch(batch, &standing.organization.value, actor, &claim, "claimed")?;
            if self.commit(batch).await? {
                return Ok(claim);
            }
        }
        Err(OrganizationError::Busy)
    }

    /// Looks whether the proof of a claim is published, and verifies it then. Returns the claim as it is afterwards.
    ///
    /// # Errors
    ///
    /// Fails when the actor may not, when there is no such claim, when the domain is another organization's, which has proved
    /// it, when there were too many look-ups, when DNS does not answer, and when the store fails.
    pub async fn verify_domain(
        &self,
        actor: &Actor,
        organization: OrganizationId,
        domain: &DomainName,
    ) -> Result<DomainClaim, OrganizationError> {
        let standing = self.permitted(actor, organization, &Permission::DOMAIN_WRITE).await?;
        let found = self.claim_of(organization, domain).await?;
        let limit = &self.settings.verifications_per_organization;
        self.limiter.attempt(limit, &organization.to_string()).await?;
        let records = self.ports.dns().txt(&found.value.txt_name()).await?;
        let proved = found.value.is_proved_by(&records);
        if !proved {
            // A look by hand takes nothing away: only what is looked for in turn lapses.
            return Ok(found.value);
        }
        let mut claim = found.value.clone();
        claim.state = after_look(claim.state, Some(true), &self.settings, self.ports.now());
        let place = EntityRef::record::<DomainClaim>(claim.key());
        let batch = standing.required(Batch::new()).require_version(place, found.version);
        let what = if found.value.state.is_verified() { "seen" } else { "verified" };
        let batch = self.claim_batch(batch, &standing.organization.value, actor, &claim, what)?;
        match self.ports.store().commit(batch).await? {
            Commit::Applied => Ok(claim),
            Commit::Conflict(Conflict::Unique(_)) => Err(OrganizationError::DomainTaken),
            Commit::Conflict(_) => Err(OrganizationError::Busy),
        }
    }

    /// Gives a domain up: the claim, verified or not, is no more.
    ///
    /// # Errors
    ///
    /// Fails when the actor may not, when there is no such claim, and when the store fails.
    pub async fn release_domain(
        &self,
        actor: &Actor,
        organization: OrganizationId,
        domain: &DomainName,
    ) -> Result<(), OrganizationError> {
        for _ in 0..Self::MAX_RACES {
            let standing = self.permitted(actor, organization, &Permission::DOMAIN_WRITE).await?;
            let found = self.claim_of(organization, domain).await?;
            let event = self
                .event(EventType::DOMAIN_CHANGED, &standing.organization.value, actor)?
                .with("domain", domain.as_str())
                .with("what", "released");
            let batch = standing
                .required(Batch::new())
                .require_version(EntityRef::record::<DomainClaim>(found.value.key()), found.version)
                .write(Write::DeleteRecord(DomainClaim::KIND, found.value.key()))
                .event(event);
            if self.commit(batch).await? {
                return Ok(());
            }
        }
        Err(OrganizationError::Busy)
    }

    /// The claims of an organization. Every member may see them.
    ///
    /// # Errors
    ///
    /// Fails when the actor is no active member, and when the store fails.
    pub async fn domains(
        &self,
        actor: &Actor,
        organization: OrganizationId,
    ) -> Result<Vec<DomainClaim>, OrganizationError> {
        self.permitted(actor, organization, &Permission::ORGANIZATION_READ).await?;
        Ok(self.domain_claims(organization).await?.into_iter().map(|found| found.value).collect())
    }

    /// Looks again at the verified domains of one page of claims whose time has come. The host calls it now and then, page by
    /// page, from one node or many.
    ///
    /// # Errors
    ///
    /// Fails when the store does. DNS that does not answer is no error: the claim is looked at again later.
    pub async fn recheck_domains(
        &self,
        request: PageRequest,
    ) -> Result<(Rechecked, Option<PageRequest>), PortError> {
        let limit = request.limit;
        let page = self.ports.store().records(DomainClaim::KIND, request).await?;
        let mut rechecked = Rechecked::default();
        for record in page.items {
            let found = Versioned::new(record.value.decode::<DomainClaim>()?, record.version);
            let DomainState::Verified { recheck_at, .. } = found.value.state else { continue };
            if recheck_at <= self.ports.now() {
                rechecked.due += 1;
                self.recheck(found, &mut rechecked).await?;
            }
        }
        Ok((rechecked, page.next.map(|next| PageRequest::after(next, limit))))
    }

    async fn recheck(
        &self,
        found: Versioned<DomainClaim>,
        rechecked: &mut Rechecked,
    ) -> Result<(), PortError> {
        let records = self.ports.dns().txt(&found.value.txt_name()).await;
        let proved = records.ok().map(|records| found.value.is_proved_by(&records));
        let mut claim = found.value;
        claim.state = after_look(claim.state, proved, &self.settings, self.ports.now());
        let place = EntityRef::record::<DomainClaim>(claim.key());
        let mut batch = Batch::new().require_version(place, found.version).put(&claim)?;
        if !claim.state.is_verified() {
            let organization = self.ports.store().organization(claim.organization).await?;
            if let Some(organization) = organization {
                let actor = Actor::system("domain-recheck");
                batch = batch.event(
                    self.event(EventType::DOMAIN_CHANGED, &organization.value, &actor)?
                        .with("domain", claim.domain.as_str())
                        .with("what", "lapsed"),
                );
            }
        }
        // Another node that was there first has done the same.
        if self.commit(batch).await? {
            rechecked.proved += u32::from(proved == Some(true));
            rechecked.lapsed += u32::from(!claim.state.is_verified());
        }
        Ok(())
    }

    /// Where the people of an address's domain sign in: the active organization that has verified the domain; `None` for every
    /// other. The person need not exist.
    ///
    /// # Errors
    ///
    /// Fails when the store does.
    pub async fn home_realm(&self, email: &IdentifierKey) -> Result<Option<HomeRealm>, PortError> {
        let Some(domain) = DomainName::of_email(email) else { return Ok(None) };
        Ok(self.owner_of(&domain).await?.map(|organization| HomeRealm {
            organization: organization.id,
            slug: organization.slug.as_str().to_owned(),
            name: organization.name,
            policy: organization.policy,
        }))
    }

    /// Lets an account into the organizations that admit everybody with an address in a domain of theirs: it holds the address
    /// as a verified one, the organization has verified the domain, and its policy names a role for who joins. Returns the
    /// memberships that are new. Who is a member already, suspended or not, stays as they are.
    ///
    /// # Errors
    ///
    /// Fails when the store does.
    pub async fn join_by_domain(&self, account: AccountId) -> Result<Vec<Membership>, PortError> {
        let Some(account) = self.ports.store().account(account).await? else { return Ok(Vec::new()) };
        let mut joined = Vec::new();
        for domain in verified_domains(&account.value) {
            if let Some(organization) = self.owner_of(&domain).await?
                && let Some(role) = organization.policy.auto_join_role.clone()
                && organization.policy.admits(&domain)
                && let Some(membership) = self.join(&account, organization.id, &domain, &role).await?
            {
                joined.push(membership);
            }
        }
        Ok(joined)
    }

    async fn join(
        &self,
        account: &Versioned<Account>,
        organization: OrganizationId,
        domain: &DomainName,
        role: &RoleName,
    ) -> Result<Option<Membership>, PortError> {
        let id = account.value.id;
        let store = self.ports.store();
        if !account.value.status.may_sign_in() || store.membership(organization, id).await?.is_some() {
            return Ok(None);
        }
        let claim = match self.claim_of(organization, domain).await {
            Ok(claim) if claim.value.state.is_verified() => claim,
            Err(OrganizationError::Port(error)) => return Err(error),
            _ => return Ok(None),
        };
        let actor = Actor::system("verified-domain");
        let standing = match self.standing(&actor, organization).await {
            Ok(standing) => standing,
            Err(OrganizationError::Port(error)) => return Err(error),
            Err(_) => return Ok(None),
        };
        let mut membership =
            Membership::new(organization, id, BTreeSet::from([role.clone()]), self.ports.now());
        membership.roles.retain(|role| standing.book.is_assignable(role) && *role != RoleName::owner());
        let batch = Batch::new()
            .require_version(EntityRef::Account(id), account.version)
            .require_version(EntityRef::record::<DomainClaim>(claim.value.key()), claim.version);
        let batch = match self.joining(&standing, &membership, batch) {
            Ok(batch) => batch,
            Err(OrganizationError::Port(error)) => return Err(error),
            Err(_) => return Ok(None),
        };
        // A lost race joins at the next sign-in.
        Ok(self.commit(batch).await?.then_some(membership))
    }

    /// The active organization that has verified a domain.
    async fn owner_of(&self, domain: &DomainName) -> Result<Option<Organization>, PortError> {
        let (kind, index) = (DomainClaim::KIND, BY_VERIFIED.name());
        let page = self.ports.store().records_by(kind, index, domain.as_str(), PageRequest::first(1)).await?;
        let Some(record) = page.items.into_iter().next() else { return Ok(None) };
        let claim: DomainClaim = record.value.decode()?;
        let organization = self.ports.store().organization(claim.organization).await?;
        Ok(organization.map(|found| found.value).filter(Organization::is_active))
    }

    async fn domain_claims(
        &self,
        organization: OrganizationId,
    ) -> Result<Vec<Versioned<DomainClaim>>, PortError> {
        let (kind, index) = (DomainClaim::KIND, BY_ORGANIZATION.name());
        let request = PageRequest::first(PageRequest::MAX_LIMIT);
        let page = self.ports.store().records_by(kind, index, &organization.to_string(), request).await?;
        let mut claims = Vec::with_capacity(page.items.len());
        for record in page.items {
            claims.push(Versioned::new(record.value.decode()?, record.version));
        }
        Ok(claims)
    }

    async fn claim_of(
        &self,
        organization: OrganizationId,
        domain: &DomainName,
    ) -> Result<Versioned<DomainClaim>, OrganizationError> {
        let key = DomainClaim::record_key(organization, domain);
        load::<DomainClaim>(self.ports.store(), &key).await?.ok_or(OrganizationError::NotFound)
    }

    fn claim_batch(
        &self,
        batch: Batch,
        organization: &Organization,
        actor: &Actor,
        claim: &DomainClaim,
        what: &str,
    ) -> Result<Batch, PortError> {
        let event = self.event(EventType::DOMAIN_CHANGED, organization, actor)?;
        let event = event.with("domain", claim.domain.as_str()).with("what", what);
        Ok(batch.put(claim)?.event(event))
    }
}

/// The domains in which an account holds a verified address.
fn verified_domains(account: &Account) -> BTreeSet<DomainName> {
    let verified = account.identifiers.iter().filter(|identifier| Identifier::is_verified(identifier));
    verified.filter_map(|identifier| DomainName::of_email(&identifier.key)).collect()
}

#[cfg(test)]
mod tests {
    use time::Duration;
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-11-23 12:00 UTC);

    #[test]
    fn a_domain_lapses_after_misses_in_a_row_and_not_because_dns_is_down() {
        let settings = OrganizationSettings::default();
        let look = |state, proved| after_look(state, proved, &settings, NOW);
        assert_eq!(look(DomainState::Pending, Some(false)), DomainState::Pending);
        assert_eq!(look(DomainState::Pending, None), DomainState::Pending);
        let mut state = look(DomainState::Pending, Some(true));
        let good = DomainState::Verified { since: NOW, recheck_at: NOW + Duration::days(7), misses: 0 };
        assert_eq!(state, good);
        for _ in 0..10 {
            state = look(state, None);
            assert!(matches!(state, DomainState::Verified { misses: 0, .. }), "{state:?}");
        }
        state = look(look(state, Some(false)), Some(false));
        assert!(matches!(state, DomainState::Verified { misses: 2, .. }), "{state:?}");
        assert_eq!(look(state, Some(true)), good, "a sight begins anew");
        state = look(state, Some(false));
        assert_eq!(state, DomainState::Lapsed { since: NOW });
        assert_eq!(look(state, Some(false)), state);
        assert_eq!(look(state, Some(true)), good);
    }
}
