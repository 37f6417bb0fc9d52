//! Grants of the host's own ([RFC 6749, section 4.5](https://www.rfc-editor.org/rfc/rfc6749#section-4.5)).
//!
//! A grant type is named by an absolute URI. What it is given for, the host decides; the client's authentication, its
//! registration, the scope, the resource, what the token is bound to and the token itself stay the server's.
//!
//! ```
//! use std::sync::Arc;
//!
//! use async_trait::async_trait;
//! use ciam_core::memory;
//! use ciam_oauth::AuthorizationServer;
//! use ciam_oauth::custom_grant::{CustomDecision, CustomGrant, CustomRequest};
//! use ciam_oauth::error::TokenError;
//!
//! /// A kiosk of ours speaks of the account whose card lies on it.
//! #[derive(Debug)]
//! struct Card;
//!
//! #[async_trait]
//! impl CustomGrant for Card {
//!     fn grant_type(&self) -> &'static str {
//!         "https://id.example/grants/card"
//!     }
//!
//!     async fn decide(&self, asked: &CustomRequest<'_>) -> Result<CustomDecision, TokenError> {
//!         match asked.parameter("card")? {
//!             // Here the host would look the card up.
//!             Some(_) => Ok(CustomDecision::Refuse),
//!             None => Err(asked.missing("card")),
//!         }
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let server = AuthorizationServer::builder(memory::ports())
//!     .issuer("https://id.example".parse()?)
//!     .interaction_url("/interaction/")
//!     .custom_grant(Arc::new(Card))
//!     .build()
//!     .await?;
//! assert!(server.metadata()["grant_types_supported"].to_string().contains("/grants/card"));
//! # Ok(())
//! # }
//! ```

use std::fmt;

use async_trait::async_trait;
use ciam_core::assurance::AuthenticationContext;
use ciam_core::http::{Params, Peer};
use ciam_core::id::AccountId;
use time::OffsetDateTime;

use crate::AuthorizationServer;
use crate::client::Client;
use crate::error::{RequestProblem, TokenError};
use crate::scope::ScopeSet;

/// A grant of the host's own.
///
/// # Contract
///
/// - Asked once for each request of a client that has authenticated and is registered for the grant type.
/// - What is shown is used up here, atomically: the server does not know what it is.
#[async_trait]
pub trait CustomGrant: fmt::Debug + Send + Sync {
    /// The grant type: an absolute URI of the host's own.
    fn grant_type(&self) -> &str;

    /// Decides whom the token is for.
    ///
    /// # Errors
    ///
    /// Fails with what the client is told.
    async fn decide(&self, asked: &CustomRequest<'_>) -> Result<CustomDecision, TokenError>;
}

/// A token request with a grant of the host's own.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct CustomRequest<'a> {
    /// The server.
    pub server: &'a AuthorizationServer,
    /// Who asks.
    pub client: &'a Client,
    /// The parameters of the form.
    pub params: &'a Params,
    /// Who sent it.
    pub peer: &'a Peer,
    /// The time.
    pub now: OffsetDateTime,
}

impl CustomRequest<'_> {
    /// A parameter; `None` when it is not there or empty.
    ///
    /// # Errors
    ///
    /// Fails when it is there twice.
    pub fn parameter(&self, name: &str) -> Result<Option<&str>, TokenError> {
        Ok(self.params.one(name).map_err(RequestProblem::from)?)
    }

    /// The error for a parameter that is missing.
    #[must_use]
    pub const fn missing(&self, name: &'static str) -> TokenError {
        TokenError::InvalidRequest(RequestProblem::Missing(name))
    }
}

/// Whom a token is for.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum CustomDecision {
    /// Nobody: `invalid_grant`.
    Refuse,
    /// The client itself.
    Client,
    /// An account.
    Account {
        /// Which.
        account: AccountId,
        /// How the person was authenticated.
        context: AuthenticationContext,
        /// The scope values that may be granted; `None` for all that the client is registered for.
        scopes: Option<ScopeSet>,
    },
}

impl CustomDecision {
    /// A token for an account, with whatever the client is registered for.
    #[must_use]
    pub const fn account(account: AccountId, context: AuthenticationContext) -> Self {
        Self::Account { account, context, scopes: None }
    }
}
