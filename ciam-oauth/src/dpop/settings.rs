//! DPoP at the authorization server, configured.

use time::Duration;

use super::proof::DpopPolicy;

/// How an authorization server accepts DPoP proofs, with its token requests and pushed requests
/// ([RFC 9449, sections 5, 8 and 10](https://www.rfc-editor.org/rfc/rfc9449#section-5)).
///
/// ```
/// use ciam_core::memory;
/// use ciam_oauth::AuthorizationServer;
/// use ciam_oauth::dpop::DpopSettings;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let server = AuthorizationServer::builder(memory::ports())
///     .issuer("https://id.example".parse()?)
///     .interaction_url("/interaction/")
///     .dpop(DpopSettings::default().with_nonces())
///     .build()
///     .await?;
/// assert!(server.metadata().contains_key("dpop_signing_alg_values_supported"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DpopSettings {
    /// What proofs are accepted.
    pub policy: DpopPolicy,
    /// How long a nonce is given out; `None` demands none. Default `None`: a proof is accepted for a minute and once, and a
    /// client without a nonce needs no second request.
    pub nonce_period: Option<Duration>,
}

impl DpopSettings {
    /// Replaces the policy.
    #[must_use]
    pub fn with_policy(mut self, policy: DpopPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// Demands a nonce of every proof, a new one each [minute](super::DpopNonces::PERIOD): nobody can make proofs in advance.
    #[must_use]
    pub const fn with_nonces(self) -> Self {
        self.with_nonces_for(super::DpopNonces::PERIOD)
    }

    /// Demands a nonce of every proof, a new one each period.
    #[must_use]
    pub const fn with_nonces_for(mut self, period: Duration) -> Self {
        self.nonce_period = Some(period);
        self
    }
}
