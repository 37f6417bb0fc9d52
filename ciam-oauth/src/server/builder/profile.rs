//! What a [`Profile`] turns on, and what it refuses of the rest of the configuration.

use ciam_core::jose::{Algorithm, AlgorithmSet};
use time::Duration;

use super::{ConfigError, ServerBuilder};
use crate::client::{AuthMethod, GrantType};
use crate::request_object::RequestObjects;
use crate::server::{Endpoint, Profile, TokenFormat};
use crate::validate::SenderConstraint;

/// The methods of which each proves a private key
/// ([FAPI 2.0, section 5.3.2.1](https://openid.net/specs/fapi-security-profile-2_0-final.html#section-5.3.2.1)).
const PROVING_A_KEY: [AuthMethod; 3] =
    [AuthMethod::PrivateKeyJwt, AuthMethod::TlsClientAuth, AuthMethod::SelfSignedTlsClientAuth];

impl ServerBuilder {
    /// Turns on what the profile demands. What was turned off is left off, for [`check_profile`](Self::check_profile) to refuse.
    pub(super) fn apply_profile(&mut self) {
        if !self.profile.is_fapi() {
            return;
        }
        self.require_pushed_requests = true;
        if self.sender_constraint == SenderConstraint::None {
            self.sender_constraint = match self.profile {
                Profile::FapiCiba => SenderConstraint::MutualTls,
                _ => SenderConstraint::Any,
            };
        }
        if self.client_authentication.is_none() {
            let tls = AuthMethod::MUTUAL_TLS.into_iter().filter(|_| self.mutual_tls.is_some());
            self.client_authentication = Some(tls.chain([AuthMethod::PrivateKeyJwt]).collect());
        }
        let allowed = self.profile.algorithms();
        if let Some(accepted) = &mut self.request_objects {
            let both: AlgorithmSet =
                accepted.algorithms.iter().filter(|alg| allowed.contains(*alg)).collect();
            accepted.algorithms = both;
            if self.profile == Profile::Fapi2MessageSigning {
                accepted.required = true;
                accepted.dated = true;
            }
        }
    }

    /// Refuses what contradicts the profile, with the reason.
    pub(super) fn check_profile(&self) -> Result<(), ConfigError> {
        let reason = match self.profile {
            Profile::OAuth21 => None,
            Profile::OpenId | Profile::OpenIdHybrid => self.against_openid(),
            Profile::Fapi2Security | Profile::Fapi2MessageSigning => self.against_fapi(),
            Profile::FapiCiba => self.against_fapi().or_else(|| self.against_fapi_ciba()),
            Profile::Mcp => self.against_mcp(),
        };
        match reason {
            Some(reason) => Err(ConfigError::Profile { profile: self.profile, reason }),
            None => Ok(()),
        }
    }

    fn against_openid(&self) -> Option<&'static str> {
        if !self.extension.scopes().iter().any(|known| known.scope.as_str() == "openid") {
            return Some("no OpenID Provider is plugged in");
        }
        if !self.extension.algorithms().contains(&Algorithm::Rs256) {
            return Some("ID tokens cannot be signed with RS256");
        }
        None
    }

    fn against_fapi(&self) -> Option<&'static str> {
        if !self.grants.contains(&GrantType::AuthorizationCode) {
            return Some("the authorization code grant is off");
        }
        if self.without.contains(&Endpoint::PushedAuthorizationRequest) {
            return Some("pushed requests are off");
        }
        if self.lifetimes.code > Duration::seconds(60) {
            return Some("codes live for more than 60 seconds");
        }
        if self.lifetimes.pushed_request >= Duration::seconds(600) {
            return Some("pushed requests live for 600 seconds or more");
        }
        if self.dpop.is_none() && self.mutual_tls.is_none() {
            return Some("neither DPoP nor mutual TLS is on");
        }
        if self.authentication_methods().iter().any(|method| !PROVING_A_KEY.contains(method)) {
            return Some("clients can authenticate without a private key");
        }
        let allowed = self.profile.algorithms();
        let of_resource = |format: &TokenFormat| match format {
            TokenFormat::Jwt { alg } => Some(*alg),
            TokenFormat::Opaque => None,
        };
        let of_resources = self.resources.iter().filter_map(|resource| of_resource(&resource.format));
        if of_resources.chain(self.extension.algorithms()).any(|alg| !allowed.contains(alg)) {
            return Some("tokens are signed with something else than PS256, ES256 or EdDSA");
        }
        match &self.request_objects {
            None if self.profile == Profile::Fapi2MessageSigning => Some("request objects are off"),
            Some(RequestObjects { by_reference: true, .. }) => {
                Some("request objects are fetched from elsewhere than pushed requests")
            }
            _ => None,
        }
    }

    /// FAPI-CIBA, section 5.2.2. Tokens that are pushed are refused beside every bound token.
    fn against_fapi_ciba(&self) -> Option<&'static str> {
        if self.backchannel.is_none() {
            return Some("backchannel authentication is off");
        }
        if self.mutual_tls.is_none() {
            return Some("mutual TLS is off");
        }
        if self.sender_constraint != SenderConstraint::MutualTls {
            return Some("tokens are bound to something else than certificates");
        }
        None
    }

    fn against_mcp(&self) -> Option<&'static str> {
        if !self.grants.contains(&GrantType::AuthorizationCode) {
            return Some("the authorization code grant is off");
        }
        if self.resources.is_empty() {
            return Some("no resource is configured that tokens could be for");
        }
        None
    }
}
