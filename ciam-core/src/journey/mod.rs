//! The sign-in journey: a stored state machine from "who are you?" to a session.
//!
//! ```text
//! sign-in:  credentials ──▶ (risk) ──▶ further factors ──▶ session
//! sign-up:  registration ──▶ code from the e-mail ──▶ account and session
//! ```
//!
//! Each step takes a typed [`Answer`] and returns the next [`Challenge`], as JSON-able values: one implementation serves a
//! server-rendered page, a single-page application and a native app. A journey lives in the ephemeral store, belongs to the
//! browser that began it, and is good for one session.
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

mod decide;
mod policy;
mod service;
mod sign_in;
mod sign_up;
mod state;
mod types;

pub use self::policy::JourneyPolicy;
pub use self::service::Journeys;
pub use self::state::JourneyHandle;
pub use self::types::{
    Answer, Challenge, JourneyError, Refusal, RefusalReason, Registration, Requirements, SignedIn, Step,
    Visitor,
};
