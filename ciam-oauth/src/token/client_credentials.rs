//! The client's own right ([RFC 6749, section 4.4](https://www.rfc-editor.org/rfc/rfc6749#section-4.4)).

use ciam_core::error::PortError;
use ciam_core::store::{Batch, Commit};

use super::{TokenRequest, TokenResponse};
use crate::AuthorizationServer;
use crate::access_token::{Holder, Plan};
use crate::client::Client;
use crate::confirmation::Confirmation;
use crate::error::TokenError;
use crate::scope::ScopeSet;

impl AuthorizationServer {
    /// Issues an access token that speaks of the client itself. There is no refresh token: the client can always ask
    /// again ([RFC 6749, section 4.4.3](https://www.rfc-editor.org/rfc/rfc6749#section-4.4.3)).
    pub(super) async fn client_credentials(
        &self,
        client: &Client,
        request: &TokenRequest,
        confirmation: Option<Confirmation>,
    ) -> Result<TokenResponse, TokenError> {
        if client.is_public() {
            return Err(TokenError::UnauthorizedClient);
        }
        let resource = self.own_target(client, request.resource.as_ref())?;
        let scopes = self.own_scopes(client, &resource.scopes, request.scopes.as_ref())?;
        let now = self.ports().now().truncate_to_second();
        let expires_at = now + self.access_token_lifetime(client, resource);
        if request.details.is_some() {
            // Nobody granted any.
            return Err(TokenError::InvalidAuthorizationDetails);
        }
        let plan = Plan {
            client,
            holder: Holder::Client,
            resource,
            scopes,
            details: Vec::new(),
            now,
            expires_at,
            confirmation,
            on_behalf: None,
        };
        let minted = self.mint(plan).await?;
        if minted.has_records() {
            let batch = minted.store_in(Batch::new())?;
            if let Commit::Conflict(_) = self.ports().store().commit(batch).await? {
                return Err(PortError::permanent("a commit without conditions was refused").into());
            }
        }
        Ok(TokenResponse::of(minted))
    }

    /// What is asked for, which the client must be registered for and the resource must know. The values of another
    /// protocol (`openid`, `offline_access`) speak of a person, and here is none.
    fn own_scopes(
        &self,
        client: &Client,
        known: &ScopeSet,
        asked: Option<&ScopeSet>,
    ) -> Result<ScopeSet, TokenError> {
        let own = client.scopes.intersection(known).difference(&self.config().protocol_scopes);
        match asked {
            None => Ok(own),
            Some(asked) if asked.is_subset(&own) => Ok(asked.clone()),
            Some(_) => Err(TokenError::InvalidScope),
        }
    }
}
