//! Keys, and a realistic access token, made with nothing but `ring`: every candidate gets the same bytes.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use ring::rand::SystemRandom;
use ring::signature::{self, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RsaKeyPair};
use serde_json::{Value, json};

/// What can go wrong while things are set up.
pub type Failure = Box<dyn std::error::Error>;

/// The issuer of the token.
pub const ISSUER: &str = "https://id.example.com";
/// The resource that the token is for.
pub const AUDIENCE: &str = "https://api.example.com/orders";
/// When the token was issued: 2026-11-23, noon.
pub const ISSUED_AT: i64 = 1_795_435_200;
/// When it expires: in the year 2100, for the sake of candidates that read the system's clock.
pub const EXPIRES_AT: i64 = 4_102_444_800;

/// The algorithms that everybody has.
pub const ALGORITHMS: [Algorithm; 3] = [Algorithm::Es256, Algorithm::Rs256, Algorithm::EdDsa];
/// All algorithms with a public key.
pub const ASYMMETRIC: [Algorithm; 5] =
    [Algorithm::Rs256, Algorithm::Ps256, Algorithm::Es256, Algorithm::Es384, Algorithm::EdDsa];

/// A signature algorithm by its JOSE name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// ECDSA on P-256.
    Es256,
    /// ECDSA on P-384.
    Es384,
    /// RSASSA-PKCS1-v1_5, 2048 bits.
    Rs256,
    /// RSASSA-PSS, 2048 bits.
    Ps256,
    /// Ed25519.
    EdDsa,
    /// HMAC with SHA-256, 32 bytes of secret.
    Hs256,
}

impl Algorithm {
    /// The name in headers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::Rs256 => "RS256",
            Self::Ps256 => "PS256",
            Self::EdDsa => "EdDSA",
            Self::Hs256 => "HS256",
        }
    }
}

/// A key pair in the forms that the candidates take.
pub struct Key {
    /// What it signs with.
    pub algorithm: Algorithm,
    /// The key id in headers and key sets.
    pub kid: String,
    /// The private key as PKCS #8; the secret itself where it is shared.
    pub pkcs8: Vec<u8>,
    /// The public key as `ring` takes it: a point, or an `RSAPublicKey`; the secret itself where it is shared.
    pub public: Vec<u8>,
    pair: Pair,
}

enum Pair {
    Ecdsa(EcdsaKeyPair),
    Rsa(Box<RsaKeyPair>),
    Ed25519(Ed25519KeyPair),
    Secret(hmac::Key),
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Key").field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}

impl Key {
    /// A fresh key pair.
    ///
    /// # Errors
    ///
    /// Fails when the system's random source does.
    pub fn generate(algorithm: Algorithm) -> Result<Self, Failure> {
        let random = SystemRandom::new();
        let pkcs8 = match algorithm {
            Algorithm::Es256 | Algorithm::Es384 => {
                let document = EcdsaKeyPair::generate_pkcs8(ecdsa(algorithm), &random);
                document.map_err(|_| "no entropy")?.as_ref().to_vec()
            }
            Algorithm::Rs256 | Algorithm::Ps256 => rsa_pkcs8()?,
            Algorithm::EdDsa => {
                let document = Ed25519KeyPair::generate_pkcs8(&random);
                document.map_err(|_| "no entropy")?.as_ref().to_vec()
            }
            Algorithm::Hs256 => {
                let secret: [u8; 32] = ring::rand::generate(&random).map_err(|_| "no entropy")?.expose();
                secret.to_vec()
            }
        };
        let pair = pair(algorithm, &pkcs8, &random)?;
        let public = match &pair {
            Pair::Ecdsa(pair) => pair.public_key().as_ref().to_vec(),
            Pair::Rsa(pair) => pair.public_key().as_ref().to_vec(),
            Pair::Ed25519(pair) => pair.public_key().as_ref().to_vec(),
            Pair::Secret(_) => pkcs8.clone(),
        };
        Ok(Self { algorithm, kid: "2026-11".to_owned(), pkcs8, public, pair })
    }

    /// The same key under another name.
    #[must_use]
    pub fn named(mut self, kid: impl Into<String>) -> Self {
        self.kid = kid.into();
        self
    }

    /// Signs with the key pair that was parsed once: the floor of every signer.
    ///
    /// # Errors
    ///
    /// Fails when the system's random source does.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Failure> {
        let random = SystemRandom::new();
        match &self.pair {
            Pair::Ecdsa(pair) => {
                Ok(pair.sign(&random, message).map_err(|_| "ECDSA failed")?.as_ref().to_vec())
            }
            Pair::Rsa(pair) => {
                let mut signed = vec![0; pair.public().modulus_len()];
                let padding: &'static dyn signature::RsaEncoding = match self.algorithm {
                    Algorithm::Ps256 => &signature::RSA_PSS_SHA256,
                    _ => &signature::RSA_PKCS1_SHA256,
                };
                pair.sign(padding, &random, message, &mut signed).map_err(|_| "RSA failed")?;
                Ok(signed)
            }
            Pair::Ed25519(pair) => Ok(pair.sign(message).as_ref().to_vec()),
            Pair::Secret(key) => Ok(hmac::sign(key, message).as_ref().to_vec()),
        }
    }

    /// Modulus and exponent of an RSA key.
    pub fn rsa_numbers(&self) -> Option<(Vec<u8>, Vec<u8>)> {
        let Pair::Rsa(pair) = &self.pair else { return None };
        let public = ring::rsa::PublicKeyComponents::<Vec<u8>>::from(pair.public_key());
        Some((public.n, public.e))
    }

    /// The public key, or the secret that is shared, as a JSON Web Key.
    ///
    /// # Errors
    ///
    /// Fails when the key is not of the form that its algorithm has.
    pub fn jwk(&self) -> Result<Value, Failure> {
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let mut jwk = match &self.pair {
            Pair::Ecdsa(_) => {
                let point = self.public.get(1..).ok_or("no point")?;
                let (x, y) = point.split_at(point.len() / 2);
                let curve = if self.algorithm == Algorithm::Es256 { "P-256" } else { "P-384" };
                json!({"kty": "EC", "crv": curve, "x": encode(x), "y": encode(y)})
            }
            Pair::Rsa(_) => {
                let (n, e) = self.rsa_numbers().ok_or("no RSA key")?;
                json!({"kty": "RSA", "n": encode(&n), "e": encode(&e)})
            }
            Pair::Ed25519(_) => json!({"kty": "OKP", "crv": "Ed25519", "x": encode(&self.public)}),
            Pair::Secret(_) => json!({"kty": "oct", "k": encode(&self.public)}),
        };
        if let Some(members) = jwk.as_object_mut() {
            members.insert("kid".to_owned(), json!(self.kid));
            members.insert("alg".to_owned(), json!(self.algorithm.name()));
            members.insert("use".to_owned(), json!("sig"));
        }
        Ok(jwk)
    }

    /// An access token of [RFC 9068](https://www.rfc-editor.org/rfc/rfc9068) with the claims that one has in practice.
    ///
    /// # Errors
    ///
    /// Fails when signing does.
    pub fn access_token(&self) -> Result<String, Failure> {
        self.token(&claims())
    }

    /// One of many access tokens, each of somebody else.
    ///
    /// # Errors
    ///
    /// Fails when signing does.
    pub fn access_token_of(&self, number: usize) -> Result<String, Failure> {
        let mut claims = claims();
        if let Some(members) = claims.as_object_mut() {
            members.insert("sub".to_owned(), json!(format!("5f3c9f0a-7f1e-4b1c-9a37-{number:012x}")));
            members.insert("jti".to_owned(), json!(format!("Zk3m1r2pQb2Yw8v7{number:06x}")));
        }
        self.token(&claims)
    }

    fn token(&self, payload: &Value) -> Result<String, Failure> {
        let header = json!({"typ": "at+jwt", "alg": self.algorithm.name(), "kid": self.kid});
        let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", encode(&header), encode(payload));
        let signed = self.sign(message.as_bytes())?;
        Ok(format!("{message}.{}", URL_SAFE_NO_PAD.encode(signed)))
    }
}

/// The claims of the token.
pub fn claims() -> Value {
    json!({
        "iss": ISSUER,
        "sub": "5f3c9f0a-7f1e-4b1c-9a37-2f0f7e6f1c55",
        "aud": [AUDIENCE],
        "exp": EXPIRES_AT,
        "iat": ISSUED_AT,
        "jti": "Zk3m1r2pQb2Yw8v7nq3H1A",
        "client_id": "orders-web",
        "scope": "openid profile orders:read orders:write",
        "auth_time": ISSUED_AT - 30,
        "acr": "urn:ciam:acr:aal2",
        "amr": ["pwd", "otp", "mfa"],
        "sid": "0193581e-7b5a-7c43-8a0e-3c5f5f0f9b11",
        "roles": ["customer", "buyer"],
        "groups": ["acme", "acme-purchasing"],
        "entitlements": ["orders.export"],
    })
}

/// Decodes base64url.
///
/// # Errors
///
/// Fails when the text is not base64url without padding.
pub fn decode(text: &str) -> Result<Vec<u8>, Failure> {
    Ok(URL_SAFE_NO_PAD.decode(text)?)
}

fn pair(algorithm: Algorithm, pkcs8: &[u8], random: &SystemRandom) -> Result<Pair, Failure> {
    Ok(match algorithm {
        Algorithm::Es256 | Algorithm::Es384 => {
            let pair = EcdsaKeyPair::from_pkcs8(ecdsa(algorithm), pkcs8, random);
            Pair::Ecdsa(pair.map_err(|error| error.to_string())?)
        }
        Algorithm::Rs256 | Algorithm::Ps256 => {
            Pair::Rsa(Box::new(RsaKeyPair::from_pkcs8(pkcs8).map_err(|error| error.to_string())?))
        }
        Algorithm::EdDsa => {
            Pair::Ed25519(Ed25519KeyPair::from_pkcs8(pkcs8).map_err(|error| error.to_string())?)
        }
        Algorithm::Hs256 => Pair::Secret(hmac::Key::new(hmac::HMAC_SHA256, pkcs8)),
    })
}

fn ecdsa(algorithm: Algorithm) -> &'static signature::EcdsaSigningAlgorithm {
    match algorithm {
        Algorithm::Es384 => &signature::ECDSA_P384_SHA384_FIXED_SIGNING,
        _ => &signature::ECDSA_P256_SHA256_FIXED_SIGNING,
    }
}

/// `ring` signs with RSA keys and cannot make them.
fn rsa_pkcs8() -> Result<Vec<u8>, Failure> {
    use rsa::pkcs8::EncodePrivateKey as _;

    let key = rsa::PrivateKey::new(&mut rand::rngs::SysRng, 2048)?;
    Ok(key.to_pkcs8_der()?.as_bytes().to_vec())
}
