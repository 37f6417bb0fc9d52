//! Assurance: how sure it is who signed in.
//!
//! A session records *proofs*: which method proved the person, and when. Everything that protocols say about the sign-in
//! (`amr`, `acr`, `auth_time`, SAML's AuthnContext) is computed from the proofs, so it cannot disagree with them.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

/// An authentication method reference ([RFC 8176](https://www.rfc-editor.org/rfc/rfc8176)).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Amr(std::borrow::Cow<'static, str>);

impl Amr {
    /// A password.
    pub const PASSWORD: Self = Self::new("pwd");
    /// A one-time password.
    pub const OTP: Self = Self::new("otp");
    /// A code or link that was sent by mail. Not registered: RFC 8176 has no name for it.
    pub const EMAIL: Self = Self::new("email");
    /// A code that was sent by text message.
    pub const SMS: Self = Self::new("sms");
    /// Proof of possession of a hardware-secured key.
    pub const HARDWARE_KEY: Self = Self::new("hwk");
    /// Proof of possession of a software-secured key.
    pub const SOFTWARE_KEY: Self = Self::new("swk");
    /// Presence of the user.
    pub const USER_PRESENCE: Self = Self::new("user");
    /// An identity elsewhere vouched for the person. Not in the RFC's registry, and in wide use.
    pub const FEDERATED: Self = Self::new("fed");
    /// More than one factor; computed, never recorded.
    pub const MULTI_FACTOR: Self = Self::new("mfa");

    /// A method by its registered name.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self(std::borrow::Cow::Borrowed(name))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a method is, in the sense of multi-factor authentication.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FactorKind {
    /// Something the person knows.
    Knowledge,
    /// Something the person has.
    Possession,
    /// Something the person is.
    Inherence,
}

/// How hard a proof is to steal, weakest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Strength {
    /// A false site can ask for it and pass it on: passwords and codes.
    #[default]
    Ordinary,
    /// It is bound to this site, so that a false one gets nothing of use: a passkey.
    PhishingResistant,
    /// And its key does not leave the hardware that it was made in: a security key.
    PhishingResistantHardware,
}

/// One proof: a method that proved the person at a time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Proof {
    /// The method.
    pub amr: Amr,
    /// The kinds of factor that it proves; a user-verified passkey proves two at once.
    pub kinds: BTreeSet<FactorKind>,
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// How hard it is to steal.
    #[serde(default)]
    pub strength: Strength,
    /// The level of assurance of an identity provider elsewhere, as that calls it. A fact for those who ask later; it counts
    /// for nothing on the ladder here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upstream: Option<Acr>,
}

impl Proof {
    /// A proof.
    #[must_use]
    pub fn new(amr: Amr, kinds: impl IntoIterator<Item = FactorKind>, at: OffsetDateTime) -> Self {
        Self { amr, kinds: kinds.into_iter().collect(), at, strength: Strength::Ordinary, upstream: None }
    }

    /// Says how hard it is to steal.
    #[must_use]
    pub const fn with_strength(mut self, strength: Strength) -> Self {
        self.strength = strength;
        self
    }

    /// Adds the level of assurance of an identity provider elsewhere, as that calls it.
    #[must_use]
    pub fn with_upstream(mut self, acr: Acr) -> Self {
        self.upstream = Some(acr);
        self
    }
}

/// How a session's person was authenticated: the proofs, nothing computed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AuthenticationContext {
    /// The proofs, oldest first; a newer proof of the same method replaces the older.
    pub proofs: Vec<Proof>,
}

impl AuthenticationContext {
    /// A context with these proofs.
    #[must_use]
    pub fn new(proofs: impl IntoIterator<Item = Proof>) -> Self {
        let mut context = Self::default();
        for proof in proofs {
            context.add(proof);
        }
        context
    }

    /// Adds a proof; it replaces an older one of the same method.
    pub fn add(&mut self, proof: Proof) {
        self.proofs.retain(|known| known.amr != proof.amr);
        self.proofs.push(proof);
        self.proofs.sort_by_key(|proof| proof.at);
    }

    /// The methods, with `mfa` when they prove more than one kind of factor.
    #[must_use]
    pub fn amr(&self) -> Vec<Amr> {
        let mut amr: Vec<Amr> = self.proofs.iter().map(|proof| proof.amr.clone()).collect();
        if self.kinds(self.proofs.iter()).len() > 1 {
            amr.push(Amr::MULTI_FACTOR);
        }
        amr
    }

    /// When the person was last actively authenticated, as OpenID Connect's `auth_time`; `None` without a proof.
    #[must_use]
    pub fn auth_time(&self) -> Option<OffsetDateTime> {
        self.proofs.last().map(|proof| proof.at)
    }

    /// Whether more than one factor was proved: several, or one that is two at once.
    #[must_use]
    pub fn has_further_factor(&self) -> bool {
        self.proofs.len() > 1 || self.kinds(self.proofs.iter()).len() > 1
    }

    fn kinds<'a>(&self, proofs: impl Iterator<Item = &'a Proof>) -> BTreeSet<FactorKind> {
        proofs.flat_map(|proof| proof.kinds.iter().copied()).collect()
    }
}

/// An authentication context class reference: the name of a level of assurance.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Acr(String);

impl Acr {
    /// A class by its name.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// One level of assurance: what proofs it needs.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AcrLevel {
    /// The name.
    pub acr: Acr,
    /// How many different kinds of factor.
    pub factor_kinds: usize,
    /// How old a proof may be to count; `None` for as long as the session lives.
    pub max_age: Option<Duration>,
    /// How hard at least one of the proofs is to steal.
    pub strength: Strength,
}

impl AcrLevel {
    /// A level.
    #[must_use]
    pub fn new(acr: impl Into<String>, factor_kinds: usize, max_age: Option<Duration>) -> Self {
        Self { acr: Acr::new(acr), factor_kinds, max_age, strength: Strength::Ordinary }
    }

    /// Asks for a proof that is this hard to steal.
    #[must_use]
    pub const fn with_strength(mut self, strength: Strength) -> Self {
        self.strength = strength;
        self
    }

    /// Whether a context reaches this level at `now`.
    #[must_use]
    pub fn is_met(&self, context: &AuthenticationContext, now: OffsetDateTime) -> bool {
        let fresh =
            context.proofs.iter().filter(|proof| self.max_age.is_none_or(|max| now - proof.at <= max));
        let strongest = fresh.clone().map(|proof| proof.strength).max();
        context.kinds(fresh).len() >= self.factor_kinds.max(1)
            && strongest.is_some_and(|strongest| strongest >= self.strength)
    }
}

/// The levels of assurance of a tenant, weakest first.
///
/// The default ladder is `urn:ciam:acr:aal1` (any factor, as long as the session lives) and `urn:ciam:acr:aal2` (two kinds
/// of factor, each proved within 12 hours).
///
/// ```
/// use ciam_core::assurance::{AcrLadder, Amr, AuthenticationContext, FactorKind, Proof};
/// use time::macros::datetime;
///
/// let now = datetime!(2026-11-23 12:00 UTC);
/// let context = AuthenticationContext::new([Proof::new(Amr::PASSWORD, [FactorKind::Knowledge], now)]);
/// let ladder = AcrLadder::default();
/// assert_eq!(ladder.achieved(&context, now).map(|acr| acr.as_str()), Some("urn:ciam:acr:aal1"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcrLadder(Vec<AcrLevel>);

impl AcrLadder {
    /// A ladder of levels, weakest first.
    #[must_use]
    pub fn new(levels: Vec<AcrLevel>) -> Self {
        Self(levels)
    }

    /// Adds the two levels of the
    /// [OpenID Connect Extended Authentication Profile](https://openid.net/specs/openid-connect-eap-acr-values-1_0.html),
    /// for a host with passkeys: `phr` (as `urn:ciam:acr:aal2`, and resistant to phishing) and `phrh` (and the key protected
    /// by hardware).
    ///
    /// ```
    /// use ciam_core::assurance::{Acr, AcrLadder, Amr, AuthenticationContext, FactorKind, Proof, Strength};
    /// use time::macros::datetime;
    ///
    /// let now = datetime!(2026-11-26 12:00 UTC);
    /// let kinds = [FactorKind::Possession, FactorKind::Inherence];
    /// let passkey = Proof::new(Amr::SOFTWARE_KEY, kinds, now).with_strength(Strength::PhishingResistant);
    /// let context = AuthenticationContext::new([passkey]);
    /// let ladder = AcrLadder::default().with_phishing_resistant();
    /// assert!(ladder.satisfies(&context, &Acr::new("phr"), now));
    /// assert!(!ladder.satisfies(&context, &Acr::new("phrh"), now));
    /// ```
    #[must_use]
    pub fn with_phishing_resistant(mut self) -> Self {
        let level = |acr| AcrLevel::new(acr, 2, Some(Duration::hours(12)));
        self.0.push(level("phr").with_strength(Strength::PhishingResistant));
        self.0.push(level("phrh").with_strength(Strength::PhishingResistantHardware));
        self
    }

    /// The levels, weakest first.
    #[must_use]
    pub fn levels(&self) -> &[AcrLevel] {
        &self.0
    }

    /// The level with this name.
    #[must_use]
    pub fn level(&self, acr: &Acr) -> Option<&AcrLevel> {
        self.0.iter().find(|level| level.acr == *acr)
    }

    /// The highest level that a context reaches at `now`.
    #[must_use]
    pub fn achieved(&self, context: &AuthenticationContext, now: OffsetDateTime) -> Option<&Acr> {
        self.0.iter().rev().find(|level| level.is_met(context, now)).map(|level| &level.acr)
    }

    /// The names of a level and of all above it, weakest first; none for an unknown level. What an API accepts that wants at least
    /// this level of a token: the token names the highest that its person reached, which may be one above.
    ///
    /// ```
    /// use ciam_core::assurance::{Acr, AcrLadder};
    ///
    /// let ladder = AcrLadder::default().with_phishing_resistant();
    /// let names: Vec<_> = ladder.at_least(&Acr::new("urn:ciam:acr:aal2")).map(Acr::as_str).collect();
    /// assert_eq!(names, ["urn:ciam:acr:aal2", "phr", "phrh"]);
    /// ```
    pub fn at_least(&self, least: &Acr) -> impl Iterator<Item = &Acr> {
        let position = self.0.iter().position(|level| level.acr == *least).unwrap_or(self.0.len());
        self.0.iter().skip(position).map(|level| &level.acr)
    }

    /// Of the levels that are asked for those that are no lower than `least`, or else `least` alone.
    pub(crate) fn raised(&self, asked: &[Acr], least: &Acr) -> Vec<Acr> {
        let enough: Vec<Acr> =
            asked.iter().filter(|acr| self.at_least(least).any(|it| it == *acr)).cloned().collect();
        if enough.is_empty() { vec![least.clone()] } else { enough }
    }

    /// Whether a context reaches this level, or a higher one, at `now`. An unknown level is never reached.
    #[must_use]
    pub fn satisfies(&self, context: &AuthenticationContext, wanted: &Acr, now: OffsetDateTime) -> bool {
        let Some(position) = self.0.iter().position(|level| level.acr == *wanted) else { return false };
        self.0.iter().skip(position).any(|level| level.is_met(context, now))
    }
}

impl Default for AcrLadder {
    fn default() -> Self {
        Self(vec![
            AcrLevel::new("urn:ciam:acr:aal1", 1, None),
            AcrLevel::new("urn:ciam:acr:aal2", 2, Some(Duration::hours(12))),
        ])
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-11-23 12:00 UTC);

    fn password(at: OffsetDateTime) -> Proof {
        Proof::new(Amr::PASSWORD, [FactorKind::Knowledge], at)
    }

    fn otp(at: OffsetDateTime) -> Proof {
        Proof::new(Amr::OTP, [FactorKind::Possession], at)
    }

    #[test]
    fn two_kinds_of_factor_are_mfa_and_aal2() {
        let ladder = AcrLadder::default();
        let context = AuthenticationContext::new([password(NOW), otp(NOW)]);
        assert_eq!(context.amr(), [Amr::PASSWORD, Amr::OTP, Amr::MULTI_FACTOR]);
        assert_eq!(ladder.achieved(&context, NOW).unwrap().as_str(), "urn:ciam:acr:aal2");
        assert!(ladder.satisfies(&context, &Acr::new("urn:ciam:acr:aal1"), NOW));
    }

    #[test]
    fn a_proof_grows_old() {
        let ladder = AcrLadder::default();
        let context = AuthenticationContext::new([password(NOW), otp(NOW - Duration::hours(13))]);
        assert_eq!(ladder.achieved(&context, NOW).unwrap().as_str(), "urn:ciam:acr:aal1");
        assert!(!ladder.satisfies(&context, &Acr::new("urn:ciam:acr:aal2"), NOW));
    }

    #[test]
    fn no_proof_and_unknown_levels_satisfy_nothing() {
        let ladder = AcrLadder::default();
        let nobody = AuthenticationContext::default();
        assert_eq!(ladder.achieved(&nobody, NOW), None);
        assert_eq!(nobody.auth_time(), None);
        let context = AuthenticationContext::new([password(NOW), otp(NOW)]);
        assert!(!ladder.satisfies(&context, &Acr::new("urn:example:gold"), NOW));
    }

    #[test]
    fn what_can_be_phished_is_not_resistant_whatever_else_was_proved() {
        let ladder = AcrLadder::default().with_phishing_resistant();
        let phr = Acr::new("phr");
        let two = AuthenticationContext::new([password(NOW), otp(NOW)]);
        assert!(!ladder.satisfies(&two, &phr, NOW));
        let key = |at| {
            Proof::new(Amr::HARDWARE_KEY, [FactorKind::Possession], at)
                .with_strength(Strength::PhishingResistantHardware)
        };
        let with_key = AuthenticationContext::new([password(NOW), key(NOW)]);
        assert_eq!(ladder.achieved(&with_key, NOW), Some(&Acr::new("phrh")));
        assert!(ladder.satisfies(&with_key, &phr, NOW));
        let alone = AuthenticationContext::new([key(NOW)]);
        assert!(!ladder.satisfies(&alone, &phr, NOW), "touched by anybody");
        let old = AuthenticationContext::new([password(NOW), otp(NOW), key(NOW - Duration::hours(13))]);
        assert_eq!(ladder.achieved(&old, NOW).unwrap().as_str(), "urn:ciam:acr:aal2");
    }

    #[test]
    fn a_level_stands_for_all_below_it() {
        let ladder = AcrLadder::default().with_phishing_resistant();
        let from = |acr: &str| -> Vec<String> {
            ladder.at_least(&Acr::new(acr)).map(|acr| acr.as_str().to_owned()).collect()
        };
        assert_eq!(from("urn:ciam:acr:aal2"), ["urn:ciam:acr:aal2", "phr", "phrh"]);
        assert_eq!(from("phrh"), ["phrh"]);
        assert!(from("urn:example:gold").is_empty());
        // Who has reached the higher one has reached each of them, and is not asked again.
        let passkey = Proof::new(Amr::SOFTWARE_KEY, [FactorKind::Possession, FactorKind::Inherence], NOW)
            .with_strength(Strength::PhishingResistant);
        let context = AuthenticationContext::new([passkey]);
        let achieved = ladder.achieved(&context, NOW).unwrap().as_str().to_owned();
        assert_eq!(achieved, "phr");
        assert!(from("urn:ciam:acr:aal2").contains(&achieved) && !from("phrh").contains(&achieved));
        for level in ["urn:ciam:acr:aal1", "urn:ciam:acr:aal2", "phr"] {
            assert!(ladder.satisfies(&context, &Acr::new(level), NOW), "{level}");
        }
    }

    #[test]
    fn a_demand_raises_what_is_asked_for_and_never_lowers_it() {
        let ladder = AcrLadder::default().with_phishing_resistant();
        let (low, least, high) =
            (Acr::new("urn:ciam:acr:aal1"), Acr::new("urn:ciam:acr:aal2"), Acr::new("phrh"));
        let only = std::slice::from_ref(&least);
        assert_eq!(ladder.raised(&[], &least), only);
        assert_eq!(ladder.raised(std::slice::from_ref(&low), &least), only);
        assert_eq!(ladder.raised(&[low, high.clone()], &least), [high]);
    }

    #[test]
    fn a_newer_proof_of_the_same_method_replaces_the_older() {
        let context = AuthenticationContext::new([password(NOW), password(NOW + Duration::hours(1))]);
        assert_eq!(context.proofs.len(), 1);
        assert_eq!(context.auth_time(), Some(NOW + Duration::hours(1)));
    }
}
