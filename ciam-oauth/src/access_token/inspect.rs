//! Finding out what an access token means now.

use ciam_core::account::Account;
use ciam_core::error::PortError;
use ciam_core::store;

use super::claims::AccessTokenClaims;
use super::denied::DeniedToken;
use super::opaque::OpaqueToken;
use crate::AuthorizationServer;
use crate::client::Client;
use crate::grant::Grant;
use crate::organization::{ORGANIZATION, OrganizationClaims};

/// An access token of this server that can be used now, and what stands behind it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ActiveToken {
    /// What it says.
    pub claims: AccessTokenClaims,
    /// The grant that it came of, which is active; `None` when the client acts for itself.
    pub grant: Option<Grant>,
    /// The account that it speaks of, which may sign in; `None` when the client acts for itself.
    pub account: Option<Account>,
    /// The organization that the person acts for, as it is now; `None` unless the token has the scope value that asks for it.
    pub organization: Option<OrganizationClaims>,
}

impl AuthorizationServer {
    /// What an access token of this server means now; `None` when it is not one, or cannot be used any more.
    ///
    /// Unlike a resource server that validates a JWT by itself, this sees revocation at once: of the token, its grant, the
    /// session that the grant hangs on, and the account.
    ///
    /// # Security
    ///
    /// It does not know who sent the token. Where a token lets somebody in, ask
    /// [`inspect_presented`](Self::inspect_presented) or [`admit`](Self::admit), which check what it is bound to.
    ///
    /// # Errors
    ///
    /// Fails when a port does.
    pub async fn inspect(&self, token: &str) -> Result<Option<ActiveToken>, PortError> {
        self.inspect_knowing(token, None).await
    }

    /// The same for somebody who asks and is a client that was just read: it need not be read again for a token of its own.
    pub(crate) async fn inspect_knowing(
        &self,
        token: &str,
        asker: Option<&Client>,
    ) -> Result<Option<ActiveToken>, PortError> {
        let Some(claims) = self.read_access_token(token).await? else { return Ok(None) };
        let now = self.ports().now();
        if !claims.is_current(now) {
            return Ok(None);
        }
        // The token of a client that was removed dies with it.
        let own = asker.is_some_and(|asker| asker.id == claims.client_id);
        if !own && self.clients().find(&claims.client_id).await?.is_none() {
            return Ok(None);
        }
        let Some(grant) = claims.grant_id else {
            return Ok(Some(ActiveToken { claims, grant: None, account: None, organization: None }));
        };
        let Some(grant) = store::load::<Grant>(self.ports().store(), &Grant::record_key(grant)).await? else {
            return Ok(None);
        };
        let grant = grant.value;
        if grant.client != *claims.grant_client.as_ref().unwrap_or(&claims.client_id) {
            return Ok(None);
        }
        match self.grant_holder(&grant, now).await? {
            Ok(holder) => {
                let organization = holder.organization.filter(|_| claims.scope.contains(ORGANIZATION));
                let account = Some(holder.account);
                Ok(Some(ActiveToken { claims, grant: Some(grant), account, organization }))
            }
            Err(_) => Ok(None),
        }
    }

    /// What an access token of any form says, if it is one of ours and was not itself revoked. It may have expired.
    pub(crate) async fn read_access_token(
        &self,
        token: &str,
    ) -> Result<Option<AccessTokenClaims>, PortError> {
        if OpaqueToken::is_kept(token) {
            let key = OpaqueToken::record_key(token);
            let found = store::load::<OpaqueToken>(self.ports().store(), &key).await?;
            return Ok(found.map(|found| found.value.claims));
        }
        let Some(claims) = self.verify_access_token(token).await? else { return Ok(None) };
        let denied = store::load::<DeniedToken>(self.ports().store(), &claims.jti).await?;
        Ok(if denied.is_some() { None } else { Some(claims) })
    }
}
