//! SAML 2.0 identity provider and service provider.
//!
//! # Status
//!
//! This release has no public API: it fixes the name and the place of the crate. What an assertion will say about a sign-in
//! is computed today by [`ciam_core::assurance`], from the same proofs that an ID token speaks of. A tenant whose partners
//! ask for SAML's context classes names its levels so:
//!
//! ```
//! use ciam_core::assurance::{
//!     Acr, AcrLadder, AcrLevel, Amr, AuthenticationContext, FactorKind, Proof,
//! };
//! use ciam_core::clock::{Clock, SystemClock};
//!
//! const PASSWORD: &str = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport";
//! const MFA: &str = "https://refeds.org/profile/mfa";
//!
//! let now = SystemClock::new().now();
//! let ladder = AcrLadder::new(vec![AcrLevel::new(PASSWORD, 1, None), AcrLevel::new(MFA, 2, None)]);
//! let context = AuthenticationContext::new([Proof::new(Amr::PASSWORD, [FactorKind::Knowledge], now)]);
//!
//! // `AuthnContextClassRef` and `AuthnInstant` of the statement:
//! assert_eq!(ladder.achieved(&context, now), Some(&Acr::new(PASSWORD)));
//! assert_eq!(context.auth_time(), Some(now));
//! // A `RequestedAuthnContext` of this class would need a second factor first:
//! assert!(!ladder.satisfies(&context, &Acr::new(MFA), now));
//! ```
//!
//! # What it will be
//!
//! - **Both roles** of the web browser single sign-on and single logout [profiles], over the redirect and POST
//!   [bindings], for the [messages] of SAML 2.0, with an explicit switch, off by default, for unsolicited responses.
//! - **[Metadata]**: parsed, made, refreshed and trusted by configured keys.
//! - **[XML signatures]** that answer *what was signed*: identity is only ever read from the octets that were hashed, after
//!   [exclusive canonicalization], by one hardened parser without document types and with limits.
//! - **[Encrypted assertions]**, with an authenticated cipher unless the response around them is signed.
//! - **Replay**: requests and assertions are taken once through core's [`Ephemeral`](ciam_core::ephemeral::Ephemeral) port.
//!
//! # Place
//!
//! ```text
//! ciam-core  <-  ciam-saml
//! ```
//!
//! It will bring its XML code to nobody who does not ask for SAML, and know nothing of OAuth, OpenID Connect or SCIM.
//!
//! [messages]: https://docs.oasis-open.org/security/saml/v2.0/saml-core-2.0-os.pdf
//! [bindings]: https://docs.oasis-open.org/security/saml/v2.0/saml-bindings-2.0-os.pdf
//! [profiles]: https://docs.oasis-open.org/security/saml/v2.0/saml-profiles-2.0-os.pdf
//! [Metadata]: https://docs.oasis-open.org/security/saml/v2.0/saml-metadata-2.0-os.pdf
//! [XML signatures]: https://www.w3.org/TR/xmldsig-core1/
//! [exclusive canonicalization]: https://www.w3.org/TR/xml-exc-c14n/
//! [Encrypted assertions]: https://www.w3.org/TR/xmlenc-core1/
#![cfg_attr(docsrs, feature(doc_cfg))]
