//! Verifying client assertions, with the keys that the client is registered with.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use ciam_core::jose::{
    Algorithm, AlgorithmSet, JwsError, KeySet, PublicJwkSet, RemoteKeys, TokenType, VerificationKey, Verifier,
};
use ciam_core::ports::Ports;
use ciam_core::vault::{SealScope, Sealed};

use super::assertion::{AssertionRules, SingleUse, TYPES};
use crate::client::{Client, ClientAuthentication, ClientKeys, SECRET_PURPOSE};
use crate::error::{AssertionProblem, ClientAuthError};
use crate::{AuthorizationServer, Endpoint};

/// The key sets of clients that publish them, by their address.
#[derive(Debug, Default)]
pub(crate) struct ClientKeyCache {
    remote: Mutex<HashMap<String, RemoteKeys>>,
}

impl ClientKeyCache {
    /// At most this many key sets are kept.
    const MAX: usize = 1_000;

    pub(crate) fn remote(&self, ports: &Ports, url: &str) -> RemoteKeys {
        let mut remote = self.remote.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = remote.get(url) {
            return known.clone();
        }
        if remote.len() >= Self::MAX {
            // Whichever goes is fetched again when it is needed.
            let any = remote.keys().next().cloned();
            any.and_then(|any| remote.remove(&any));
        }
        let keys = RemoteKeys::new(ports.clone(), url);
        remote.insert(url.to_owned(), keys.clone());
        keys
    }
}

impl AuthorizationServer {
    /// Checks an assertion of a client that is registered for assertions, and uses it up.
    pub(super) async fn verify_assertion(
        &self,
        client: &Client,
        assertion: &str,
    ) -> Result<(), ClientAuthError> {
        let (allowed, token_endpoint_audience) = match &client.authentication {
            ClientAuthentication::PrivateKeyJwt { alg, token_endpoint_audience, .. } => {
                let allowed = self.config().profile.algorithms();
                let both = algorithms(*alg).iter().filter(|alg| allowed.contains(*alg)).collect();
                (both, *token_endpoint_audience)
            }
            ClientAuthentication::ClientSecretJwt { token_endpoint_audience, .. } => {
                (AlgorithmSet::of(&[Algorithm::Hs256]), *token_endpoint_audience)
            }
            _ => return Err(ClientAuthError::WrongMethod),
        };
        let verifier = Verifier::new(allowed, TokenType::one_of(TYPES).or_absent());
        // A client that was registered before the profile was chosen keeps no exception from it.
        let named = token_endpoint_audience && self.config().profile.lets_assertions_name_endpoints();
        let endpoints = if named { self.assertion_endpoints() } else { Vec::new() };
        let rules = AssertionRules {
            client: &client.id,
            issuer: self.issuer().as_str(),
            endpoints: &endpoints,
            text_only: self.config().profile.is_fapi(),
            now: self.ports().now(),
        };
        let single_use = match &client.authentication {
            ClientAuthentication::PrivateKeyJwt { keys: ClientKeys::Jwks(jwks), .. } => {
                check(&verifier, assertion, &self.registered_keys(jwks)?, &rules)?
            }
            ClientAuthentication::PrivateKeyJwt { keys: ClientKeys::JwksUri(url), .. } => {
                self.check_with_remote(&verifier, assertion, url, &rules).await?
            }
            ClientAuthentication::ClientSecretJwt { secret, .. } => {
                check(&verifier, assertion, &self.shared_key(secret).await?, &rules)?
            }
            _ => return Err(ClientAuthError::WrongMethod),
        };
        // Only now, so that nobody can use up the ids of somebody else's assertions.
        let fresh =
            self.ports().ephemeral().put_if_absent(&single_use.key, Vec::new(), single_use.ttl).await?;
        if fresh { Ok(()) } else { Err(AssertionProblem::Replay.into()) }
    }

    /// The endpoints by whose URLs older clients name this server, each where it is and where it asks for certificates.
    fn assertion_endpoints(&self) -> Vec<String> {
        [Endpoint::Token, Endpoint::BackchannelAuthentication]
            .into_iter()
            .filter(|endpoint| self.config().has(*endpoint))
            .flat_map(|endpoint| [Some(self.url(endpoint)), self.certificate_url(endpoint)])
            .flatten()
            .collect()
    }

    /// The payload of a JWS by one of somebody's keys.
    pub(crate) async fn payload_by(
        &self,
        keys: &ClientKeys,
        verifier: &Verifier,
        jws: &str,
    ) -> Result<Vec<u8>, AssertionProblem> {
        let url = match keys {
            ClientKeys::Jwks(jwks) => return payload(verifier, jws, &self.registered_keys(jwks)?),
            ClientKeys::JwksUri(url) => url,
        };
        let unavailable = |_| AssertionProblem::KeysUnavailable;
        let remote = self.client_keys().remote(self.ports(), url);
        let known = remote.keys().await.map_err(unavailable)?;
        match payload(verifier, jws, &known) {
            Err(AssertionProblem::Key) => {
                payload(verifier, jws, &*remote.keys_after(&known).await.map_err(unavailable)?)
            }
            read => read,
        }
    }

    async fn shared_key(&self, sealed: &Sealed) -> Result<KeySet, ClientAuthError> {
        let secret = self.ports().vault().open(&SealScope::Tenant, SECRET_PURPOSE, sealed).await?;
        let key = VerificationKey::from_secret(self.ports().crypto(), &secret, None);
        Ok(KeySet::from(key.map_err(|_| AssertionProblem::Key)?))
    }

    pub(crate) fn registered_keys(&self, jwks: &serde_json::Value) -> Result<KeySet, AssertionProblem> {
        let jwks = PublicJwkSet::try_from(jwks.clone()).map_err(|_| AssertionProblem::Key)?;
        KeySet::from_jwks(self.ports().crypto(), &jwks).map_err(|_| AssertionProblem::Key)
    }

    /// A key that is not known makes the client's set be fetched again, at most once in a while: the client may have
    /// rotated.
    async fn check_with_remote(
        &self,
        verifier: &Verifier,
        assertion: &str,
        url: &str,
        rules: &AssertionRules<'_>,
    ) -> Result<SingleUse, AssertionProblem> {
        let unavailable = |_| AssertionProblem::KeysUnavailable;
        let remote = self.client_keys().remote(self.ports(), url);
        let known = remote.keys().await.map_err(unavailable)?;
        match check(verifier, assertion, &known, rules) {
            Err(AssertionProblem::Key) => {
                let newer = remote.keys_after(&known).await.map_err(unavailable)?;
                check(verifier, assertion, &newer, rules)
            }
            checked => checked,
        }
    }
}

/// The algorithms come from the registration, never from the assertion, and none of them is symmetric.
fn algorithms(registered: Option<Algorithm>) -> AlgorithmSet {
    match registered {
        Some(alg) if !alg.is_symmetric() => AlgorithmSet::of(&[alg]),
        // A registration with a symmetric algorithm cannot be stored; if there were one, nothing would verify.
        Some(_) => AlgorithmSet::of(&[]),
        None => AlgorithmSet::ASYMMETRIC,
    }
}

/// The payload, which is a JSON object with each member once.
fn payload(verifier: &Verifier, jws: &str, keys: &KeySet) -> Result<Vec<u8>, AssertionProblem> {
    let verified = verifier.verify(jws, keys).map_err(problem)?;
    verified.claims::<serde::de::IgnoredAny>().map_err(problem)?;
    Ok(verified.into_payload())
}

fn check(
    verifier: &Verifier,
    assertion: &str,
    keys: &KeySet,
    rules: &AssertionRules<'_>,
) -> Result<SingleUse, AssertionProblem> {
    let verified = verifier.verify(assertion, keys).map_err(problem)?;
    rules.check(&verified.claims().map_err(problem)?)
}

pub(super) const fn problem(error: JwsError) -> AssertionProblem {
    match error {
        JwsError::AlgorithmNotAllowed | JwsError::UnsupportedAlgorithm => AssertionProblem::Algorithm,
        JwsError::WrongType => AssertionProblem::Type,
        JwsError::UnknownKey | JwsError::AmbiguousKey => AssertionProblem::Key,
        JwsError::InvalidSignature => AssertionProblem::Signature,
        _ => AssertionProblem::Malformed,
    }
}
