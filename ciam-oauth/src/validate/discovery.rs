//! Finding an issuer's keys.

use ciam_core::jose::RemoteKeys;
use ciam_core::outbound::{Outbound, OutboundError};
use ciam_core::ports::Ports;
use serde::Deserialize;

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
