//! The exchange of one token for another
//! ([RFC 8693, section 2](https://www.rfc-editor.org/rfc/rfc8693#section-2)).

use std::collections::BTreeSet;

use ciam_core::error::PortError;
use ciam_core::event::Event;
use ciam_core::secret::Secret;
use ciam_core::store::Batch;
use serde_json::{Map, json};
use time::{Duration, OffsetDateTime};

use super::{TokenRequest, TokenResponse};
use crate::AuthorizationServer;
use crate::access_token::{ActiveToken, Holder, OnBehalf, Plan};
use crate::client::Client;
use crate::confirmation::Confirmation;
use crate::error::{GrantProblem, RequestProblem, TokenError};
use crate::event;
use crate::exchange::{Actor, Exchange, ExchangeDecision, ExchangeTerms, TokenKind};
use crate::resource::ResourceIndicator;
use crate::scope::ScopeSet;
use crate::server::{ResourceServer, TokenFormat};

/// What a client shows to exchange a token.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TokenExchange {
    /// The token that is exchanged.
    pub subject_token: Secret,
    /// The token of the one who acts for the subject.
    pub actor_token: Option<Secret>,
    /// The kind of token that is asked for; `None` for whatever the resource takes.
    pub requested: Option<TokenKind>,
    /// By what names the request says what the token is for, beside [`TokenRequest::resource`].
    pub audiences: Vec<String>,
}

impl TokenExchange {
    /// An exchange of this token.
    #[must_use]
    pub const fn new(subject_token: Secret) -> Self {
        Self { subject_token, actor_token: None, requested: None, audiences: Vec::new() }
    }

    /// Adds the token of the one who acts.
    #[must_use]
    pub fn with_actor(mut self, actor_token: Secret) -> Self {
        self.actor_token = Some(actor_token);
        self
    }
}

/// What was decided.
struct Allowed {
    terms: ExchangeTerms,
    actor: Option<Actor>,
}

impl AuthorizationServer {
    pub(super) async fn exchange_token(
        &self,
        client: &Client,
        shown: &TokenExchange,
        request: &TokenRequest,
        bound: Option<Confirmation>,
    ) -> Result<TokenResponse, TokenError> {
        if client.is_public() {
            return Err(TokenError::UnauthorizedClient);
        }
        if request.details.is_some() {
            return Err(TokenError::InvalidAuthorizationDetails);
        }
        let resource = self.exchange_target(client, shown, request.resource.as_ref())?;
        check_kind(shown.requested, resource)?;
        let subject = self.exchangeable(client, &shown.subject_token, bound).await?;
        let actor = match &shown.actor_token {
            Some(token) => Some(self.exchangeable(client, token, bound).await?),
            None => None,
        };
        let now = self.ports().now();
        // The values of another protocol (`openid`, `offline_access`) are between the person and the first client.
        let carried = self.config().scopes_at(resource, &subject.claims.scope).intersection(&client.scopes);
        let carried = carried.difference(&self.config().protocol_scopes);
        let asked = Exchange {
            client,
            subject: &subject,
            actor: actor.as_ref(),
            resource,
            asked: request.scopes.as_ref(),
            carried: &carried,
            now,
        };
        self.check_may_act(&asked)?;
        let decision = self.exchange_policy().decide(&asked).await?;
        let allowed = allow(decision, &asked, self.config().limits.actors)?;
        let scopes = scopes(&asked, &allowed.terms, &self.config().protocol_scopes)?;
        let plan = self.exchange_plan(&asked, &allowed, scopes, bound)?;
        let minted = self.mint(plan).await?;
        let batch = minted.store_in(Batch::new().event(self.exchange_event(&asked, &allowed)?))?;
        if !self.ports().store().commit(batch).await?.is_applied() {
            return Err(PortError::permanent("a commit without conditions was refused").into());
        }
        let kind = shown.requested.unwrap_or(TokenKind::AccessToken);
        let members = Map::from_iter([("issued_token_type".to_owned(), json!(kind.as_str()))]);
        Ok(TokenResponse { members, ..TokenResponse::of(minted) })
    }

    /// A token that the client may exchange: live, and its business.
    pub(super) async fn exchangeable(
        &self,
        client: &Client,
        token: &Secret,
        bound: Option<Confirmation>,
    ) -> Result<ActiveToken, TokenError> {
        let found = self.inspect(token.expose()).await?.ok_or(GrantProblem::Unknown)?;
        let own = found.claims.client_id == client.id;
        if !own
            && !client.serves.iter().any(|served| found.claims.aud.iter().any(|aud| aud == served.as_str()))
        {
            return Err(GrantProblem::OtherClient.into());
        }
        // Its own token the client can prove; the proof for one that it was called with is its caller's.
        if own && found.claims.cnf.is_some() && found.claims.cnf != bound {
            return Err(GrantProblem::OtherSender.into());
        }
        Ok(found)
    }

    /// A subject token that says who may act is for them alone
    /// ([RFC 8693, section 4.4](https://www.rfc-editor.org/rfc/rfc8693#section-4.4)).
    fn check_may_act(&self, asked: &Exchange<'_>) -> Result<(), TokenError> {
        let Some(named) = &asked.subject.claims.may_act else { return Ok(()) };
        let (sub, client) = match asked.actor {
            Some(actor) => (actor.claims.sub.as_str(), &actor.claims.client_id),
            None => (asked.client.id.as_str(), &asked.client.id),
        };
        if named.allows(sub, client, self.issuer().as_str()) { Ok(()) } else { Err(TokenError::Denied) }
    }

    /// The resource of the new token: the one that the request names, as `resource` or as `audience`, or the default.
    fn exchange_target(
        &self,
        client: &Client,
        shown: &TokenExchange,
        named: Option<&ResourceIndicator>,
    ) -> Result<&ResourceServer, TokenError> {
        let mut names: BTreeSet<&str> = shown.audiences.iter().map(String::as_str).collect();
        names.extend(named.map(ResourceIndicator::as_str));
        let mut names = names.into_iter();
        match (names.next(), names.next()) {
            (None, _) => self.own_target(client, None),
            (Some(only), None) => {
                let indicator = only.parse().map_err(|_| TokenError::InvalidTarget)?;
                self.own_target(client, Some(&indicator))
            }
            // A token for two could be replayed by each at the other.
            (Some(_), Some(_)) => Err(TokenError::InvalidTarget),
        }
    }

    fn exchange_plan<'a>(
        &self,
        asked: &Exchange<'a>,
        allowed: &Allowed,
        scopes: ScopeSet,
        confirmation: Option<Confirmation>,
    ) -> Result<Plan<'a>, TokenError> {
        let second = asked.now.truncate_to_second();
        let longest = allowed.terms.lifetime.unwrap_or(Duration::DAY);
        let lifetime = self.access_token_lifetime(asked.client, asked.resource).min(longest);
        let end = OffsetDateTime::from_unix_timestamp(asked.subject.claims.exp);
        let expires_at = (second + lifetime).min(end.map_err(PortError::permanent)?);
        if expires_at <= second {
            return Err(GrantProblem::Expired.into());
        }
        let holder = match (&asked.subject.account, &asked.subject.grant) {
            (Some(account), Some(grant)) => Holder::Account { account, grant, organization: None },
            _ => Holder::Subject { sub: &asked.subject.claims.sub },
        };
        let claims = &asked.subject.claims;
        let first = claims.grant_client.as_ref().unwrap_or(&claims.client_id);
        let on_behalf = Some(OnBehalf { grant_client: first.clone(), actor: allowed.actor.clone() });
        let (client, resource) = (asked.client, asked.resource);
        // What a person allowed once, they allowed the first client.
        let details = Vec::new();
        Ok(Plan {
            client,
            holder,
            resource,
            scopes,
            details,
            now: second,
            expires_at,
            confirmation,
            on_behalf,
        })
    }

    fn exchange_event(&self, asked: &Exchange<'_>, allowed: &Allowed) -> Result<Event, PortError> {
        let subject = match &asked.subject.account {
            Some(account) => format!("account:{}", account.id),
            None => asked.subject.claims.client_id.event_subject(),
        };
        Ok(Event::new(self.ports(), event::TOKEN_EXCHANGED, subject)?
            .with("client", asked.client.id.as_str())
            .with("resource", asked.resource.identifier.as_str())
            .with("kind", if allowed.actor.is_some() { "delegation" } else { "impersonation" })
            .with("grant", asked.subject.grant.as_ref().map(|grant| grant.id.to_string())))
    }
}

/// A JWT is issued for a resource that takes one.
fn check_kind(requested: Option<TokenKind>, resource: &ResourceServer) -> Result<(), TokenError> {
    match (requested, &resource.format) {
        (Some(TokenKind::Jwt), TokenFormat::Opaque) => {
            Err(RequestProblem::Invalid("requested_token_type").into())
        }
        _ => Ok(()),
    }
}

/// What a decision makes of an exchange: who acts, and for whom before.
fn allow(decision: ExchangeDecision, asked: &Exchange<'_>, most: usize) -> Result<Allowed, TokenError> {
    let before = asked.subject.claims.act.clone();
    let (terms, actor) = match decision {
        ExchangeDecision::Refuse => return Err(TokenError::Denied),
        // Who acted for the subject before is not forgotten, and whoever acts now is named.
        ExchangeDecision::Impersonate(_) if asked.actor.is_some() => return Err(TokenError::Denied),
        ExchangeDecision::Impersonate(terms) => (terms, before),
        ExchangeDecision::Delegate(terms) => {
            let client = asked.client.id.clone();
            let actor = match asked.actor {
                Some(actor) => Actor::new(actor.claims.sub.as_str(), actor.claims.client_id.clone()),
                None => Actor::new(client.as_str(), client.clone()),
            };
            (terms, Some(actor.after(before)))
        }
    };
    if actor.as_ref().is_some_and(|actor| actor.depth() > most) {
        return Err(TokenError::Denied);
    }
    Ok(Allowed { terms, actor })
}

/// The scope of the new token: of what the subject token carried, or what the policy says, and never more than the resource
/// knows and the client may ask for.
fn scopes(asked: &Exchange<'_>, terms: &ExchangeTerms, protocol: &ScopeSet) -> Result<ScopeSet, TokenError> {
    let most = match &terms.scopes {
        Some(scopes) => scopes
            .intersection(&asked.resource.scopes)
            .intersection(&asked.client.scopes)
            .difference(protocol),
        None => asked.carried.clone(),
    };
    match asked.asked {
        Some(wanted) if wanted.is_subset(&most) => Ok(wanted.clone()),
        Some(_) => Err(TokenError::InvalidScope),
        None if most.is_empty() => Err(TokenError::InvalidScope),
        None => Ok(most),
    }
}
