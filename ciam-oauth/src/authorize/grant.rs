//! The end of a successful authorization: consent is remembered, a code goes out.

use std::collections::BTreeSet;

use ciam_core::consent::{Consent, ConsentProof};
use ciam_core::ephemeral;
use ciam_core::error::PortError;
use ciam_core::event::{Event, EventType};
use ciam_core::id::GrantId;
use ciam_core::secret::{Secret, TokenDigest};
use ciam_core::session::Session;
use ciam_core::store::{self, Batch, EntityRef, Versioned};

use super::facts::{ConsentAnswer, Facts, consent_items};
use super::flow::{Frozen, Loaded, Returned, Step};
use super::request::AuthorizeRequest;
use super::response::AuthorizeOutcome;
use crate::AuthorizationServer;
use crate::error::{AuthorizeError, SafeError, TokenError};
use crate::event;
use crate::extension::{Asked, Issued, ResponseMembers};
use crate::grant::{AuthorizationCode, CodeState, Grant};
use crate::scope::ScopeSet;

/// The scope value that asks for a grant which outlives the session
/// ([OpenID Connect Core, section 11](https://openid.net/specs/openid-connect-core-1_0.html#OfflineAccess)).
pub const OFFLINE_ACCESS: &str = "offline_access";

/// How often a remembered consent is merged again after somebody else changed it.
const CONSENT_ATTEMPTS: usize = 4;

impl AuthorizationServer {
    /// Completes a request that all checks passed. Only the one that completes it makes a code.
    pub(super) async fn grant(
        &self,
        facts: &Facts<'_>,
        frozen: &Frozen,
        loaded: &Loaded,
        session: &Session,
        returned: Option<Returned>,
    ) -> Result<Step, SafeError> {
        self.complete(frozen, returned).await?;
        if let Some(device) = &frozen.request.device {
            return self.approve_device(device, facts, loaded, session).await;
        }
        // From here on the request is used up: what fails now is the server's fault, and the client hears of it.
        let added = self.added_to_response(facts, session);
        let (outcome, added) = match (self.issue(facts, loaded, session).await, added) {
            (Ok((outcome, members)), Ok(added)) => (outcome, added.and(members)),
            (Err(error), _) => (AuthorizeOutcome::Error(error), ResponseMembers::default()),
            (_, Err(error)) => (AuthorizeOutcome::Error(error.into()), ResponseMembers::default()),
        };
        self.respond_with(facts.client, frozen.request.return_address(), outcome, added).await
    }

    fn added_to_response(&self, facts: &Facts<'_>, session: &Session) -> Result<ResponseMembers, PortError> {
        let asked = Asked::new(facts.client, facts.request, facts.now);
        let asked = match facts.account {
            Some(account) => asked.in_session(session, account),
            None => asked,
        };
        self.extension().response(self, &asked)
    }

    /// Makes what the request is answered with.
    pub(super) async fn issue(
        &self,
        facts: &Facts<'_>,
        loaded: &Loaded,
        session: &Session,
    ) -> Result<(AuthorizeOutcome, ResponseMembers), AuthorizeError> {
        let kind = facts.request.response_type;
        let granted = self.code(facts, session)?;
        self.record_grant(facts, loaded, session, &granted).await?;
        let code = if kind.has_code() { Some(self.store_code(granted.clone()).await?) } else { None };
        let members = match kind.has_id_token() {
            true => self.in_front(facts, &granted, code.as_ref()).await?,
            false => ResponseMembers::default(),
        };
        Ok((code.map_or(AuthorizeOutcome::Extension, AuthorizeOutcome::Code), members))
    }

    /// What the extension answers with beside the code, or instead of one.
    async fn in_front(
        &self,
        facts: &Facts<'_>,
        granted: &AuthorizationCode,
        code: Option<&Secret>,
    ) -> Result<ResponseMembers, AuthorizeError> {
        let grant = Grant::of_code(granted, facts.now, granted.expires_at);
        let holder =
            self.grant_holder(&grant, facts.now).await?.map_err(|_| AuthorizeError::LoginRequired)?;
        let issued = Issued::in_front(facts.client, &grant, &holder.account, facts.now)
            .with_code(code.map(Secret::expose))
            .with_state(facts.request.state.as_deref())
            .for_organization(holder.organization.as_ref());
        match self.extension().front_channel(self, &issued).await {
            Ok(members) => Ok(members),
            Err(TokenError::Port(error)) => Err(error.into()),
            Err(_) => Err(AuthorizeError::AccessDenied),
        }
    }

    async fn store_code(&self, code: AuthorizationCode) -> Result<Secret, PortError> {
        let secret = Secret::random(self.ports().entropy())?;
        let key = CodeState::key(&secret);
        let lifetime = self.config().lifetimes.code;
        let live = ephemeral::encode(&CodeState::Live(Box::new(code)))?;
        if self.ports().ephemeral().put_if_absent(&key, live, lifetime).await? {
            Ok(secret)
        } else {
            Err(PortError::permanent("a random code was made twice"))
        }
    }

    pub(super) fn code(&self, facts: &Facts<'_>, session: &Session) -> Result<AuthorizationCode, PortError> {
        let request = facts.request;
        let scopes = facts.granted_scopes();
        Ok(AuthorizationCode {
            client: request.client.clone(),
            redirect_uri: request.redirect_uri.clone(),
            redirect_uri_named: request.redirect_uri_named,
            challenge: request.challenge.clone(),
            account: session.account,
            session: session.id,
            device: session.device,
            ends_with_session: !scopes.contains(OFFLINE_ACCESS),
            epoch: Some(session.epoch),
            context: session.context.clone(),
            organization: facts.organization(),
            scopes,
            resources: request.resources.clone(),
            extension: request.extension.clone(),
            dpop_key: request.dpop_key,
            instance: request.instance,
            details: request.details.clone(),
            grant: GrantId::generate(self.ports().clock(), self.ports().entropy())?,
            issued_at: facts.now,
            expires_at: facts.now + self.config().lifetimes.code,
        })
    }

    /// Commits that the authorization was granted, with the consent that was given for it.
    pub(super) async fn record_grant(
        &self,
        facts: &Facts<'_>,
        loaded: &Loaded,
        session: &Session,
        code: &AuthorizationCode,
    ) -> Result<(), PortError> {
        let Some(answer) = facts.fresh_consent() else {
            // Nothing is required, so there is nothing to conflict with.
            let _applied = self.ports().store().commit(self.granted(facts, session, code)?).await?;
            return Ok(());
        };
        let mut present = loaded.consent.clone();
        for _ in 0..CONSENT_ATTEMPTS {
            let batch = self.granted(facts, session, code)?;
            let batch = self.consented(batch, facts, session, answer, present.as_ref())?;
            if self.ports().store().commit(batch).await?.is_applied() {
                return Ok(());
            }
            let key = Consent::record_key(session.account, &facts.client.id.consent_recipient());
            present = store::load(self.ports().store(), &key).await?;
        }
        Err(PortError::transient("the consent was changed again and again"))
    }

    fn granted(
        &self,
        facts: &Facts<'_>,
        session: &Session,
        code: &AuthorizationCode,
    ) -> Result<Batch, PortError> {
        let resources: Vec<String> = code.resources.iter().map(ToString::to_string).collect();
        let event = self
            .authorization_event(event::AUTHORIZATION_GRANTED, facts.request, session)?
            .with("grant", code.grant.to_string())
            .with("scopes", code.scopes.to_strings())
            .with("resources", resources)
            .with("details", code.details.iter().map(|detail| detail.name().to_owned()).collect::<Vec<_>>())
            .with("organization", code.organization.map(|id| id.to_string()));
        Ok(Batch::new().event(event))
    }

    /// Adds the consent to the batch: what was shown and allowed is added, what was shown and not allowed is taken back,
    /// and what was not shown stays.
    fn consented(
        &self,
        batch: Batch,
        facts: &Facts<'_>,
        session: &Session,
        answer: &ConsentAnswer,
        present: Option<&Versioned<Consent>>,
    ) -> Result<Batch, PortError> {
        let recipient = facts.client.id.consent_recipient();
        let key = Consent::record_key(session.account, &recipient);
        let items = |scopes: &ScopeSet| -> BTreeSet<String> {
            scopes.iter().flat_map(|scope| consent_items(facts.config, facts.request, scope)).collect()
        };
        let (shown, allowed) = (items(&answer.shown), items(&answer.allowed));
        let entity = EntityRef::record::<Consent>(key);
        let (batch, before, given_at) = match present {
            Some(found) => (
                batch.require_version(entity, found.version),
                found.value.allowed.clone(),
                found.value.given_at,
            ),
            None => (batch.require_absent(entity), BTreeSet::new(), facts.now),
        };
        let taken_back = before.intersection(&shown).any(|item| !allowed.contains(item));
        let after = before.difference(&shown).chain(&allowed).cloned().collect();
        let mut consent = Consent::new(session.account, recipient, after, facts.now);
        consent.given_at = given_at;
        let kind = if taken_back { EventType::CONSENT_WITHDRAWN } else { EventType::CONSENT_GIVEN };
        let event = self
            .authorization_event(kind, facts.request, session)?
            .with("scopes", answer.allowed.to_strings());
        let mut proof = ConsentProof::new("consent_page");
        // What was shown are the items, one a line: their words are the host's, in the person's language.
        proof.digest = Some(TokenDigest::of(&shown.iter().cloned().collect::<Vec<_>>().join("\n")));
        Ok(consent.write_to(batch, self.ports(), proof)?.event(event))
    }

    /// Commits that a signed-in person's authorization was refused.
    pub(super) async fn record_refusal(
        &self,
        request: &AuthorizeRequest,
        session: &Session,
        error: &AuthorizeError,
    ) -> Result<(), PortError> {
        let event = self
            .authorization_event(event::AUTHORIZATION_REFUSED, request, session)?
            .with("error", error.code());
        let _applied = self.ports().store().commit(Batch::new().event(event)).await?;
        Ok(())
    }

    fn authorization_event(
        &self,
        event_type: EventType,
        request: &AuthorizeRequest,
        session: &Session,
    ) -> Result<Event, PortError> {
        Ok(Event::new(self.ports(), event_type, format!("account:{}", session.account))?
            .with("client", request.client.as_str())
            .with("session", session.id.to_string()))
    }
}
