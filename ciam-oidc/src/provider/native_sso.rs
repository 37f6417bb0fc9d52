//! Apps of one maker that share a sign-in on a device
//! ([Native SSO for Mobile Apps 1.0, draft 06](https://openid.net/specs/openid-connect-native-sso-1_0-06.html)).

use ciam_core::error::PortError;
use ciam_core::id::SessionId;
use ciam_core::secret::Secret;
use ciam_oauth::AuthorizationServer;
use ciam_oauth::extension::{DeviceSession, Issued};
use ciam_oauth::token::DEVICE_SSO;

use super::{Frozen, OpenIdProvider};
use crate::id_token::read_hint;

/// What the scope value means, for the consent page.
pub(crate) const DESCRIPTION: &str = "Sign in to other apps of the same maker on this device";

/// The secret that goes with the tokens of an app that asked for it.
pub(crate) fn secret(
    provider: &OpenIdProvider,
    server: &AuthorizationServer,
    issued: &Issued<'_>,
) -> Option<Secret> {
    let asked = provider.config().native_sso
        && issued.client.first_party
        && issued.access_token.is_some()
        && issued.grant.scopes.contains(DEVICE_SSO);
    asked.then(|| server.device_secret(issued.grant.session))
}

/// The app whose ID token it is, if the token is of the session and names the secret.
pub(crate) async fn device_session(
    provider: &OpenIdProvider,
    server: &AuthorizationServer,
    id_token: &str,
    session: SessionId,
    secret_hash: &str,
) -> Result<Option<DeviceSession>, PortError> {
    if !provider.config().native_sso {
        return Ok(None);
    }
    let Some(hint) = read_hint(server, id_token).await? else { return Ok(None) };
    if hint.device_secret_hash.as_deref() != Some(secret_hash) {
        return Ok(None);
    }
    let Some(client) = server.clients().get(&hint.client).await? else { return Ok(None) };
    let named = server.session_name(&client.value, session);
    if hint.session.as_deref() != Some(named.as_str()) {
        return Ok(None);
    }
    Ok(Some(DeviceSession::new(hint.client, Frozen::default().to_members())))
}
