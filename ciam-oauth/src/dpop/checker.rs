//! Proofs at a server: the rule, the nonce, and that each is used once.

use ciam_core::crypto;
use ciam_core::ephemeral::EphemeralKey;
use ciam_core::ports::Ports;
use ciam_core::secret::TokenDigest;
use http::{HeaderMap, HeaderValue};
use time::Duration;

use super::DPOP;
use super::error::DpopError;
use super::nonce::DpopNonces;
use super::proof::{CheckedProof, DpopPolicy, ProofRequest, check_proof};
use crate::confirmation::JwkThumbprint;

/// A key whose possession the sender of a request proved, for this request and its token.
///
/// Only a [`DpopChecker`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvenKey {
    thumbprint: JwkThumbprint,
    /// The digest of the token that the proof was made for.
    token: Option<[u8; 32]>,
}

impl ProvenKey {
    /// The key's thumbprint.
    #[must_use]
    pub const fn thumbprint(&self) -> JwkThumbprint {
        self.thumbprint
    }

    /// Whether the proof was made for this access token.
    #[must_use]
    pub fn is_for(&self, token: &str) -> bool {
        self.token.is_some_and(|digest| digest == crypto::sha256(token.as_bytes()))
    }
}

/// Checks DPoP proofs. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct DpopChecker {
    ports: Ports,
    policy: DpopPolicy,
    nonces: Option<DpopNonces>,
}

impl DpopChecker {
    /// A checker with the default policy, without nonces. Used proofs are remembered in the ephemeral store of these ports,
    /// which all nodes share.
    #[must_use]
    pub fn new(ports: Ports) -> Self {
        Self { ports, policy: DpopPolicy::default(), nonces: None }
    }

    /// Replaces the policy.
    #[must_use]
    pub fn with_policy(mut self, policy: DpopPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// Demands a nonce of every proof.
    #[must_use]
    pub fn with_nonces(mut self, nonces: DpopNonces) -> Self {
        self.nonces = Some(nonces);
        self
    }

    /// The policy.
    #[must_use]
    pub const fn policy(&self) -> &DpopPolicy {
        &self.policy
    }

    /// The nonce that a response should carry in its `DPoP-Nonce` header, where nonces are demanded: a client that gets the next
    /// one in time need not be refused first.
    #[must_use]
    pub fn nonce(&self) -> Option<HeaderValue> {
        self.nonces.as_ref().map(|nonces| nonces.current(self.ports.now()))
    }

    /// Checks the proof of a request and uses it up.
    ///
    /// # Errors
    ///
    /// Fails when there is no proof, when it is not good for this request, when it was used before, and when the ephemeral store
    /// fails.
    pub async fn check(
        &self,
        headers: &HeaderMap,
        request: &ProofRequest<'_>,
    ) -> Result<ProvenKey, DpopError> {
        let examined = self.examine(headers, request)?;
        self.use_up(&examined).await?;
        Ok(examined.key)
    }

    /// Checks everything of a proof but whether it was used before.
    pub(crate) fn examine(
        &self,
        headers: &HeaderMap,
        request: &ProofRequest<'_>,
    ) -> Result<Examined, DpopError> {
        let now = self.ports.now();
        let mut found = headers.get_all(&DPOP).iter();
        let proof = found.next().ok_or(DpopError::Missing)?.to_str().map_err(|_| DpopError::Repeated)?;
        if found.next().is_some() {
            return Err(DpopError::Repeated);
        }
        let proof = check_proof(proof, request, &self.policy, self.ports.crypto(), now)?;
        if let Some(nonces) = &self.nonces
            && !proof.nonce.as_deref().is_some_and(|nonce| nonces.accepts(nonce, now))
        {
            return Err(DpopError::UseNonce { nonce: nonces.current(now) });
        }
        let token = request.token.map(|token| crypto::sha256(token.as_bytes()));
        Ok(Examined { key: ProvenKey { thumbprint: proof.key, token }, proof })
    }

    /// Remembers a proof for as long as it would be accepted; fails when it was remembered before.
    pub(crate) async fn use_up(&self, examined: &Examined) -> Result<(), DpopError> {
        let (proof, now) = (&examined.proof, self.ports.now());
        // Neither a thumbprint nor an accepted address has a line break, so the parts cannot be shifted against each other.
        let digest = TokenDigest::of(&format!("{}\n{}\n{}", proof.key, proof.htu, proof.jti));
        let key = EphemeralKey::new("oauth.dpop", digest.to_text());
        // A node whose clock is behind accepts it for a little longer.
        let ttl = (proof.issued_at - now) + self.policy.max_age + self.policy.future_skew + Duration::SECOND;
        if self.ports.ephemeral().put_if_absent(&key, Vec::new(), ttl).await? {
            Ok(())
        } else {
            Err(DpopError::Replayed)
        }
    }
}

/// A proof that is good, if it was not used before.
#[derive(Debug)]
pub(crate) struct Examined {
    key: ProvenKey,
    proof: CheckedProof,
}

impl Examined {
    /// The key, whose possession counts once the proof is used up.
    pub(crate) const fn key(&self) -> &ProvenKey {
        &self.key
    }
}
