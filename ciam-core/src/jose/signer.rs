//! Signing tokens.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use serde::Serialize;
use serde_json::{Map, Value};

use super::algorithm::Algorithm;
use super::error::{JwkError, SignError};
use super::jwk::PublicJwk;
use super::key_set::VerificationKey;
use crate::crypto::{Crypto, GenerateError, MacKey, PublicKey, SigningKey};
use crate::encoding::base64url;
use crate::error::PortError;
use crate::runtime::{Runtime, blocking};
use crate::secret::SecretBytes;

/// Signs with one key. Asynchronous, so that the key can be in a KMS or an HSM.
///
/// # Contract
///
/// - [`algorithm`](Self::algorithm) and [`kid`](Self::kid) never change.
/// - The signature has the encoding that JWS wants: `r || s` for ECDSA, not DER.
#[async_trait]
pub trait Signer: fmt::Debug + Send + Sync {
    /// The algorithm.
    fn algorithm(&self) -> Algorithm;

    /// The key's name, put into the header of what is signed.
    fn kid(&self) -> Option<&str>;

    /// Signs a message.
    ///
    /// # Errors
    ///
    /// Fails when the backend does.
    async fn sign(&self, message: &[u8]) -> Result<Vec<u8>, PortError>;
}

/// Signs a token: `typ` goes into the header with the signer's algorithm and key name, the claims become the payload.
///
/// # Errors
///
/// Fails when the claims are not a JSON object, or when the signer fails.
pub fn sign<'s, C: Serialize + ?Sized>(
    signer: &'s dyn Signer,
    typ: &str,
    claims: &C,
) -> impl Future<Output = Result<String, SignError>> + Send + use<'s, C> {
    let input = serde_json::to_vec(claims)
        .map_err(|_| SignError::Claims)
        .and_then(|payload| if payload.first() == Some(&b'{') { Ok(payload) } else { Err(SignError::Claims) })
        .and_then(|payload| signing_input(signer, typ, None, &payload));
    finish(signer, input)
}

/// Signs a token that has further members in its header, such as the `jwk` of a DPoP proof: then the key is not named as well.
///
/// # Errors
///
/// Fails as [`sign`] does, and when the members are among those that are not the caller's to set: `alg`, `typ`, `kid`, and the
/// extensions that nothing here understands (`crit`, `b64`).
pub fn sign_with_header<'s, C: Serialize + ?Sized>(
    signer: &'s dyn Signer,
    typ: &str,
    members: &Map<String, Value>,
    claims: &C,
) -> impl Future<Output = Result<String, SignError>> + Send + use<'s, C> {
    let input = serde_json::to_vec(claims)
        .map_err(|_| SignError::Claims)
        .and_then(|payload| if payload.first() == Some(&b'{') { Ok(payload) } else { Err(SignError::Claims) })
        .and_then(|payload| signing_input(signer, typ, Some(members), &payload));
    finish(signer, input)
}

async fn finish(signer: &dyn Signer, input: Result<String, SignError>) -> Result<String, SignError> {
    let mut token = input?;
    let signature = signer.sign(token.as_bytes()).await?;
    token.push('.');
    base64url::encode_to(&signature, &mut token);
    Ok(token)
}

fn signing_input(
    signer: &dyn Signer,
    typ: &str,
    members: Option<&Map<String, Value>>,
    payload: &[u8],
) -> Result<String, SignError> {
    #[derive(Serialize)]
    struct Header<'a> {
        alg: Algorithm,
        typ: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        kid: Option<&'a str>,
        #[serde(flatten)]
        members: Option<&'a Map<String, Value>>,
    }

    let ours = |name: &str| members.is_some_and(|members| members.contains_key(name));
    if ["alg", "typ", "kid", "crit", "b64"].into_iter().any(ours) {
        return Err(SignError::Claims);
    }
    let kid = if ours("jwk") { None } else { signer.kid() };
    let header = Header { alg: signer.algorithm(), typ, kid, members };
    let header = serde_json::to_vec(&header).map_err(|_| SignError::Claims)?;
    // Room for the signature of all but RSA, which grows once.
    let mut input = String::with_capacity((header.len() + payload.len()) * 4 / 3 + 100);
    base64url::encode_to(&header, &mut input);
    input.push('.');
    base64url::encode_to(payload, &mut input);
    Ok(input)
}

/// Signs with a key in memory, parsed once.
///
/// An RSA signature takes the better part of a millisecond: with [`with_runtime`](Self::with_runtime) it is made where
/// blocking is allowed. Other signatures are made in place.
#[derive(Clone)]
pub struct LocalSigner {
    algorithm: Algorithm,
    kid: Option<Arc<str>>,
    key: Key,
    runtime: Option<Arc<dyn Runtime>>,
}

#[derive(Clone)]
enum Key {
    Private(Arc<dyn SigningKey>),
    Secret(Arc<dyn MacKey>),
}

impl LocalSigner {
    /// A signer from an unencrypted PKCS #8 private key (DER), named by its thumbprint.
    ///
    /// # Errors
    ///
    /// Fails when the algorithm is symmetric or is not the key's, and when the key is refused.
    pub fn from_pkcs8(crypto: &dyn Crypto, algorithm: Algorithm, pkcs8: &[u8]) -> Result<Self, JwkError> {
        let scheme = algorithm.scheme().ok_or(JwkError::AlgorithmMismatch)?;
        let key = crypto.signing_key(scheme, pkcs8)?;
        let kid = PublicJwk::new(key.public_key().clone()).thumbprint();
        Ok(Self { algorithm, kid: Some(Arc::from(kid)), key: Key::Private(key), runtime: None })
    }

    /// A signer with a new private key that is kept nowhere else.
    ///
    /// # Errors
    ///
    /// Fails when the backend cannot generate keys for the algorithm.
    pub fn generate(crypto: &dyn Crypto, algorithm: Algorithm) -> Result<Self, GenerateError> {
        let scheme = algorithm.scheme().ok_or(GenerateError::Unsupported)?;
        let pkcs8 = crypto.generate_signing_key(scheme)?;
        Self::from_pkcs8(crypto, algorithm, pkcs8.expose()).map_err(|_| GenerateError::Unsupported)
    }

    /// A signer for HS256 from a shared secret, without a name.
    ///
    /// # Errors
    ///
    /// Fails when the secret has fewer than 32 bytes.
    pub fn from_secret(crypto: &dyn Crypto, secret: &SecretBytes) -> Result<Self, JwkError> {
        let key = Key::Secret(crypto.mac_key(secret)?);
        Ok(Self { algorithm: Algorithm::Hs256, kid: None, key, runtime: None })
    }

    /// Replaces the key's name.
    #[must_use]
    pub fn with_kid(mut self, kid: impl Into<Arc<str>>) -> Self {
        self.kid = Some(kid.into());
        self
    }

    /// Makes RSA signatures where this runtime allows blocking.
    #[must_use]
    pub fn with_runtime(mut self, runtime: Arc<dyn Runtime>) -> Self {
        self.runtime = Some(runtime);
        self
    }

    /// The public key, or `None` for a shared secret.
    #[must_use]
    pub fn public_key(&self) -> Option<&PublicKey> {
        match &self.key {
            Key::Private(key) => Some(key.public_key()),
            Key::Secret(_) => None,
        }
    }

    /// The public key as a JWK with this signer's algorithm and name, or `None` for a shared secret.
    #[must_use]
    pub fn public_jwk(&self) -> Option<PublicJwk> {
        let jwk = PublicJwk::new(self.public_key()?.clone()).bound_to(self.algorithm);
        Some(match &self.kid {
            Some(kid) => jwk.with_kid(&**kid),
            None => jwk,
        })
    }

    /// The key that verifies what this signer signs.
    ///
    /// # Errors
    ///
    /// Fails when the backend refuses the key.
    pub fn verification_key(&self, crypto: &dyn Crypto) -> Result<VerificationKey, JwkError> {
        let kid = self.kid.as_deref();
        match &self.key {
            Key::Private(key) => {
                VerificationKey::from_public_key(crypto, self.algorithm, key.public_key(), kid)
            }
            Key::Secret(key) => Ok(VerificationKey::from_mac_key(Arc::clone(key), kid)),
        }
    }

    /// Signs in place.
    ///
    /// # Errors
    ///
    /// Fails only when the random source does.
    pub fn sign_now(&self, message: &[u8]) -> Result<Vec<u8>, PortError> {
        match &self.key {
            Key::Private(key) => sign_private(&**key, message),
            Key::Secret(key) => Ok(key.authenticate(message).as_ref().to_vec()),
        }
    }
}

fn sign_private(key: &dyn SigningKey, message: &[u8]) -> Result<Vec<u8>, PortError> {
    key.sign(message).map_err(PortError::transient)
}

#[async_trait]
impl Signer for LocalSigner {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    async fn sign(&self, message: &[u8]) -> Result<Vec<u8>, PortError> {
        match (&self.key, &self.runtime) {
            (Key::Private(key), Some(runtime)) if matches!(key.public_key(), PublicKey::Rsa { .. }) => {
                let (key, message) = (Arc::clone(key), message.to_vec());
                blocking(runtime, move || sign_private(&*key, &message)).await?
            }
            _ => self.sign_now(message),
        }
    }
}

impl fmt::Debug for LocalSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalSigner")
            .field("algorithm", &self.algorithm)
            .field("kid", &self.kid)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use serde::Serializer;
    use serde_json::json;

    use super::*;
    use crate::crypto;
    use crate::jose::{AlgorithmSet, CompactJws, JwsLimits, KeySet, TokenType, Verifier};

    /// Counts how often it is written.
    #[derive(Default)]
    struct Counted(AtomicUsize);

    impl Serialize for Counted {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            self.0.fetch_add(1, Ordering::SeqCst);
            serializer.collect_map([("sub", "alice")])
        }
    }

    fn signer() -> LocalSigner {
        LocalSigner::generate(&*crypto::ring(), Algorithm::Es256).unwrap()
    }

    #[tokio::test]
    async fn claims_are_written_once() {
        let claims = Counted::default();
        sign(&signer(), "at+jwt", &claims).await.unwrap();
        assert_eq!(claims.0.load(Ordering::SeqCst), 1);
        sign_with_header(&signer(), "dpop+jwt", &Map::new(), &claims).await.unwrap();
        assert_eq!(claims.0.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn a_header_has_what_was_asked_for_and_no_more() {
        let signer = signer();
        let members = |text: Value| text.as_object().unwrap().clone();
        let extra = members(json!({ "jwk": signer.public_jwk().unwrap(), "x": 1 }));
        let token = sign_with_header(&signer, "dpop+jwt", &extra, &json!({})).await.unwrap();
        let parsed = CompactJws::parse(&token, &JwsLimits::default()).unwrap();
        assert_eq!(parsed.header().kid, None, "a key that is there need not be named");
        assert_eq!(parsed.header_member::<u8>("x").unwrap(), Some(1));
        let verifier = Verifier::new(AlgorithmSet::ASYMMETRIC, TokenType::exactly("dpop+jwt"));
        let keys = KeySet::from(signer.verification_key(&*crypto::ring()).unwrap());
        assert!(verifier.verify(&token, &keys).is_ok());
        let named = sign_with_header(&signer, "x", &members(json!({ "x": 1 })), &json!({})).await.unwrap();
        let named = CompactJws::parse(&named, &JwsLimits::default()).unwrap();
        assert_eq!(named.header().kid.as_deref(), signer.kid());
        for reserved in ["alg", "typ", "kid", "crit", "b64"] {
            let extra = members(json!({ reserved: "none" }));
            let refused = sign_with_header(&signer, "x", &extra, &json!({})).await;
            assert!(matches!(refused, Err(SignError::Claims)), "{reserved}");
        }
        assert!(matches!(sign(&signer, "x", &json!([])).await, Err(SignError::Claims)));
    }
}
