//! A person's answers to an interaction, as the host's pages give them.
//!
//! Each method changes the interaction only if it is still as it was read, in the browser that it belongs to, and returns
//! where to send that browser: the resume endpoint, which decides anew. Nothing is granted here.
//!
//! # Security
//!
//! The host calls these for a form that it received from the person. The form must carry the host's own protection against
//! cross-site requests; the browser's binding cookie, which is `SameSite=Lax`, is required beside it.

use ciam_core::http::BrowserId;
use ciam_core::id::OrganizationId;
use ciam_core::interaction::{Ask, InteractionHandle};
use time::OffsetDateTime;

use super::facts::{Answers, ConsentAnswer};
use super::flow::{Frozen, Returned, to_value};
use super::request::AuthorizeRequest;
use super::visitor::Visitor;
use crate::AuthorizationServer;
use crate::error::{AnswerError, SafeError};
use crate::scope::ScopeSet;

/// An interaction, for the host's pages.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct PendingInteraction {
    /// What is asked.
    pub ask: Ask,
    /// The request that needs the answer.
    pub request: AuthorizeRequest,
    /// Where to send the browser when the person is done.
    pub resume_url: String,
    /// When it ends.
    pub expires_at: OffsetDateTime,
}

/// What a person says to a question for consent.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConsentDecision {
    /// Yes, to all that was asked.
    AllowAll,
    /// Yes, to these scope values of those that were asked.
    Allow(ScopeSet),
    /// No.
    Deny,
}

impl AuthorizationServer {
    /// What an interaction asks, for the browser that it belongs to.
    ///
    /// # Errors
    ///
    /// Fails when the interaction is unknown, finished or another browser's, or when a port fails.
    pub async fn interaction(
        &self,
        handle: &InteractionHandle,
        browser: Option<&BrowserId>,
    ) -> Result<PendingInteraction, SafeError> {
        let (frozen, returned) = self.returned(handle, browser).await?;
        Ok(PendingInteraction {
            ask: returned.read.ask,
            request: frozen.request,
            resume_url: returned.read.resume_url,
            expires_at: returned.read.expires_at,
        })
    }

    /// Takes the answer to [`Ask::Consent`], from the session that the question was shown to.
    ///
    /// # Errors
    ///
    /// Fails when something else is asked, when another account is signed in than the one that was asked, or when the
    /// interaction changed meanwhile.
    pub async fn answer_consent(
        &self,
        handle: &InteractionHandle,
        visitor: &Visitor,
        decision: ConsentDecision,
    ) -> Result<String, AnswerError> {
        let (frozen, returned) = self.open_for_answer(handle, visitor.browser.as_ref()).await?;
        let Ask::Consent(ask) = &returned.read.ask else { return Err(AnswerError::NotAsked) };
        let session = visitor.session().ok_or(AnswerError::SignedOut)?;
        if returned.answers.seen != Some(session.account) {
            return Err(AnswerError::OtherAccount);
        }
        let is_shown = |scope: &&crate::scope::Scope| ask.scopes.iter().any(|shown| *shown == scope.as_str());
        let shown: ScopeSet = frozen.request.scopes.iter().filter(is_shown).cloned().collect();
        let allowed = match decision {
            ConsentDecision::Deny => return self.refuse_by_person(returned).await,
            ConsentDecision::AllowAll => shown.clone(),
            ConsentDecision::Allow(scopes) if scopes.is_subset(&shown) => scopes,
            ConsentDecision::Allow(_) => return Err(AnswerError::ScopeNotAsked),
        };
        let consent = ConsentAnswer { account: session.account, session: session.id, shown, allowed };
        let answers = Answers { consent: Some(consent), ..returned.answers.clone() };
        self.store_answers(returned, &answers).await
    }

    /// Takes the answer to [`Ask::SelectAccount`]: to go on with the account that is signed in now.
    ///
    /// # Errors
    ///
    /// Fails when something else is asked, when nobody is signed in, or when the interaction changed meanwhile.
    pub async fn answer_account(
        &self,
        handle: &InteractionHandle,
        visitor: &Visitor,
    ) -> Result<String, AnswerError> {
        let (_, returned) = self.open_for_answer(handle, visitor.browser.as_ref()).await?;
        let Ask::SelectAccount(_) = &returned.read.ask else { return Err(AnswerError::NotAsked) };
        let session = visitor.session().ok_or(AnswerError::SignedOut)?;
        let answers = Answers { chosen: Some(session.id), ..returned.answers.clone() };
        self.store_answers(returned, &answers).await
    }

    /// Takes the answer to [`Ask::SelectOrganization`]. Whether the person may act for the organization is decided when the
    /// request goes on: one that is not theirs is asked for again.
    ///
    /// # Errors
    ///
    /// Fails when something else is asked, when nobody is signed in, or when the interaction changed meanwhile.
    pub async fn answer_organization(
        &self,
        handle: &InteractionHandle,
        visitor: &Visitor,
        organization: OrganizationId,
    ) -> Result<String, AnswerError> {
        let (_, returned) = self.open_for_answer(handle, visitor.browser.as_ref()).await?;
        let Ask::SelectOrganization(_) = &returned.read.ask else { return Err(AnswerError::NotAsked) };
        let session = visitor.session().ok_or(AnswerError::SignedOut)?;
        let chosen = Some((session.account, organization));
        let answers = Answers { organization: chosen, ..returned.answers.clone() };
        self.store_answers(returned, &answers).await
    }

    /// Takes the answer that the person cannot reach the level of assurance that [`Ask::SignIn`] names. The request goes on
    /// without it if the level was a wish, and ends if it was a demand.
    ///
    /// # Errors
    ///
    /// Fails when something else is asked, or when the interaction changed meanwhile.
    pub async fn answer_cannot_step_up(
        &self,
        handle: &InteractionHandle,
        browser: Option<&BrowserId>,
    ) -> Result<String, AnswerError> {
        let (_, returned) = self.open_for_answer(handle, browser).await?;
        match &returned.read.ask {
            Ask::SignIn(ask) if !ask.acr_values.is_empty() => {}
            _ => return Err(AnswerError::NotAsked),
        }
        let answers = Answers { cannot_step_up: true, ..returned.answers.clone() };
        self.store_answers(returned, &answers).await
    }

    /// Stops: the client is told `access_denied`.
    ///
    /// # Errors
    ///
    /// Fails when the interaction is unknown, finished or another browser's, or when it changed meanwhile.
    pub async fn cancel(
        &self,
        handle: &InteractionHandle,
        browser: Option<&BrowserId>,
    ) -> Result<String, AnswerError> {
        let (_, returned) = self.open_for_answer(handle, browser).await?;
        self.refuse_by_person(returned).await
    }

    async fn refuse_by_person(&self, returned: Returned) -> Result<String, AnswerError> {
        let answers = Answers { refused: true, ..returned.answers.clone() };
        self.store_answers(returned, &answers).await
    }

    async fn open_for_answer(
        &self,
        handle: &InteractionHandle,
        browser: Option<&BrowserId>,
    ) -> Result<(Frozen, Returned), AnswerError> {
        self.returned(handle, browser).await.map_err(|error| match error {
            SafeError::Port(error) => AnswerError::Port(error),
            _ => AnswerError::Interaction,
        })
    }

    async fn store_answers(&self, returned: Returned, answers: &Answers) -> Result<String, AnswerError> {
        let mut next = returned.read.clone();
        next.answers = to_value(answers)?;
        let stored = self.interactions().update(&returned.handle, &returned.read, next).await?;
        Ok(stored.resume_url)
    }
}
