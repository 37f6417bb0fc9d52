//! From what was collected to a configuration that holds together.

use std::collections::{BTreeMap, BTreeSet};

use ciam_core::assurance::AcrLadder;
use ciam_core::crypto::Crypto;
use ciam_core::jose::Algorithm;
use time::Duration;

use super::details::unique_details;
use super::{ConfigError, ServerBuilder};
use crate::client::GrantType;
use crate::issuer::Issuer;
use crate::organization::ORGANIZATION;
use crate::resource::ResourceIndicator;
use crate::scope::{Scope, ScopeSet};
use crate::server::{Config, Endpoint, Lifetimes, Limits, ResourceServer, SupportedScope, TokenFormat};

impl ServerBuilder {
    pub(super) fn config(&self, issuer: &Issuer) -> Result<Config, ConfigError> {
        let url = self.interaction_url.as_deref().ok_or(ConfigError::Missing("interaction_url"))?;
        let interaction_url = interaction_url(issuer, url)?;
        check_lifetimes(&self.lifetimes)?;
        check_limits(&self.limits)?;
        check_ladder(&self.acr)?;
        self.extension.check(issuer).map_err(ConfigError::Contradiction)?;
        let mut protocol = self.extension.scopes();
        if self.organizations.is_some() {
            let scope = ORGANIZATION.parse().map_err(|_| ConfigError::Missing("organization"))?;
            protocol.push(SupportedScope::new(
                scope,
                "See the organization that you act for, and your roles in it",
            ));
        }
        let protocol_scopes: ScopeSet = protocol.iter().map(|known| known.scope.clone()).collect();
        let scopes = unique_scopes(self.scopes.iter().cloned().chain(protocol))?;
        let resources = self.resources(issuer, &scopes, &protocol_scopes)?;
        let first =
            self.resources.first().map(|resource| &resource.identifier).or_else(|| resources.keys().next());
        let default_resource = self.default_resource.as_ref().or(first).cloned();
        let default_resource = default_resource
            .filter(|indicator| resources.contains_key(indicator))
            .ok_or(ConfigError::DefaultResource)?;
        self.check_endpoints()?;
        self.check_sender(issuer)?;
        self.check_others()?;
        #[cfg(feature = "draft-status-list")]
        if let Some(settings) = &self.status_lists {
            settings.check().map_err(ConfigError::Contradiction)?;
        }
        #[cfg(feature = "draft-transaction-tokens")]
        if let Some(settings) = &self.transaction_tokens {
            settings.check().map_err(ConfigError::Contradiction)?;
        }
        Ok(Config {
            lifetimes: self.lifetimes,
            limits: self.limits.clone(),
            interaction_url,
            scopes,
            protocol_scopes,
            resources,
            default_resource,
            acr: self.acr.clone(),
            grants: self.grants.clone(),
            without: self.without.clone(),
            require_pushed_requests: self.require_pushed_requests,
            device: self.configured_device(issuer)?,
            backchannel: self.configured_backchannel(issuer)?,
            client_authentication: self.authentication_methods(),
            #[cfg(feature = "draft-attested-clients")]
            attestation_challenges: self.attestation_challenges,
            dpop: self.dpop.clone(),
            mutual_tls: self.mutual_tls.clone(),
            sender_constraint: self.sender_constraint,
            registration: self.registration.is_some(),
            detail_types: unique_details(&self.detail_types)?,
            #[cfg(feature = "draft-first-party-apps")]
            authorization_challenge: self.authorization_challenge,
            #[cfg(feature = "draft-status-list")]
            status_lists: self.status_lists,
            signed_metadata: self.signed_metadata,
            profile: self.profile,
            request_objects: self.request_objects.clone(),
        })
    }

    fn resources(
        &self,
        issuer: &Issuer,
        scopes: &BTreeMap<Scope, SupportedScope>,
        protocol_scopes: &ScopeSet,
    ) -> Result<BTreeMap<ResourceIndicator, ResourceServer>, ConfigError> {
        let configured: ScopeSet =
            scopes.keys().filter(|scope| !protocol_scopes.contains(scope.as_str())).cloned().collect();
        if self.resources.is_empty() {
            let identifier: ResourceIndicator =
                issuer.as_str().parse().map_err(|_| ConfigError::Missing("resource"))?;
            let only = ResourceServer::new(identifier.clone(), configured);
            return Ok(BTreeMap::from([(identifier, only)]));
        }
        let mut resources = BTreeMap::new();
        let mut covered = ScopeSet::new();
        for resource in &self.resources {
            check_resource(resource, scopes, self.ports.crypto())?;
            covered = covered.union(&resource.scopes);
            if resources.insert(resource.identifier.clone(), resource.clone()).is_some() {
                return Err(ConfigError::DuplicateResource(resource.identifier.clone()));
            }
        }
        match configured.difference(&covered).iter().next() {
            Some(orphan) => Err(ConfigError::ScopeOfNoResource(orphan.clone())),
            None => Ok(resources),
        }
    }

    fn check_endpoints(&self) -> Result<(), ConfigError> {
        let optional = [Endpoint::PushedAuthorizationRequest, Endpoint::Revocation, Endpoint::Introspection];
        if self.without.iter().any(|endpoint| !optional.contains(endpoint)) {
            return Err(ConfigError::Contradiction("only optional endpoints can be turned off"));
        }
        if self.require_pushed_requests && self.without.contains(&Endpoint::PushedAuthorizationRequest) {
            return Err(ConfigError::Contradiction("pushed requests are required and turned off"));
        }
        let algorithms = self.request_objects.as_ref().map(|accepted| accepted.algorithms);
        if algorithms.is_some_and(|accepted| accepted.iter().all(Algorithm::is_symmetric)) {
            return Err(ConfigError::Contradiction("request objects are on and no algorithm of them is"));
        }
        let has = |grant: GrantType| self.grants.contains(&grant);
        let persons = [GrantType::AuthorizationCode, GrantType::DeviceCode, GrantType::Ciba];
        if has(GrantType::RefreshToken) && !persons.into_iter().any(has) {
            return Err(ConfigError::Contradiction("refresh tokens come of grants by people, which are off"));
        }
        if self.grants.is_empty() {
            return Err(ConfigError::Contradiction("no grant is on"));
        }
        Ok(())
    }
}

fn interaction_url(issuer: &Issuer, url: &str) -> Result<String, ConfigError> {
    let page = issuer.page(url).filter(|page| page.ends_with(['/', '=']));
    page.ok_or(ConfigError::InteractionUrl)
}

fn unique_scopes(
    scopes: impl Iterator<Item = SupportedScope>,
) -> Result<BTreeMap<Scope, SupportedScope>, ConfigError> {
    let mut unique = BTreeMap::new();
    for supported in scopes {
        let scope = supported.scope.clone();
        if unique.insert(scope.clone(), supported).is_some() {
            return Err(ConfigError::DuplicateScope(scope));
        }
    }
    Ok(unique)
}

fn check_resource(
    resource: &ResourceServer,
    scopes: &BTreeMap<Scope, SupportedScope>,
    crypto: &dyn Crypto,
) -> Result<(), ConfigError> {
    if let Some(unknown) = resource.scopes.iter().find(|scope| !scopes.contains_key(*scope)) {
        return Err(ConfigError::UnknownScope {
            resource: resource.identifier.clone(),
            scope: unknown.clone(),
        });
    }
    match resource.format {
        TokenFormat::Jwt { alg } if alg.is_symmetric() => return Err(ConfigError::Algorithm(alg)),
        _ => {}
    }
    if let Some(encryption) = &resource.encryption {
        if resource.format == TokenFormat::Opaque {
            return Err(ConfigError::Contradiction("an opaque access token says nothing to encrypt"));
        }
        encryption.check(crypto).map_err(ConfigError::Contradiction)?;
    }
    match resource.access_token_lifetime {
        Some(lifetime) => between("access_token_lifetime", lifetime, Duration::SECOND, Duration::DAY),
        None => Ok(()),
    }
}

fn check_lifetimes(lifetimes: &Lifetimes) -> Result<(), ConfigError> {
    let year = Duration::days(366);
    between("code", lifetimes.code, Duration::SECOND, Duration::minutes(10))?;
    between("spent_code", lifetimes.spent_code, lifetimes.code + Duration::MINUTE, year)?;
    between("access_token", lifetimes.access_token, Duration::SECOND, Duration::DAY)?;
    between("pushed_request", lifetimes.pushed_request, Duration::seconds(5), Duration::minutes(10))?;
    between("interaction", lifetimes.interaction, Duration::MINUTE, Duration::DAY)?;
    between("refresh_absolute", lifetimes.refresh_absolute, Duration::MINUTE, year * 10)?;
    between("refresh_idle", lifetimes.refresh_idle, Duration::MINUTE, lifetimes.refresh_absolute)?;
    between("refresh_retry", lifetimes.refresh_retry, Duration::ZERO, Duration::minutes(5))
}

pub(super) fn between(
    name: &'static str,
    value: Duration,
    least: Duration,
    most: Duration,
) -> Result<(), ConfigError> {
    if least <= value && value <= most { Ok(()) } else { Err(ConfigError::OutOfRange { name, least, most }) }
}

const fn check_limits(limits: &Limits) -> Result<(), ConfigError> {
    if limits.params.max_bytes == 0 || limits.params.max_params == 0 || limits.max_value == 0 {
        return Err(ConfigError::Contradiction("a limit of zero lets no request through"));
    }
    Ok(())
}

fn check_ladder(ladder: &AcrLadder) -> Result<(), ConfigError> {
    let names: BTreeSet<&str> = ladder.levels().iter().map(|level| level.acr.as_str()).collect();
    let usable = |name: &&str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic());
    if names.len() != ladder.levels().len() || !names.iter().all(usable) {
        return Err(ConfigError::Contradiction("levels of assurance need different names without spaces"));
    }
    Ok(())
}
