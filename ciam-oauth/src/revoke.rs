//! Token revocation ([RFC 7009](https://www.rfc-editor.org/rfc/rfc7009)).
//!
//! A client gives back a token that it holds. A refresh token takes its grant with it, and so every access token of the
//! grant; an access token is revoked alone. What is known of an opaque or encrypted access token is deleted; of a JWT, also of one
//! that was encrypted, the id is remembered until the token would have expired, which introspection sees at once and a resource that
//! validates by itself does not.

use ciam_core::error::PortError;
use ciam_core::event::Event;
use ciam_core::http::Params;
use ciam_core::store::{self, Batch, StoredRecord, Write};

use crate::AuthorizationServer;
use crate::access_token::{AccessTokenClaims, DeniedToken, OpaqueToken};
use crate::client::{AuthenticatedClient, Client};
use crate::error::{GrantProblem, RequestProblem, TokenError};
use crate::event;
use crate::grant::{Grant, RevocationReason};
use crate::token::refresh::RefreshTokenText;

impl AuthorizationServer {
    /// Revokes a token of an authenticated client. A token that is unknown, expired or revoked already is fine: what the
    /// client wants is so
    /// ([RFC 7009, section 2.2](https://www.rfc-editor.org/rfc/rfc7009#section-2.2)).
    ///
    /// `token_type_hint` is not needed: the forms of our tokens tell them apart.
    ///
    /// # Errors
    ///
    /// Fails with [`GrantProblem::OtherClient`] when the token is another client's, which is left as it is, and when a port
    /// fails.
    pub async fn revoke_token(&self, client: &AuthenticatedClient, token: &str) -> Result<(), TokenError> {
        let client = &client.client;
        match self.refresh_secrets().read(token).await? {
            Some(refresh) => self.revoke_refresh_token(client, &refresh).await,
            None => self.revoke_access_token(client, token).await,
        }
    }

    /// Any generation will do: the client says that it is done with the grant, with whatever token it still has.
    async fn revoke_refresh_token(
        &self,
        client: &Client,
        refresh: &RefreshTokenText,
    ) -> Result<(), TokenError> {
        let key = Grant::record_key(refresh.grant);
        let Some(found) = store::load::<Grant>(self.ports().store(), &key).await? else { return Ok(()) };
        if found.value.client != client.id {
            return Err(GrantProblem::OtherClient.into());
        }
        self.revoke_grant(refresh.grant, RevocationReason::Client).await?;
        Ok(())
    }

    async fn revoke_access_token(&self, client: &Client, token: &str) -> Result<(), TokenError> {
        let Some(claims) = self.read_access_token(token).await? else { return Ok(()) };
        if claims.client_id != client.id {
            return Err(GrantProblem::OtherClient.into());
        }
        if !claims.is_current(self.ports().now()) {
            return Ok(());
        }
        let mut batch = Batch::new();
        if OpaqueToken::is_kept(token) {
            batch = batch.write(Write::DeleteRecord(OpaqueToken::KIND, OpaqueToken::record_key(token)));
        }
        if !OpaqueToken::is_well_formed(token) {
            // Of an encrypted one as well: the resource has the JWT that is inside.
            batch = batch.put(&DeniedToken::new(&claims.jti, claims.exp)).map_err(PortError::from)?;
        }
        #[cfg(feature = "draft-status-list")]
        let batch = self.revoke_in_list(batch, &claims).await?;
        let batch = batch.event(self.access_token_event(&claims)?);
        if self.ports().store().commit(batch).await?.is_applied() {
            Ok(())
        } else {
            Err(PortError::permanent("a commit without conditions was refused").into())
        }
    }

    /// Marks a token in the list that it is in.
    #[cfg(feature = "draft-status-list")]
    async fn revoke_in_list(&self, batch: Batch, claims: &AccessTokenClaims) -> Result<Batch, PortError> {
        use crate::status_list::StatusEntry;
        if self.status_lists().is_none() {
            return Ok(batch);
        }
        let grant = match claims.grant_id {
            None => None,
            Some(id) => store::load::<Grant>(self.ports().store(), &Grant::record_key(id)).await?,
        };
        let grant = grant.map(|found| found.value);
        match StatusEntry::of(claims, grant.as_ref(), &self.status_lists_at()) {
            None => Ok(batch),
            Some(entry) => Ok(batch.put(&entry.revoke())?),
        }
    }

    fn access_token_event(&self, claims: &AccessTokenClaims) -> Result<Event, PortError> {
        let event = Event::new(self.ports(), event::ACCESS_TOKEN_REVOKED, claims.client_id.event_subject())?;
        Ok(match claims.grant_id {
            Some(grant) => event.with("grant", grant.to_string()),
            None => event,
        })
    }
}

/// The token of a revocation or introspection request.
pub(crate) fn token_parameter(params: &Params) -> Result<&str, RequestProblem> {
    params.refuse_duplicates(&[])?;
    params.one("token")?.ok_or(RequestProblem::Missing("token"))
}
