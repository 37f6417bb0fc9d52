//! Finding an issuer's keys.

use std::fmt;
use std::sync::{Arc, OnceLock};

use ciam_core::jose::RemoteKeys;
use ciam_core::outbound::{Outbound, OutboundError};
use ciam_core::ports::Ports;
use futures_util::lock::Mutex;
use serde::Deserialize;
use time::{Duration, OffsetDateTime};

use crate::issuer::Issuer;

/// The keys that an issuer's metadata point to: [RFC 8414](https://www.rfc-editor.org/rfc/rfc8414), or OpenID Connect
/// Discovery where there is no such document. The metadata are fetched now, the keys when they are first needed.
///
/// # Security
///
/// The metadata must name the very issuer: another one's would make tokens of this one verify with the other's keys
/// ([RFC 8414, section 3.3](https://www.rfc-editor.org/rfc/rfc8414#section-3.3)).
///
/// # Errors
///
/// Fails when the metadata cannot be fetched or read, and when they are another issuer's.
pub async fn discover_keys(ports: Ports, issuer: &Issuer) -> Result<RemoteKeys, DiscoveryError> {
    #[derive(Deserialize)]
    struct Metadata {
        issuer: String,
        jwks_uri: String,
    }
    let outbound = Outbound::new(ports.clone());
    let url = issuer.well_known_inserted("oauth-authorization-server");
    let metadata: Metadata = match outbound.get_json(&url).await {
        // There is a server and it has no such document; anything else is no reason to look elsewhere.
        Err(OutboundError::Status(_)) => {
            outbound.get_json(&issuer.well_known_appended("openid-configuration")).await?
        }
        found => found?,
    };
    if metadata.issuer != issuer.as_str() {
        return Err(DiscoveryError::OtherIssuer);
    }
    Ok(RemoteKeys::new(ports, metadata.jwks_uri))
}

/// The keys of an issuer that need not answer yet: its metadata are fetched when a token first needs them, so that a service
/// may start before the server that it trusts. Cloning is cheap; clones share what was found.
///
/// # Security
///
/// As [`discover_keys`]. One discovery runs at a time, and none begins sooner than [`COOLDOWN`](Self::COOLDOWN) after one that
/// failed. Until one succeeds, every token of the issuer is refused.
#[derive(Clone)]
pub struct DiscoveredKeys {
    inner: Arc<Discovery>,
}

struct Discovery {
    ports: Ports,
    issuer: Issuer,
    found: OnceLock<RemoteKeys>,
    failed_at: Mutex<Option<OffsetDateTime>>,
}

impl DiscoveredKeys {
    /// How long after a failure the next attempt is made, at the earliest.
    pub const COOLDOWN: Duration = Duration::seconds(5);

    /// The keys of an issuer. Nothing is fetched yet.
    #[must_use]
    pub fn new(ports: Ports, issuer: Issuer) -> Self {
        let inner = Discovery { ports, issuer, found: OnceLock::new(), failed_at: Mutex::new(None) };
        Self { inner: Arc::new(inner) }
    }

    /// The keys' place, if it was found.
    #[must_use]
    pub fn found(&self) -> Option<&RemoteKeys> {
        self.inner.found.get()
    }

    /// The keys' place, found first if need be; `None` when it cannot be found now.
    pub(super) async fn find(&self) -> Option<&RemoteKeys> {
        if let Some(found) = self.found() {
            return Some(found);
        }
        let mut failed_at = self.inner.failed_at.lock().await;
        let now = self.inner.ports.now();
        if self.found().is_none() && failed_at.is_none_or(|at| now - at >= Self::COOLDOWN) {
            *failed_at = Some(now);
            if let Ok(keys) = discover_keys(self.inner.ports.clone(), &self.inner.issuer).await {
                return Some(self.inner.found.get_or_init(|| keys));
            }
        }
        self.found()
    }
}

impl fmt::Debug for DiscoveredKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DiscoveredKeys").field("issuer", &self.inner.issuer).finish_non_exhaustive()
    }
}

/// An issuer's keys could not be found.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DiscoveryError {
    /// The metadata cannot be fetched or read.
    #[error("the issuer's metadata cannot be fetched")]
    Fetch(#[from] OutboundError),
    /// The metadata are those of another issuer.
    #[error("the metadata are those of another issuer")]
    OtherIssuer,
}
