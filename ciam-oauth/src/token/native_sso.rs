//! Signing in to one app by what another app of the same maker on the same device has
//! ([OpenID Connect Native SSO for Mobile Apps 1.0, draft 06](https://openid.net/specs/openid-connect-native-sso-1_0-06.html)).
//!
//! The first app is given a *device secret* with its ID token. Apps of one maker share both on the device, and another one
//! exchanges them for tokens of its own, in the same session. The device secret is computed from the session with a key of the
//! tenant: nothing is stored, and it ends with the session.
//!
//! # Security
//!
//! Both apps are the operator's own, and registered for the scope value `device_sso`. The ID token names the secret by a digest
//! (`ds_hash`) and the session by `sid`; one without the other is nothing.

use ciam_core::crypto;
use ciam_core::encoding::base64url;
use ciam_core::http::Peer;
use ciam_core::id::{GrantId, SessionId};
use ciam_core::secret::Secret;
use serde_json::json;

use super::{TokenRequest, TokenResponse, sender};
use crate::AuthorizationServer;
use crate::authorize::OFFLINE_ACCESS;
use crate::client::Client;
use crate::error::{GrantProblem, TokenError};
use crate::exchange::TokenKind;
use crate::grant::AuthorizationCode;

/// The scope value by which an app asks for a device secret.
pub const DEVICE_SSO: &str = "device_sso";
/// The kind of token that a device secret is.
pub(super) const DEVICE_SECRET: &str = "urn:openid:params:token-type:device-secret";
/// The kind of token that an ID token is.
pub(super) const ID_TOKEN: &str = "urn:ietf:params:oauth:token-type:id_token";

/// What an app shows of another app.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct NativeSso {
    /// The ID token of the other app; it may have expired.
    pub id_token: Secret,
    /// The secret that came with it.
    pub device_secret: Secret,
    /// Whom the request says that the tokens are of: this server.
    pub audience: Option<String>,
}

impl AuthorizationServer {
    /// What an ID token says of a device secret: `ds_hash`.
    #[must_use]
    pub fn device_secret_hash(secret: &Secret) -> String {
        base64url::encode(&crypto::sha256(secret.expose().as_bytes()))
    }

    pub(super) async fn native_sso(
        &self,
        client: &Client,
        shown: &NativeSso,
        request: &TokenRequest,
        peer: &Peer,
    ) -> Result<TokenResponse, TokenError> {
        let own = |client: &Client| client.first_party && client.scopes.contains(DEVICE_SSO);
        if !own(client) {
            return Err(TokenError::UnauthorizedClient);
        }
        if shown.audience.as_deref().is_some_and(|named| named != self.issuer().as_str()) {
            return Err(TokenError::InvalidTarget);
        }
        let bound = sender::confirmation(self.config(), client, request, peer.certificate.as_deref())?;
        let session = self.session_of(&shown.device_secret).ok_or(GrantProblem::Unknown)?;
        let hash = Self::device_secret_hash(&shown.device_secret);
        let token = shown.id_token.expose();
        let first = self.extension().device_session(self, token, session, &hash).await?;
        let first = first.ok_or(GrantProblem::Unknown)?;
        let known = self.clients().get(&first.client).await?;
        if !known.is_some_and(|known| own(&known.value)) {
            return Err(GrantProblem::OtherClient.into());
        }
        let now = self.ports().now();
        let live = self.ports().store().session(session).await?.map(|found| found.value);
        let live = live.filter(|session| session.is_live(now)).ok_or(GrantProblem::SessionEnded)?;
        let resource = self.own_target(client, request.resource.as_ref())?;
        let most = client.scopes.clone();
        let scopes = request.scopes.clone().unwrap_or_else(|| most.clone());
        if !scopes.is_subset(&most) {
            return Err(TokenError::InvalidScope);
        }
        let redirect_uri = client.redirect_uris.first().cloned().ok_or(TokenError::UnauthorizedClient)?;
        let code = AuthorizationCode {
            client: client.id.clone(),
            redirect_uri,
            redirect_uri_named: false,
            challenge: None,
            account: live.account,
            session,
            device: live.device,
            ends_with_session: !scopes.contains(OFFLINE_ACCESS),
            epoch: Some(live.epoch),
            context: live.context.clone(),
            organization: None,
            scopes,
            resources: [resource.identifier.clone()].into(),
            details: Vec::new(),
            extension: first.extension,
            dpop_key: None,
            instance: request.instance,
            grant: GrantId::generate(self.ports().clock(), self.ports().entropy())?,
            issued_at: now,
            expires_at: now,
        };
        let mut prepared = self.prepare_exchange(client, &code, request, bound, now).await?;
        let kind = json!(TokenKind::AccessToken.as_str());
        prepared.members.insert("issued_token_type".to_owned(), kind);
        self.commit_exchange(prepared).await
    }

    /// The session that a secret is of, if this server made it.
    fn session_of(&self, shown: &Secret) -> Option<SessionId> {
        let (session, _) = shown.expose().split_once('.')?;
        let session = session.parse().ok()?;
        (self.device_secret(session).digest() == shown.digest()).then_some(session)
    }
}
