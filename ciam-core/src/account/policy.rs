//! The limits of what an owner and an administrator do with an account.

use std::collections::BTreeSet;

use time::Duration;

use super::look_alike::skeleton;
use super::{IdentifierKey, IdentifierKind};
use crate::journey::{Methods, SignInMethod};
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
    /// Identifiers that an owner begins to add, and names that they take. Default 10 in a day.
    pub identifier_changes: Limit,
    /// Codes to one new address or number in a short time. Default 5 in an hour.
    pub messages_per_address: Limit,
    /// Codes to one new address or number in a long time. Default 20 in a day.
    pub messages_per_address_long: Limit,
    /// The digits of a code, 6 to 8. Default 6.
    pub code_digits: u32,
    /// How long a code is good. Default 15 minutes.
    pub code_lifetime: Duration,
    /// Guesses for one code. Default 5.
    pub code_attempts: u64,
    /// How long an identifier that was given up can be taken back, and is nobody else's. Default 72 hours.
    pub reservation: Duration,
    /// Names that nobody gets, nor any that looks like one of them.
    pub reserved_names: BTreeSet<String>,
    /// The kinds of verified identifier that a sign-in can begin with without a password, by a code or link. Say here what
    /// the journeys offer, with [`offering`](Self::offering): it decides whether somebody can remove their password. Default
    /// none.
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
            identifier_changes: Limit::new("account.identifiers", 10, Duration::days(1)),
            messages_per_address: Limit::new("account.address", 5, Duration::hours(1)),
            messages_per_address_long: Limit::new("account.address_long", 20, Duration::days(1)),
            code_digits: 6,
            code_lifetime: Duration::minutes(15),
            code_attempts: 5,
            reservation: Duration::hours(72),
            reserved_names: RESERVED_NAMES.iter().map(|name| (*name).to_owned()).collect(),
            passwordless: BTreeSet::new(),
            first_factors: BTreeSet::new(),
        }
    }
}

impl AccountPolicy {
    /// Takes the ways without a password from what the journeys offer.
    #[must_use]
    pub fn offering(mut self, methods: &Methods) -> Self {
        let kinds = [
            (SignInMethod::EmailCode, IdentifierKind::Email),
            (SignInMethod::SmsCode, IdentifierKind::Phone),
        ];
        let offered = kinds.into_iter().filter(|(method, _)| methods.allow(*method));
        self.passwordless = offered.map(|(_, kind)| kind).collect();
        self
    }

    /// Whether a name is one of the house, or looks like one.
    pub(super) fn is_reserved_name(&self, name: &IdentifierKey) -> bool {
        let look = skeleton(name.as_str());
        self.reserved_names.iter().any(|reserved| skeleton(reserved) == look)
    }
}

/// Names of the house: who has one of them is taken for it.
const RESERVED_NAMES: [&str; 40] = [
    "abuse",
    "account",
    "accounts",
    "admin",
    "administrator",
    "anonymous",
    "api",
    "billing",
    "contact",
    "everyone",
    "help",
    "helpdesk",
    "hostmaster",
    "info",
    "mail",
    "me",
    "moderator",
    "nobody",
    "noreply",
    "null",
    "official",
    "operator",
    "owner",
    "postmaster",
    "privacy",
    "root",
    "sales",
    "security",
    "service",
    "settings",
    "staff",
    "status",
    "support",
    "sysadmin",
    "system",
    "team",
    "undefined",
    "user",
    "webmaster",
    "www",
];
