//! JWTs of others as grants ([RFC 7523, section 2.1](https://www.rfc-editor.org/rfc/rfc7523#section-2.1)): a client shows what an
//! issuer that the host trusts has said of a person, and is given an access token for them.
//!
//! Whom an issuer may speak of is for the host to say: an [`AssertionPolicy`] is asked each time, with an assertion whose
//! signature, audience, time and single use were checked.
//!
//! ```
//! use std::sync::Arc;
//!
//! use async_trait::async_trait;
//! use ciam_core::account::IdentifierKey;
//! use ciam_core::error::PortError;
//! use ciam_core::memory;
//! use ciam_oauth::AuthorizationServer;
//! use ciam_oauth::client::ClientKeys;
//! use ciam_oauth::jwt_bearer::{Assertion, AssertionPolicy, AssertionSubject, TrustedIssuer};
//!
//! /// The directory of the company speaks of people by their verified addresses.
//! #[derive(Debug)]
//! struct Directory;
//!
//! #[async_trait]
//! impl AssertionPolicy for Directory {
//!     async fn subject(&self, asked: &Assertion<'_>) -> Result<AssertionSubject, PortError> {
//!         let Ok(key) = IdentifierKey::email(asked.subject) else { return Ok(AssertionSubject::Refuse) };
//!         let found = asked.server.ports().store().account_by_identifier(&key).await?;
//!         Ok(found.map_or(AssertionSubject::Refuse, |found| AssertionSubject::Account(found.value.id)))
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let directory =
//!     TrustedIssuer::new("https://directory.example", ClientKeys::JwksUri("https://directory.example/jwks".into()));
//! let server = AuthorizationServer::builder(memory::ports())
//!     .issuer("https://id.example".parse()?)
//!     .interaction_url("/interaction/")
//!     .jwt_bearer([directory], Arc::new(Directory))
//!     .build()
//!     .await?;
//! let grants = server.metadata()["grant_types_supported"].to_string();
//! assert!(grants.contains("urn:ietf:params:oauth:grant-type:jwt-bearer"));
//! # Ok(())
//! # }
//! ```
//!
//! # Security
//!
//! - Only clients that authenticate, and only those that the issuer is trusted for.
//! - The audience is this server's issuer and nothing else; an assertion for others as well could be taken from them and used here.
//! - `exp` is needed and bounded, `jti` is needed and used once.
//! - There is no refresh token: the client comes back with another assertion.

use std::collections::BTreeSet;
use std::fmt;

use async_trait::async_trait;
use ciam_core::error::PortError;
use ciam_core::id::AccountId;
use ciam_core::jose::AlgorithmSet;
use serde_json::{Map, Value};
use time::{Duration, OffsetDateTime};

use crate::AuthorizationServer;
use crate::client::{Client, ClientId, ClientKeys};
use crate::scope::ScopeSet;

/// An issuer whose word counts.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TrustedIssuer {
    /// Its name, as it stands in `iss`.
    pub issuer: String,
    /// Where its public keys are.
    pub keys: ClientKeys,
    /// What it signs with. Default every asymmetric algorithm.
    pub algorithms: AlgorithmSet,
    /// Who may show its assertions; `None`, the default, for every client with the grant.
    pub clients: Option<BTreeSet<ClientId>>,
    /// The scope values that its word is enough for; `None`, the default, for all that the client is registered for.
    pub scopes: Option<ScopeSet>,
    /// How long an assertion may be valid. Default 10 minutes.
    pub max_lifetime: Duration,
}

impl TrustedIssuer {
    /// An issuer with its keys.
    #[must_use]
    pub fn new(issuer: impl Into<String>, keys: ClientKeys) -> Self {
        Self {
            issuer: issuer.into(),
            keys,
            algorithms: AlgorithmSet::ASYMMETRIC,
            clients: None,
            scopes: None,
            max_lifetime: Duration::minutes(10),
        }
    }

    /// Lets these clients alone show its assertions.
    #[must_use]
    pub fn for_clients(mut self, clients: impl IntoIterator<Item = ClientId>) -> Self {
        self.clients = Some(clients.into_iter().collect());
        self
    }

    /// Lets its word be enough for these scope values alone.
    #[must_use]
    pub fn with_scopes(mut self, scopes: ScopeSet) -> Self {
        self.scopes = Some(scopes);
        self
    }

    /// Sets what it signs with.
    #[must_use]
    pub const fn with_algorithms(mut self, algorithms: AlgorithmSet) -> Self {
        self.algorithms = algorithms;
        self
    }
}

/// Decides whom an assertion speaks of.
///
/// # Contract
///
/// - Asked for each assertion, after everything about it was found good and before it is used up.
/// - An error refuses.
#[async_trait]
pub trait AssertionPolicy: fmt::Debug + Send + Sync {
    /// Decides.
    ///
    /// # Errors
    ///
    /// Fails when what has to be asked does not answer: the assertion is refused.
    async fn subject(&self, asked: &Assertion<'_>) -> Result<AssertionSubject, PortError>;
}

/// An assertion of a trusted issuer.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Assertion<'a> {
    /// The server.
    pub server: &'a AuthorizationServer,
    /// Who shows it.
    pub client: &'a Client,
    /// Whose word it is.
    pub issuer: &'a TrustedIssuer,
    /// Whom it speaks of, as the issuer says.
    pub subject: &'a str,
    /// Everything that it says.
    pub claims: &'a Map<String, Value>,
    /// The time.
    pub now: OffsetDateTime,
}

/// Whom an assertion speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AssertionSubject {
    /// Nobody who is known here, or whom this issuer may not speak of.
    Refuse,
    /// This account.
    Account(AccountId),
}

/// Nobody's word counts: the default.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct NoAssertions;

impl NoAssertions {
    /// Nobody's word counts.
    #[must_use]
    pub const fn new() -> Self {
        Self
    }
}

#[async_trait]
impl AssertionPolicy for NoAssertions {
    async fn subject(&self, _: &Assertion<'_>) -> Result<AssertionSubject, PortError> {
        Ok(AssertionSubject::Refuse)
    }
}
