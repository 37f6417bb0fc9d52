//! Who may exchange what for what: the host's to say.

use std::fmt;

use async_trait::async_trait;
use ciam_core::error::PortError;
use time::{Duration, OffsetDateTime};

use crate::access_token::ActiveToken;
use crate::client::Client;
use crate::scope::ScopeSet;
use crate::server::ResourceServer;

/// Decides about token exchanges.
///
/// # Contract
///
/// - Asked for each exchange, after the client has authenticated and both tokens were found live, and before anything is issued.
/// - An error refuses.
#[async_trait]
pub trait ExchangePolicy: fmt::Debug + Send + Sync {
    /// Decides.
    ///
    /// # Errors
    ///
    /// Fails when what has to be asked does not answer: the exchange is refused.
    async fn decide(&self, asked: &Exchange<'_>) -> Result<ExchangeDecision, PortError>;
}

/// What is to be exchanged.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Exchange<'a> {
    /// Who asks.
    pub client: &'a Client,
    /// The token that is exchanged, and whose it is.
    pub subject: &'a ActiveToken,
    /// The token of the one who acts, when the request has one.
    pub actor: Option<&'a ActiveToken>,
    /// What the new token is to be for.
    pub resource: &'a ResourceServer,
    /// The scope that is asked for; `None` for whatever there is.
    pub asked: Option<&'a ScopeSet>,
    /// What of the subject token's scope means something at the resource and is the client's to ask for.
    pub carried: &'a ScopeSet,
    /// The time.
    pub now: OffsetDateTime,
}

/// What a policy says.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExchangeDecision {
    /// No.
    Refuse,
    /// The new token speaks of the subject alone: whoever is called cannot tell that somebody else calls
    /// ([RFC 8693, section 1.1](https://www.rfc-editor.org/rfc/rfc8693#section-1.1)). Not for requests with an actor token.
    Impersonate(ExchangeTerms),
    /// The new token names who acts for the subject: the subject of the actor token, or without one the client.
    Delegate(ExchangeTerms),
}

impl ExchangeDecision {
    /// Delegation on the usual terms.
    #[must_use]
    pub fn delegate() -> Self {
        Self::Delegate(ExchangeTerms::default())
    }

    /// Impersonation on the usual terms.
    #[must_use]
    pub fn impersonate() -> Self {
        Self::Impersonate(ExchangeTerms::default())
    }
}

/// On which terms.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExchangeTerms {
    /// The scope of the new token; `None` for what was asked of what the subject token carried.
    pub scopes: Option<ScopeSet>,
    /// The longest that it lives, if that is shorter than the resource and the subject token say.
    pub lifetime: Option<Duration>,
}

impl ExchangeTerms {
    /// The scope of the new token: what the person allowed for another resource may mean this here.
    ///
    /// # Security
    ///
    /// It may be more than the subject token had. It is never more than the resource knows and the client is registered for.
    #[must_use]
    pub fn with_scopes(mut self, scopes: ScopeSet) -> Self {
        self.scopes = Some(scopes);
        self
    }

    /// The longest that the new token lives.
    #[must_use]
    pub const fn with_lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = Some(lifetime);
        self
    }
}

/// Nobody exchanges anything: the default.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct NoExchange;

impl NoExchange {
    /// Nobody exchanges anything.
    #[must_use]
    pub const fn new() -> Self {
        Self
    }
}

#[async_trait]
impl ExchangePolicy for NoExchange {
    async fn decide(&self, _: &Exchange<'_>) -> Result<ExchangeDecision, PortError> {
        Ok(ExchangeDecision::Refuse)
    }
}
