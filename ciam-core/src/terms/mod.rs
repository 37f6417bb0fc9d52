//! Terms of service by version: what is in force, who accepted what, and who must accept again.
//!
//! A document (terms of service, privacy notice) has versions. Each says from when it is in force, which texts it has in
//! which languages (by their SHA-256 digests, so that it can be proved what was shown), and whether those who accepted an
//! older version must accept again. [`due`] is the rule; [`Terms`] loads, decides and commits. An acceptance is written
//! once and never changed.
//!
//! ```
//! # #[cfg(feature = "memory")]
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! use ciam_core::actor::Actor;
//! use ciam_core::memory;
//! use ciam_core::terms::{DocumentName, Terms, TermsText, TermsVersion};
//!
//! let ports = memory::ports();
//! let terms = Terms::new(ports.clone());
//! let document = DocumentName::new("terms-of-service")?;
//! let version = TermsVersion::new(document, "2026-11", ports.now())
//!     .with_text("en", TermsText::of("You agree to be kind.").with_url("https://example.com/terms"));
//! terms.publish(version, &Actor::system("example")).await?;
//!
//! // A new person must accept it: the journey asks, and stores the acceptance with the account.
//! assert_eq!(terms.due_at_sign_up().await?.len(), 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! ```

mod model;
mod rule;
mod service;

pub use self::model::{
    AcceptedHow, DocumentName, InvalidDocumentName, Reacceptance, TermsAcceptance, TermsCatalogue, TermsText,
    TermsVersion,
};
pub use self::rule::{TermsDue, due};
pub use self::service::{AcceptTermsError, PublishTermsError, Terms};
