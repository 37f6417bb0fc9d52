//! Checking what the provider has signed, with its published keys.

use std::borrow::Cow;

use ciam_core::ephemeral::EphemeralKey;
use ciam_core::error::PortError;
use ciam_core::jose::{
    AlgorithmSet, AudienceRule, ClaimRules, CompactForm, JwsError, TokenType, VerifiedJws, Verifier,
};
use ciam_core::secret::TokenDigest;
use time::Duration;

use super::RelyingParty;
use super::config::RelyingPartyConfig;

/// Why a signature does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unverified {
    /// The provider's keys cannot be had.
    Keys,
    /// It is not by one of them, with an allowed algorithm, for this kind of token.
    Signature,
}

impl RelyingParty {
    /// Verifies a token and reads it. The keys are fetched again, once, when the token names one that is not known, or names
    /// none and is by none that is.
    pub(super) async fn verified<T, F>(&self, token: &str, typ: TokenType, read: F) -> Result<T, Unverified>
    where
        F: Fn(&VerifiedJws<'_>) -> T + Send + Sync,
        T: Send,
    {
        let algorithms: AlgorithmSet = self.config().id_token_algorithms.iter().copied().collect();
        let verifier = Verifier::new(algorithms, typ);
        let remote = self.keys().await.map_err(|_| Unverified::Keys)?;
        let keys = remote.keys().await.map_err(|_| Unverified::Keys)?;
        let again = match verifier.verify(token, &keys) {
            Ok(verified) => return Ok(read(&verified)),
            Err(JwsError::UnknownKey) => true,
            // Without a name nobody can say that the key is new.
            Err(JwsError::InvalidSignature) => {
                verifier.parse(token).is_ok_and(|parsed| parsed.header().kid.is_none())
            }
            Err(_) => false,
        };
        if !again {
            return Err(Unverified::Signature);
        }
        let newer = remote.keys_after(&keys).await.map_err(|_| Unverified::Keys)?;
        let verified = verifier.verify(token, &newer).map_err(|_| Unverified::Signature)?;
        Ok(read(&verified))
    }

    /// The signed token in an encrypted one, or the token itself when it is not encrypted; `None` when it cannot be opened.
    pub(super) fn opened<'t>(&self, token: &'t str) -> Option<Cow<'t, str>> {
        if !CompactForm::is_encrypted(token) {
            return Some(Cow::Borrowed(token));
        }
        let opened = self.config().decrypter.as_ref()?.decrypt(token).ok()?;
        Some(Cow::Owned(opened.nested().ok()?.to_owned()))
    }

    /// Whether this provider's message of one kind is here for the first time: it is remembered for as long as one is taken.
    pub(super) async fn is_first(
        &self,
        kind: &'static str,
        jti: &str,
        oldest: Duration,
    ) -> Result<bool, PortError> {
        let digest = TokenDigest::of(&format!("{}\n{jti}", self.config().issuer)).to_text();
        let keep = oldest + self.config().clock_skew;
        self.ports().ephemeral().put_if_absent(&EphemeralKey::new(kind, digest), vec![1], keep).await
    }
}

impl RelyingPartyConfig {
    /// What the provider's claims must keep to, with clocks that differ.
    pub(super) fn claim_rules(&self, issuer: &str, audience: AudienceRule) -> ClaimRules {
        ClaimRules::new(issuer, audience).with_expiry_skew(self.clock_skew).with_future_skew(self.clock_skew)
    }

    /// This client is among those that something is for.
    pub(super) fn in_audience(&self) -> AudienceRule {
        AudienceRule::Includes(self.client_id.clone())
    }
}
