//! The rules of a sign-in, without I/O.

use time::OffsetDateTime;

use crate::assurance::{AcrLadder, AuthenticationContext, FactorKind};
use crate::risk::RiskLevel;

use super::types::Requirements;

/// A further factor that the account could prove.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Candidate<'a> {
    pub(super) name: &'a str,
    pub(super) kinds: &'a [FactorKind],
}

/// What to do after a proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next<'a> {
    /// Begin the session.
    Session,
    /// Ask for this factor.
    Ask(&'a str),
    /// What is needed cannot be reached.
    Refuse,
}

/// How many kinds of factor a risk level asks for, and whether the sign-in may go on without them.
pub(super) const fn kinds_for(risk: RiskLevel) -> (usize, bool) {
    match risk {
        RiskLevel::Low => (1, false),
        RiskLevel::Medium => (2, false),
        RiskLevel::High => (2, true),
    }
}

/// Decides what comes after the proofs in `context`.
///
/// A level of assurance that a client asks for is a wish: when the account cannot reach it, the session begins and the
/// protocol says what was achieved. A high risk is not.
pub(super) fn after_proof<'a>(
    context: &AuthenticationContext,
    requirements: &Requirements,
    ladder: &AcrLadder,
    risk: RiskLevel,
    candidates: &[Candidate<'a>],
    now: OffsetDateTime,
) -> Next<'a> {
    let (risk_kinds, required) = kinds_for(risk);
    let proved = |context: &AuthenticationContext| {
        context
            .proofs
            .iter()
            .flat_map(|proof| proof.kinds.iter().copied())
            .collect::<std::collections::BTreeSet<_>>()
    };
    let kinds = proved(context);
    let acr_met = requirements.acr_values.is_empty()
        || requirements.acr_values.iter().any(|acr| ladder.satisfies(context, acr, now));
    let risk_met = kinds.len() >= risk_kinds;
    if acr_met && risk_met {
        return Next::Session;
    }
    let adds = |candidate: &&Candidate<'a>| candidate.kinds.iter().any(|kind| !kinds.contains(kind));
    match candidates.iter().find(adds) {
        Some(candidate) => Next::Ask(candidate.name),
        None if required && !risk_met => Next::Refuse,
        None => Next::Session,
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::assurance::{Acr, Amr, Proof};

    const NOW: OffsetDateTime = datetime!(2026-11-23 12:00 UTC);
    const OTP: Candidate<'_> = Candidate { name: "otp", kinds: &[FactorKind::Possession] };
    const PIN: Candidate<'_> = Candidate { name: "pin", kinds: &[FactorKind::Knowledge] };

    fn decide<'a>(proofs: &[Proof], acr: &[&str], risk: RiskLevel, candidates: &[Candidate<'a>]) -> Next<'a> {
        let requirements = Requirements {
            acr_values: acr.iter().map(|acr| Acr::new(*acr)).collect(),
            ..Requirements::default()
        };
        let context = AuthenticationContext::new(proofs.iter().cloned());
        after_proof(&context, &requirements, &AcrLadder::default(), risk, candidates, NOW)
    }

    #[test]
    #[expect(clippy::type_complexity, reason = "a table of cases, one row each")]
    fn a_sign_in_asks_for_what_is_needed_and_no_more() {
        let password = [Proof::new(Amr::PASSWORD, [FactorKind::Knowledge], NOW)];
        let both = [password[0].clone(), Proof::new(Amr::OTP, [FactorKind::Possession], NOW)];
        let aal2 = ["urn:ciam:acr:aal2"];
        let table: [(&[Proof], &[&str], RiskLevel, &[Candidate<'_>], Next<'_>); 10] = [
            (&password, &[], RiskLevel::Low, &[OTP], Next::Session),
            (&password, &aal2, RiskLevel::Low, &[OTP], Next::Ask("otp")),
            (&password, &aal2, RiskLevel::Low, &[PIN, OTP], Next::Ask("otp")),
            (&password, &aal2, RiskLevel::Low, &[PIN], Next::Session),
            (&password, &["urn:unheard-of"], RiskLevel::Low, &[], Next::Session),
            (&password, &[], RiskLevel::Medium, &[OTP], Next::Ask("otp")),
            (&password, &[], RiskLevel::Medium, &[], Next::Session),
            (&password, &[], RiskLevel::High, &[OTP], Next::Ask("otp")),
            (&password, &[], RiskLevel::High, &[PIN], Next::Refuse),
            (&both, &aal2, RiskLevel::High, &[OTP], Next::Session),
        ];
        for (position, (proofs, acr, risk, candidates, expected)) in table.into_iter().enumerate() {
            assert_eq!(decide(proofs, acr, risk, candidates), expected, "row {position}");
        }
    }
}
