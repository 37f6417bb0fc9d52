//! The `jsonwebtoken` crate as an application uses it: its own `decode` and `encode`, on `ring`.
//!
//! Its backends are features, which would reach every program of this workspace, so `ring` is plugged in as a provider; that
//! is also the fairest comparison, for both sides then do their arithmetic with the same code. The provider is as lean as
//! one can be: `ciam_core::jose::jsonwebtoken_provider` checks keys when it is given them, which here is at every call.

use std::sync::Once;

use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{ErrorKind, Result};
use jsonwebtoken::signature::{Error, Signer, Verifier};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, TokenData, Validation};
use ring::hmac;
use ring::rand::SystemRandom;
use ring::signature::{self, EcdsaKeyPair, Ed25519KeyPair, RsaKeyPair, UnparsedPublicKey};

use crate::fixtures::{self, Key};

/// The claims that an application reads: what the validator of `ciam-oauth` has accessors for.
#[derive(Clone, Debug, serde::Deserialize, serde::Serialize)]
#[expect(missing_docs, reason = "named as on the wire")]
pub struct Claims {
    pub iss: String,
    pub sub: String,
    pub aud: Vec<String>,
    pub exp: u64,
    pub iat: u64,
    pub jti: String,
    pub client_id: String,
    pub scope: String,
    pub sid: String,
    pub auth_time: u64,
    pub acr: String,
    pub amr: Vec<String>,
}

/// `jsonwebtoken::decode` with the checks that the token calls for.
pub struct Decoder {
    key: DecodingKey,
    validation: Validation,
}

impl std::fmt::Debug for Decoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Decoder").finish_non_exhaustive()
    }
}

impl Decoder {
    /// For tokens signed with this key.
    pub fn new(key: &Key) -> Self {
        install();
        let mut validation = Validation::new(algorithm(key));
        validation.set_issuer(&[fixtures::ISSUER]);
        validation.set_audience(&[fixtures::AUDIENCE]);
        validation.set_required_spec_claims(&["exp", "iss", "sub", "aud"]);
        Self { key: decoding_key(key), validation }
    }

    /// Verifies a token and reads its claims.
    ///
    /// # Errors
    ///
    /// Fails when the token is not good.
    #[expect(clippy::disallowed_methods, reason = "it is the peer that is measured here")]
    pub fn decode(&self, token: &str) -> Result<TokenData<Claims>> {
        jsonwebtoken::decode(token, &self.key, &self.validation)
    }
}

/// `jsonwebtoken::encode`.
pub struct Encoder {
    key: EncodingKey,
    header: Header,
}

impl std::fmt::Debug for Encoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Encoder").finish_non_exhaustive()
    }
}

impl Encoder {
    /// With this key, for access tokens.
    pub fn new(key: &Key) -> Self {
        install();
        let mut header = Header::new(algorithm(key));
        header.typ = Some("at+jwt".to_owned());
        header.kid = Some(key.kid.clone());
        Self { key: encoding_key(key), header }
    }

    /// Signs claims.
    ///
    /// # Errors
    ///
    /// Fails when signing does.
    #[expect(clippy::disallowed_methods, reason = "it is the peer that is measured here")]
    pub fn encode<T: serde::Serialize>(&self, claims: &T) -> Result<String> {
        jsonwebtoken::encode(&self.header, claims, &self.key)
    }
}

/// Makes `ring` the process-wide provider of `jsonwebtoken`. Only a program may do this, never a library.
pub fn install() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // Somebody else's provider would be theirs to keep, and would show in the figures.
        let _ = PROVIDER.install_default();
    });
}

/// A key as `jsonwebtoken` verifies with it.
pub fn decoding_key(key: &Key) -> DecodingKey {
    match key.algorithm {
        fixtures::Algorithm::Es256 | fixtures::Algorithm::Es384 => DecodingKey::from_ec_der(&key.public),
        fixtures::Algorithm::Rs256 | fixtures::Algorithm::Ps256 => DecodingKey::from_rsa_der(&key.public),
        fixtures::Algorithm::EdDsa => DecodingKey::from_ed_der(&key.public),
        fixtures::Algorithm::Hs256 => DecodingKey::from_secret(&key.public),
    }
}

/// A key as `jsonwebtoken` signs with it.
pub fn encoding_key(key: &Key) -> EncodingKey {
    match key.algorithm {
        fixtures::Algorithm::Es256 | fixtures::Algorithm::Es384 => EncodingKey::from_ec_der(&key.pkcs8),
        fixtures::Algorithm::Rs256 | fixtures::Algorithm::Ps256 => EncodingKey::from_rsa_der(&key.pkcs8),
        fixtures::Algorithm::EdDsa => EncodingKey::from_ed_der(&key.pkcs8),
        fixtures::Algorithm::Hs256 => EncodingKey::from_secret(&key.pkcs8),
    }
}

/// The algorithm as `jsonwebtoken` names it.
pub const fn algorithm(key: &Key) -> Algorithm {
    match key.algorithm {
        fixtures::Algorithm::Es256 => Algorithm::ES256,
        fixtures::Algorithm::Es384 => Algorithm::ES384,
        fixtures::Algorithm::Rs256 => Algorithm::RS256,
        fixtures::Algorithm::Ps256 => Algorithm::PS256,
        fixtures::Algorithm::EdDsa => Algorithm::EdDSA,
        fixtures::Algorithm::Hs256 => Algorithm::HS256,
    }
}

static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: |algorithm, key| Ok(Box::new(RingSigner::new(*algorithm, key)?)),
    verifier_factory: |algorithm, key| Ok(Box::new(RingVerifier::new(*algorithm, key)?)),
    key_utils: KeyUtils::new_unimplemented(),
};

struct RingVerifier {
    algorithm: Algorithm,
    key: VerifyingKey,
}

enum VerifyingKey {
    Public(UnparsedPublicKey<Vec<u8>>),
    Secret(hmac::Key),
}

impl RingVerifier {
    fn new(algorithm: Algorithm, key: &DecodingKey) -> Result<Self> {
        let bytes = key.try_get_as_bytes()?;
        let by: &'static dyn signature::VerificationAlgorithm = match algorithm {
            Algorithm::ES256 => &signature::ECDSA_P256_SHA256_FIXED,
            Algorithm::ES384 => &signature::ECDSA_P384_SHA384_FIXED,
            Algorithm::RS256 => &signature::RSA_PKCS1_2048_8192_SHA256,
            Algorithm::PS256 => &signature::RSA_PSS_2048_8192_SHA256,
            Algorithm::EdDSA => &signature::ED25519,
            Algorithm::HS256 => {
                let key = VerifyingKey::Secret(hmac::Key::new(hmac::HMAC_SHA256, bytes));
                return Ok(Self { algorithm, key });
            }
            _ => return Err(ErrorKind::UnsupportedAlgorithm.into()),
        };
        let key = VerifyingKey::Public(UnparsedPublicKey::new(by, bytes.to_vec()));
        Ok(Self { algorithm, key })
    }
}

impl Verifier<Vec<u8>> for RingVerifier {
    fn verify(&self, message: &[u8], signed: &Vec<u8>) -> std::result::Result<(), Error> {
        match &self.key {
            VerifyingKey::Public(key) => key.verify(message, signed),
            VerifyingKey::Secret(key) => hmac::verify(key, message, signed),
        }
        .map_err(|_| Error::new())
    }
}

impl JwtVerifier for RingVerifier {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

struct RingSigner {
    algorithm: Algorithm,
    key: SigningKey,
    random: SystemRandom,
}

enum SigningKey {
    Ecdsa(EcdsaKeyPair),
    Rsa(Box<RsaKeyPair>),
    Ed25519(Ed25519KeyPair),
}

impl RingSigner {
    fn new(algorithm: Algorithm, key: &EncodingKey) -> Result<Self> {
        let random = SystemRandom::new();
        let pkcs8 = key.as_bytes();
        let key = match algorithm {
            Algorithm::ES256 => {
                let by = &signature::ECDSA_P256_SHA256_FIXED_SIGNING;
                EcdsaKeyPair::from_pkcs8(by, pkcs8, &random).map(SigningKey::Ecdsa)
            }
            Algorithm::RS256 => RsaKeyPair::from_pkcs8(pkcs8).map(|pair| SigningKey::Rsa(Box::new(pair))),
            Algorithm::EdDSA => Ed25519KeyPair::from_pkcs8(pkcs8).map(SigningKey::Ed25519),
            _ => return Err(ErrorKind::UnsupportedAlgorithm.into()),
        };
        Ok(Self { algorithm, key: key.map_err(|_| ErrorKind::InvalidKeyFormat)?, random })
    }
}

impl Signer<Vec<u8>> for RingSigner {
    fn try_sign(&self, message: &[u8]) -> std::result::Result<Vec<u8>, Error> {
        match &self.key {
            SigningKey::Ecdsa(pair) => pair
                .sign(&self.random, message)
                .map(|signed| signed.as_ref().to_vec())
                .map_err(|_| Error::new()),
            SigningKey::Rsa(pair) => {
                let mut signed = vec![0; pair.public().modulus_len()];
                pair.sign(&signature::RSA_PKCS1_SHA256, &self.random, message, &mut signed)
                    .map_err(|_| Error::new())?;
                Ok(signed)
            }
            SigningKey::Ed25519(pair) => Ok(pair.sign(message).as_ref().to_vec()),
        }
    }
}

impl JwtSigner for RingSigner {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}
