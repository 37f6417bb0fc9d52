//! Which authorization details an access token carries.

use crate::AuthorizationServer;
use crate::authorization_details::AuthorizationDetail;
use crate::client::Client;
use crate::error::TokenError;
use crate::server::ResourceServer;

impl AuthorizationServer {
    /// The details of a token by a grant: what is asked for, each covered by one that was granted, as far as it means something
    /// at the resource and the client may still ask for it ([RFC 9396, section 6](https://www.rfc-editor.org/rfc/rfc9396#section-6)).
    pub(super) fn details_at(
        &self,
        client: &Client,
        resource: &ResourceServer,
        granted: &[AuthorizationDetail],
        asked: Option<&[AuthorizationDetail]>,
    ) -> Result<Vec<AuthorizationDetail>, TokenError> {
        let wanted = match asked {
            None => granted,
            Some(asked) => {
                let covered = |one: &AuthorizationDetail| {
                    let known = self.config().detail_types.get(one.name());
                    known.is_some_and(|known| {
                        known.check(one, client).is_ok()
                            && granted.iter().any(|had| had.name() == one.name() && known.covers(had, one))
                    })
                };
                if !asked.iter().all(covered) {
                    return Err(TokenError::InvalidAuthorizationDetails);
                }
                asked
            }
        };
        let usable = |one: &&AuthorizationDetail| {
            one.is_for(&resource.identifier) && client.authorization_details_types.contains(one.name())
        };
        Ok(wanted.iter().filter(usable).cloned().collect())
    }
}
