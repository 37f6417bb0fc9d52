//! The limits of what an owner and an administrator do with an account.

use std::collections::BTreeSet;

use time::Duration;

use super::IdentifierKind;
use crate::ratelimit::Limit;

/// The limits of what an owner and an administrator do with an account.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AccountPolicy {
    /// How long a closed account can be taken back before it is due for erasure. Default 30 days.
    pub grace: Duration,
    /// How recent the proof of a person must be who changes what they sign in with. Default 5 minutes.
    pub recent: Duration,
    /// Current passwords tried as proof of an account's owner. Default 10 in 15 minutes.
    pub password_proofs: Limit,
    /// The kinds of verified identifier that a sign-in can begin with without a password, by a code or link. Say here what
    /// the journeys offer: it decides whether somebody can remove their password. Default none.
    pub passwordless: BTreeSet<IdentifierKind>,
    /// The factors other than the password that a sign-in can begin with. Default none.
    pub first_factors: BTreeSet<String>,
}

impl Default for AccountPolicy {
    fn default() -> Self {
        Self {
            grace: Duration::days(30),
            recent: Duration::minutes(5),
            password_proofs: Limit::new("account.password", 10, Duration::minutes(15)),
            passwordless: BTreeSet::new(),
            first_factors: BTreeSet::new(),
        }
    }
}
