//! What an organization demands of a sign-in before a person may act for it.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

use super::domain::DomainName;
use super::role::RoleName;
use crate::assurance::{Acr, AcrLadder, AuthenticationContext};
use crate::session::Session;

/// What an organization demands of a sign-in before a person may act for it, and who may join. The default demands nothing and
/// lets nobody join without an invitation.
///
/// Enforced whenever an organization is chosen in a session or for a grant, and again when a token of the grant is refreshed:
/// see [`check`](Self::check).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct OrganizationPolicy {
    /// Only proofs by these methods count, by their `amr` names; empty for any method. At most
    /// [`MAX_LIST`](Self::MAX_LIST).
    pub methods: BTreeSet<String>,
    /// The level of assurance that must be reached by the proofs that count.
    pub acr: Option<Acr>,
    /// A session that acts for the organization ends after this time without use, in seconds.
    pub session_idle: Option<u32>,
    /// A session acts for the organization for at most this long after it began, in seconds.
    pub session_absolute: Option<u32>,
    /// Only addresses of these domains may be invited and join; empty for any. At most [`MAX_LIST`](Self::MAX_LIST).
    pub join_domains: BTreeSet<DomainName>,
    /// Who has a verified address in a verified domain of the organization may join with this role, uninvited.
    pub auto_join_role: Option<RoleName>,
    /// The name of the connection that people of the organization sign in by, for protocols that have one. Plain data here.
    pub connection: Option<String>,
}

impl OrganizationPolicy {
    /// At most this many methods, and domains.
    pub const MAX_LIST: usize = 64;
    /// The shortest limit of a session, in seconds.
    pub const MIN_LIMIT: u32 = 60;
    /// The longest name of a connection or method, in bytes.
    pub const MAX_NAME: usize = 128;

    /// Whether the policy is one that can be kept: known levels, limits and lists of a sensible size.
    ///
    /// # Errors
    ///
    /// Names the field that is wrong.
    pub fn validate(&self, ladder: &AcrLadder) -> Result<(), &'static str> {
        let name = |text: &str| {
            !text.is_empty() && text.len() <= Self::MAX_NAME && text.bytes().all(|b| b.is_ascii_graphic())
        };
        let limit = |limit: Option<u32>| limit.is_none_or(|seconds| seconds >= Self::MIN_LIMIT);
        let checks = [
            (self.methods.len() <= Self::MAX_LIST && self.methods.iter().all(|it| name(it)), "methods"),
            (self.acr.as_ref().is_none_or(|acr| ladder.level(acr).is_some()), "acr"),
            (limit(self.session_idle), "session_idle"),
            (limit(self.session_absolute), "session_absolute"),
            (self.join_domains.len() <= Self::MAX_LIST, "join_domains"),
            (self.auto_join_role != Some(RoleName::owner()), "auto_join_role"),
            (self.connection.as_deref().is_none_or(name), "connection"),
        ];
        checks.into_iter().find(|(good, _)| !good).map_or(Ok(()), |(_, field)| Err(field))
    }

    /// The longest time without use.
    #[must_use]
    pub fn idle_limit(&self) -> Option<Duration> {
        self.session_idle.map(|seconds| Duration::seconds(i64::from(seconds)))
    }

    /// The longest time in any case.
    #[must_use]
    pub fn absolute_limit(&self) -> Option<Duration> {
        self.session_absolute.map(|seconds| Duration::seconds(i64::from(seconds)))
    }

    /// Whether an address may be invited and join.
    #[must_use]
    pub fn admits(&self, domain: &DomainName) -> bool {
        self.join_domains.is_empty() || self.join_domains.contains(domain)
    }

    /// Whether a sign-in meets the policy at `now`.
    ///
    /// # Errors
    ///
    /// Says what another sign-in, or a further factor, would have to bring.
    pub fn check(
        &self,
        sign_in: &SignInFacts<'_>,
        ladder: &AcrLadder,
        now: OffsetDateTime,
    ) -> Result<(), PolicyDemand> {
        let mut demand = PolicyDemand::default();
        let counted = self.counted(sign_in.context);
        if counted.proofs.is_empty() && !self.methods.is_empty() {
            demand.reasons.push("organization_method");
            demand.methods = self.methods.iter().cloned().collect();
        }
        if let Some(acr) = &self.acr
            && !ladder.satisfies(&counted, acr, sign_in.assured_at)
        {
            demand.reasons.push("organization_acr");
            demand.acr_values = vec![acr.clone()];
        }
        let too_old = |limit: Option<Duration>, since| limit.is_some_and(|limit| now - since > limit);
        if too_old(self.absolute_limit(), sign_in.began_at) || too_old(self.idle_limit(), sign_in.used_at) {
            demand.reasons.push("organization_session");
            demand.authenticated_since = Some(now);
        }
        if demand.reasons.is_empty() { Ok(()) } else { Err(demand) }
    }

    /// The proofs that count.
    fn counted(&self, context: &AuthenticationContext) -> AuthenticationContext {
        let counts = |amr: &str| self.methods.is_empty() || self.methods.contains(amr);
        AuthenticationContext::new(context.proofs.iter().filter(|it| counts(it.amr.as_str())).cloned())
    }
}

/// How somebody signed in, as a policy sees it.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct SignInFacts<'a> {
    /// What was proved.
    pub context: &'a AuthenticationContext,
    /// When it was last proved: the limit of a session counts from here. The session that somebody proves themselves in again
    /// is as good as a new one.
    pub began_at: OffsetDateTime,
    /// When it was last used.
    pub used_at: OffsetDateTime,
    /// As of when the level of assurance is asked for.
    pub assured_at: OffsetDateTime,
}

impl<'a> SignInFacts<'a> {
    /// A live session at `now`.
    #[must_use]
    pub fn of_session(session: &'a Session, now: OffsetDateTime) -> Self {
        let began_at = session.context.auth_time().unwrap_or(session.created_at);
        Self { context: &session.context, began_at, used_at: session.last_seen_at, assured_at: now }
    }

    /// What was proved for something that was given at `given_at` and is in use now, such as a grant: a refresh authenticates
    /// nobody again, so the level of assurance is that of then.
    #[must_use]
    pub fn of_grant(
        context: &'a AuthenticationContext,
        given_at: OffsetDateTime,
        now: OffsetDateTime,
    ) -> Self {
        let began_at = context.auth_time().unwrap_or(given_at);
        Self { context, began_at, used_at: now, assured_at: given_at }
    }
}

/// What a sign-in lacks for a policy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PolicyDemand {
    /// Why, as stable codes: `organization_method`, `organization_acr`, `organization_session`.
    pub reasons: Vec<&'static str>,
    /// A sign-in by one of these methods is needed; empty when the methods are right.
    pub methods: Vec<String>,
    /// One of these levels of assurance is needed; empty when it is reached.
    pub acr_values: Vec<Acr>,
    /// A proof at or after this time is needed.
    pub authenticated_since: Option<OffsetDateTime>,
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::assurance::{Amr, FactorKind, Proof};

    const NOW: OffsetDateTime = datetime!(2026-11-23 12:00 UTC);

    fn context(hours_ago: i64) -> AuthenticationContext {
        let at = NOW - Duration::hours(hours_ago);
        AuthenticationContext::new([Proof::new(Amr::PASSWORD, [FactorKind::Knowledge], at)])
    }

    fn reasons(
        policy: &OrganizationPolicy,
        context: &AuthenticationContext,
        used_at: OffsetDateTime,
    ) -> Vec<&'static str> {
        let began_at = context.auth_time().unwrap_or(NOW);
        let facts = SignInFacts { context, began_at, used_at, assured_at: NOW };
        policy.check(&facts, &AcrLadder::default(), NOW).err().map_or_else(Vec::new, |demand| demand.reasons)
    }

    #[test]
    fn the_default_demands_nothing() {
        assert!(reasons(&OrganizationPolicy::default(), &context(1000), NOW - Duration::days(9)).is_empty());
    }

    #[test]
    fn each_demand_is_made() {
        let mut policy =
            OrganizationPolicy { methods: BTreeSet::from(["hwk".to_owned()]), ..Default::default() };
        assert_eq!(reasons(&policy, &context(0), NOW), ["organization_method"]);
        policy.methods.insert("pwd".to_owned());
        assert!(reasons(&policy, &context(0), NOW).is_empty());
        policy.acr = Some(Acr::new("urn:ciam:acr:aal2"));
        assert_eq!(reasons(&policy, &context(0), NOW), ["organization_acr"]);
        policy.acr = None;
        policy.session_absolute = Some(3600);
        assert!(reasons(&policy, &context(1), NOW).is_empty());
        assert_eq!(reasons(&policy, &context(2), NOW), ["organization_session"]);
        policy.session_absolute = None;
        policy.session_idle = Some(600);
        assert_eq!(reasons(&policy, &context(0), NOW - Duration::seconds(601)), ["organization_session"]);
    }

    #[test]
    fn a_level_is_reached_by_allowed_methods_alone() {
        let mut context = context(0);
        context.add(Proof::new(Amr::OTP, [FactorKind::Possession], NOW));
        let mut policy =
            OrganizationPolicy { acr: Some(Acr::new("urn:ciam:acr:aal2")), ..Default::default() };
        assert!(reasons(&policy, &context, NOW).is_empty());
        policy.methods.insert("pwd".to_owned());
        assert_eq!(reasons(&policy, &context, NOW), ["organization_acr"], "the code does not count");
    }

    #[test]
    fn what_cannot_be_kept_is_refused() {
        let ladder = AcrLadder::default();
        assert_eq!(OrganizationPolicy::default().validate(&ladder), Ok(()));
        let of = |change: fn(&mut OrganizationPolicy)| {
            let mut policy = OrganizationPolicy::default();
            change(&mut policy);
            policy.validate(&ladder)
        };
        assert_eq!(of(|it| it.acr = Some(Acr::new("gold"))), Err("acr"));
        assert_eq!(of(|it| it.session_idle = Some(1)), Err("session_idle"));
        assert_eq!(of(|it| it.session_absolute = Some(59)), Err("session_absolute"));
        assert_eq!(of(|it| it.auto_join_role = Some(RoleName::owner())), Err("auto_join_role"));
        assert_eq!(of(|it| it.connection = Some("a b".to_owned())), Err("connection"));
        assert_eq!(of(|it| it.methods = BTreeSet::from([String::new()])), Err("methods"));
    }
}
