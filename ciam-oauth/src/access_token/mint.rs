//! Making access tokens.

use ciam_core::account::Account;
use ciam_core::error::PortError;
use ciam_core::hooks::{HookDecision, TokenIssue};
use ciam_core::secret::Secret;
use ciam_core::store::Batch;
use serde_json::{Map, Value};
use time::{Duration, OffsetDateTime};

use super::claims::AccessTokenClaims;
use super::opaque::OpaqueToken;
use crate::AuthorizationServer;
use crate::authorization_details::AuthorizationDetail;
use crate::client::{Client, ClientId};
use crate::confirmation::Confirmation;
use crate::error::TokenError;
use crate::exchange::{Actor, MayAct};
use crate::grant::Grant;
use crate::organization::{ORGANIZATION, OrganizationClaims};
use crate::scope::ScopeSet;
use crate::server::{ResourceServer, TokenFormat};
#[cfg(feature = "draft-status-list")]
use crate::status_list::StatusEntry;
use crate::validate::Scheme;

/// Whom a new access token will speak of.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Holder<'a> {
    /// An account, by a grant.
    Account { account: &'a Account, grant: &'a Grant, organization: Option<&'a OrganizationClaims> },
    /// The client itself.
    Client,
    /// Another client itself, whose token is exchanged.
    Subject { sub: &'a str },
}

/// For whom a token is issued to a client that exchanges another client's.
#[derive(Clone, Debug)]
pub(crate) struct OnBehalf {
    /// The client whose grant it is.
    pub(crate) grant_client: ClientId,
    /// Who acts.
    pub(crate) actor: Option<Actor>,
}

/// An access token that is about to be made.
#[derive(Clone, Debug)]
pub(crate) struct Plan<'a> {
    pub(crate) client: &'a Client,
    pub(crate) holder: Holder<'a>,
    pub(crate) resource: &'a ResourceServer,
    pub(crate) scopes: ScopeSet,
    pub(crate) details: Vec<AuthorizationDetail>,
    pub(crate) now: OffsetDateTime,
    /// From when it is refused; a whole second.
    pub(crate) expires_at: OffsetDateTime,
    /// What it is bound to.
    pub(crate) confirmation: Option<Confirmation>,
    /// For whom, if it is exchanged for another token.
    pub(crate) on_behalf: Option<OnBehalf>,
}

/// An access token that was made and is not stored yet.
#[derive(Debug)]
pub(crate) struct Minted {
    pub(crate) token: Secret,
    pub(crate) scopes: ScopeSet,
    pub(crate) details: Vec<AuthorizationDetail>,
    pub(crate) expires_in: Duration,
    pub(crate) scheme: Scheme,
    /// What has to be stored for the token to mean anything.
    record: Option<OpaqueToken>,
    /// Where its status is listed.
    #[cfg(feature = "draft-status-list")]
    status: Option<StatusEntry>,
}

impl Minted {
    /// Whether something has to be stored.
    pub(crate) const fn has_records(&self) -> bool {
        #[cfg(feature = "draft-status-list")]
        let listed = self.status.is_some();
        #[cfg(not(feature = "draft-status-list"))]
        let listed = false;
        self.record.is_some() || listed
    }

    /// Adds what has to be stored.
    pub(crate) fn store_in(&self, batch: Batch) -> Result<Batch, PortError> {
        let mut batch = batch;
        if let Some(record) = &self.record {
            batch = batch.put(record)?;
        }
        #[cfg(feature = "draft-status-list")]
        if let Some(status) = &self.status {
            batch = batch.put(status)?;
        }
        Ok(batch)
    }
}

impl AuthorizationServer {
    /// How long an access token for a resource lives: as the client says, or the resource, or the server; a JWT never longer
    /// than the key that signs it stays published.
    pub(crate) fn access_token_lifetime(&self, client: &Client, resource: &ResourceServer) -> Duration {
        let wanted = client.access_token_lifetime().or(resource.access_token_lifetime);
        let lifetime = wanted.unwrap_or_else(|| self.config().lifetimes.access_token);
        match resource.format {
            TokenFormat::Jwt { .. } => lifetime.min(self.keys().policy().token_lifetime),
            TokenFormat::Opaque => lifetime,
        }
    }

    /// Makes an access token. Nothing is stored: a caller that fails afterwards has issued nothing.
    pub(crate) async fn mint(&self, plan: Plan<'_>) -> Result<Minted, TokenError> {
        #[cfg_attr(not(feature = "draft-status-list"), expect(unused_mut, reason = "nothing else is added"))]
        let mut claims = self.claims(&plan).await?;
        let scheme = claims.scheme();
        #[cfg(feature = "draft-status-list")]
        let status = self.list_token(&plan, &mut claims).await?;
        let (token, record) = match &plan.resource.format {
            TokenFormat::Opaque => {
                let token = Secret::random(self.ports().entropy())?;
                let record = OpaqueToken::new(token.digest(), claims);
                (token, Some(record))
            }
            TokenFormat::Jwt { alg } => {
                let signed = self.sign_access_token(*alg, &claims).await?;
                match &plan.resource.encryption {
                    None => (signed, None),
                    Some(encryption) => {
                        let token = self.encrypt_access_token(encryption, &signed).await?;
                        let record = OpaqueToken::new(token.digest(), claims);
                        (token, Some(record))
                    }
                }
            }
        };
        let expires_in = plan.expires_at - plan.now;
        Ok(Minted {
            token,
            scopes: plan.scopes,
            details: plan.details,
            expires_in,
            scheme,
            record,
            #[cfg(feature = "draft-status-list")]
            status,
        })
    }

    /// Gives a JWT a place in a status list, where there are any.
    #[cfg(feature = "draft-status-list")]
    async fn list_token(
        &self,
        plan: &Plan<'_>,
        claims: &mut AccessTokenClaims,
    ) -> Result<Option<StatusEntry>, TokenError> {
        if plan.resource.format == TokenFormat::Opaque || !plan.resource.status_list {
            return Ok(None);
        }
        claims.status = self.place_in_status_list(plan.now).await?;
        let grant = match plan.holder {
            Holder::Account { grant, .. } => Some(grant),
            Holder::Client | Holder::Subject { .. } => None,
        };
        Ok(StatusEntry::of(claims, grant, &self.status_lists_at()))
    }

    async fn claims(&self, plan: &Plan<'_>) -> Result<AccessTokenClaims, TokenError> {
        let mut claims = AccessTokenClaims {
            iss: self.issuer().as_str().to_owned(),
            sub: plan.client.id.as_str().to_owned(),
            aud: vec![plan.resource.identifier.as_str().to_owned()],
            exp: plan.expires_at.unix_timestamp(),
            iat: plan.now.unix_timestamp(),
            jti: self.token_id()?,
            client_id: plan.client.id.clone(),
            scope: plan.scopes.clone(),
            authorization_details: plan.details.clone(),
            auth_time: None,
            acr: None,
            amr: Vec::new(),
            grant_id: None,
            grant_client: plan.on_behalf.as_ref().map(|other| other.grant_client.clone()),
            act: plan.on_behalf.as_ref().and_then(|other| other.actor.clone()),
            may_act: None,
            cnf: plan.confirmation,
            #[cfg(feature = "draft-status-list")]
            status: None,
            extra: Map::new(),
        };
        let mut subject = None;
        let mut organization = None;
        if let Holder::Account { account, grant, organization: acts_for } = plan.holder {
            organization = acts_for.filter(|_| plan.scopes.contains(ORGANIZATION));
            subject = Some(account);
            claims.sub = self.subject(plan.client, account);
            for audience in self.extension().audiences(self, grant) {
                // What the person allowed the first client is not what the next one gets.
                if plan.on_behalf.is_none() && !claims.aud.contains(&audience) {
                    claims.aud.push(audience);
                }
            }
            claims.auth_time = grant.context.auth_time().map(OffsetDateTime::unix_timestamp);
            // What was reached when the grant was given; a refresh does not authenticate anybody again.
            let reached = self.config().acr.achieved(&grant.context, grant.created_at);
            claims.acr = reached.map(|acr| acr.as_str().to_owned());
            claims.amr = grant.context.amr().iter().map(|amr| amr.as_str().to_owned()).collect();
            claims.grant_id = Some(grant.id);
        }
        if let Holder::Subject { sub } = plan.holder {
            claims.sub = sub.to_owned();
        }
        self.ask_hook(plan, subject, &mut claims).await?;
        claims.extra.extend(organization.map(OrganizationClaims::to_members).unwrap_or_default());
        Ok(claims)
    }

    /// The host may refuse the token, say who may act for its subject, or add claims; those that the protocol gives a meaning stay as
    /// they are.
    async fn ask_hook(
        &self,
        plan: &Plan<'_>,
        account: Option<&Account>,
        claims: &mut AccessTokenClaims,
    ) -> Result<(), TokenError> {
        let scopes = plan.scopes.to_strings();
        let issue = TokenIssue::new("access_token", plan.client.id.as_str(), account, &scopes, &claims.aud);
        let mut extra = Map::new();
        match self.ports().hooks().before_token(&issue, &mut extra).await? {
            HookDecision::Allow => {}
            _ => return Err(TokenError::Denied),
        }
        if let Some(said) = extra.remove("may_act") {
            claims.may_act = Some(may_act(said)?);
        }
        extra.retain(|name, _| !AccessTokenClaims::is_reserved(name));
        claims.extra = extra;
        Ok(())
    }

    pub(crate) fn token_id(&self) -> Result<String, PortError> {
        let mut bytes = [0_u8; 16];
        self.ports().entropy().fill(&mut bytes)?;
        Ok(ciam_core::encoding::base64url::encode(&bytes))
    }
}

/// Who may act, as a hook says it: what names nobody is a mistake, and must not become a token that everybody may exchange.
fn may_act(said: Value) -> Result<MayAct, PortError> {
    let named: MayAct = serde_json::from_value(said).map_err(PortError::permanent)?;
    if named.names_somebody() {
        Ok(named)
    } else {
        Err(PortError::permanent("`may_act` of a hook names nobody"))
    }
}
