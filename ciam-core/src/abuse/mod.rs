//! What is done against those who try by the thousand.
//!
//! - [`Backoff`]: the longer a run of failures, the longer the wait for the next attempt.
//! - [`StuffingPolicy`]: one source that tries many accounts and fails at nearly all of them is found out, with a bounded
//!   sketch in the ephemeral store; it makes an event, a [risk signal](crate::risk::RiskSignal), and asks for a check.
//! - [`HumanCheck`]: a check that costs a machine something: [proof of work](ProofOfWork) without anybody else's service,
//!   or a captcha of a host's choice. It is asked when [risk](crate::risk::Assessment::human_check) says so, and of a source
//!   that was found out.
//! - [`MessageBudgets`]: what may be sent in the name of registrations, in all and to one country.
//! - [`SimSwaps`]: no code goes to a phone number whose card was changed a short while ago.
//!
//! How attempts are counted is in [`ratelimit`](crate::ratelimit), which limits stand is in
//! [`JourneyPolicy`](crate::journey::JourneyPolicy).

mod backoff;
mod budget;
mod human;
mod in_flight;
mod sim;
mod stuffing;

pub use self::backoff::Backoff;
pub use self::budget::MessageBudgets;
pub use self::human::{HumanChallenge, HumanCheck, NoHumanCheck, ProofOfWork};
pub(crate) use self::in_flight::{Flight, InFlight};
pub(crate) use self::sim::may_text;
pub use self::sim::{NoSimSwaps, SimSwaps};
pub use self::stuffing::StuffingPolicy;
pub(crate) use self::stuffing::{is_flagged, note_attempt, note_refusal};
