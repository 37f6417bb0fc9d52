//! What clients that publish what they are may be.

use std::collections::BTreeSet;

use ciam_core::ratelimit::Limit;
use time::Duration;

use crate::client::GrantType;
use crate::resource::ResourceIndicator;
use crate::scope::ScopeSet;

/// What clients that publish what they are may be.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClientDocuments {
    /// The hosts whose documents count. Default: every one.
    pub hosts: Option<BTreeSet<String>>,
    /// The scope values that a client is given: what it asks for of these. Default: every one that the server has.
    pub scopes: Option<ScopeSet>,
    /// The grants that it is given, of those that it names. Default `authorization_code` and `refresh_token`.
    pub grants: BTreeSet<GrantType>,
    /// The resources beside the default one that it may ask for tokens for. Default none.
    pub resources: BTreeSet<ResourceIndicator>,
    /// Whether it is answered at other origins than its own. Default `false`.
    pub foreign_redirects: bool,
    /// How many documents of one host are fetched. Default 30 in a minute.
    pub fetches_of_host: Limit,
    /// How many are fetched altogether. Default 600 in a minute.
    pub fetches: Limit,
}

impl Default for ClientDocuments {
    fn default() -> Self {
        Self {
            hosts: None,
            scopes: None,
            grants: BTreeSet::from([GrantType::AuthorizationCode, GrantType::RefreshToken]),
            resources: BTreeSet::new(),
            foreign_redirects: false,
            fetches_of_host: Limit::new("oauth.client_document_host", 30, Duration::MINUTE),
            fetches: Limit::new("oauth.client_document", 600, Duration::MINUTE),
        }
    }
}

impl ClientDocuments {
    /// A document is at most this large, in bytes.
    pub const MAX_BYTES: usize = 16 * 1024;
    /// A document that is older is fetched again.
    pub const REFRESH_AFTER: Duration = Duration::minutes(15);
    /// A document that is older is not used, when it cannot be fetched.
    pub const STALE_AFTER: Duration = Duration::hours(24);
    /// A document that is known is tried again no sooner.
    pub const COOLDOWN: Duration = Duration::seconds(30);

    /// Takes the documents of these hosts alone.
    #[must_use]
    pub fn with_hosts<T: Into<String>>(mut self, hosts: impl IntoIterator<Item = T>) -> Self {
        self.hosts = Some(hosts.into_iter().map(|host| host.into().to_ascii_lowercase()).collect());
        self
    }

    /// Gives clients these scope values, and no others.
    #[must_use]
    pub fn with_scopes(mut self, scopes: ScopeSet) -> Self {
        self.scopes = Some(scopes);
        self
    }

    /// Gives clients these grants, of those that they name.
    #[must_use]
    pub fn with_grants(mut self, grants: impl IntoIterator<Item = GrantType>) -> Self {
        self.grants = grants.into_iter().collect();
        self
    }

    /// Lets clients ask for tokens for these resources too.
    #[must_use]
    pub fn with_resources(mut self, resources: impl IntoIterator<Item = ResourceIndicator>) -> Self {
        self.resources = resources.into_iter().collect();
        self
    }

    /// Answers clients at other origins than their own.
    ///
    /// # Security
    ///
    /// The host that a person is shown is then not the one that gets the code.
    #[must_use]
    pub const fn with_foreign_redirects(mut self) -> Self {
        self.foreign_redirects = true;
        self
    }
}
