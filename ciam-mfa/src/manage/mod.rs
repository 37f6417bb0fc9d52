//! Adding, naming, removing and resetting the factors of an account.
//!
//! [`Factors`] is what an account page calls. Every change is one commit with its event, a message to the owner, and the
//! session that it was made in, which goes on with a new secret.
//!
//! # Security
//!
//! - **A stolen session enrols nothing and removes nothing.** Every change asks for proofs of the last minutes
//!   ([`AccountPolicy::recent`](ciam_core::account::AccountPolicy::recent)) at the level of which the account is capable.
//! - **Equal strength.** A passkey is removed by who has just used a passkey, or a recovery code: not by a password and a
//!   code that a false site can ask for.
//! - **Never the last way in**, and never what the host's policy requires.
//! - **Removal signs everybody else out**: the account's epoch is raised in the same commit.
//! - **A secret is shown once.** An enrolment that was begun belongs to the session in which it was, for ten minutes and
//!   five tries, and becomes a factor only when a code of it was typed. That code is used up.

mod change;
mod error;
mod list;
mod otp;
mod passkey;
mod push;
mod recovery;
mod remove;
mod reset;
mod service;

pub use self::error::FactorError;
pub use self::list::EnrolledFactor;
pub use self::otp::TotpOffer;
pub use self::passkey::PasskeyOffer;
pub use self::push::{PushOffer, PushRegistered};
pub use self::service::{FactorLimits, Factors};
