//! Token exchange ([RFC 8693](https://www.rfc-editor.org/rfc/rfc8693)): a service that was called with a token asks for one of
//! its own, to call the next service with, for the same person.
//!
//! The client authenticates, shows the token that it holds (the *subject token*), and, when somebody acts for the subject, the
//! token of that one (the *actor token*). Whether that is allowed is for the host to say: an [`ExchangePolicy`] is asked each
//! time, and [the default](NoExchange) refuses. Around it stands what no policy can change:
//!
//! - Only clients that authenticate exchange, and only tokens that are their business: issued to them, or for a resource that they
//!   [serve](crate::client::Client::serves). A token that was issued to the client itself and is bound needs its proof.
//! - Both tokens are live tokens of this server, not revoked, of an account that may sign in.
//! - The new token is for one resource that the client may name, has no more scope than the subject token carried unless the policy
//!   names it, ends no later than the subject token, and dies with its grant.
//! - Who acts for whom is in the token: `act`, one for each step, [`MAX_ACTORS`] at most unless the server's
//!   [limits](crate::server::Limits::actors) say otherwise.
//! - A token that says who may act for its subject ([`MayAct`]) is exchanged by nobody else.
//!
//! ```
//! use std::sync::Arc;
//!
//! use async_trait::async_trait;
//! use ciam_core::error::PortError;
//! use ciam_core::memory;
//! use ciam_oauth::AuthorizationServer;
//! use ciam_oauth::exchange::{Exchange, ExchangeDecision, ExchangePolicy};
//!
//! /// The order service may call the stock service in the name of whoever called it.
//! #[derive(Debug)]
//! struct OrdersToStock;
//!
//! #[async_trait]
//! impl ExchangePolicy for OrdersToStock {
//!     async fn decide(&self, asked: &Exchange<'_>) -> Result<ExchangeDecision, PortError> {
//!         let known = asked.client.id.as_str() == "orders"
//!             && asked.resource.identifier.as_str() == "https://stock.example";
//!         // The order service is named in the token: it acts, the person is whom it acts for.
//!         Ok(if known { ExchangeDecision::delegate() } else { ExchangeDecision::Refuse })
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let server = AuthorizationServer::builder(memory::ports())
//!     .issuer("https://id.example".parse()?)
//!     .interaction_url("/interaction/")
//!     .token_exchange(Arc::new(OrdersToStock))
//!     .build()
//!     .await?;
//! let grants = server.metadata()["grant_types_supported"].to_string();
//! assert!(grants.contains("urn:ietf:params:oauth:grant-type:token-exchange"));
//! # Ok(())
//! # }
//! ```

mod policy;
mod types;

pub use self::policy::{Exchange, ExchangeDecision, ExchangePolicy, ExchangeTerms, NoExchange};
pub use self::types::{Actor, MayAct, TokenKind};

/// At most this many act for each other unless [configured](crate::server::Limits::actors): the chain in `act` is no longer.
pub const MAX_ACTORS: usize = 4;
