//! The sign-in journey: a stored state machine from "who are you?" to a session.
//!
//! ```text
//! sign-in:  credentials ──▶ (risk) ──▶ further factors ──▶ session
//! step-up:  a live session ──▶ the factor that lifts it ──▶ the same session, with another secret
//! sign-up:  registration ──▶ code from the e-mail ──▶ account and session
//! ```
//!
//! Each step takes a typed [`Answer`] and returns the next [`Challenge`], as JSON-able values: one implementation serves a
//! server-rendered page, a single-page application and a native app. A journey lives in the ephemeral store, belongs to the
//! browser that began it, and is good for one session. What comes next is decided without I/O, in [`decision`].
//!
//! # Security
//!
//! - **Nobody learns who has an account.** Whatever the reason, a refused sign-in is the same answer after the same port calls
//!   and the same one password hash; a registration for a taken address goes on like any other, and its owner gets a message.
//! - **Nobody guesses for long, and nobody is locked out by a stranger.** See [`JourneyPolicy`].
//! - **What was proved still holds when the session begins.** The commit requires the account and the credentials as they
//!   were proved: a password change or a suspension at the same moment wins.
//! - **One answer, one session.** A compare-and-swap takes the journey out of everybody's hands before the commit; a crash in
//!   between ends the journey and leaves nothing else.
//! - **A new secret at every change of privilege**, and a new session for another person: what a stranger put into the
//!   browser before is worth nothing after.
//!
//! ```
//! # #[cfg(all(feature = "memory", feature = "argon2"))]
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use std::sync::Arc;
//!
//! use ciam_core::http::{BrowserId, Peer};
//! use ciam_core::journey::{Answer, Journeys, Requirements, Step, Visitor};
//! use ciam_core::memory;
//! use ciam_core::password::{Argon2idHasher, PasswordFactor};
//! use ciam_core::session::SessionManager;
//!
//! let ports = memory::ports();
//! let password = PasswordFactor::new(&ports, Arc::new(Argon2idHasher::new()?)).await?;
//! let journeys = Journeys::new(ports.clone(), SessionManager::new(ports.clone()), password);
//!
//! let browser = BrowserId::generate(ports.entropy())?;
//! let visitor = Visitor::new(&browser, Peer::new([127, 0, 0, 1].into()));
//! let (handle, _challenge) = journeys.begin_sign_in(&visitor, Requirements::default()).await?;
//! let answer = Answer::credentials("ada@example.com", "correct horse battery staple");
//! match journeys.answer(&handle, &visitor, answer).await? {
//!     Step::Done(signed_in) => println!("welcome, {}", signed_in.session.account),
//!     Step::Challenge(challenge) => println!("next: {challenge:?}"),
//!     Step::Refused(refusal) => println!("no: {}", refusal.reason.code()),
//! }
//! # Ok(())
//! # }
//! ```

pub mod decision;
mod legacy;
mod policy;
mod service;
mod sign_in;
mod sign_up;
mod state;
mod throttle;
mod types;

pub use self::policy::JourneyPolicy;
pub use self::service::Journeys;
pub use self::state::JourneyHandle;
pub use self::types::{
    Answer, Challenge, JourneyError, Refusal, RefusalReason, Registration, Requirements, SignedIn, Step,
    Visitor,
};
