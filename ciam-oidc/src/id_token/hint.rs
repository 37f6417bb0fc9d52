//! Reading an ID token that comes back as a hint.

use ciam_core::error::PortError;
use ciam_core::jose::{AlgorithmSet, CompactJws, TokenType, Verifier};
use ciam_oauth::AuthorizationServer;
use ciam_oauth::client::ClientId;
use serde::Deserialize;

use super::TYP;

/// What an ID token of ours says when a client gives it back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hint {
    pub(crate) subject: String,
    pub(crate) client: ClientId,
    pub(crate) session: Option<String>,
    /// What it says of the secret of the device.
    #[cfg(feature = "draft-native-sso")]
    pub(crate) device_secret_hash: Option<String>,
}

/// Reads an `id_token_hint`; `None` when it is not an ID token that this server issued.
///
/// It may have expired: it says who is meant, and proves nothing about now
/// ([OpenID Connect Core, section 3.1.2.1](https://openid.net/specs/openid-connect-core-1_0.html#AuthRequest),
/// [RP-Initiated Logout, section 2](https://openid.net/specs/openid-connect-rpinitiated-1_0.html#RPLogout)). The signature
/// has to be of one of our keys, retired ones included unless they were withdrawn; the type keeps access tokens and logout tokens out.
pub(crate) async fn read_hint(server: &AuthorizationServer, text: &str) -> Result<Option<Hint>, PortError> {
    #[derive(Deserialize)]
    struct Claims {
        iss: String,
        sub: String,
        aud: String,
        #[serde(default)]
        sid: Option<String>,
        #[cfg(feature = "draft-native-sso")]
        #[serde(default)]
        ds_hash: Option<String>,
    }

    let verifier = Verifier::new(AlgorithmSet::ASYMMETRIC, TokenType::exactly(TYP));
    let Ok(parsed) = CompactJws::parse(text, verifier.limits()) else { return Ok(None) };
    let keys = server.keys().keys_for(parsed.header().kid.as_deref()).await?;
    let Ok(verified) = verifier.verify_parsed(parsed, keys.remembered_keys()) else { return Ok(None) };
    let Ok(claims) = verified.claims::<Claims>() else { return Ok(None) };
    if claims.iss != server.issuer().as_str() {
        return Ok(None);
    }
    let Ok(client) = claims.aud.parse() else { return Ok(None) };
    Ok(Some(Hint {
        subject: claims.sub,
        client,
        session: claims.sid,
        #[cfg(feature = "draft-native-sso")]
        device_secret_hash: claims.ds_hash,
    }))
}
