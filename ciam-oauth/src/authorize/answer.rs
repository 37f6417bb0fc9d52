//! A person's answers to an interaction, as the host's pages give them.
//!
//! Each method changes the interaction only if it is still as it was read, in the browser that it belongs to, and returns
//! where to send that browser: the resume endpoint, which decides anew. Nothing is granted here. A page of the server's own
//! process takes the answer and the decision in one:
//! [`go_on_with`](crate::AuthorizationServer::go_on_with).
//!
//! # Security
//!
//! The host calls these for a form that it received from the person. The form must carry the host's own protection against
//! cross-site requests; the browser's binding cookie, which is `SameSite=Lax`, is required beside it.

use ciam_core::http::BrowserId;
use ciam_core::id::OrganizationId;
use ciam_core::interaction::{Ask, ConsentAsk, InteractionHandle, Json};
use ciam_core::session::Session;
use time::OffsetDateTime;

use super::facts::{Answers, ConsentAnswer};
use super::flow::{Frozen, Returned};
use super::request::AuthorizeRequest;
use super::visitor::Visitor;
use crate::AuthorizationServer;
use crate::error::{AnswerError, SafeError};
use crate::scope::{Scope, ScopeSet};

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

/// What a person says to an interaction.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InteractionAnswer {
    /// What the client may have, to [`Ask::Consent`].
    Consent(ConsentDecision),
    /// To go on with the account that is signed in now, to [`Ask::SelectAccount`].
    Account,
    /// To go on for this organization, to [`Ask::SelectOrganization`].
    Organization(OrganizationId),
    /// That the level of assurance is out of reach that [`Ask::SignIn`] names.
    CannotStepUp,
    /// To stop, to any question.
    Cancel,
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
        self.answer(handle, visitor, InteractionAnswer::Consent(decision)).await
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
        self.answer(handle, visitor, InteractionAnswer::Account).await
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
        self.answer(handle, visitor, InteractionAnswer::Organization(organization)).await
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
        let visitor = Visitor::new(browser.cloned(), None);
        self.answer(handle, &visitor, InteractionAnswer::CannotStepUp).await
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
        let visitor = Visitor::new(browser.cloned(), None);
        self.answer(handle, &visitor, InteractionAnswer::Cancel).await
    }

    /// Stores an answer for when the browser comes back.
    async fn answer(
        &self,
        handle: &InteractionHandle,
        visitor: &Visitor,
        answer: InteractionAnswer,
    ) -> Result<String, AnswerError> {
        let (_, returned) = self.answered(handle, visitor, answer).await?;
        let mut next = returned.read.clone();
        next.answers = Some(Json::of(&returned.answers)?);
        let stored = self.interactions().update(&returned.handle, &returned.read, next).await?;
        Ok(stored.resume_url)
    }

    /// The interaction with an answer more, which is stored nowhere yet.
    pub(crate) async fn answered(
        &self,
        handle: &InteractionHandle,
        visitor: &Visitor,
        answer: InteractionAnswer,
    ) -> Result<(Frozen, Returned), AnswerError> {
        let (frozen, mut returned) =
            self.returned(handle, visitor.browser.as_ref()).await.map_err(|error| match error {
                SafeError::Port(error) => AnswerError::Port(error),
                _ => AnswerError::Interaction,
            })?;
        returned.answers = take(answer, &frozen.request, &returned, visitor.session())?;
        Ok((frozen, returned))
    }
}

/// What is answered with this answer, if it is one to what is asked.
fn take(
    answer: InteractionAnswer,
    request: &AuthorizeRequest,
    returned: &Returned,
    session: Option<&Session>,
) -> Result<Answers, AnswerError> {
    let (asked, so_far) = (&returned.read.ask, returned.answers.clone());
    let signed_in = || session.ok_or(AnswerError::SignedOut);
    Ok(match (answer, asked) {
        (InteractionAnswer::Consent(decision), Ask::Consent(ask)) => {
            let session = signed_in()?;
            if so_far.seen != Some(session.account) {
                return Err(AnswerError::OtherAccount);
            }
            match allowed(decision, &request.scopes, ask)? {
                None => Answers { refused: true, ..so_far },
                Some((shown, allowed)) => {
                    let (account, session) = (session.account, session.id);
                    Answers { consent: Some(ConsentAnswer { account, session, shown, allowed }), ..so_far }
                }
            }
        }
        (InteractionAnswer::Account, Ask::SelectAccount(_)) => {
            Answers { chosen: Some(signed_in()?.id), ..so_far }
        }
        (InteractionAnswer::Organization(chosen), Ask::SelectOrganization(_)) => {
            Answers { organization: Some((signed_in()?.account, chosen)), ..so_far }
        }
        (InteractionAnswer::CannotStepUp, Ask::SignIn(ask)) if !ask.acr_values.is_empty() => {
            Answers { cannot_step_up: true, ..so_far }
        }
        (InteractionAnswer::Cancel, _) => Answers { refused: true, ..so_far },
        _ => return Err(AnswerError::NotAsked),
    })
}

/// The scope values that were shown and those of them that are allowed; `None` when nothing is.
fn allowed(
    decision: ConsentDecision,
    requested: &ScopeSet,
    ask: &ConsentAsk,
) -> Result<Option<(ScopeSet, ScopeSet)>, AnswerError> {
    let is_shown = |scope: &&Scope| ask.scopes.iter().any(|shown| *shown == scope.as_str());
    let shown: ScopeSet = requested.iter().filter(is_shown).cloned().collect();
    match decision {
        ConsentDecision::Deny => Ok(None),
        ConsentDecision::AllowAll => Ok(Some((shown.clone(), shown))),
        ConsentDecision::Allow(scopes) if scopes.is_subset(&shown) => Ok(Some((shown, scopes))),
        ConsentDecision::Allow(_) => Err(AnswerError::ScopeNotAsked),
    }
}
