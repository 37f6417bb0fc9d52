//! Grants that the host decides about, configured.

use std::collections::BTreeSet;
use std::sync::Arc;

use url::Url;

use super::{ConfigError, ServerBuilder};
#[cfg(feature = "draft-client-documents")]
use crate::client::AuthMethod;
use crate::client::{ClientKeys, GrantType};
#[cfg(feature = "draft-client-documents")]
use crate::client_document::ClientDocuments;
use crate::custom_grant::CustomGrant;
use crate::exchange::ExchangePolicy;
use crate::jwt_bearer::{AssertionPolicy, TrustedIssuer};
use crate::registration::RegistrationSettings;
#[cfg(feature = "draft-client-documents")]
use crate::resource::ResourceIndicator;
#[cfg(feature = "draft-transaction-tokens")]
use crate::transaction_token::TransactionTokens;

impl ServerBuilder {
    /// Lets clients [exchange tokens](crate::exchange), as the policy decides. Without it none can: the grant is off.
    pub fn token_exchange(mut self, policy: Arc<dyn ExchangePolicy>) -> Self {
        self.exchange = policy;
        self.grants.insert(GrantType::TokenExchange);
        self
    }

    /// Gives clients [tokens of transactions](crate::transaction_token) for the tokens that they have, as the policy decides. Without it
    /// none can.
    #[cfg(feature = "draft-transaction-tokens")]
    #[cfg_attr(docsrs, doc(cfg(feature = "draft-transaction-tokens")))]
    pub fn transaction_tokens(mut self, settings: TransactionTokens) -> Self {
        self.transaction_tokens = Some(settings);
        self.grants.insert(GrantType::TokenExchange);
        self
    }

    /// Lets clients show what these issuers have said of people, of whom the policy decides. Without it nobody's word counts:
    /// the grant is off. See [`jwt_bearer`](crate::jwt_bearer).
    pub fn jwt_bearer(
        mut self,
        issuers: impl IntoIterator<Item = TrustedIssuer>,
        policy: Arc<dyn AssertionPolicy>,
    ) -> Self {
        self.trusted_issuers = issuers.into_iter().collect();
        self.assertions = policy;
        self.grants.insert(GrantType::JwtBearer);
        self
    }

    /// Adds a [grant of the host's own](crate::custom_grant).
    pub fn custom_grant(mut self, grant: Arc<dyn CustomGrant>) -> Self {
        self.custom_grants.insert(grant.grant_type().to_owned(), grant);
        self
    }

    /// Lets clients register themselves. Without it they cannot. See [`registration`](crate::registration).
    pub fn registration(mut self, settings: RegistrationSettings) -> Self {
        self.registration = Some(settings);
        self
    }

    /// Knows clients by the documents that they publish. Without it a client is what was registered. See
    /// [`client_document`](crate::client_document).
    #[cfg(feature = "draft-client-documents")]
    #[cfg_attr(docsrs, doc(cfg(feature = "draft-client-documents")))]
    pub fn client_documents(mut self, settings: ClientDocuments) -> Self {
        self.client_documents = Some(settings);
        self
    }

    #[cfg(feature = "draft-client-documents")]
    fn check_client_documents(&self) -> Result<(), ConfigError> {
        let Some(settings) = &self.client_documents else { return Ok(()) };
        let refuse = |why| Err(ConfigError::Contradiction(why));
        if !settings.grants.is_subset(&self.grants) || settings.grants.is_empty() {
            return refuse("published clients may have grants that are off");
        }
        let known = |named: &ResourceIndicator| self.resources.iter().any(|it| it.identifier == *named);
        if !settings.resources.iter().all(known) {
            return refuse("published clients may ask for resources that are not configured");
        }
        let methods = self.authentication_methods();
        if ![AuthMethod::None, AuthMethod::PrivateKeyJwt].iter().any(|method| methods.contains(method)) {
            return refuse("published clients cannot authenticate");
        }
        Ok(())
    }

    pub(super) fn check_others(&self) -> Result<(), ConfigError> {
        let own = |name: &String| GrantType::from_name(name).is_none() && Url::parse(name).is_ok();
        if !self.custom_grants.keys().all(own) {
            return Err(ConfigError::Contradiction(
                "the type of a custom grant is an absolute URI of the host's own",
            ));
        }
        #[cfg(feature = "draft-client-documents")]
        self.check_client_documents()?;
        if let Some(registration) = &self.registration {
            if !registration.grants.is_subset(&self.grants) || registration.grants.is_empty() {
                return Err(ConfigError::Contradiction("clients may register for grants that are off"));
            }
            if registration.statement_required && registration.statements.is_empty() {
                return Err(ConfigError::Contradiction(
                    "software statements are demanded, and nobody's count",
                ));
            }
        }
        if !self.grants.contains(&GrantType::JwtBearer) {
            return Ok(());
        }
        let names: BTreeSet<&str> =
            self.trusted_issuers.iter().map(|issuer| issuer.issuer.as_str()).collect();
        let good = |issuer: &TrustedIssuer| {
            let fetched = match &issuer.keys {
                ClientKeys::Jwks(_) => true,
                ClientKeys::JwksUri(url) => Url::parse(url).is_ok_and(|url| url.scheme() == "https"),
            };
            let printable =
                !issuer.issuer.is_empty() && issuer.issuer.bytes().all(|byte| byte.is_ascii_graphic());
            fetched && printable && !issuer.algorithms.iter().any(|alg| alg.is_symmetric())
        };
        if names.is_empty()
            || names.len() != self.trusted_issuers.len()
            || !self.trusted_issuers.iter().all(good)
        {
            return Err(ConfigError::Contradiction(
                "the JWT grant needs trusted issuers with different names, public keys and https addresses",
            ));
        }
        Ok(())
    }
}
