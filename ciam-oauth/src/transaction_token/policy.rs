//! Who begins which transaction: the host's to say.

use std::fmt;

use async_trait::async_trait;
use ciam_core::error::PortError;
use serde_json::{Map, Value};
use time::{Duration, OffsetDateTime};

use super::types::TransactionClaims;
use crate::access_token::ActiveToken;
use crate::client::Client;
use crate::scope::ScopeSet;

/// Decides about transaction tokens
/// ([section 13.10](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-transaction-tokens-09#section-13.10)).
///
/// # Contract
///
/// - Asked for each token, after the client has authenticated and what it shows was found good, and before anything is issued.
/// - An error refuses.
#[async_trait]
pub trait TransactionPolicy: fmt::Debug + Send + Sync {
    /// Decides.
    ///
    /// # Errors
    ///
    /// Fails when what has to be asked does not answer: nothing is issued.
    async fn decide(&self, asked: &Transaction<'_>) -> Result<TransactionDecision, PortError>;
}

/// What is asked for.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Transaction<'a> {
    /// Who asks.
    pub client: &'a Client,
    /// What it shows.
    pub subject: TransactionSubject<'a>,
    /// What it is for: no more than what is shown allows.
    pub scopes: &'a ScopeSet,
    /// The circumstances, as the client tells them.
    pub context: &'a Map<String, Value>,
    /// What it is about, as the client tells it.
    pub details: &'a Map<String, Value>,
    /// The time.
    pub now: OffsetDateTime,
}

/// What a transaction begins with, or goes on with.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum TransactionSubject<'a> {
    /// An access token with which the client was called, or its own.
    Access(&'a ActiveToken),
    /// A transaction token, for which another one is wanted.
    Replaced(&'a TransactionClaims),
}

/// What a policy says.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum TransactionDecision {
    /// No.
    Refuse,
    /// On these terms.
    Issue(TransactionTerms),
}

/// On which terms.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct TransactionTerms {
    /// The most that the token is for, if that is less than what was asked.
    pub scopes: Option<ScopeSet>,
    /// What the token says of the circumstances (`rctx`).
    pub context: Map<String, Value>,
    /// What the token says that it is about (`tctx`).
    pub details: Map<String, Value>,
    /// The longest that it lives, if that is shorter than the server says.
    pub lifetime: Option<Duration>,
}

impl TransactionTerms {
    /// What was asked for, and nothing said about it.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the most that the token is for.
    #[must_use]
    pub fn with_scopes(mut self, scopes: ScopeSet) -> Self {
        self.scopes = Some(scopes);
        self
    }

    /// Sets what the token says of the circumstances. What a token said before that is replaced stays; the same name with another
    /// value is refused.
    #[must_use]
    pub fn with_context(mut self, context: Map<String, Value>) -> Self {
        self.context = context;
        self
    }

    /// Sets what the token says that it is about, in the same way.
    #[must_use]
    pub fn with_details(mut self, details: Map<String, Value>) -> Self {
        self.details = details;
        self
    }

    /// Sets the longest that it lives.
    #[must_use]
    pub const fn with_lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = Some(lifetime);
        self
    }
}
