//! Factors for the sign-in journey of `ciam-core`: passkeys, one-time codes from an authenticator, recovery codes, and the
//! management of all of them.
//!
//! ```
//! # #[cfg(feature = "memory")]
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! use std::sync::Arc;
//!
//! use ciam_core::account::Accounts;
//! use ciam_core::journey::Journeys;
//! use ciam_core::memory;
//! use ciam_core::password::{Argon2idHasher, PasswordFactor};
//! use ciam_core::session::SessionManager;
//! use ciam_mfa::manage::Factors;
//! use ciam_mfa::otp::{TotpEnrolment, TotpFactor};
//! use ciam_mfa::recovery::RecoveryCodeFactor;
//! use ciam_mfa::webauthn::{PasskeyEnrolment, PasskeyFactor, RelyingParty};
//! use url::Url;
//!
//! let ports = memory::ports();
//! let sessions = SessionManager::new(ports.clone());
//! let password = PasswordFactor::new(&ports, Arc::new(Argon2idHasher::new()?)).await?;
//!
//! let relying_party =
//!     RelyingParty::new("example.com", "Example")?.with_origin(&Url::parse("https://id.example.com")?)?;
//! let passkey = Arc::new(PasskeyFactor::new(relying_party.clone()));
//! let (totp, recovery) = (Arc::new(TotpFactor::new()), Arc::new(RecoveryCodeFactor::new()));
//!
//! // The same factors for the journeys, which ask for them in this order, and for the accounts, which say what an owner has
//! // to prove.
//! let journeys = Journeys::new(ports.clone(), sessions.clone(), password.clone())
//!     .with_factor(passkey.clone())
//!     .with_factor(totp.clone())
//!     .with_factor(recovery.clone())
//!     // Where everybody must have one, it can be added before the first session.
//!     .with_enrolment(Arc::new(PasskeyEnrolment::new(relying_party.clone())))
//!     .with_enrolment(Arc::new(TotpEnrolment::new("Example")));
//! let accounts = Accounts::new(ports.clone(), sessions.clone(), password)
//!     .with_factor(passkey)
//!     .with_factor(totp)
//!     .with_factor(recovery);
//! let factors = Factors::new(ports, accounts, sessions).with_relying_party(relying_party);
//! # let _ = (journeys, factors);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! ```
//!
//! # A map
//!
//! - [`webauthn`]: passkeys and security keys, as a second factor and as the beginning of a sign-in; attestation.
//! - [`otp`]: TOTP and HOTP, with a record of the last accepted step, so that a code is accepted once.
//! - [`recovery`]: recovery codes, shown once and stored as keyed hashes.
//! - [`manage`]: adding, naming, removing and resetting factors.
//! - [`push`]: approval on a registered device, by number; [`attestation`]: where the keys of devices are kept, as a port.
//! - `dbsc` (feature `draft-dbsc`): sessions that are bound to a key of their browser.
//! - [`risk`]: an adaptive risk engine behind the port of `ciam-core`.
//! - [`transaction`]: what is to be done, shown and signed for with a passkey.
//! - [`event`]: the names of this crate's events.
//! - [`manual`]: what can go wrong and what is done about it, and every default.
//!
//! Codes by mail and text message are ways to sign in of [`ciam_core::journey`]. Levels of assurance, `phr` and `phrh` among
//! them, are in [`ciam_core::assurance`].
//!
//! # Crate features
//!
//! - `draft-dbsc`: Device Bound Session Credentials, after a draft of the W3C. May change in any release.
//! - `memory`: the in-memory ports of `ciam-core`, to try the factors without any adapter.
//! - `testkit`: the manual clock, seeded entropy and contract suites of `ciam-core`.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod added;
pub mod attestation;
#[cfg(feature = "draft-dbsc")]
#[cfg_attr(docsrs, doc(cfg(feature = "draft-dbsc")))]
pub mod dbsc;
pub mod event;
mod key_proof;
pub mod manage;
pub mod manual;
mod notice;
pub mod otp;
pub mod privacy;
pub mod push;
pub mod recovery;
pub mod risk;
pub mod transaction;
pub mod webauthn;
