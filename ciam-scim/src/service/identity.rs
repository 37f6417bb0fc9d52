//! Users as accounts and members: what a change of a resource means to them, in the same commit.

use std::collections::BTreeSet;

use ciam_core::account::{
    Account, AccountStatus, Identifier, IdentifierKey, IdentifierKind, LifecycleError, Profile, ReasonCode,
    Transition,
};
use ciam_core::actor::Actor;
use ciam_core::error::PortError;
use ciam_core::event::{Event, EventType};
use ciam_core::id::AccountId;
use ciam_core::organization::{
    AccountTies, DomainName, Membership, MembershipChange, MembershipStatus, OrganizationError, RoleName,
    Standing,
};
use ciam_core::password::{PasswordError, PasswordFactor, PasswordHash};
use ciam_core::secret::Secret;
use ciam_core::session::SessionEnd;
use ciam_core::store::{Batch, EntityRef, PageRequest, Versioned, Write, load};
use serde_json::{Map, Value};

use super::context::Cx;
use super::identity_rule::{Holder, Link};
use crate::error::ScimError;
use crate::store::{Ownership, Stored, is_active};

/// What a change of a user means to its account and membership.
#[derive(Debug)]
pub(super) struct Identity {
    pub(super) account: AccountId,
    pub(super) batch: Batch,
    pub(super) after: Aftermath,
}

/// What is done once the change is committed. Nothing depends on it: who is stopped is stopped by what was committed.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Aftermath {
    account: Option<AccountId>,
    /// The account itself has stopped, or its password is another.
    all_sessions: Option<SessionEnd>,
}

impl Cx<'_> {
    fn actor(&self) -> Actor {
        self.caller.connection.actor()
    }

    pub(super) async fn standing(&self) -> Result<Standing, ScimError> {
        let standing = self.service.organizations.standing(&self.actor(), self.organization()).await;
        standing.map_err(refused)
    }

    /// Makes, or finds, the account and the membership of a new user.
    pub(super) async fn provision(
        &self,
        attributes: &Map<String, Value>,
        password: Option<&Secret>,
    ) -> Result<Identity, ScimError> {
        let standing = match self.common {
            Some(common) => common.standing.clone(),
            None => self.standing().await?,
        };
        // The policy judges, and the hash costs, whoever it is for.
        let hash = self.accept(password, attributes).await?;
        let key = address_of(attributes);
        let ours = match &key {
            Some(key) => self.is_ours(key).await?,
            None => false,
        };
        let holder = match &key {
            Some(key) => self.store().account_by_identifier(key).await?,
            None => None,
        };
        let link = match (&key, &holder) {
            (Some(key), Some(account)) => {
                let holder = self.holder_of(&account.value).await?;
                Link::decide(key, Some(holder), ours, self.service.ports.now())
            }
            (Some(key), None) => Link::decide(key, None, ours, self.service.ports.now()),
            (None, _) => Link::FreshWithout,
        };
        if let (Link::Existing, Some(account)) = (link, holder.as_ref()) {
            return self.link(&standing, account, attributes, hash.as_ref()).await;
        }
        let mut batch = Batch::new();
        let identifier = match (link, key) {
            (Link::Fresh, Some(key)) => {
                batch = batch.require_absent(EntityRef::Identifier(key.clone()));
                Some(key)
            }
            (Link::FreshTaking, Some(key)) => {
                if let Some(account) = holder {
                    batch = self.taking(batch, account, &key)?;
                }
                Some(key)
            }
            _ => None,
        };
        self.fresh(&standing, batch, identifier, ours, attributes, hash.as_ref())
    }

    /// A new account with its membership.
    fn fresh(
        &self,
        standing: &Standing,
        batch: Batch,
        key: Option<IdentifierKey>,
        ours: bool,
        attributes: &Map<String, Value>,
        hash: Option<&PasswordHash>,
    ) -> Result<Identity, ScimError> {
        let ports = &self.service.ports;
        let now = ports.now();
        let id = AccountId::generate(ports.clock(), ports.entropy())?;
        let mut account = Account::new(id, now);
        // The address of a domain that the organization has proved is its to give.
        let owned = key.is_none() || ours;
        account.identifiers.extend(
            key.map(|key| if ours { Identifier::verified(key, now) } else { Identifier::unverified(key) }),
        );
        if account.identifiers.iter().any(Identifier::is_verified) {
            account.status = AccountStatus::Active;
        }
        describe(&mut account.profile, attributes);
        let event =
            Event::new(ports, EventType::ACCOUNT_REGISTERED, account.event_subject())?.by(&self.actor());
        let mut batch = batch
            .require_absent(EntityRef::Account(id))
            .write(Write::PutAccount(account))
            .put(&Ownership { account: id, organization: self.organization() })?
            .event(event);
        if let Some(hash) = hash.filter(|_| owned) {
            batch = batch.write(Write::PutCredential(PasswordFactor::credential(ports, id, hash)?));
        }
        let joining = self.membership(id, is_active(attributes));
        batch =
            batch.append(self.service.organizations.prepare_joining(standing, &joining).map_err(refused)?);
        Ok(Identity { account: id, batch, after: Aftermath::default() })
    }

    /// The account that a new user is already: it becomes a member, and comes back where the organization owns it.
    async fn link(
        &self,
        standing: &Standing,
        account: &Versioned<Account>,
        attributes: &Map<String, Value>,
        hash: Option<&PasswordHash>,
    ) -> Result<Identity, ScimError> {
        let id = account.value.id;
        let active = is_active(attributes);
        let mut batch = Batch::new().require_version(EntityRef::Account(id), account.version);
        batch = batch.append(self.member_as(standing, id, active).await?.unwrap_or_default());
        let mut after = Aftermath::default();
        if self.owns(&account.value).await? {
            let (changed, aftermath) = self.owned(account, attributes, Some(active), hash).await?;
            batch = batch.append(changed);
            after = aftermath;
        }
        Ok(Identity { account: id, batch, after })
    }

    /// What the change of a user means.
    pub(super) async fn update(
        &self,
        before: &Stored,
        attributes: &Map<String, Value>,
        password: Option<&Secret>,
    ) -> Result<Identity, ScimError> {
        let hash = self.accept(password, attributes).await?;
        let known = match before.body.account {
            Some(id) => self.store().account(id).await?,
            None => None,
        };
        // The account is gone, as by an erasure: whoever comes back is somebody new.
        let Some(account) = known.filter(|it| it.value.status != AccountStatus::Erased) else {
            return self.provision(attributes, password).await;
        };
        let id = account.value.id;
        let (was, active) = (before.is_active(), is_active(attributes));
        let turned = (was != active).then_some(active);
        let mut batch = Batch::new();
        if turned.is_some() {
            let standing = self.standing().await?;
            batch = batch.append(self.member_as(&standing, id, active).await?.unwrap_or_default());
        }
        let mut after = Aftermath { account: (turned == Some(false)).then_some(id), all_sessions: None };
        if self.owns(&account.value).await? {
            let (changed, aftermath) = self.owned(&account, attributes, turned, hash.as_ref()).await?;
            batch = batch.append(changed);
            after.all_sessions = aftermath.all_sessions;
            after.account = after.account.or(aftermath.account);
        }
        Ok(Identity { account: id, batch, after })
    }

    /// What the deletion of a user means: the membership ends, and the account closes where the organization owns it.
    pub(super) async fn deprovision(&self, stored: &Stored) -> Result<Option<Identity>, ScimError> {
        let Some(id) = stored.body.account else { return Ok(None) };
        let Some(account) = self.store().account(id).await? else { return Ok(None) };
        let standing = self.standing().await?;
        let mut batch = Batch::new();
        if let Some(membership) = self.store().membership(self.organization(), id).await? {
            let change = MembershipChange::Remove;
            let organizations = &self.service.organizations;
            let prepared = organizations.prepare_change(&standing, &membership, &change).map_err(refused)?;
            batch = batch.append(prepared.unwrap_or_default());
        }
        let mut after = Aftermath { account: Some(id), all_sessions: None };
        let may_close = !matches!(account.value.status, AccountStatus::Deactivated | AccountStatus::Erased);
        if may_close && self.owns(&account.value).await? {
            let now = self.service.ports.now();
            let closing = Transition::Deactivate { erase_after: now + self.service.grace };
            let stopped =
                matches!(account.value.standing(now), AccountStatus::Suspended | AccountStatus::Locked);
            let others = stopped && !self.has_stopped(&account.value);
            let reason = reason(if others { STOPPED_BEFORE } else { REASON })?;
            let prepared = closing.prepare(&self.service.ports, &account, &self.actor(), &reason);
            batch = batch.append(prepared.map_err(lifecycle)?.batch);
            after.all_sessions = Some(SessionEnd::AccountStopped);
        }
        Ok(Some(Identity { account: id, batch, after }))
    }

    /// The membership as the directory wants it; `None` when it is so already.
    async fn member_as(
        &self,
        standing: &Standing,
        account: AccountId,
        active: bool,
    ) -> Result<Option<Batch>, ScimError> {
        let organizations = &self.service.organizations;
        let found = self.store().membership(self.organization(), account).await?;
        let change = if active { MembershipChange::Reactivate } else { MembershipChange::Suspend };
        match found {
            Some(found) if found.value.is_active() == active => Ok(None),
            Some(found) => organizations.prepare_change(standing, &found, &change).map_err(refused),
            None => {
                let joining = self.membership(account, active);
                organizations.prepare_joining(standing, &joining).map(Some).map_err(refused)
            }
        }
    }

    fn membership(&self, account: AccountId, active: bool) -> Membership {
        let roles = BTreeSet::from([RoleName::member()]);
        let mut membership = Membership::new(self.organization(), account, roles, self.service.ports.now());
        if !active {
            membership.status = MembershipStatus::Suspended;
        }
        membership
    }

    /// Changes an account that the organization owns: what is known of the person, the address, the password, whether it is in
    /// use.
    async fn owned(
        &self,
        account: &Versioned<Account>,
        attributes: &Map<String, Value>,
        turned: Option<bool>,
        hash: Option<&PasswordHash>,
    ) -> Result<(Batch, Aftermath), ScimError> {
        let ports = &self.service.ports;
        let mut next = account.clone();
        describe(&mut next.value.profile, attributes);
        let mut batch = self.readdress(&mut next.value, attributes).await?;
        let mut after = Aftermath { account: Some(next.value.id), all_sessions: None };
        if let Some(hash) = hash {
            batch = batch.append(self.credential(next.value.id, hash).await?);
            next.value.session_epoch = next.value.session_epoch.saturating_add(1);
            after.all_sessions = Some(SessionEnd::PasswordChanged);
        }
        let transition = turned.and_then(|active| self.transition(&next.value, active));
        if let Some(transition) = transition {
            let reason = reason(REASON)?;
            let prepared = transition.prepare(ports, &next, &self.actor(), &reason).map_err(lifecycle)?;
            if !prepared.account.status.may_sign_in() {
                after.all_sessions = Some(SessionEnd::AccountStopped);
            }
            return Ok((batch.append(prepared.batch), after));
        }
        if next.value != account.value {
            next.value.updated_at = ports.now();
            let event = Event::new(ports, EventType::ACCOUNT_UPDATED, next.value.event_subject())?;
            batch = batch
                .require_version(EntityRef::Account(next.value.id), account.version)
                .write(Write::PutAccount(next.value))
                .event(event.by(&self.actor()));
        }
        Ok((batch, after))
    }

    /// The step of an account's life that a user's `active` means. What a person, an administrator or a protection rule has
    /// stopped is not for a directory to bring back.
    fn transition(&self, account: &Account, active: bool) -> Option<Transition> {
        let by_us = self.has_stopped(account);
        match (account.standing(self.service.ports.now()), active) {
            (AccountStatus::Active, false) => Some(Transition::Suspend { until: None }),
            (AccountStatus::Suspended, true) if by_us => Some(Transition::Reactivate),
            (AccountStatus::Deactivated, true) if by_us => Some(Transition::Restore),
            _ => None,
        }
    }

    /// Whether a directory has stopped an account, and nobody else before it.
    fn has_stopped(&self, account: &Account) -> bool {
        let cause = account.status_cause.as_ref();
        cause.is_some_and(|it| it.by == self.actor() && it.reason.as_str() != STOPPED_BEFORE)
    }

    async fn credential(&self, account: AccountId, hash: &PasswordHash) -> Result<Batch, ScimError> {
        let ports = &self.service.ports;
        let credentials = self.store().credentials_of(account).await?;
        let (batch, credential, change) = match PasswordFactor::credential_in(&credentials) {
            Some(known) => (
                Batch::new().require_version(EntityRef::Credential(known.value.id), known.version),
                PasswordFactor::replaced(known.value.clone(), hash),
                "replaced",
            ),
            None => (Batch::new(), PasswordFactor::credential(ports, account, hash)?, "added"),
        };
        let event = Event::new(ports, EventType::CREDENTIAL_CHANGED, format!("account:{account}"))?
            .by(&self.actor())
            .with("factor", PasswordFactor::NAME)
            .with("change", change);
        Ok(batch.write(Write::PutCredential(credential)).event(event))
    }

    /// Gives an account another address of a domain of the organization, in the place of the one it has.
    async fn readdress(
        &self,
        account: &mut Account,
        attributes: &Map<String, Value>,
    ) -> Result<Batch, ScimError> {
        let Some(key) = address_of(attributes) else { return Ok(Batch::new()) };
        let known = account.identifier_with(&key).is_some();
        if known || !self.is_ours(&key).await? || self.store().account_by_identifier(&key).await?.is_some() {
            return Ok(Batch::new());
        }
        let added = Identifier::verified(key.clone(), self.service.ports.now());
        let place = account.identifiers.iter().position(|it| it.key.kind() == IdentifierKind::Email);
        match place.and_then(|at| account.identifiers.get_mut(at)) {
            Some(old) => *old = added,
            None => account.identifiers.push(added),
        }
        if account.status == AccountStatus::Pending {
            account.status = AccountStatus::Active;
        }
        let event = Event::new(&self.service.ports, EventType::IDENTIFIER_CHANGED, account.event_subject())?
            .by(&self.actor())
            .with("kind", IdentifierKind::Email.as_str())
            .with("change", "replaced");
        Ok(Batch::new().require_absent(EntityRef::Identifier(key)).event(event))
    }

    /// Takes an address from an account that never proved it.
    fn taking(
        &self,
        batch: Batch,
        holder: Versioned<Account>,
        key: &IdentifierKey,
    ) -> Result<Batch, ScimError> {
        let mut account = holder.value;
        account.identifiers.retain(|it| it.key != *key);
        account.updated_at = self.service.ports.now();
        let event =
            Event::new(&self.service.ports, EventType::IDENTIFIER_RECLAIMED, account.event_subject())?
                .by(&self.actor())
                .with("kind", key.kind().as_str());
        Ok(batch
            .require_version(EntityRef::Account(account.id), holder.version)
            .write(Write::PutAccount(account))
            .event(event))
    }

    async fn holder_of<'a>(&self, account: &'a Account) -> Result<Holder<'a>, ScimError> {
        let membership = self.store().membership(self.organization(), account.id).await?;
        Ok(Holder {
            account,
            made_here: self.made_here(account.id).await?,
            is_member: membership.is_some_and(|it| it.value.is_active()),
            is_linked: self.of_account(account.id).await?.is_some(),
        })
    }

    async fn made_here(&self, account: AccountId) -> Result<bool, ScimError> {
        let owner: Option<Versioned<Ownership>> = load(self.store(), &account.to_string()).await?;
        Ok(owner.is_some_and(|it| it.value.organization == self.organization()))
    }

    /// Whether the organization has proved the domain of an address.
    pub(super) async fn is_ours(&self, key: &IdentifierKey) -> Result<bool, ScimError> {
        let known = DomainName::of_email(key).and_then(|it| self.common?.ours.get(&it).copied());
        if let Some(known) = known {
            return Ok(known);
        }
        let realm = self.service.organizations.home_realm(key).await?;
        Ok(realm.is_some_and(|it| it.organization == self.organization()))
    }

    /// Whether the organization owns an account.
    async fn owns(&self, account: &Account) -> Result<bool, ScimError> {
        let made_here = self.made_here(account.id).await?;
        if !made_here {
            return Ok(false);
        }
        let mut addresses = Vec::new();
        for identifier in account.identifiers.iter().filter(|it| it.key.kind() == IdentifierKind::Email) {
            addresses.push(self.is_ours(&identifier.key).await?);
        }
        let memberships = self.store().memberships_of(account.id, PageRequest::first(2)).await?;
        let elsewhere = memberships.items.iter().any(|it| it.value.organization != self.organization());
        Ok(AccountTies::new(made_here, addresses, elsewhere).is_theirs_alone())
    }

    async fn accept(
        &self,
        password: Option<&Secret>,
        attributes: &Map<String, Value>,
    ) -> Result<Option<PasswordHash>, ScimError> {
        let Some(password) = password else { return Ok(None) };
        let words: Vec<&str> = ["userName", "displayName"]
            .into_iter()
            .filter_map(|name| attributes.get(name).and_then(Value::as_str))
            .collect();
        match self.service.password.accept(&self.service.ports, password, &words).await {
            Ok(hash) => Ok(Some(hash)),
            Err(PasswordError::Port(error)) => Err(error.into()),
            Err(_) => Err(ScimError::value("the password is not accepted")),
        }
    }

    /// Ends the sessions that a change has made void.
    pub(super) async fn settle(&self, after: Aftermath) -> Result<(), ScimError> {
        let Some(account) = after.account else { return Ok(()) };
        let sessions = &self.service.sessions;
        if let Some(end) = after.all_sessions {
            // They are over by the account's epoch already.
            let _told_less = sessions.end_others(account, None, end).await;
            return Ok(());
        }
        let membership = self.store().membership(self.organization(), account).await?;
        if membership.is_some_and(|it| it.value.is_active()) {
            return Ok(());
        }
        let mut request = PageRequest::first(100);
        loop {
            let page = sessions.list(account, request).await?;
            for session in page.items {
                if session.value.organization == Some(self.organization()) {
                    sessions.revoke(session.value.id, &self.actor()).await?;
                }
            }
            match page.next {
                Some(next) => request = PageRequest::after(next, 100),
                None => return Ok(()),
            }
        }
    }
}

/// The address that a user's account has: the primary or first of `emails`, else a `userName` that is one.
fn address_of(attributes: &Map<String, Value>) -> Option<IdentifierKey> {
    let emails = attributes.get("emails").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let primary = emails.iter().find(|it| it.get("primary") == Some(&Value::Bool(true)));
    let chosen = primary.or_else(|| emails.first()).and_then(|it| it.get("value")).and_then(Value::as_str);
    let name = attributes.get("userName").and_then(Value::as_str);
    chosen
        .and_then(|it| IdentifierKey::email(it).ok())
        .or_else(|| name.and_then(|it| IdentifierKey::email(it).ok()))
}

/// What a directory knows of a person, as their profile has it.
fn describe(profile: &mut Profile, attributes: &Map<String, Value>) {
    let name = |part: &str| attributes.get("name").and_then(|it| it.get(part)).cloned();
    let known = [
        ("given_name", name("givenName")),
        ("family_name", name("familyName")),
        ("name", attributes.get("displayName").cloned().or_else(|| name("formatted"))),
        ("nickname", attributes.get("nickName").cloned()),
        ("locale", attributes.get("locale").cloned()),
        ("zoneinfo", attributes.get("timezone").cloned()),
    ];
    for (attribute, value) in known {
        if let Some(value) = value {
            // A name that is too long for a profile is no reason to refuse a person.
            let _kept = profile.set(attribute, value);
        }
    }
}

/// Why a directory changes an account.
const REASON: &str = "directory";
/// Why it closes one that others had stopped: it does not come back with a user who is made again.
const STOPPED_BEFORE: &str = "directory.stopped_before";

fn reason(code: &str) -> Result<ReasonCode, ScimError> {
    ReasonCode::new(code).map_err(|error| PortError::permanent(error).into())
}

fn lifecycle(error: LifecycleError) -> ScimError {
    match error {
        LifecycleError::Port(error) => error.into(),
        _ => ScimError::busy(),
    }
}

pub(super) fn refused(error: OrganizationError) -> ScimError {
    match error {
        OrganizationError::Port(error) => error.into(),
        OrganizationError::LastOwner => ScimError::status(403, "an organization keeps an owner"),
        OrganizationError::TooMany => ScimError::status(403, "the member has too many roles"),
        OrganizationError::Busy => ScimError::busy(),
        OrganizationError::NotFound => ScimError::not_found(),
        _ => ScimError::status(403, "the organization does not allow it"),
    }
}
