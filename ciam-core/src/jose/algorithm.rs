//! The algorithms that this library signs and verifies with.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::crypto::{DigestAlgorithm, EcCurve, PublicKey, SignatureScheme};

/// A JWS algorithm ([RFC 7518, section 3.1](https://www.rfc-editor.org/rfc/rfc7518#section-3.1),
/// [RFC 8037](https://www.rfc-editor.org/rfc/rfc8037)).
///
/// There is no `none`: a token without a signature cannot be expressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Algorithm {
    /// ECDSA on P-256 with SHA-256. The default: 15 to 30 times cheaper to sign with than RSA.
    #[serde(rename = "ES256")]
    Es256,
    /// ECDSA on P-384 with SHA-384.
    #[serde(rename = "ES384")]
    Es384,
    /// Ed25519.
    #[serde(rename = "EdDSA")]
    EdDsa,
    /// HMAC with SHA-256. Only between parties that share a secret, never with a public key.
    #[serde(rename = "HS256")]
    Hs256,
    /// RSASSA-PSS with SHA-256.
    #[serde(rename = "PS256")]
    Ps256,
    /// RSASSA-PKCS1-v1_5 with SHA-256, which OpenID Connect makes the default of id_tokens.
    #[serde(rename = "RS256")]
    Rs256,
}

impl Algorithm {
    /// Every algorithm.
    pub const ALL: [Self; 6] = [Self::Es256, Self::Es384, Self::EdDsa, Self::Hs256, Self::Ps256, Self::Rs256];

    /// The name in a header's `alg`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::EdDsa => "EdDSA",
            Self::Hs256 => "HS256",
            Self::Ps256 => "PS256",
            Self::Rs256 => "RS256",
        }
    }

    /// The signature scheme, or `None` for the symmetric algorithm.
    #[must_use]
    pub const fn scheme(self) -> Option<SignatureScheme> {
        match self {
            Self::Es256 => Some(SignatureScheme::EcdsaP256Sha256),
            Self::Es384 => Some(SignatureScheme::EcdsaP384Sha384),
            Self::EdDsa => Some(SignatureScheme::Ed25519),
            Self::Hs256 => None,
            Self::Ps256 => Some(SignatureScheme::RsaPssSha256),
            Self::Rs256 => Some(SignatureScheme::RsaPkcs1Sha256),
        }
    }

    /// Whether both sides hold the same secret.
    #[must_use]
    pub const fn is_symmetric(self) -> bool {
        self.scheme().is_none()
    }

    /// The hash that goes with the algorithm, as `at_hash` and `c_hash` of
    /// [OpenID Connect Core, section 3.1.3.6](https://openid.net/specs/openid-connect-core-1_0.html#CodeIDToken) use it.
    /// EdDSA with Ed25519 goes with SHA-512, its internal hash.
    #[must_use]
    pub const fn digest(self) -> DigestAlgorithm {
        match self {
            Self::Es256 | Self::Hs256 | Self::Ps256 | Self::Rs256 => DigestAlgorithm::Sha256,
            Self::Es384 => DigestAlgorithm::Sha384,
            Self::EdDsa => DigestAlgorithm::Sha512,
        }
    }

    /// The algorithms that a public key can be used with.
    #[must_use]
    pub const fn of_public_key(key: &PublicKey) -> &'static [Self] {
        match key {
            PublicKey::Ec { curve: EcCurve::P256, .. } => &[Self::Es256],
            PublicKey::Ec { curve: EcCurve::P384, .. } => &[Self::Es384],
            PublicKey::Ec { curve: EcCurve::P521, .. } => &[],
            PublicKey::Ed25519(_) => &[Self::EdDsa],
            PublicKey::Rsa { .. } => &[Self::Ps256, Self::Rs256],
        }
    }

    const fn bit(self) -> u8 {
        match self {
            Self::Es256 => 1,
            Self::Es384 => 1 << 1,
            Self::EdDsa => 1 << 2,
            Self::Hs256 => 1 << 3,
            Self::Ps256 => 1 << 4,
            Self::Rs256 => 1 << 5,
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Algorithm {
    type Err = UnsupportedAlgorithm;

    fn from_str(name: &str) -> Result<Self, UnsupportedAlgorithm> {
        Self::ALL.into_iter().find(|algorithm| algorithm.as_str() == name).ok_or(UnsupportedAlgorithm)
    }
}

impl From<Algorithm> for jsonwebtoken::Algorithm {
    fn from(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::Es256 => Self::ES256,
            Algorithm::Es384 => Self::ES384,
            Algorithm::EdDsa => Self::EdDSA,
            Algorithm::Hs256 => Self::HS256,
            Algorithm::Ps256 => Self::PS256,
            Algorithm::Rs256 => Self::RS256,
        }
    }
}

impl TryFrom<jsonwebtoken::Algorithm> for Algorithm {
    type Error = UnsupportedAlgorithm;

    fn try_from(algorithm: jsonwebtoken::Algorithm) -> Result<Self, UnsupportedAlgorithm> {
        Self::ALL
            .into_iter()
            .find(|ours| jsonwebtoken::Algorithm::from(*ours) == algorithm)
            .ok_or(UnsupportedAlgorithm)
    }
}

/// The name is not that of a supported algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unsupported signature algorithm")]
#[non_exhaustive]
pub struct UnsupportedAlgorithm;

/// An allow-list of algorithms.
///
/// ```
/// use ciam_core::jose::{Algorithm, AlgorithmSet};
///
/// const ALLOWED: AlgorithmSet = AlgorithmSet::of(&[Algorithm::Es256, Algorithm::EdDsa]);
/// assert!(ALLOWED.contains(Algorithm::Es256));
/// assert!(!ALLOWED.contains(Algorithm::Hs256));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct AlgorithmSet(u8);

impl AlgorithmSet {
    /// Every algorithm with a public key.
    pub const ASYMMETRIC: Self =
        Self::of(&[Algorithm::Es256, Algorithm::Es384, Algorithm::EdDsa, Algorithm::Ps256, Algorithm::Rs256]);

    /// The set of these algorithms.
    #[must_use]
    pub const fn of(algorithms: &[Algorithm]) -> Self {
        let mut bits = 0;
        let mut rest = algorithms;
        while let [first, others @ ..] = rest {
            bits |= first.bit();
            rest = others;
        }
        Self(bits)
    }

    /// Whether the set has this algorithm.
    #[must_use]
    pub const fn contains(self, algorithm: Algorithm) -> bool {
        self.0 & algorithm.bit() != 0
    }

    /// Whether the sets share an algorithm.
    #[must_use]
    pub const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// The algorithms, in the order of [`Algorithm::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Algorithm> {
        Algorithm::ALL.into_iter().filter(move |algorithm| self.contains(*algorithm))
    }
}

impl fmt::Debug for AlgorithmSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

impl FromIterator<Algorithm> for AlgorithmSet {
    fn from_iter<I: IntoIterator<Item = Algorithm>>(algorithms: I) -> Self {
        Self(algorithms.into_iter().fold(0, |bits, algorithm| bits | algorithm.bit()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_exact_and_none_is_not_one() {
        for algorithm in Algorithm::ALL {
            assert_eq!(algorithm.as_str().parse(), Ok(algorithm));
            assert_eq!(serde_json::to_value(algorithm).unwrap(), algorithm.as_str());
            assert_eq!(Algorithm::try_from(jsonwebtoken::Algorithm::from(algorithm)), Ok(algorithm));
        }
        for name in ["none", "None", "NONE", "", "es256", "ES256 ", "ES512", "HS512", "RS1", "dir"] {
            assert_eq!(name.parse::<Algorithm>(), Err(UnsupportedAlgorithm), "{name}");
        }
        assert_eq!(Algorithm::try_from(jsonwebtoken::Algorithm::RS512), Err(UnsupportedAlgorithm));
    }

    #[test]
    fn sets_hold_what_they_were_made_of() {
        let set = AlgorithmSet::of(&[Algorithm::Rs256, Algorithm::Es256]);
        assert_eq!(set.iter().collect::<Vec<_>>(), [Algorithm::Es256, Algorithm::Rs256]);
        assert_eq!(set.iter().collect::<AlgorithmSet>(), set);
        assert!(!AlgorithmSet::ASYMMETRIC.contains(Algorithm::Hs256));
        assert!(!set.intersects(AlgorithmSet::of(&[Algorithm::Hs256, Algorithm::Ps256])));
    }
}
