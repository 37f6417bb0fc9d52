//! The limits of journeys.

use time::Duration;

use crate::assurance::AcrLadder;
use crate::ratelimit::Limit;
use crate::risk::RiskLevel;

/// The limits of journeys. All are counted before the attempt is looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct JourneyPolicy {
    /// How long a journey may take. Default 30 minutes.
    pub lifetime: Duration,
    /// Failed sign-ins in a row for one identifier from one address. Default 10 in 15 minutes.
    pub sign_in_per_identifier_and_peer: Limit,
    /// Failed sign-ins in a row for one identifier from anywhere. Default 100 in a day: the most that
    /// [NIST SP 800-63B-4](https://pages.nist.gov/800-63-4/sp800-63b.html) allows. A success starts the count again.
    pub sign_in_per_identifier: Limit,
    /// Sign-in attempts from one address. Default 300 in 5 minutes.
    pub sign_in_per_peer: Limit,
    /// Registrations from one address. Default 50 in an hour.
    pub register_per_peer: Limit,
    /// Registration messages to one e-mail address. Default 5 in an hour.
    pub messages_per_address: Limit,
    /// The digits of a code. Default 6.
    pub code_digits: u32,
    /// How long a code is good. Default 15 minutes.
    pub code_lifetime: Duration,
    /// Guesses for one code. Default 5.
    pub code_attempts: u64,
    /// The longest name to be called by, in characters. Default 128.
    pub max_name: usize,
    /// How long the risk engine may take. Default 150 ms.
    pub risk_deadline: std::time::Duration,
    /// What counts when the risk engine fails or is late. Default [`RiskLevel::Medium`].
    pub risk_unanswered: RiskLevel,
    /// The levels of assurance. The same ladder must be given to the protocols.
    pub ladder: AcrLadder,
}

impl Default for JourneyPolicy {
    fn default() -> Self {
        Self {
            lifetime: Duration::minutes(30),
            sign_in_per_identifier_and_peer: Limit::new("sign_in.pair", 10, Duration::minutes(15)),
            sign_in_per_identifier: Limit::new("sign_in.identifier", 100, Duration::days(1)),
            sign_in_per_peer: Limit::new("sign_in.peer", 300, Duration::minutes(5)),
            register_per_peer: Limit::new("register.peer", 50, Duration::hours(1)),
            messages_per_address: Limit::new("register.address", 5, Duration::hours(1)),
            code_digits: 6,
            code_lifetime: Duration::minutes(15),
            code_attempts: 5,
            max_name: 128,
            risk_deadline: std::time::Duration::from_millis(150),
            risk_unanswered: RiskLevel::Medium,
            ladder: AcrLadder::default(),
        }
    }
}
