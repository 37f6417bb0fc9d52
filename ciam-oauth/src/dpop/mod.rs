//! Demonstrating proof of possession: DPoP ([RFC 9449](https://www.rfc-editor.org/rfc/rfc9449)).
//!
//! A client signs a small JWT for each request, the *proof*: this method, this address, now, and (at a resource) this token.
//! [`DpopChecker`] checks it, once for all who need it: an authorization server before it issues a token for the key, a
//! resource server before it accepts a token that is bound to one.
//!
//! - [`check_proof`] is the rule: pure, and complete but for what needs memory.
//! - [`DpopChecker`] adds what needs it: each proof is accepted once ([`Ephemeral`](ciam_core::ephemeral::Ephemeral)), and
//!   [`DpopNonces`] say whether a nonce is one of ours without remembering any.
//!
//! ```
//! use ciam_core::crypto;
//! use ciam_core::jose::{Algorithm, LocalSigner};
//! use ciam_core::memory;
//! use ciam_oauth::dpop::{DpopChecker, DpopError, DpopSigner, ProofRequest};
//! use http::{HeaderMap, Method};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let ports = memory::ports();
//! let (method, url) = (Method::GET, "https://api.example/orders");
//!
//! // The client:
//! let key = LocalSigner::generate(&*crypto::ring(), Algorithm::Es256)?;
//! let client = DpopSigner::new(key).ok_or("a shared secret proves nothing")?;
//! let proof = client.proof(&ports, &method, url, None, Some("the access token")).await?;
//!
//! // The resource server:
//! let checker = DpopChecker::new(ports);
//! let mut headers = HeaderMap::new();
//! headers.insert("dpop", proof.parse()?);
//! let request = ProofRequest::new(&method, url).with_token("the access token");
//! let proven = checker.check(&headers, &request).await?;
//! assert_eq!(proven.thumbprint(), client.thumbprint());
//! // It is used up:
//! assert!(matches!(checker.check(&headers, &request).await, Err(DpopError::Replayed)));
//! # Ok(())
//! # }
//! ```
//!
//! # Security
//!
//! - Only public keys, only asymmetric algorithms, one header, one spelling: what [`jose`](ciam_core::jose) refuses is refused.
//! - A proof is remembered by its key, its address and its `jti` together, after every other check: nobody uses up the `jti` of
//!   somebody else, and a proof that was refused for another reason was not used.
//! - When the memory cannot be asked, the proof is refused ([`DpopError::Unavailable`]).

mod checker;
mod error;
mod nonce;
mod proof;
mod settings;
mod signer;
mod target;

pub use self::checker::{DpopChecker, ProvenKey};
pub use self::error::DpopError;
pub use self::nonce::DpopNonces;
pub use self::proof::{CheckedProof, DpopPolicy, ProofRequest, check_proof};
pub use self::settings::DpopSettings;
pub use self::signer::DpopSigner;

/// The request header that carries a proof ([RFC 9449, section 4.1](https://www.rfc-editor.org/rfc/rfc9449#section-4.1)).
pub const DPOP: http::HeaderName = http::HeaderName::from_static("dpop");

/// The response header that carries a nonce for the next proof
/// ([RFC 9449, section 8](https://www.rfc-editor.org/rfc/rfc9449#section-8)).
pub const DPOP_NONCE: http::HeaderName = http::HeaderName::from_static("dpop-nonce");
