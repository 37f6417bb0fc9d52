//! Whether a session's person has proved themselves just now, at the level of which their account is capable.

use std::collections::BTreeSet;
use std::sync::Arc;

use time::{Duration, OffsetDateTime};

use crate::assurance::{AuthenticationContext, FactorKind};
use crate::credential::Credential;
use crate::factor::Factor;
use crate::store::Versioned;

/// The kinds of factor that an account with these credentials can prove, at most two: what is asked of it before it changes
/// what it signs in with. An account without a further factor is asked for one.
pub(super) fn own_level(
    first: &dyn Factor,
    further: &[Arc<dyn Factor>],
    credentials: &[Versioned<Credential>],
) -> usize {
    let further = further.iter().map(|factor| &**factor);
    let enrolled = std::iter::once(first).chain(further).filter(|factor| factor.is_enrolled(credentials));
    let kinds: BTreeSet<FactorKind> = enrolled.flat_map(|factor| factor.kinds().iter().copied()).collect();
    kinds.len().clamp(1, 2)
}

/// Whether proofs of that many kinds are no older than `recent`.
pub(super) fn is_recent(
    context: &AuthenticationContext,
    level: usize,
    recent: Duration,
    now: OffsetDateTime,
) -> bool {
    let fresh = context.proofs.iter().filter(|proof| now - proof.at <= recent);
    let kinds: BTreeSet<FactorKind> = fresh.clone().flat_map(|proof| proof.kinds.iter().copied()).collect();
    fresh.count() > 0 && kinds.len() >= level
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::assurance::{Amr, Proof};

    const NOW: OffsetDateTime = datetime!(2026-11-26 12:00 UTC);

    #[test]
    fn a_proof_is_recent_at_the_level_that_is_asked_for() {
        let password = |age| Proof::new(Amr::PASSWORD, [FactorKind::Knowledge], NOW - Duration::minutes(age));
        let otp = |age| Proof::new(Amr::OTP, [FactorKind::Possession], NOW - Duration::minutes(age));
        let recent = |proofs: Vec<Proof>, level| {
            is_recent(&AuthenticationContext::new(proofs), level, Duration::minutes(5), NOW)
        };
        assert!(recent(vec![password(5)], 1));
        assert!(!recent(vec![password(6)], 1));
        assert!(!recent(vec![], 1));
        assert!(!recent(vec![password(1)], 2), "one factor of two");
        assert!(!recent(vec![password(1), otp(6)], 2), "one of them is old");
        assert!(recent(vec![password(1), otp(2)], 2));
    }
}
