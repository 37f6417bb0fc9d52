//! Answering without a page: what [the page](crate::routes) and its form do, for a person who answers in an app of their own.

use ciam_core::{
    error::PortError,
    http::BrowserId,
    interaction::Ask,
    secret::{Secret, TokenDigest},
    session::Authenticated,
    store::load,
};
use ciam_oauth::{
    authorize::{ConsentDecision, Step, Visitor},
    error::{AnswerError, SafeError},
};

use super::{Asked, by_client_name};
use crate::services::Services;

/// What a person says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Yes, to all that is asked.
    Allow,
    /// No.
    Deny,
}

/// What became of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answered {
    /// It counts.
    Done,
    /// The question was answered before, or its time is over.
    Gone,
    /// More is asked than yes or no: a stronger sign-in, or the signature for a payment. That is for the pages.
    MoreIsAsked,
}

/// Answers what the person in this session is asked.
///
/// # Security
///
/// The handle is one of the session's own account: [`handle_of`](super::handle_of) looks at that.
///
/// # Errors
///
/// A port fails.
pub(crate) async fn answer(
    services: &Services,
    viewer: Authenticated,
    handle: &Secret,
    decision: Decision,
) -> Result<Answered, PortError> {
    let server = &services.server;
    // The question and its answer are of this call alone.
    let browser = BrowserId::generate(services.ports.entropy())?;
    let visitor = Visitor::new(Some(browser), Some(viewer));
    let Step::Interact(pause) = (match server.open_backchannel(handle, &visitor).await {
        Ok(step) => step,
        Err(SafeError::Port(error)) => return Err(error),
        Err(_) => return Ok(Answered::Gone),
    }) else {
        return Ok(Answered::Gone);
    };
    let pending = match server.interaction(&pause.handle, visitor.browser.as_ref()).await {
        Ok(pending) => pending,
        Err(SafeError::Port(error)) => return Err(error),
        Err(_) => return Ok(Answered::Gone),
    };
    let answered = match decision {
        Decision::Deny => server.cancel(&pause.handle, visitor.browser.as_ref()).await,
        Decision::Allow => {
            let plain = matches!(pending.ask, Ask::Consent(_)) && pending.request.details.is_empty();
            if !plain {
                return Ok(Answered::MoreIsAsked);
            }
            server.answer_consent(&pause.handle, &visitor, ConsentDecision::AllowAll).await
        }
    };
    match answered {
        Ok(_) => {}
        Err(AnswerError::Port(error)) => return Err(error),
        Err(_) => return Ok(Answered::Gone),
    }
    match server.resume(&pause.handle, &visitor).await {
        Ok(Step::Leave(_)) => Ok(Answered::Done),
        Ok(_) => Ok(Answered::MoreIsAsked),
        Err(SafeError::Port(error)) => Err(error),
        Err(_) => Ok(Answered::Gone),
    }
}

/// Whom a request is for, and its handle, by the name that its client has for it: where
/// [that is dangerously allowed](crate::config::DangerousRules::answer_backchannel).
///
/// # Errors
///
/// A port fails.
pub(crate) async fn named_by_client(
    services: &Services,
    auth_req_id: TokenDigest,
) -> Result<Option<(ciam_core::id::AccountId, Secret)>, PortError> {
    let Some(name) = services.ports.ephemeral().get(&by_client_name(auth_req_id)).await? else {
        return Ok(None);
    };
    let name = String::from_utf8(name).map_err(PortError::permanent)?;
    let Some(asked) = load::<Asked>(services.ports.store(), &name).await? else { return Ok(None) };
    Ok(Some((asked.value.account, asked.value.open(&services.ports).await?)))
}
