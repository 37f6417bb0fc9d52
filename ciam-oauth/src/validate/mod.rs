//! Access tokens at a resource server: validated without asking anybody.
//!
//! A [`Validator`] holds the issuer's parsed keys and decides about JWT access tokens
//! ([RFC 9068](https://www.rfc-editor.org/rfc/rfc9068)) in the request's own thread. The keys are a fixed set, or
//! [discovered](discover_keys) and fetched again as the issuer rotates them. A [`CachingValidator`] remembers what it has
//! found good, and a [`DenyList`] makes revocation reach tokens before they expire.
//!
//! ```
//! use ciam_core::crypto;
//! use ciam_core::jose::{Algorithm, KeySet, LocalSigner, sign};
//! use ciam_oauth::validate::{ValidateError, Validator, bearer_token};
//! use time::macros::datetime;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // An issuer's key and one of its tokens, as a test has them; a resource server uses `discover_keys`.
//! let crypto = crypto::ring();
//! let issuer = LocalSigner::generate(&*crypto, Algorithm::Es256)?;
//! let now = datetime!(2026-11-23 12:00 UTC);
//! let claims = serde_json::json!({
//!     "iss": "https://id.example", "aud": "https://api.example", "sub": "alice", "client_id": "shop",
//!     "scope": "orders:read", "exp": now.unix_timestamp() + 600,
//! });
//! let token = sign(&issuer, "at+jwt", &claims).await?;
//!
//! // Once, when the service starts:
//! let keys = KeySet::from(issuer.verification_key(&*crypto)?);
//! let validator = Validator::new("https://id.example".parse()?, "https://api.example", keys)
//!     .with_required_scopes("orders:read".parse()?);
//!
//! // At each request:
//! let mut headers = http::HeaderMap::new();
//! headers.insert("authorization", format!("Bearer {token}").parse()?);
//! let access = validator.validate(bearer_token(&headers)?, now)?;
//! assert_eq!(access.subject(), "alice");
//!
//! // And when it is not let through, this is the answer:
//! let late = validator.validate(&token, now + time::Duration::hours(1)).unwrap_err();
//! assert_eq!(late, ValidateError::Expired);
//! assert_eq!(late.status(), 401);
//! assert!(late.challenge(None).to_str()?.starts_with("Bearer error=\"invalid_token\""));
//! # Ok(())
//! # }
//! ```

mod bearer;
mod binding;
mod cache;
mod challenge;
mod claims;
mod decryption;
mod deny_list;
mod discovery;
mod error;
mod introspection;
mod payload;
mod places;
mod presented;
mod requirements;
mod resource_discovery;
mod resource_metadata;
mod resource_server;
mod rules;
#[cfg(feature = "draft-status-list")]
mod status;
mod token;
#[cfg(feature = "draft-transaction-tokens")]
mod transaction;
mod trust;
mod validator;

pub use self::bearer::bearer_token;
pub use self::binding::SenderConstraint;
pub(crate) use self::binding::check_confirmation;
pub use self::cache::{Access, CachingValidator, Recognition, SharedAccess, TokenCachePolicy};
pub use self::challenge::Challenges;
pub use self::decryption::TokenDecryption;
pub use self::deny_list::{Denied, DenyList};
pub use self::discovery::{DiscoveredKeys, DiscoveryError, discover_keys};
pub use self::error::ValidateError;
pub use self::introspection::{IntrospectionAuth, IntrospectionError, IntrospectionPolicy, Introspector};
pub use self::presented::{Presented, Scheme, authorization};
pub use self::requirements::{ClaimRule, Requirements};
pub use self::resource_discovery::{ResourceDescription, ResourceDiscovery, ResourceDiscoveryError};
pub use self::resource_metadata::ResourceMetadata;
pub use self::resource_server::{Admitted, Refusal, ResourceRequest, ResourceServer};
pub use self::rules::TokenRules;
#[cfg(feature = "draft-status-list")]
#[cfg_attr(docsrs, doc(cfg(feature = "draft-status-list")))]
pub use self::status::{StatusChecker, StatusPolicy};
pub use self::token::AccessToken;
#[cfg(feature = "draft-transaction-tokens")]
#[cfg_attr(docsrs, doc(cfg(feature = "draft-transaction-tokens")))]
pub use self::transaction::TransactionValidator;
pub use self::trust::Keys;
pub use self::validator::Validator;
