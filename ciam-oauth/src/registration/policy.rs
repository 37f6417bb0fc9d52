//! What a client may become: the host's to say.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use ciam_core::error::PortError;
use ciam_core::http::Peer;
use serde_json::{Map, Value};
use time::OffsetDateTime;

use super::metadata::ClientMetadata;
use crate::client::{Client, GrantType};
use crate::jwt_bearer::TrustedIssuer;
use crate::scope::ScopeSet;

/// How clients register themselves.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RegistrationSettings {
    /// Whether everybody may register, without an initial access token. Default `false`.
    pub open: bool,
    /// The scope values that a client is given: what it asks for of these, or all of them. `None`, the default, for every one that
    /// the server has.
    pub scopes: Option<ScopeSet>,
    /// The grants that a client may ask for. Default `authorization_code` and `refresh_token`.
    pub grants: BTreeSet<GrantType>,
    /// Whose software statements count ([RFC 7591, section 2.3](https://www.rfc-editor.org/rfc/rfc7591#section-2.3)). Default
    /// nobody's: one that is sent is refused.
    pub statements: Vec<TrustedIssuer>,
    /// Whether a statement is needed. Default `false`.
    pub statement_required: bool,
    /// Decides about each registration. Default [`DefaultRegistration`].
    pub policy: Arc<dyn RegistrationPolicy>,
}

impl Default for RegistrationSettings {
    fn default() -> Self {
        Self {
            open: false,
            scopes: None,
            grants: BTreeSet::from([GrantType::AuthorizationCode, GrantType::RefreshToken]),
            statements: Vec::new(),
            statement_required: false,
            policy: Arc::new(DefaultRegistration::new()),
        }
    }
}

impl RegistrationSettings {
    /// Lets everybody register.
    ///
    /// # Security
    ///
    /// Names and logos are then what strangers say: people must not be led to trust them. The clients ask for consent like any
    /// other, and registrations are counted for each address.
    #[must_use]
    pub const fn open(mut self) -> Self {
        self.open = true;
        self
    }

    /// Gives clients these scope values, and no others.
    #[must_use]
    pub fn with_scopes(mut self, scopes: ScopeSet) -> Self {
        self.scopes = Some(scopes);
        self
    }

    /// Lets clients ask for these grants.
    #[must_use]
    pub fn with_grants(mut self, grants: impl IntoIterator<Item = GrantType>) -> Self {
        self.grants = grants.into_iter().collect();
        self
    }

    /// Takes the software statements of this issuer.
    #[must_use]
    pub fn with_statements_of(mut self, issuer: TrustedIssuer) -> Self {
        self.statements.push(issuer);
        self
    }

    /// Demands a software statement.
    #[must_use]
    pub const fn requiring_statement(mut self) -> Self {
        self.statement_required = true;
        self
    }

    /// Asks this policy about each registration.
    #[must_use]
    pub fn with_policy(mut self, policy: Arc<dyn RegistrationPolicy>) -> Self {
        self.policy = policy;
        self
    }
}

/// Decides about registrations and their changes.
///
/// # Contract
///
/// - Asked for each registration and each change, after the request was found good and before anything is stored.
/// - The client that it returns is checked again, and stored as it is; its id is the server's.
/// - An error refuses.
#[async_trait]
pub trait RegistrationPolicy: fmt::Debug + Send + Sync {
    /// Decides.
    ///
    /// # Errors
    ///
    /// Fails when what has to be asked does not answer: the registration is refused.
    async fn decide(&self, asked: &Registration<'_>) -> Result<RegistrationDecision, PortError>;
}

/// A registration that is asked for.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Registration<'a> {
    /// What the client would become.
    pub client: &'a Client,
    /// What it said of itself.
    pub metadata: &'a ClientMetadata,
    /// What a trusted issuer said of it; `None` when there is no software statement.
    pub statement: Option<&'a Map<String, Value>>,
    /// The name of the initial access token that was shown; `None` when registration is open, and for a change.
    pub access: Option<&'a str>,
    /// What the client was, when it changes.
    pub before: Option<&'a Client>,
    /// Who sent it.
    pub peer: &'a Peer,
    /// The time.
    pub now: OffsetDateTime,
}

/// What a policy says.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RegistrationDecision {
    /// As asked.
    Accept,
    /// As this client.
    Change(Box<Client>),
    /// No.
    Refuse,
}

/// Every client that is well-formed is accepted as it is.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct DefaultRegistration;

impl DefaultRegistration {
    /// Every client that is well-formed is accepted as it is.
    #[must_use]
    pub const fn new() -> Self {
        Self
    }
}

#[async_trait]
impl RegistrationPolicy for DefaultRegistration {
    async fn decide(&self, _: &Registration<'_>) -> Result<RegistrationDecision, PortError> {
        Ok(RegistrationDecision::Accept)
    }
}
