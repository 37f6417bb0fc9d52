//! Which resource an access token is for, and with which scope.

use std::collections::BTreeSet;

use crate::AuthorizationServer;
use crate::client::Client;
use crate::error::TokenError;
use crate::resource::ResourceIndicator;
use crate::scope::ScopeSet;
use crate::server::ResourceServer;

impl AuthorizationServer {
    /// The resource of a token by a grant: the named one, if it was granted; otherwise the only granted one, or the default
    /// one if it is among them ([RFC 8707, section 2.2](https://www.rfc-editor.org/rfc/rfc8707#section-2.2)).
    pub(super) fn target(
        &self,
        client: &Client,
        granted: &BTreeSet<ResourceIndicator>,
        named: Option<&ResourceIndicator>,
    ) -> Result<&ResourceServer, TokenError> {
        let default = &self.config().default_resource;
        let chosen = match named {
            Some(named) => granted.get(named),
            None if granted.len() == 1 => granted.first(),
            None => granted.get(default),
        };
        let chosen = chosen.ok_or(TokenError::InvalidTarget)?;
        self.own_target(client, Some(chosen))
    }

    /// The resource of a token for the client itself: the named one, or the default.
    pub(super) fn own_target(
        &self,
        client: &Client,
        named: Option<&ResourceIndicator>,
    ) -> Result<&ResourceServer, TokenError> {
        let indicator = named.unwrap_or_else(|| &self.config().default_resource);
        // Registrations change: what the client may name is asked now, not only when the grant was given.
        if !self.config().may_target(client, indicator) {
            return Err(TokenError::InvalidTarget);
        }
        self.config().resource(indicator).ok_or(TokenError::InvalidTarget)
    }

    /// The scope of a token by a grant: what is asked for, which must have been granted, as far as it means something at
    /// the resource and the client may still ask for it.
    ///
    /// When nothing of it is left, the request fails: an empty scope cannot be said in the response, and a response that
    /// does not say it tells the client that it got what it asked for
    /// ([RFC 6749, section 5.1](https://www.rfc-editor.org/rfc/rfc6749#section-5.1)).
    pub(super) fn scope_at(
        &self,
        client: &Client,
        resource: &ResourceServer,
        granted: &ScopeSet,
        asked: Option<&ScopeSet>,
    ) -> Result<ScopeSet, TokenError> {
        let wanted = match asked {
            Some(asked) if asked.is_subset(granted) => asked,
            Some(_) => return Err(TokenError::InvalidScope),
            None => granted,
        };
        let scopes = self.config().scopes_at(resource, wanted).intersection(&client.scopes);
        if scopes.is_empty() && !wanted.is_empty() { Err(TokenError::InvalidScope) } else { Ok(scopes) }
    }
}
