//! The rules of a sign-in, without I/O: from what is known to what comes next.
//!
//! [`Journeys`](super::Journeys) loads the facts, asks here, and does what it is told. A host that leads its people through
//! steps of its own can ask the same question.

use std::collections::BTreeSet;

use time::OffsetDateTime;

use super::policy::SecondFactor;
use super::types::Requirements;
use crate::assurance::{AcrLadder, Amr, AuthenticationContext, FactorKind, Proof, Strength};
use crate::risk::RiskLevel;

/// A further factor that the account could prove.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Candidate<'a> {
    /// The factor's name.
    pub name: &'a str,
    /// What a proof would stand for.
    pub kinds: &'a [FactorKind],
    /// How hard a proof would be to steal.
    pub strength: Strength,
}

impl<'a> Candidate<'a> {
    /// A further factor.
    #[must_use]
    pub const fn new(name: &'a str, kinds: &'a [FactorKind]) -> Self {
        Self { name, kinds, strength: Strength::Ordinary }
    }

    /// Says how hard a proof would be to steal.
    #[must_use]
    pub const fn with_strength(mut self, strength: Strength) -> Self {
        self.strength = strength;
        self
    }
}

/// What is known in the middle of a sign-in.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Situation<'a, 'name> {
    /// What was proved in this sign-in, oldest first.
    pub proofs: &'a [Proof],
    /// What the browser's live session of the same account has proved before; `None` without one.
    pub session: Option<&'a AuthenticationContext>,
    /// What the sign-in is to reach.
    pub requirements: &'a Requirements,
    /// The levels of assurance.
    pub ladder: &'a AcrLadder,
    /// What the risk assessment says.
    pub risk: RiskLevel,
    /// The further factors in which the account is enrolled, in the order in which they are preferred.
    pub candidates: &'a [Candidate<'name>],
    /// Whether a code can be sent to an address of the account's own, or one has proved that already.
    pub channel: OwnChannel,
    /// When the account is asked for one of them.
    pub second_factor: SecondFactor,
    /// The sign-in goes on with the session, which has the first factor already.
    pub step_up: bool,
    /// The account trusts the browser: it is not asked for a further factor only because it has one.
    pub trusted_device: bool,
    /// The time.
    pub now: OffsetDateTime,
}

/// Whether the account's owner can be asked on an address of their own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OwnChannel {
    /// There is none, or the host wants it that way.
    #[default]
    None,
    /// A code can be sent.
    Available,
    /// A code that was sent was proved in this sign-in.
    Proved,
}

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "whoever asks has to know what to do with each")]
pub enum Decision<'name> {
    /// Ask who the person is, and for the first factor.
    Credentials,
    /// Ask for this further factor.
    Factor(&'name str),
    /// Ask for a code that goes to an address of the account's own.
    Confirm,
    /// Begin the session, or renew it.
    Session,
    /// What is needed cannot be reached. Looks like a wrong password.
    Refuse,
}

impl<'a, 'name> Situation<'a, 'name> {
    /// A situation in which nothing is required and the risk is low.
    #[must_use]
    pub const fn new(
        proofs: &'a [Proof],
        requirements: &'a Requirements,
        ladder: &'a AcrLadder,
        now: OffsetDateTime,
    ) -> Self {
        let second_factor = SecondFactor::WhenNeeded;
        let risk = RiskLevel::Low;
        let channel = OwnChannel::None;
        Self {
            proofs,
            session: None,
            requirements,
            ladder,
            risk,
            candidates: &[],
            channel,
            second_factor,
            step_up: false,
            trusted_device: false,
            now,
        }
    }

    /// Decides what comes next.
    ///
    /// A level of assurance that a client asks for is a wish: when the account cannot reach it, the session begins and the
    /// protocol says what was achieved. What a high risk asks for is not a wish.
    ///
    /// - A sign-in begins with the first factor, even where there is a session: somebody asked for a sign-in. Only a step-up
    ///   begins with a further factor: the session is as fresh as required, not of high risk, and that one factor lifts it to a
    ///   level that is asked for.
    /// - Where risk wants more than the account has enrolled, a code to an address of its own confirms the sign-in. Nobody is
    ///   led to enrol a factor in its place: it would be the attacker who does.
    /// - Risk looks at what was proved in this sign-in alone. Assurance counts the session's proofs too, as long as the level
    ///   says that they are young enough.
    #[must_use]
    pub fn decide(&self) -> Decision<'name> {
        if self.risk >= RiskLevel::Blocked && !self.proofs.is_empty() {
            return Decision::Refuse;
        }
        if self.proofs.is_empty() {
            return self.entry();
        }
        let proved = kinds_of(self.proofs);
        let (wanted_kinds, insists) = kinds_for(self.risk);
        let confirmed = self.candidates.is_empty() && self.channel == OwnChannel::Proved;
        let risk_met = proved.len() >= wanted_kinds || confirmed;
        if self.reaches(None) && risk_met && self.has_second_factor() {
            return Decision::Session;
        }
        match self.choices().first() {
            Some(name) => Decision::Factor(name),
            None if !risk_met && self.candidates.is_empty() && self.channel == OwnChannel::Available => {
                Decision::Confirm
            }
            None if insists && !risk_met => Decision::Refuse,
            None => Decision::Session,
        }
    }

    /// The further factors of which any one takes the sign-in as far as the one that [`decide`](Self::decide) asks for,
    /// which is the first of them: the person may choose another.
    #[must_use]
    pub fn choices(&self) -> Vec<&'name str> {
        let enough = |candidate: &&Candidate<'_>| self.reaches(Some(candidate));
        let candidates: Vec<&Candidate<'name>> = if self.proofs.is_empty() {
            self.candidates.iter().filter(enough).collect()
        } else {
            let useful: Vec<_> = self.candidates.iter().filter(|candidate| self.adds(candidate)).collect();
            // Those that suffice before those that help.
            let sufficing: Vec<_> = useful.iter().copied().filter(enough).collect();
            if useful.is_empty() && !self.has_second_factor() {
                // Another factor of the same kind is better than none.
                self.candidates.iter().collect()
            } else if self.reaches(None) || sufficing.is_empty() {
                useful
            } else {
                sufficing
            }
        };
        candidates.into_iter().map(|candidate| candidate.name).collect()
    }

    /// Whether a further factor was proved where the account has one and is to be asked for it.
    fn has_second_factor(&self) -> bool {
        self.second_factor == SecondFactor::WhenNeeded
            || self.step_up
            || self.spares_a_factor()
            || self.candidates.is_empty()
            || self.proofs.len() > 1
            || kinds_of(self.proofs).len() > 1
    }

    /// Whether the browser is trusted, and nobody has asked for a fresh proof.
    fn spares_a_factor(&self) -> bool {
        let fresh = self.requirements.prove_again || self.requirements.authenticated_since.is_some();
        self.trusted_device && !fresh
    }

    /// Whether a further factor proves what nothing in this sign-in has proved.
    fn adds(&self, candidate: &Candidate<'_>) -> bool {
        let proved = kinds_of(self.proofs);
        let strongest = self.proofs.iter().map(|proof| proof.strength).max().unwrap_or_default();
        candidate.kinds.iter().any(|kind| !proved.contains(kind)) || candidate.strength > strongest
    }

    /// Which further factor a person who has forgotten their password is still to prove, after a code that was sent to them.
    ///
    /// An account with further factors is recovered with one of them: a mailbox alone neither replaces the password nor
    /// begins a session where the owner has asked for more.
    #[must_use]
    pub fn missing_for_recovery(&self) -> Option<&'name str> {
        self.recovery_choices().first().copied()
    }

    /// The further factors of which a recovery needs one, the preferred one first; none when enough was proved.
    #[must_use]
    pub fn recovery_choices(&self) -> Vec<&'name str> {
        if self.proofs.len() > 1 {
            return Vec::new();
        }
        let useful: Vec<_> = self.candidates.iter().filter(|candidate| self.adds(candidate)).collect();
        let candidates = if useful.is_empty() { self.candidates.iter().collect() } else { useful };
        candidates.into_iter().map(|candidate| candidate.name).collect()
    }

    /// Where nothing is proved yet.
    fn entry(&self) -> Decision<'name> {
        let Some(session) = self.session else { return Decision::Credentials };
        let fresh = self
            .requirements
            .authenticated_since
            .is_none_or(|since| session.auth_time().is_some_and(|at| at >= since));
        if self.requirements.prove_again || !fresh || self.risk >= RiskLevel::High || self.reaches(None) {
            return Decision::Credentials;
        }
        self.choices().first().map_or(Decision::Credentials, |name| Decision::Factor(name))
    }

    /// Whether a level that is asked for is reached, with one more factor proved now.
    fn reaches(&self, with: Option<&Candidate<'_>>) -> bool {
        if self.requirements.acr_values.is_empty() {
            return true;
        }
        let session = self.session.filter(|_| !self.requirements.prove_again);
        let earlier = session.map_or(&[][..], |session| &session.proofs);
        let mut context = AuthenticationContext::new(earlier.iter().chain(self.proofs).cloned());
        if let Some(candidate) = with {
            const IMAGINED: Amr = Amr::new("imagined");
            let proof = Proof::new(IMAGINED, candidate.kinds.iter().copied(), self.now);
            context.add(proof.with_strength(candidate.strength));
        }
        self.requirements.acr_values.iter().any(|acr| self.ladder.satisfies(&context, acr, self.now))
    }
}

/// How many kinds of factor a risk level asks for, and whether the sign-in may not go on without them.
const fn kinds_for(risk: RiskLevel) -> (usize, bool) {
    match risk {
        RiskLevel::Low => (1, false),
        RiskLevel::Medium => (2, false),
        RiskLevel::High | RiskLevel::Blocked => (2, true),
    }
}

fn kinds_of(proofs: &[Proof]) -> BTreeSet<FactorKind> {
    proofs.iter().flat_map(|proof| proof.kinds.iter().copied()).collect()
}

#[cfg(test)]
mod tests;
