//! Transaction tokens ([draft-ietf-oauth-transaction-tokens-09](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-transaction-tokens-09)):
//! what a call from outside means, carried unchanged from service to service inside of one trust domain.
//!
//! A gateway that was called with an access token exchanges it at the [token endpoint](crate::token) for a token of this one
//! transaction: who it is for, what it is about, and how much of the access token's scope it needs. It lives for minutes, cannot be
//! presented as an access token, and each service that is called checks it with a [`TransactionValidator`](crate::validate::TransactionValidator).
//!
//! ```
//! use std::sync::Arc;
//!
//! use async_trait::async_trait;
//! use ciam_core::error::PortError;
//! use ciam_core::memory;
//! use ciam_oauth::AuthorizationServer;
//! use ciam_oauth::transaction_token::{
//!     Transaction, TransactionDecision, TransactionPolicy, TransactionTerms, TransactionTokens,
//! };
//!
//! /// The gateway begins transactions, and what it says of them is believed.
//! #[derive(Debug)]
//! struct Gateway;
//!
//! #[async_trait]
//! impl TransactionPolicy for Gateway {
//!     async fn decide(&self, asked: &Transaction<'_>) -> Result<TransactionDecision, PortError> {
//!         if asked.client.id.as_str() != "gateway" {
//!             return Ok(TransactionDecision::Refuse);
//!         }
//!         let terms = TransactionTerms::new().with_details(asked.details.clone()).with_context(asked.context.clone());
//!         Ok(TransactionDecision::Issue(terms))
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let server = AuthorizationServer::builder(memory::ports())
//!     .issuer("https://id.example".parse()?)
//!     .interaction_url("/interaction/")
//!     .transaction_tokens(TransactionTokens::new("shop.internal", Arc::new(Gateway)))
//!     .build()
//!     .await?;
//! # let _ = server;
//! # Ok(())
//! # }
//! ```
//!
//! # Security
//!
//! - Only clients that authenticate and have the grant of token exchange ask, and only for what the policy allows, which is asked each
//!   time.
//! - The subject token is a live access token of this server that is the client's business, as in every [exchange](crate::exchange): its
//!   scope is known, and none is issued that it does not have.
//! - A transaction token may be replaced where that is [turned on](TransactionTokens::with_replacements): for the same transaction,
//!   subject and domain, with no more scope, no other value of what was said, no later end, and with who asked before in it (`act`).
//! - Refresh tokens, tokens of others, and what a workload says of itself (`self_signed`, `unsigned_json`) begin no transaction.
//! - The access token is not in it, and nothing of it is stored: what was revoked in the meantime is not noticed by who has it already.

mod policy;
mod settings;
mod types;

pub use self::policy::{
    Transaction, TransactionDecision, TransactionPolicy, TransactionSubject, TransactionTerms,
};
pub use self::settings::TransactionTokens;
pub use self::types::TransactionClaims;

/// The kind of token, by its registered name (section 15.1 of the draft).
pub const TXN_TOKEN: &str = "urn:ietf:params:oauth:token-type:txn_token";
/// The header that carries a transaction token from one service to the next (section 12.1).
pub const TXN_TOKEN_HEADER: http::HeaderName = http::HeaderName::from_static("txn-token");
/// The `typ` of transaction tokens (section 9.1).
pub(crate) const TYP: &str = "txntoken+jwt";
