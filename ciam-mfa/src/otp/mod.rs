//! One-time codes from an authenticator app or a token: TOTP ([RFC 6238](https://www.rfc-editor.org/rfc/rfc6238)) and HOTP
//! ([RFC 4226](https://www.rfc-editor.org/rfc/rfc4226)).
//!
//! The arithmetic is in [`OtpParameters`], without I/O. [`TotpFactor`] and [`HotpFactor`] plug it into the journey of
//! `ciam-core`; [`Factors`](crate::manage::Factors) enrols.
//!
//! ```
//! use ciam_core::crypto;
//! use ciam_mfa::otp::{OtpParameters, OtpSeed};
//!
//! // The first value of RFC 4226, appendix D.
//! let seed = OtpSeed::from_bytes(b"12345678901234567890".to_vec())?;
//! let code = OtpParameters::default().code(&*crypto::ring(), &seed, 0);
//! assert_eq!(code.expose(), "755224");
//! # Ok::<(), ciam_mfa::otp::InvalidSeed>(())
//! ```
//!
//! # Security
//!
//! - **Once.** The number of the step that was accepted is on the credential, and the commit requires that nobody has moved
//!   it: of two requests with the same code, on whichever nodes, one proves the person. A code that is older than the last
//!   accepted one is refused too.
//! - **Seeds** are sealed under the account's key. They are shown once, when they are made.
//! - **Guesses** are counted by the journey, per factor and account, before a code is looked at.
//! - Not resistant to phishing: a false site can ask for the code and use it. Offer passkeys beside it.
//!
//! Not here: codes by mail or text message, which are ways to sign in of `ciam-core`'s journeys.

mod enrolment;
mod hotp;
mod parameters;
mod seed;
mod stored;
mod totp;
mod uri;

pub use self::enrolment::TotpEnrolment;
pub use self::hotp::HotpFactor;
pub use self::parameters::{OtpAlgorithm, OtpDigits, OtpParameters};
pub use self::seed::{InvalidSeed, OtpSeed};
pub(crate) use self::stored::{credential, open_seed, seal_seed};
pub use self::totp::{Drift, TotpFactor};
pub use self::uri::provisioning_uri;
