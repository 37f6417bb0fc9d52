//! Confirmation of a transaction: what is to be done is shown, and signed for with a passkey.
//!
//! What is to be done is said as the `authorization_details` of
//! [RFC 9396](https://www.rfc-editor.org/rfc/rfc9396#section-2): objects with a `type`. The challenge that the passkey signs is the
//! digest of exactly the text that was shown and of a random number, so that whoever keeps the
//! [`SignedTransaction`] can show at any time what was agreed to, by which passkey and when.
//!
//! ```text
//! begin(details) ──▶ page: shows the details, asks the browser with the options
//!                      └─▶ confirm(answer) ──▶ SignedTransaction, an event
//! ```
//!
//! ```
//! use ciam_mfa::transaction::TransactionDetails;
//!
//! let details = TransactionDetails::parse(
//!     r#"[{"type":"payment_initiation","instructedAmount":{"currency":"EUR","amount":"123.50"},"creditorName":"Merchant A"}]"#,
//! )?;
//! assert_eq!(details.types().collect::<Vec<_>>(), ["payment_initiation"]);
//! assert!(TransactionDetails::parse(r#"[{"amount":"123.50"}]"#).is_err());
//! # Ok::<(), ciam_mfa::transaction::InvalidDetails>(())
//! ```
//!
//! # Security
//!
//! - **What you see is what you sign.** Show [`TransactionDetails::items`] of the offer and nothing else; it cannot be exchanged
//!   between the offer and the signature.
//! - **For this and no other.** A challenge is for one session and taken once, whatever the answer is. A signature of a sign-in
//!   confirms nothing, and the other way round.
//! - **By the person.** The authenticator has to verify them: a device that lies open confirms nothing.
//! - A browser that is in somebody else's hands shows what they like. Against that help authenticators with a display of their
//!   own.

mod details;
mod service;
mod signed;

pub use self::details::{InvalidDetails, TransactionDetails};
pub use self::service::{TransactionError, TransactionOffer, Transactions};
pub use self::signed::SignedTransaction;
