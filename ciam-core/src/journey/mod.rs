//! The sign-in journey: a stored state machine from "who are you?" to a session.
//!
//! ```text
//! sign-in:  password, or a code or link by mail or text message ──▶ (risk) ──▶ further factors ──▶ session
//! step-up:  a live session ──▶ the factor that lifts it ──▶ the same session, with another secret
//! sign-up:  registration, with a password or without ──▶ code or link ──▶ account and session
//! invited:  invitation, with a password or without ──▶ account, membership and session
//! recovery: identifier ──▶ code or link ──▶ (further factor) ──▶ new password ──▶ session
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
//! - **Who proves an address has it.** An identifier that was only claimed signs nobody in, recovers nothing, and goes to
//!   whoever proves it; what a stranger put beside it does not survive.
//! - **A link in a mail is opened by programs too.** Opening one changes nothing, and in another browser than the one that
//!   asked for it signs nobody in. See [`JourneyLink`].
//! - **An organization says how its people sign in**, by the domain of their address and never by whether they have an
//!   account. See [`Connections`].
//! - **Recovery goes around nothing.** An account with a further factor is recovered with that factor; a mailbox and the
//!   password that it opens are one kind of factor together.
//! - **Who has a factor proves it before they add another**, also where a tenant or an organization demands one that they lack.
//!   See [`EnrolmentPolicy`].
//! - **No session before the terms.** Every way to a session asks for terms that are due and for attributes that are missing.
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

mod after;
mod challenge;
mod code;
mod conclude;
mod confirm;
pub mod decision;
mod enrolment;
mod federated;
mod first;
mod human;
mod invitation;
mod legacy;
mod link;
mod methods;
mod passwordless;
mod policy;
mod realm;
mod reclaim;
mod recovery;
mod service;
mod sign_in;
mod sign_up;
mod state;
mod step;
mod take_back;
mod throttle;
mod types;

pub use self::challenge::{
    Acceptance, AcceptedVersion, Answer, AttributeAsk, Challenge, CodePurpose, FirstFactorAsk, Registration,
    TermsAsk,
};
pub use self::enrolment::{Enrolled, Enrolment, EnrolmentPolicy};
pub use self::invitation::{AccountInvitation, AccountInvitations, InviteError, Invited};
pub use self::link::{JourneyLink, LinkOpened};
pub use self::methods::{Methods, SignInMethod};
pub use self::policy::{HumanFor, JourneyPolicy, SecondFactor};
pub use self::realm::{Connections, NoConnections};
pub use self::service::Journeys;
pub use self::state::JourneyHandle;
pub use self::step::{Refusal, RefusalReason, SignedIn, Step};
pub use self::types::{JourneyError, Requirements, Visitor};
