//! Hashes that bind other values to an ID token.

use ciam_core::crypto::{Crypto, DigestAlgorithm};
use ciam_core::encoding::base64url;
use ciam_core::jose::Algorithm;

/// The left half of the hash of a value, as in `at_hash`
/// ([OpenID Connect Core, section 3.1.3.6](https://openid.net/specs/openid-connect-core-1_0.html#CodeIDToken)).
///
/// The hash is that of the ID token's algorithm: SHA-256 for those that end in 256, SHA-384 for ES384, and SHA-512 for
/// EdDSA with Ed25519, which hashes with SHA-512 itself.
#[must_use]
pub fn half_hash(crypto: &dyn Crypto, algorithm: Algorithm, value: &str) -> String {
    let with = match algorithm {
        Algorithm::Es384 => DigestAlgorithm::Sha384,
        Algorithm::EdDsa => DigestAlgorithm::Sha512,
        _ => DigestAlgorithm::Sha256,
    };
    let digest = crypto.digest(with, value.as_bytes());
    let bytes = digest.as_ref();
    base64url::encode(bytes.get(..bytes.len() / 2).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use ciam_core::crypto;

    use super::*;

    /// The example of OpenID Connect Core, appendix A.3.
    #[test]
    fn core_a3_at_hash_of_the_example() {
        let access_token = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y";
        assert_eq!(half_hash(&*crypto::ring(), Algorithm::Rs256, access_token), "77QmUPtjPfzWtF2AnpK9RQ");
    }

    #[test]
    fn the_length_is_half_of_the_algorithms_hash() {
        let length = |algorithm| half_hash(&*crypto::ring(), algorithm, "x").len();
        assert_eq!(length(Algorithm::Es256), 22);
        assert_eq!(length(Algorithm::Es384), 32);
        assert_eq!(length(Algorithm::EdDsa), 43);
    }
}
