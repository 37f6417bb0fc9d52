//! What tokens are bound to, configured.

use std::collections::BTreeSet;

use ciam_core::error::PortError;
use ciam_core::ports::Ports;
use time::Duration;

use super::{ConfigError, ServerBuilder, between};
use crate::client::AuthMethod;
use crate::dpop::{DpopChecker, DpopNonces, DpopSettings};
use crate::issuer::Issuer;
use crate::mtls::MutualTls;
use crate::server::secret::tenant_secret;
use crate::validate::SenderConstraint;

impl ServerBuilder {
    /// Sets how DPoP proofs are accepted. They are unless [turned off](Self::without_dpop), without nonces.
    pub fn dpop(mut self, settings: DpopSettings) -> Self {
        self.dpop = Some(settings);
        self
    }

    /// Turns DPoP off: proofs are not looked at, and every token is a bearer token or bound to a certificate.
    pub fn without_dpop(mut self) -> Self {
        self.dpop = None;
        self
    }

    /// Accepts client certificates. The host terminates TLS and asks for them; see [`MutualTls`].
    pub fn mutual_tls(mut self, settings: MutualTls) -> Self {
        self.mutual_tls = Some(settings);
        self
    }

    /// Replaces the methods by which clients may authenticate. A client that is registered for another one is refused.
    ///
    /// `client_secret_jwt` is on only when it is named here: its secrets are stored sealed and can be opened, where those of the
    /// other methods are stored as digests.
    pub fn client_authentication(mut self, methods: impl IntoIterator<Item = AuthMethod>) -> Self {
        self.client_authentication = Some(methods.into_iter().collect());
        self
    }

    /// Demands a challenge of this server in the proofs of [attested](AuthMethod::AttestJwtClientAuth) clients, and gives them out, each for
    /// this long: one second to an hour. A proof that is made in advance, by whoever had the key for a moment, is worth nothing then.
    #[cfg(feature = "draft-attested-clients")]
    #[cfg_attr(docsrs, doc(cfg(feature = "draft-attested-clients")))]
    pub const fn attestation_challenges(mut self, period: Duration) -> Self {
        self.attestation_challenges = Some(period);
        self
    }

    pub(super) fn authentication_methods(&self) -> BTreeSet<AuthMethod> {
        let tls = AuthMethod::MUTUAL_TLS.into_iter().filter(|_| self.mutual_tls.is_some());
        let own = || AuthMethod::DEFAULT.into_iter().chain(tls).collect();
        self.client_authentication.clone().unwrap_or_else(own)
    }

    /// Demands of every access token that it is bound to its sender.
    pub const fn require_sender_constraint(mut self, demanded: SenderConstraint) -> Self {
        self.sender_constraint = demanded;
        self
    }

    pub(super) fn check_sender(&self, issuer: &Issuer) -> Result<(), ConfigError> {
        if let Some(period) = self.dpop.as_ref().and_then(|dpop| dpop.nonce_period) {
            between("dpop nonce", period, Duration::SECOND, Duration::HOUR)?;
        }
        #[cfg(feature = "draft-attested-clients")]
        if let Some(period) = self.attestation_challenges {
            between("attestation challenge", period, Duration::SECOND, Duration::HOUR)?;
            if !self.authentication_methods().contains(&AuthMethod::AttestJwtClientAuth) {
                return Err(ConfigError::Contradiction("challenges are for attested clients, which are off"));
            }
        }
        let (dpop, mtls) = (self.dpop.is_some(), self.mutual_tls.is_some());
        let possible = match self.sender_constraint {
            SenderConstraint::None => true,
            SenderConstraint::Any => dpop || mtls,
            SenderConstraint::Dpop => dpop,
            SenderConstraint::MutualTls => mtls,
        };
        if !possible {
            return Err(ConfigError::Contradiction("bound tokens are demanded, and what binds them is off"));
        }
        let methods = self.authentication_methods();
        if methods.is_empty() {
            return Err(ConfigError::Contradiction("clients need a method to authenticate by"));
        }
        if !mtls && AuthMethod::MUTUAL_TLS.iter().any(|method| methods.contains(method)) {
            return Err(ConfigError::Contradiction("authentication by certificate needs mutual TLS"));
        }
        match &self.mutual_tls {
            Some(mtls) if !mtls.is_usable(issuer) => Err(ConfigError::Contradiction(
                "the endpoints for client certificates need an https address, and another one than the issuer's",
            )),
            _ => Ok(()),
        }
    }
}

/// The checker of the proofs that come with requests to the server.
pub(super) async fn checker(ports: &Ports, settings: &DpopSettings) -> Result<DpopChecker, PortError> {
    let checker = DpopChecker::new(ports.clone()).with_policy(settings.policy.clone());
    let Some(period) = settings.nonce_period else { return Ok(checker) };
    Ok(checker.with_nonces(nonces(ports, "oauth.dpop-nonce", period).await?))
}

/// The challenges for the proofs of attested clients.
#[cfg(feature = "draft-attested-clients")]
pub(super) async fn challenges(ports: &Ports, period: Duration) -> Result<DpopNonces, PortError> {
    nonces(ports, "oauth.attestation-challenge", period).await
}

/// Nonces that every node of the tenant knows.
async fn nonces(ports: &Ports, secret: &'static str, period: Duration) -> Result<DpopNonces, PortError> {
    let secret = tenant_secret(ports, secret).await?;
    Ok(DpopNonces::new(ports.crypto(), &secret).map_err(PortError::permanent)?.with_period(period))
}
