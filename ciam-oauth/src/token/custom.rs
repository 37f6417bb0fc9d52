//! Grants of the host's own.

use ciam_core::http::{Params, Peer};

use super::direct::Direct;
use super::{TokenRequest, TokenResponse, sender};
use crate::AuthorizationServer;
use crate::client::Client;
use crate::custom_grant::{CustomDecision, CustomRequest};
use crate::error::{GrantProblem, TokenError};

impl AuthorizationServer {
    pub(super) async fn custom(
        &self,
        client: &Client,
        name: &str,
        params: &Params,
        request: &TokenRequest,
        peer: &Peer,
    ) -> Result<TokenResponse, TokenError> {
        let grant = self.custom_grants().get(name).ok_or(TokenError::UnsupportedGrantType)?;
        if !client.custom_grants.contains(name) {
            return Err(TokenError::UnauthorizedClient);
        }
        let bound = sender::confirmation(self.config(), client, request, peer.certificate.as_deref())?;
        let asked = CustomRequest { server: self, client, params, peer, now: self.ports().now() };
        match grant.decide(&asked).await? {
            CustomDecision::Refuse => Err(GrantProblem::Custom.into()),
            CustomDecision::Client => self.client_credentials(client, request, bound).await,
            CustomDecision::Account { account, context, scopes } => {
                let direct = Direct { account, context, scopes: scopes.as_ref(), bound };
                self.issue_direct(client, request, direct).await
            }
        }
    }
}
