//! Nonces that nobody has to remember.

use std::fmt;
use std::sync::Arc;

use ciam_core::crypto::{Crypto, KeyRejected, MacKey};
use ciam_core::encoding::base64url;
use ciam_core::secret::{Secret, SecretBytes};
use http::HeaderValue;
use time::{Duration, OffsetDateTime};

/// Nonces for DPoP proofs ([RFC 9449, sections 8 and 9](https://www.rfc-editor.org/rfc/rfc9449#section-8)), computed from a
/// secret and the time: every node that has the secret gives and accepts the same ones.
///
/// A nonce is given out during one period, and accepted in it, in the one after, and (by a node whose clock is behind) in the
/// one before.
///
/// # Security
///
/// A nonce shows that a proof was made lately, so that proofs cannot be made in advance by whoever had the key for a moment.
/// It is the same for everybody: it is no secret, and replay is what the `jti` is for.
#[derive(Clone)]
pub struct DpopNonces {
    key: Arc<dyn MacKey>,
    period: Duration,
}

impl DpopNonces {
    /// How long a nonce is given out, unless configured otherwise: one minute.
    pub const PERIOD: Duration = Duration::MINUTE;

    /// Nonces from a secret of at least 32 bytes, which all nodes of one server share and which has no other use.
    ///
    /// # Errors
    ///
    /// Fails when the secret is shorter.
    pub fn new(crypto: &dyn Crypto, secret: &SecretBytes) -> Result<Self, KeyRejected> {
        Ok(Self { key: crypto.mac_key(secret)?, period: Self::PERIOD })
    }

    /// Sets how long a nonce is given out: at least a second.
    #[must_use]
    pub fn with_period(mut self, period: Duration) -> Self {
        self.period = period.max(Duration::SECOND);
        self
    }

    /// The nonce to give out now.
    #[must_use]
    pub fn current(&self, now: OffsetDateTime) -> HeaderValue {
        HeaderValue::from_str(&self.of(self.step(now))).unwrap_or(HeaderValue::from_static(""))
    }

    /// Whether a nonce is one of ours, of lately.
    #[must_use]
    pub fn accepts(&self, nonce: &str, now: OffsetDateTime) -> bool {
        let step = self.step(now);
        [step, step.saturating_sub(1), step.saturating_add(1)]
            .into_iter()
            .any(|step| Secret::from(self.of(step)).ct_eq(nonce))
    }

    fn step(&self, now: OffsetDateTime) -> i64 {
        now.unix_timestamp().div_euclid(self.period.whole_seconds().max(1))
    }

    fn of(&self, step: i64) -> String {
        let mut message = b"ciam dpop nonce 1 ".to_vec();
        message.extend(step.to_be_bytes());
        let tag = self.key.authenticate(&message);
        base64url::encode(tag.as_ref().get(..24).unwrap_or_default())
    }
}

impl fmt::Debug for DpopNonces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DpopNonces").field("period", &self.period).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use ciam_core::crypto;
    use time::macros::datetime;

    use super::*;

    fn nonces(secret: u8) -> DpopNonces {
        DpopNonces::new(&*crypto::ring(), &SecretBytes::new(vec![secret; 32])).unwrap()
    }

    /// RFC 9449, section 8.2: nonces rotate, and the one before is still accepted for a while.
    #[test]
    fn a_nonce_is_accepted_in_its_period_and_the_one_after() {
        let now = datetime!(2026-11-23 12:00 UTC);
        let nonce = nonces(1).current(now);
        let nonce = nonce.to_str().unwrap();
        assert_eq!(nonce.len(), 32);
        for (seconds, accepted) in
            [(0, true), (59, true), (119, true), (120, false), (-1, true), (-61, false)]
        {
            let at = now + Duration::seconds(seconds);
            assert_eq!(nonces(1).accepts(nonce, at), accepted, "{seconds} s later");
        }
        assert_ne!(nonces(1).current(now + Duration::MINUTE), nonce);
    }

    #[test]
    fn nodes_with_one_secret_agree_and_others_do_not() {
        let now = datetime!(2026-11-23 12:00 UTC);
        assert_eq!(nonces(1).current(now), nonces(1).current(now));
        let foreign = nonces(2).current(now);
        assert!(!nonces(1).accepts(foreign.to_str().unwrap(), now));
        for made_up in ["", "x", "eyJ7S_zG.eyJH0-Z.HX4w-7v"] {
            assert!(!nonces(1).accepts(made_up, now), "{made_up}");
        }
        assert!(DpopNonces::new(&*crypto::ring(), &SecretBytes::new(vec![1; 31])).is_err());
    }
}
