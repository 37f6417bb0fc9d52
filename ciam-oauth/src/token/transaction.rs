//! A token of one transaction for another token
//! ([draft-ietf-oauth-transaction-tokens-09, section 11](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-transaction-tokens-09#section-11)).

use ciam_core::error::PortError;
use ciam_core::event::Event;
use ciam_core::http::Params;
use ciam_core::jose;
use ciam_core::secret::Secret;
use ciam_core::store::Batch;
use serde_json::{Map, Value, json};
use time::{Duration, OffsetDateTime};

use super::{TokenRequest, TokenResponse};
use crate::AuthorizationServer;
use crate::access_token::ActiveToken;
use crate::client::Client;
use crate::confirmation::Confirmation;
use crate::error::{GrantProblem, RequestProblem, TokenError};
use crate::event;
use crate::exchange::{Actor, TokenKind};
use crate::scope::ScopeSet;
use crate::transaction_token::{
    TXN_TOKEN, TYP, Transaction, TransactionClaims, TransactionDecision, TransactionSubject,
    TransactionTerms, TransactionTokens,
};
use crate::validate::Scheme;

/// What a workload shows to have a transaction token.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TransactionRequest {
    /// The token that says whom it is for.
    pub subject_token: Secret,
    /// Whether that is a transaction token.
    pub replaces: bool,
    /// The trust domains that the request names.
    pub audiences: Vec<String>,
    /// The circumstances: `request_context`.
    pub context: Map<String, Value>,
    /// What it is about: `request_details`.
    pub details: Map<String, Value>,
}

impl TransactionRequest {
    /// Reads the parameters (section 11.1).
    pub(super) fn parse(params: &Params) -> Result<Self, RequestProblem> {
        let needed = |name: &'static str| params.one(name)?.ok_or(RequestProblem::Missing(name));
        let object = |name: &'static str| match params.one(name)? {
            None => Ok(Map::new()),
            Some(text) => serde_json::from_str(text).map_err(|_| RequestProblem::Invalid(name)),
        };
        let kind = needed("subject_token_type")?;
        let replaces = kind == TXN_TOKEN;
        if !replaces && TokenKind::from_name(kind).is_none() {
            return Err(RequestProblem::Invalid("subject_token_type"));
        }
        for other in ["actor_token", "actor_token_type"] {
            if params.one(other)?.is_some() {
                return Err(RequestProblem::Invalid(other));
            }
        }
        Ok(Self {
            subject_token: Secret::from(needed("subject_token")?),
            replaces,
            audiences: params.all("audience").map(str::to_owned).collect(),
            context: object("request_context")?,
            details: object("request_details")?,
        })
    }
}

/// What was shown, found good.
enum Shown {
    Access(Box<ActiveToken>),
    Replaced(Box<TransactionClaims>),
}

impl AuthorizationServer {
    pub(super) async fn issue_transaction_token(
        &self,
        client: &Client,
        shown: &TransactionRequest,
        request: &TokenRequest,
        bound: Option<Confirmation>,
    ) -> Result<TokenResponse, TokenError> {
        let settings = self.transaction_tokens();
        let settings = settings.ok_or(RequestProblem::Invalid("requested_token_type"))?;
        if client.is_public() {
            return Err(TokenError::UnauthorizedClient);
        }
        if request.details.is_some() {
            return Err(TokenError::InvalidAuthorizationDetails);
        }
        if request.resource.is_some() || shown.audiences != [settings.trust_domain.as_str()] {
            return Err(TokenError::InvalidTarget);
        }
        let scopes = request.scopes.as_ref().ok_or(TokenError::InvalidScope)?;
        let now = self.ports().now().truncate_to_second();
        let subject = self.subject_of_transaction(settings, client, shown, bound, now).await?;
        if !scopes.is_subset(subject.scopes()) {
            return Err(TokenError::InvalidScope);
        }
        subject.check_may_act(client, self.issuer().as_str())?;
        let (context, details) = (&shown.context, &shown.details);
        let asked = Transaction { client, subject: subject.view(), scopes, context, details, now };
        let terms = match settings.policy.decide(&asked).await? {
            TransactionDecision::Refuse => return Err(TokenError::Denied),
            TransactionDecision::Issue(terms) => terms,
        };
        let claims = self.transaction_claims(settings, &subject, &asked, terms)?;
        let signer = self.keys().signer(settings.algorithm).await.map_err(PortError::from)?;
        let token = jose::sign(&*signer, TYP, &claims).await.map_err(PortError::from)?;
        let batch = Batch::new().event(self.transaction_event(&subject, client, &claims)?);
        if !self.ports().store().commit(batch).await?.is_applied() {
            return Err(PortError::permanent("a commit without conditions was refused").into());
        }
        Ok(TokenResponse {
            access_token: Secret::new(token),
            scheme: Scheme::Bearer,
            expires_in: Duration::seconds(claims.exp - claims.iat),
            scopes: claims.scope,
            refresh_token: None,
            details: Vec::new(),
            members: Map::from_iter([("issued_token_type".to_owned(), json!(TXN_TOKEN))]),
            is_transaction: true,
        })
    }

    async fn subject_of_transaction(
        &self,
        settings: &TransactionTokens,
        client: &Client,
        shown: &TransactionRequest,
        bound: Option<Confirmation>,
        now: OffsetDateTime,
    ) -> Result<Shown, TokenError> {
        if !shown.replaces {
            let found = self.exchangeable(client, &shown.subject_token, bound).await?;
            return Ok(Shown::Access(Box::new(found)));
        }
        if !settings.replacements {
            return Err(RequestProblem::Invalid("subject_token_type").into());
        }
        let claims = self.verify_transaction_token(settings, shown.subject_token.expose()).await?;
        let claims = claims.ok_or(GrantProblem::Unknown)?;
        if claims.exp <= now.unix_timestamp() {
            return Err(GrantProblem::Expired.into());
        }
        Ok(Shown::Replaced(Box::new(claims)))
    }

    /// What a transaction token of this server and this domain says; `None` when it is not one. Times are not looked at.
    async fn verify_transaction_token(
        &self,
        settings: &TransactionTokens,
        token: &str,
    ) -> Result<Option<TransactionClaims>, PortError> {
        let claims = self.own_claims::<TransactionClaims>(token, TYP).await?;
        Ok(claims.filter(|it| it.iss == self.issuer().as_str() && it.aud == settings.trust_domain))
    }

    /// What the token says (section 11.3), and for one that takes the place of another what that said (section 13.15).
    fn transaction_claims(
        &self,
        settings: &TransactionTokens,
        subject: &Shown,
        asked: &Transaction<'_>,
        terms: TransactionTerms,
    ) -> Result<TransactionClaims, TokenError> {
        let scope = match &terms.scopes {
            Some(most) => asked.scopes.intersection(most),
            None => asked.scopes.clone(),
        };
        if scope.is_empty() {
            return Err(TokenError::InvalidScope);
        }
        let lifetime = terms.lifetime.unwrap_or(settings.lifetime).min(settings.lifetime);
        let exp = (asked.now + lifetime).unix_timestamp().min(subject.ends_at());
        if exp <= asked.now.unix_timestamp() {
            return Err(GrantProblem::Expired.into());
        }
        let (txn, said) = match subject {
            Shown::Access(_) => (self.token_id()?, None),
            Shown::Replaced(before) => (before.txn.clone(), Some(&**before)),
        };
        let act = subject.acted();
        if act.as_ref().is_some_and(|act| act.depth() > self.config().limits.actors) {
            return Err(TokenError::Denied);
        }
        Ok(TransactionClaims {
            iss: self.issuer().as_str().to_owned(),
            aud: settings.trust_domain.clone(),
            iat: asked.now.unix_timestamp(),
            exp,
            txn,
            sub: subject.sub().to_owned(),
            scope,
            req_wl: asked.client.id.as_str().to_owned(),
            tctx: said_before(said.map(|said| &said.tctx), terms.details)?,
            rctx: said_before(said.map(|said| &said.rctx), terms.context)?,
            act,
        })
    }

    fn transaction_event(
        &self,
        subject: &Shown,
        client: &Client,
        claims: &TransactionClaims,
    ) -> Result<Event, PortError> {
        let about = match subject {
            Shown::Access(found) => match &found.account {
                Some(account) => format!("account:{}", account.id),
                None => found.claims.client_id.event_subject(),
            },
            Shown::Replaced(_) => client.id.event_subject(),
        };
        Ok(Event::new(self.ports(), event::TOKEN_EXCHANGED, about)?
            .with("client", client.id.as_str())
            .with("kind", "transaction")
            .with("transaction", claims.txn.as_str()))
    }
}

impl Shown {
    fn view(&self) -> TransactionSubject<'_> {
        match self {
            Self::Access(found) => TransactionSubject::Access(found),
            Self::Replaced(claims) => TransactionSubject::Replaced(claims),
        }
    }

    fn scopes(&self) -> &ScopeSet {
        match self {
            Self::Access(found) => &found.claims.scope,
            Self::Replaced(claims) => &claims.scope,
        }
    }

    fn sub(&self) -> &str {
        match self {
            Self::Access(found) => &found.claims.sub,
            Self::Replaced(claims) => &claims.sub,
        }
    }

    /// No token of a transaction outlives what it was made of.
    fn ends_at(&self) -> i64 {
        match self {
            Self::Access(found) => found.claims.exp,
            Self::Replaced(claims) => claims.exp,
        }
    }

    /// Who acted before the one that asks.
    fn acted(&self) -> Option<Actor> {
        match self {
            Self::Access(found) => found.claims.act.clone(),
            Self::Replaced(claims) => {
                let asked = Actor { sub: claims.req_wl.clone(), client_id: None, act: None };
                Some(asked.after(claims.act.clone()))
            }
        }
    }

    /// A subject token that says who may act is for them alone.
    fn check_may_act(&self, client: &Client, issuer: &str) -> Result<(), TokenError> {
        let Self::Access(found) = self else { return Ok(()) };
        match &found.claims.may_act {
            Some(named) if !named.allows(client.id.as_str(), &client.id, issuer) => Err(TokenError::Denied),
            _ => Ok(()),
        }
    }
}

/// What was said before stays, and more may be said. Nothing is said otherwise.
fn said_before(
    before: Option<&Map<String, Value>>,
    more: Map<String, Value>,
) -> Result<Map<String, Value>, TokenError> {
    let mut all = before.cloned().unwrap_or_default();
    for (name, value) in more {
        match all.get(&name) {
            Some(said) if *said != value => return Err(TokenError::Denied),
            Some(_) => {}
            None => _ = all.insert(name, value),
        }
    }
    Ok(all)
}
