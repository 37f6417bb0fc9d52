//! The authorization server: configuration, construction and the endpoints.

mod builder;
mod config;
mod endpoint;
pub(crate) mod form;
mod handle;
mod profile;
pub(crate) mod reply;
mod resource_encryption;
mod secret;
mod sender;
mod subject;

use std::collections::BTreeMap;
use std::sync::Arc;

use ciam_core::account::Account;
use ciam_core::error::PortError;
use ciam_core::id::SessionId;
use ciam_core::keys::KeyRing;
use ciam_core::organization::Organizations;
use ciam_core::ports::Ports;
#[cfg(feature = "draft-native-sso")]
use ciam_core::secret::Secret;
use ciam_core::session::SessionManager;

pub use self::builder::{ConfigError, Dangerous, ServerBuilder};
pub use self::config::{Config, Lifetimes, Limits, ResourceServer, SupportedScope, TokenFormat};
pub use self::endpoint::Endpoint;
pub use self::profile::Profile;
pub use self::resource_encryption::ResourceEncryption;
pub use self::sender::OwnResourceError;
use self::subject::Subjects;
use crate::client::{Client, Clients};
use crate::client_auth::ClientKeyCache;
use crate::custom_grant::CustomGrant;
use crate::dpop::DpopChecker;
#[cfg(feature = "draft-attested-clients")]
use crate::dpop::DpopNonces;
use crate::exchange::ExchangePolicy;
use crate::extension::Extension;
use crate::issuer::Issuer;
use crate::jwt_bearer::{AssertionPolicy, TrustedIssuer};
use crate::recipient::RecipientCache;
use crate::registration::RegistrationSettings;
use crate::request_object::RequestDecryption;
#[cfg(feature = "draft-status-list")]
use crate::status_list::StatusLists;
use crate::token::refresh::RefreshSecrets;
#[cfg(feature = "draft-transaction-tokens")]
use crate::transaction_token::TransactionTokens;

/// An OAuth 2.x authorization server for one tenant and one issuer.
///
/// Cheap to clone; every method takes `&self`. Build it with [`AuthorizationServer::builder`].
#[derive(Clone, Debug)]
pub struct AuthorizationServer {
    inner: Arc<Inner>,
}

/// What every endpoint works with.
#[derive(Debug)]
struct Inner {
    ports: Ports,
    keys: KeyRing,
    issuer: Issuer,
    config: Config,
    clients: Clients,
    sessions: SessionManager,
    subjects: Subjects,
    refresh_secrets: RefreshSecrets,
    client_keys: ClientKeyCache,
    #[cfg(feature = "draft-attested-clients")]
    attestation_challenges: Option<DpopNonces>,
    dpop: Option<DpopChecker>,
    recipients: RecipientCache,
    request_decryption: Option<RequestDecryption>,
    extension: Arc<dyn Extension>,
    exchange: Arc<dyn ExchangePolicy>,
    assertions: Arc<dyn AssertionPolicy>,
    trusted_issuers: Vec<TrustedIssuer>,
    custom_grants: BTreeMap<String, Arc<dyn CustomGrant>>,
    registration: Option<RegistrationSettings>,
    #[cfg(feature = "draft-status-list")]
    status_lists: Option<StatusLists>,
    #[cfg(feature = "draft-transaction-tokens")]
    transaction_tokens: Option<TransactionTokens>,
    organizations: Option<Organizations>,
}

impl AuthorizationServer {
    /// Begins to build a server on a tenant's ports.
    pub fn builder(ports: Ports) -> ServerBuilder {
        ServerBuilder::new(ports)
    }

    /// The issuer.
    #[must_use]
    pub fn issuer(&self) -> &Issuer {
        &self.inner.issuer
    }

    /// The tenant's ports.
    #[must_use]
    pub fn ports(&self) -> &Ports {
        &self.inner.ports
    }

    /// The signing keys. The host spawns [`KeyRing::run`], which rotates them.
    #[must_use]
    pub fn keys(&self) -> &KeyRing {
        &self.inner.keys
    }

    /// The configuration.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.inner.config
    }

    /// The registered clients.
    #[must_use]
    pub fn clients(&self) -> &Clients {
        &self.inner.clients
    }

    /// The sessions that people sign in to.
    #[must_use]
    pub fn sessions(&self) -> &SessionManager {
        &self.inner.sessions
    }

    /// Makes a new key for refresh tokens. Tokens that were made with the last three keys before it stay good.
    ///
    /// # Errors
    ///
    /// Fails when a port does, or when other nodes rotate at the same time.
    pub async fn rotate_refresh_key(&self) -> Result<(), PortError> {
        self.inner.refresh_secrets.rotate().await
    }

    /// The keys by which refresh tokens are recognised.
    pub(crate) fn refresh_secrets(&self) -> &RefreshSecrets {
        &self.inner.refresh_secrets
    }

    /// The key sets of clients that publish them.
    pub(crate) fn client_keys(&self) -> &ClientKeyCache {
        &self.inner.client_keys
    }

    /// Checks the proofs of requests to this server; `None` when DPoP is off.
    pub(crate) fn dpop(&self) -> Option<&DpopChecker> {
        self.inner.dpop.as_ref()
    }

    /// The challenges for the proofs of attested clients; `None` when they need none.
    #[cfg(feature = "draft-attested-clients")]
    pub(crate) fn attestation_challenges(&self) -> Option<&DpopNonces> {
        self.inner.attestation_challenges.as_ref()
    }

    /// The encryption keys of clients that publish them.
    pub(crate) fn recipients(&self) -> &RecipientCache {
        &self.inner.recipients
    }

    /// The keys of this server for encrypted request objects, if it takes any.
    pub(crate) fn request_decryption(&self) -> Option<&RequestDecryption> {
        self.inner.request_decryption.as_ref()
    }

    /// The protocol that is plugged in.
    #[must_use]
    pub fn extension(&self) -> &dyn Extension {
        &*self.inner.extension
    }

    /// Who may exchange what.
    pub(crate) fn exchange_policy(&self) -> &dyn ExchangePolicy {
        &*self.inner.exchange
    }

    /// Whose word counts, and for whom.
    pub(crate) fn trusted_issuers(&self) -> (&dyn AssertionPolicy, &[TrustedIssuer]) {
        (&*self.inner.assertions, &self.inner.trusted_issuers)
    }

    /// How clients register themselves; `None` when they cannot.
    pub(crate) fn registration_settings(&self) -> Option<&RegistrationSettings> {
        self.inner.registration.as_ref()
    }

    /// The grants of the host's own, by their types.
    pub(crate) fn custom_grants(&self) -> &BTreeMap<String, Arc<dyn CustomGrant>> {
        &self.inner.custom_grants
    }

    /// How tokens of transactions are made, where they are.
    #[cfg(feature = "draft-transaction-tokens")]
    pub(crate) fn transaction_tokens(&self) -> Option<&TransactionTokens> {
        self.inner.transaction_tokens.as_ref()
    }

    /// The lists of the status of access tokens, where there are any.
    #[cfg(feature = "draft-status-list")]
    pub(crate) fn status_lists(&self) -> Option<&StatusLists> {
        self.inner.status_lists.as_ref()
    }

    /// The organizations, when requests can be about one.
    #[must_use]
    pub fn organizations(&self) -> Option<&Organizations> {
        self.inner.organizations.as_ref()
    }

    /// The URL of an endpoint: the issuer and the endpoint's path.
    #[must_use]
    pub fn url(&self, endpoint: Endpoint) -> String {
        self.inner.issuer.endpoint(endpoint.path())
    }

    /// The subject that a client knows an account by, in every token and answer: the extension's, or one computed with a key
    /// of the tenant, the same for all clients or another for each sector.
    #[must_use]
    pub fn subject(&self, client: &Client, account: &Account) -> String {
        let own = || self.inner.subjects.subject(client, account.id);
        self.extension().subject(self, client, account).unwrap_or_else(own)
    }

    /// A name of a session that no client knows: what a browser keeps in a cookie of its own, so that clients can ask whether the
    /// session is still the same.
    #[must_use]
    pub fn browser_state(&self, session: SessionId) -> String {
        self.inner.subjects.browser_state(session)
    }

    #[cfg(feature = "draft-native-sso")]
    #[cfg_attr(docsrs, doc(cfg(feature = "draft-native-sso")))]
    /// The secret of the device on which a session is, for apps of one maker that share it.
    #[must_use]
    pub fn device_secret(&self, session: SessionId) -> Secret {
        Secret::new(format!("{session}.{}", self.inner.subjects.device_secret(session)))
    }

    /// The name that a client knows a session by, such as `sid` in ID tokens: the session's id, or for a pairwise client one
    /// that only its sector has.
    #[must_use]
    pub fn session_name(&self, client: &Client, session: SessionId) -> String {
        self.inner.subjects.session(client, session)
    }
}
