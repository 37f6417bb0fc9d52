//! Factors, passkeys, step-up, device binding and adaptive risk.
//!
//! # Status
//!
//! This release has no public API: it fixes the name and the place of the crate. What a factor will leave behind works
//! today in [`ciam_core::assurance`]: a *proof*, from which a level of assurance is computed and never stored.
//!
//! ```
//! use ciam_core::assurance::{Acr, AcrLadder, Amr, AuthenticationContext, FactorKind, Proof};
//! use ciam_core::clock::{Clock, SystemClock};
//!
//! let now = SystemClock::new().now();
//! let ladder = AcrLadder::default();
//! let wanted = Acr::new("urn:ciam:acr:aal2");
//!
//! // A password is one kind of factor, and not enough.
//! let mut context = AuthenticationContext::new([Proof::new(Amr::PASSWORD, [FactorKind::Knowledge], now)]);
//! assert!(!ladder.satisfies(&context, &wanted, now));
//!
//! // A one-time code from the person's device is the second kind: stepped up.
//! context.add(Proof::new(Amr::OTP, [FactorKind::Possession], now));
//! assert!(ladder.satisfies(&context, &wanted, now));
//! ```
//!
//! # What it will be
//!
//! - **Passkeys and security keys**: registration and assertion ceremonies of [WebAuthn Level 3], user verification, backup
//!   state, attestation policy, signature counters.
//! - **One-time codes**: [HOTP] and [TOTP] with a record of the last accepted step, so that a code is accepted once.
//! - **Recovery codes**, shown once and stored as digests.
//! - **Step-up**: the sign-in journey of `ciam-core`, entered with a session already there, until a wanted class is reached.
//! - **Device binding**: a key that lives in one browser, asked for before statistics are.
//! - **Adaptive risk**: signals in, an assessment with reasons out, behind core's [`RiskEngine`](ciam_core::risk::RiskEngine).
//!
//! Levels follow [NIST SP 800-63B-4]; methods are named as in [RFC 8176].
//!
//! # Place
//!
//! ```text
//! ciam-core  <-  ciam-mfa
//! ```
//!
//! It will know nothing of OAuth, OpenID Connect, SAML or SCIM: those read what a session proves from core.
//!
//! [WebAuthn Level 3]: https://www.w3.org/TR/webauthn-3/
//! [HOTP]: https://www.rfc-editor.org/rfc/rfc4226
//! [TOTP]: https://www.rfc-editor.org/rfc/rfc6238
//! [NIST SP 800-63B-4]: https://pages.nist.gov/800-63-4/sp800-63b.html
//! [RFC 8176]: https://www.rfc-editor.org/rfc/rfc8176
#![cfg_attr(docsrs, feature(doc_cfg))]
