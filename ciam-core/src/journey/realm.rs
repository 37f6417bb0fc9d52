//! Where the people of a domain sign in.
//!
//! An organization that has verified an e-mail domain says how the people of that domain sign in: by which methods, how
//! surely, for how long, or through a connection to an identity provider of its own. A journey learns it from the domain of
//! what was typed, before anything is looked at that belongs to a person.
//!
//! # Security
//!
//! It follows from the domain alone: whether the address has an account makes no difference, not in the answer and not in
//! the calls. And it leads, it does not guard: who signs in with a user name is led nowhere. What is an organization's is
//! guarded by [`OrganizationPolicy::check`](crate::organization::OrganizationPolicy::check) whenever somebody acts for it.

use std::collections::BTreeSet;
use std::fmt;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::challenge::Challenge;
use super::methods::{Methods, SignInMethod};
use super::service::Journeys;
use super::state::{CodeStage, Goal, Journey, JourneyHandle, Purpose, Stage};
use super::step::{RefusalReason, Step};
use super::throttle;
use super::types::{JourneyError, Requirements, Visitor};
use crate::account::{Account, IdentifierKey};
use crate::assurance::Acr;
use crate::ephemeral;
use crate::error::PortError;
use crate::id::OrganizationId;
use crate::organization::HomeRealm;
use crate::ratelimit::source_of;
use crate::session::StricterLimits;

/// The connections that a host has to identity providers elsewhere, by the names that policies of organizations use
/// ([`OrganizationPolicy::connection`](crate::organization::OrganizationPolicy::connection)).
///
/// A journey that comes to a connection stops with [`Challenge::Connection`]: the host sends the browser there, whatever
/// protocol it speaks, and goes on with what comes back by [`Journeys::begin_federated`].
///
/// # Contract
///
/// [`has`](Self::has) hangs on the name alone, and changes nothing.
///
/// # Cancel safety
///
/// A question that is dropped has no effect.
///
/// # Errors
///
/// A host that cannot say so fails, and nobody is sent anywhere.
///
/// # Implementing
///
/// A set of names is one:
///
/// ```
/// use std::collections::BTreeSet;
/// use ciam_core::journey::Connections;
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let connections = BTreeSet::from(["acme-login".to_owned()]);
/// assert!(connections.has("acme-login").await?);
/// assert!(!connections.has("another").await?);
/// # Ok::<(), ciam_core::error::PortError>(())
/// # }).unwrap();
/// ```
#[async_trait]
pub trait Connections: fmt::Debug + Send + Sync {
    /// Whether people can be sent to this connection now.
    async fn has(&self, name: &str) -> Result<bool, PortError>;
}

#[async_trait]
impl Connections for BTreeSet<String> {
    async fn has(&self, name: &str) -> Result<bool, PortError> {
        Ok(self.contains(name))
    }
}

/// A host without connections: nobody is sent anywhere.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct NoConnections;

impl NoConnections {
    /// No connections.
    #[must_use]
    pub const fn new() -> Self {
        Self
    }
}

#[async_trait]
impl Connections for NoConnections {
    async fn has(&self, _name: &str) -> Result<bool, PortError> {
        Ok(false)
    }
}

/// What an organization demands of the sign-ins of its domains, as a journey keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Realm {
    pub(super) organization: OrganizationId,
    pub(super) name: String,
    methods: BTreeSet<String>,
    acr: Option<Acr>,
    idle: Option<u32>,
    absolute: Option<u32>,
    pub(super) connection: Option<String>,
}

impl Realm {
    fn of(found: HomeRealm) -> Self {
        let policy = found.policy;
        Self {
            organization: found.organization,
            name: found.name,
            methods: policy.methods,
            acr: policy.acr,
            idle: policy.session_idle,
            absolute: policy.session_absolute,
            connection: policy.connection,
        }
    }

    /// The level of assurance that is demanded.
    pub(super) const fn acr(&self) -> Option<&Acr> {
        self.acr.as_ref()
    }

    /// Of these first factors those that count for the organization. Where none of them does, it wants a further factor, and
    /// any may come first.
    fn narrow(&self, offered: &Methods) -> Methods {
        let counts = |method: &SignInMethod| self.methods.iter().any(|amr| method.records(amr));
        let counting = Methods::of(offered.iter().filter(counts));
        // A passkey may come as a further factor as well, behind any other.
        let alone = counting.iter().all(|method| method == SignInMethod::Passkey);
        if alone { offered.clone() } else { counting }
    }
}

/// Where a journey goes on once it is known what was typed.
pub(super) enum Home {
    /// Here, as this.
    Here(Box<Journey>),
    /// Not with an answer of this kind.
    Away(Step),
}

impl Journeys {
    /// Takes an identifier alone, and says how its people sign in.
    pub(super) async fn identify(
        &self,
        handle: &JourneyHandle,
        visitor: &Visitor<'_>,
        journey: Journey,
        typed: &str,
    ) -> Result<Step, JourneyError> {
        let source = source_of(visitor.peer.address);
        if let Some(wait) = throttle::count(&self.limiter, &self.policy.identify_per_peer, &source).await? {
            return Ok(self.limited(&journey, wait));
        }
        let requirements = Requirements { login_hint: Some(hint(typed)), ..journey.requirements.clone() };
        let asked = Journey { requirements, stage: Stage::Credentials, ..journey.clone() };
        let journey = self.replace(handle, &journey, asked).await?;
        match self.at_home(handle, journey, typed).await? {
            Home::Here(journey) => {
                self.challenge_of(&journey).map(Step::Challenge).ok_or(JourneyError::Changed)
            }
            Home::Away(step) => Ok(step),
        }
    }

    /// Looks where the people of what was typed sign in, and keeps it in the journey.
    pub(super) async fn at_home(
        &self,
        handle: &JourneyHandle,
        journey: Journey,
        typed: &str,
    ) -> Result<Home, JourneyError> {
        let Some(organizations) = &self.organizations else { return Ok(Home::Here(Box::new(journey))) };
        let realm = match IdentifierKey::guess(typed) {
            Ok(key) => organizations.home_realm(&key).await?.map(Realm::of),
            Err(_) => None,
        };
        let elsewhere = realm.as_ref().and_then(|realm| realm.connection.as_deref());
        if let Some(name) = elsewhere.filter(|_| !journey.requirements.here)
            && !self.connections.has(name).await?
        {
            return Ok(Home::Away(self.refused(&journey, RefusalReason::Connection)));
        }
        let journey = if journey.realm == realm {
            journey
        } else {
            let mut next = Journey { realm, ..journey.clone() };
            if next.realm.as_ref().is_some_and(|realm| realm.connection.is_some()) {
                next.requirements.login_hint = Some(hint(typed));
            }
            self.replace(handle, &journey, next).await?
        };
        match self.elsewhere(&journey) {
            Some(challenge) => Ok(Home::Away(Step::Challenge(challenge))),
            None => Ok(Home::Here(Box::new(journey))),
        }
    }

    /// Where the journey's person is to be sent, before they have proved anything.
    pub(super) fn elsewhere(&self, journey: &Journey) -> Option<Challenge> {
        let begins = match &journey.stage {
            Stage::Credentials | Stage::Recovery | Stage::Registration => true,
            Stage::Code(CodeStage { purpose: Purpose::Prove { goal, .. }, .. }) => *goal == Goal::Session,
            _ => false,
        };
        let realm = journey.realm.as_ref().filter(|_| begins && !journey.requirements.here)?;
        Some(Challenge::Connection {
            connection: realm.connection.clone()?,
            organization: realm.name.clone(),
            login_hint: journey.requirements.login_hint.clone(),
        })
    }

    /// The first factors that the tenant has for a sign-in.
    pub(super) fn offered(&self, requirements: &Requirements) -> Methods {
        match &requirements.methods {
            Some(fewer) => self.policy.methods.and(fewer),
            None => self.policy.methods.clone(),
        }
    }

    /// The first factors that may be used.
    pub(super) fn methods(&self, journey: &Journey) -> Methods {
        let mut offered = self.offered(&journey.requirements);
        if journey.first.is_empty() {
            // What cannot be begun with is not offered.
            offered = offered.without(SignInMethod::Passkey);
        }
        match &journey.realm {
            Some(realm) => realm.narrow(&offered),
            None => offered,
        }
    }

    /// What the sign-in is to reach: what was asked for when it began, and what the organization and the account demand.
    pub(super) fn demanded(&self, journey: &Journey, account: &Account) -> Requirements {
        let mut requirements = journey.requirements.clone();
        let of_realm = journey.realm.as_ref().and_then(Realm::acr);
        let own = account.demand.as_ref().and_then(|demand| demand.acr.as_ref());
        for least in of_realm.into_iter().chain(own) {
            requirements.acr_values = self.policy.ladder.raised(&requirements.acr_values, least);
        }
        requirements
    }

    /// Puts another journey in the place of the one that was read.
    pub(super) async fn replace(
        &self,
        handle: &JourneyHandle,
        read: &Journey,
        wanted: Journey,
    ) -> Result<Journey, JourneyError> {
        let next = Journey { revision: read.revision.saturating_add(1), ..wanted };
        let (old, new) = (ephemeral::encode(read)?, ephemeral::encode(&next)?);
        let rest = read.expires_at - self.ports.now();
        if self.ports.ephemeral().compare_and_swap(&handle.key(), &old, new, rest).await? {
            Ok(next)
        } else {
            Err(JourneyError::Changed)
        }
    }
}

impl Journey {
    /// How long a session may last that the journey begins, where its organization allows less.
    pub(super) fn limits(&self) -> StricterLimits {
        let realm = self.realm.as_ref();
        StricterLimits {
            idle: realm.and_then(|realm| realm.idle),
            absolute: realm.and_then(|realm| realm.absolute),
        }
    }
}

/// What was typed, to show it and to hand it on.
pub(super) fn hint(typed: &str) -> String {
    typed.trim().chars().take(IdentifierKey::MAX_LENGTH).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn realm(methods: &[&str], acr: Option<&str>) -> Realm {
        Realm {
            organization: OrganizationId::from_uuid(uuid::Uuid::nil()),
            name: "Acme".to_owned(),
            methods: methods.iter().map(ToString::to_string).collect(),
            acr: acr.map(Acr::new),
            idle: None,
            absolute: None,
            connection: None,
        }
    }

    #[test]
    fn an_organization_narrows_the_first_factors_and_takes_none_away_that_it_needs() {
        let all = Methods::default();
        assert_eq!(realm(&[], None).narrow(&all), all);
        assert_eq!(realm(&["pwd", "otp"], None).narrow(&all), Methods::of([SignInMethod::Password]));
        assert_eq!(realm(&["email"], None).narrow(&all), Methods::of([SignInMethod::EmailCode]));
        // A key may be a further factor: any may come before it.
        assert_eq!(realm(&["hwk"], None).narrow(&all), all);
        let with_passkey =
            Methods::of([SignInMethod::Password, SignInMethod::EmailCode, SignInMethod::Passkey]);
        assert_eq!(realm(&["hwk"], None).narrow(&with_passkey), with_passkey);
        let two = Methods::of([SignInMethod::Password, SignInMethod::Passkey]);
        assert_eq!(realm(&["hwk", "pwd"], None).narrow(&with_passkey), two);
    }
}
