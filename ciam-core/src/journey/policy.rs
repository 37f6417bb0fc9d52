//! The limits of journeys.

use time::Duration;

use super::enrolment::EnrolmentPolicy;
use super::methods::Methods;
use crate::abuse::{Backoff, MessageBudgets, StuffingPolicy};
use crate::assurance::AcrLadder;
use crate::notify::Channel;
use crate::ratelimit::Limit;
use crate::risk::RiskLevel;

/// The limits of journeys. All are counted before the attempt is looked at; where a refusal says when to try again, it says
/// it of accounts that exist and of those that do not.
///
/// # Security
///
/// Failed sign-ins in a row, and failed further factors, are counted twice: over a short time for one identifier from one
/// source, and over a long time for one identifier from everywhere. The longer the run, the longer the wait.
/// [NIST SP 800-63B-4, section 3.2.2](https://pages.nist.gov/800-63-4/sp800-63b.html) allows 100 failures in a row before an
/// authenticator is disabled. We make the person wait instead: what locks for good can be used by anybody to lock out
/// anybody.
///
/// And who saturates the counts of an account does not lock out its owner: a browser in which the account has signed in
/// before ([`known_browser`](Self::known_browser)) is counted on its own.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct JourneyPolicy {
    /// How long a journey may take. Default 30 minutes.
    pub lifetime: Duration,
    /// Failed sign-ins in a row for one identifier from one source: a known browser, or else an
    /// [address](crate::ratelimit::source_of). Default 10 in 15 minutes.
    pub sign_in_per_identifier_and_peer: Limit,
    /// Failed sign-ins in a row for one identifier from all unknown browsers together, or from one known browser. Default
    /// 100 in a day. A success starts the count again.
    pub sign_in_per_identifier: Limit,
    /// How long a run of failures has to wait behind its first attempts, for the same pair: twice as long each time. Default
    /// from 1 minute behind ten attempts to 1 hour.
    pub sign_in_backoff: Backoff,
    /// How long an attempt over a limit waits for others of the same pair that are still being looked at. One of them that
    /// succeeds makes room, so that a person who signs in in fifty tabs at once is not refused in forty. Default 5 seconds.
    pub sign_in_patience: std::time::Duration,
    /// Sign-in attempts from one address. Stops no known browser. Default 300 in 5 minutes.
    pub sign_in_per_peer: Limit,
    /// Sign-in attempts from one [network](crate::ratelimit::network_of). Stops no known browser. Default 2,000 in 5 minutes.
    pub sign_in_per_network: Limit,
    /// Identifiers that are typed alone, from one address, to see how their people sign in. Default 300 in 5 minutes.
    pub identify_per_peer: Limit,
    /// When a source counts as one that tries stolen passwords.
    pub stuffing: StuffingPolicy,
    /// Where a [check](crate::abuse::HumanCheck) is asked of everybody, and before anything else. Default nowhere: only of
    /// sources that were found out, under pressure, and where risk says so.
    pub human_for: HumanFor,
    /// Answers that one passed [check](crate::abuse::HumanCheck) is good for, where checks are asked for. Default 5.
    pub human_answers: u64,
    /// How long a browser is known after a sign-in. Default 30 days; it ends sooner where the browser's cookie does.
    pub known_browser: Duration,
    /// Wrong answers to one challenge of a further factor, before the journey is over. Default 5.
    pub factor_attempts: u64,
    /// When an account that has further factors is asked for one. Default where it is needed to reach a level or for a risk.
    pub second_factor: SecondFactor,
    /// Whether everybody must have a further factor, and until when that can be put off. Default nobody.
    pub enrolment: EnrolmentPolicy,
    /// The first factors that are allowed. Default a password, or a code by mail.
    pub methods: Methods,
    /// How a code for a forgotten password may be sent. Default by mail only: who takes over a phone number would else
    /// have the password too, and with it whatever a password and a text message open together.
    pub recovery_channels: Vec<Channel>,
    /// How long after a change of a phone number's card ([`SimSwaps`](crate::abuse::SimSwaps)) no code goes to it. Default 72 hours.
    pub sim_age: Duration,
    /// Whether a code goes to a number of whose card nobody could be asked in time. Default `true`: an operator that is down
    /// would else keep everybody out.
    pub sim_unanswered: bool,
    /// Registrations from one address. Default 50 in an hour.
    pub register_per_peer: Limit,
    /// Registrations from one [network](crate::ratelimit::network_of). Default 300 in an hour.
    pub register_per_network: Limit,
    /// Registrations from one [network](crate::ratelimit::network_of) behind which the next ones have to pass a
    /// [check](crate::abuse::HumanCheck). Default 20 in an hour.
    pub check_after_registrations: Limit,
    /// Registrations with addresses of one domain. Default 2,000 in an hour: a large mail provider has many customers, and a
    /// domain that was bought for the purpose has an end.
    pub register_per_domain: Limit,
    /// What may be sent in the name of strangers.
    pub budgets: MessageBudgets,
    /// Recoveries that are asked for from one address. Default 50 in an hour.
    pub recover_per_peer: Limit,
    /// Recoveries that are asked for from one [network](crate::ratelimit::network_of) behind which the next ones have to pass
    /// a [check](crate::abuse::HumanCheck). Default 20 in an hour.
    pub check_after_recoveries: Limit,
    /// Messages with codes that are asked for with one identifier, in a short time: from all unknown browsers together, or
    /// from one known browser. Default 5 in an hour.
    pub messages_per_address: Limit,
    /// The same in a long time. Default 20 in a day. With [`code_attempts`](Self::code_attempts) it bounds how likely a
    /// guesser proves an address that is not theirs: 100 guesses a day at a million codes.
    pub messages_per_address_long: Limit,
    /// Messages with codes that reach one address, whichever of its owner's identifiers was typed; counted as the others.
    /// Over it nothing is sent, and nobody is told. Default 30 in a day.
    pub messages_per_recipient: Limit,
    /// The digits of a code, 6 to 8. Default 6.
    pub code_digits: u32,
    /// How long a code is good. Default 15 minutes.
    pub code_lifetime: Duration,
    /// How long a notice to an owner may be on its way before it is of no use. Default 3 days.
    pub notice_lifetime: Duration,
    /// Guesses for one code. Default 5.
    pub code_attempts: u64,
    /// The longest name to be called by, in characters. Default 128.
    pub max_name: usize,
    /// How long the risk engine may take. Default 150 ms.
    pub risk_deadline: std::time::Duration,
    /// Whether an account that has no further factor is asked for a code to an address of its own, where risk wants more than
    /// a password. Default `true`. Without it, such an account signs in at medium risk, and is refused at high risk.
    pub confirm_by_code: bool,
    /// Whether the list of breached passwords is asked for each password that is typed, as far as the risk engine's deadline
    /// allows. Default `true`; nothing is asked where there is no list.
    pub breached_at_sign_in: bool,
    /// What counts for a sign-in when the risk engine fails or is late. Default [`RiskLevel::Medium`].
    pub risk_unanswered: RiskLevel,
    /// What counts for a registration when the risk engine fails or is late. Default [`RiskLevel::Low`]: a new account has
    /// no second factor yet, so nothing lies between letting everybody in and letting nobody in.
    pub register_risk_unanswered: RiskLevel,
    /// What counts for a recovery when the risk engine fails or is late. Default [`RiskLevel::High`]: an account without a
    /// second factor gets its new password, and no session with it.
    pub recover_risk_unanswered: RiskLevel,
    /// The levels of assurance. The same ladder must be given to the protocols.
    pub ladder: AcrLadder,
}

/// When an account that has further factors is asked for one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SecondFactor {
    /// Where a level of assurance that is asked for needs it, or a risk.
    #[default]
    WhenNeeded,
    /// At each sign-in, unless the first factor was two at once: who adds a factor wants to be asked for it. A code by mail
    /// is no way around it, though it be of the same kind. A device that its person [trusts](crate::session::RememberedDevices)
    /// spares it.
    WhenEnrolled,
}

/// The journeys in which a [check](crate::abuse::HumanCheck) is asked of everybody. The default is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct HumanFor {
    /// In a sign-in. A step-up is none.
    pub sign_in: bool,
    /// In a registration. An invitation came by mail, and is check enough.
    pub sign_up: bool,
    /// In a recovery.
    pub recovery: bool,
}

impl HumanFor {
    /// None.
    #[must_use]
    pub const fn nobody() -> Self {
        Self { sign_in: false, sign_up: false, recovery: false }
    }

    /// Sets whether it is asked in sign-ins.
    #[must_use]
    pub const fn in_sign_in(mut self, asked: bool) -> Self {
        self.sign_in = asked;
        self
    }

    /// Sets whether it is asked in registrations.
    #[must_use]
    pub const fn in_sign_up(mut self, asked: bool) -> Self {
        self.sign_up = asked;
        self
    }

    /// Sets whether it is asked in recoveries.
    #[must_use]
    pub const fn in_recovery(mut self, asked: bool) -> Self {
        self.recovery = asked;
        self
    }
}

impl JourneyPolicy {
    /// The digits of a code, within what is allowed.
    pub(super) fn digits(&self) -> u32 {
        self.code_digits.clamp(6, 8)
    }
}

impl Default for JourneyPolicy {
    fn default() -> Self {
        Self {
            lifetime: Duration::minutes(30),
            sign_in_per_identifier_and_peer: Limit::new("sign_in.pair", 10, Duration::minutes(15)),
            sign_in_per_identifier: Limit::new("sign_in.identifier", 100, Duration::days(1)),
            sign_in_backoff: Backoff::new(10, Duration::minutes(1), Duration::hours(1)),
            sign_in_patience: std::time::Duration::from_secs(5),
            sign_in_per_peer: Limit::new("sign_in.peer", 300, Duration::minutes(5)),
            sign_in_per_network: Limit::new("sign_in.network", 2_000, Duration::minutes(5)),
            identify_per_peer: Limit::new("identify.peer", 300, Duration::minutes(5)),
            stuffing: StuffingPolicy::default(),
            human_for: HumanFor::default(),
            human_answers: 5,
            known_browser: Duration::days(30),
            factor_attempts: 5,
            second_factor: SecondFactor::WhenNeeded,
            enrolment: EnrolmentPolicy::default(),
            methods: Methods::default(),
            recovery_channels: vec![Channel::Email],
            sim_age: Duration::hours(72),
            sim_unanswered: true,
            register_per_peer: Limit::new("register.peer", 50, Duration::hours(1)),
            register_per_network: Limit::new("register.network", 300, Duration::hours(1)),
            check_after_registrations: Limit::new("register.pressure", 20, Duration::hours(1)),
            register_per_domain: Limit::new("register.domain", 2_000, Duration::hours(1)),
            budgets: MessageBudgets::default(),
            recover_per_peer: Limit::new("recover.peer", 50, Duration::hours(1)),
            check_after_recoveries: Limit::new("recover.pressure", 20, Duration::hours(1)),
            messages_per_address: Limit::new("register.address", 5, Duration::hours(1)),
            messages_per_address_long: Limit::new("register.address_long", 20, Duration::days(1)),
            messages_per_recipient: Limit::new("message.recipient", 30, Duration::days(1)),
            code_digits: 6,
            code_lifetime: Duration::minutes(15),
            notice_lifetime: Duration::days(3),
            code_attempts: 5,
            max_name: 128,
            risk_deadline: std::time::Duration::from_millis(150),
            confirm_by_code: true,
            breached_at_sign_in: true,
            risk_unanswered: RiskLevel::Medium,
            register_risk_unanswered: RiskLevel::Low,
            recover_risk_unanswered: RiskLevel::High,
            ladder: AcrLadder::default(),
        }
    }
}
