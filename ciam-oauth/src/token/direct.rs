//! Tokens for an account without a code: the host, or somebody whom it trusts, has said whom they are for.

use std::collections::BTreeSet;

use ciam_core::account::Account;
use ciam_core::assurance::AuthenticationContext;
use ciam_core::id::{AccountId, GrantId, SessionId};
use serde_json::Map;
use time::OffsetDateTime;

use super::code::Prepared;
use super::{TokenRequest, TokenResponse};
use crate::AuthorizationServer;
use crate::access_token::{Holder, Plan};
use crate::client::Client;
use crate::confirmation::Confirmation;
use crate::error::{GrantProblem, TokenError};
use crate::grant::{Grant, GrantState};
use crate::scope::ScopeSet;
use crate::server::ResourceServer;

/// Whom tokens are made for, and how far.
pub(super) struct Direct<'a> {
    pub(super) account: AccountId,
    /// How the person was authenticated, as far as that is known here.
    pub(super) context: AuthenticationContext,
    /// The scope values that may be granted; `None` for all of the client's.
    pub(super) scopes: Option<&'a ScopeSet>,
    pub(super) bound: Option<Confirmation>,
}

impl AuthorizationServer {
    /// Makes an access token for an account, by a grant of its own that ends with it. Nothing is stored yet.
    pub(super) async fn prepare_direct(
        &self,
        client: &Client,
        request: &TokenRequest,
        direct: Direct<'_>,
        now: OffsetDateTime,
    ) -> Result<Prepared, TokenError> {
        if request.details.is_some() {
            // Nobody was shown any.
            return Err(TokenError::InvalidAuthorizationDetails);
        }
        let account = self.ports().store().account(direct.account).await?.map(|found| found.value);
        let account =
            account.filter(|account| account.may_sign_in(now)).ok_or(GrantProblem::AccountInactive)?;
        let resource = self.own_target(client, request.resource.as_ref())?;
        let scopes = self.direct_scopes(client, resource, direct.scopes, request.scopes.as_ref())?;
        let second = now.truncate_to_second();
        let expires_at = second + self.access_token_lifetime(client, resource);
        let grant = Grant {
            id: GrantId::generate(self.ports().clock(), self.ports().entropy())?,
            client: client.id.clone(),
            account: account.id,
            // Nobody signed in here: a session of this name never was.
            session: SessionId::generate(self.ports().clock(), self.ports().entropy())?,
            device: None,
            ends_with_session: false,
            epoch: Some(account.session_epoch),
            scopes: scopes.clone(),
            resources: BTreeSet::from([resource.identifier.clone()]),
            context: direct.context,
            organization: None,
            details: Vec::new(),
            extension: Map::new(),
            confirmation: None,
            instance: None,
            state: GrantState::Active,
            refresh: None,
            created_at: now,
            expires_at,
        };
        let minted =
            self.mint(direct_plan(client, &account, &grant, resource, scopes, direct.bound, second)).await?;
        Ok(Prepared { grant, minted, refresh_token: None, members: Map::new() })
    }

    /// Makes and stores it.
    pub(super) async fn issue_direct(
        &self,
        client: &Client,
        request: &TokenRequest,
        direct: Direct<'_>,
    ) -> Result<TokenResponse, TokenError> {
        let prepared = self.prepare_direct(client, request, direct, self.ports().now()).await?;
        self.commit_exchange(prepared).await
    }

    /// What is asked for, of what may be granted; all of it when nothing is asked for. The values of another protocol
    /// (`openid`, `offline_access`) need a person who was asked.
    fn direct_scopes(
        &self,
        client: &Client,
        resource: &ResourceServer,
        allowed: Option<&ScopeSet>,
        asked: Option<&ScopeSet>,
    ) -> Result<ScopeSet, TokenError> {
        let own = client.scopes.intersection(&resource.scopes).difference(&self.config().protocol_scopes);
        let most = allowed.map_or_else(|| own.clone(), |allowed| own.intersection(allowed));
        match asked {
            Some(asked) if asked.is_subset(&most) => Ok(asked.clone()),
            Some(_) => Err(TokenError::InvalidScope),
            None if most.is_empty() => Err(TokenError::InvalidScope),
            None => Ok(most),
        }
    }
}

fn direct_plan<'a>(
    client: &'a Client,
    account: &'a Account,
    grant: &'a Grant,
    resource: &'a ResourceServer,
    scopes: ScopeSet,
    confirmation: Option<Confirmation>,
    now: OffsetDateTime,
) -> Plan<'a> {
    Plan {
        client,
        holder: Holder::Account { account, grant, organization: None },
        resource,
        scopes,
        details: Vec::new(),
        now,
        expires_at: grant.expires_at,
        confirmation,
        on_behalf: None,
    }
}
