//! Comparing client secrets.

use ciam_core::secret::{Secret, TokenDigest};
use time::OffsetDateTime;

use crate::client::{ClientAuthentication, SecretDigest};

/// Whether a secret is one of the registered ones. As many comparisons are made as a client can have secrets, whether it
/// has them, has fewer, or is not there at all.
pub(super) fn is_registered(sent: &Secret, registered: &[SecretDigest], now: OffsetDateTime) -> bool {
    let digest = sent.digest();
    // The digest of nothing that can be sent: a digest of another digest's bytes, different at each call.
    let decoy = SecretDigest::new(TokenDigest::of_bytes(digest.as_bytes()));
    let padded = registered.iter().chain(std::iter::repeat(&decoy)).take(ClientAuthentication::MAX_SECRETS);
    let mut right = false;
    for known in padded {
        let valid = known.expires_at.is_none_or(|end| now < end);
        right |= (known.digest == digest) & valid;
    }
    right
}

#[cfg(test)]
mod tests {
    use time::Duration;
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-11-23 12:00 UTC);

    fn digest(text: &str) -> SecretDigest {
        SecretDigest::new(TokenDigest::of(text))
    }

    #[test]
    fn each_registered_secret_is_accepted_until_it_ends() {
        let registered = [digest("new"), digest("old").with_expiry(NOW + Duration::SECOND)];
        assert!(is_registered(&Secret::from("new"), &registered, NOW));
        assert!(is_registered(&Secret::from("old"), &registered, NOW));
        assert!(!is_registered(&Secret::from("old"), &registered, NOW + Duration::SECOND));
        assert!(!is_registered(&Secret::from("other"), &registered, NOW));
    }

    #[test]
    fn s18_an_empty_secret_is_not_a_missing_one() {
        assert!(!is_registered(&Secret::from(""), &[], NOW));
        assert!(!is_registered(&Secret::from(""), &[digest("secret")], NOW));
    }
}
