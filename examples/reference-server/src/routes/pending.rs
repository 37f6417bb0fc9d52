//! What was interrupted: a request of an application that needs a person.

use ciam_core::{
    interaction::{Ask, InteractionError, InteractionHandle, SignInAsk},
    journey::{SignedIn, Visitor},
    session::{Authenticated, DeviceCookie},
};
use ciam_oauth::{
    authorize::{PendingInteraction, Visitor as Asker},
    error::{AnswerError, SafeError},
};
use ciam_oidc::logout::SignOutError;
use http::{HeaderMap, HeaderValue, header::COOKIE};

use crate::{
    app::App,
    pages::Fault,
    web::{Failure, FormTargets, Visit},
};

/// An interaction, and the handle that names it.
#[derive(Clone, Debug)]
pub(super) struct Pending {
    pub(super) handle: InteractionHandle,
    pub(super) interaction: PendingInteraction,
}

impl Pending {
    /// The interaction with this handle, in this browser.
    pub(super) async fn load(app: &App, visit: &Visit, handle: &str) -> Result<Self, Failure> {
        let handle = InteractionHandle::from_text(handle);
        let interaction = app.services().server.interaction(&handle, visit.known_browser()).await?;
        Ok(Self { handle, interaction })
    }

    /// What kind of sign-in it asks for.
    pub(super) fn sign_in(&self) -> Option<&SignInAsk> {
        match &self.interaction.ask {
            Ask::SignIn(ask) | Ask::SelectAccount(ask) => Some(ask),
            _ => None,
        }
    }

    /// Where forms lead in the end: back to the application.
    pub(super) fn targets(&self) -> FormTargets {
        FormTargets::leading_to(self.interaction.request.redirect_uri.as_str())
    }

    /// Where the browser goes with the session that was just made.
    pub(super) async fn resume(&self, app: &App, visit: &Visit, done: &SignedIn) -> Result<String, Failure> {
        let server = &app.services().server;
        match &self.interaction.ask {
            // To sign in is to choose.
            Ask::SelectAccount(_) => {
                let asker = asker(app, visit, done).await?;
                Ok(server.answer_account(&self.handle, &asker).await?)
            }
            Ask::SignIn(ask) if !reaches(app, ask, done) => {
                // This server has no stronger factor to offer; without this answer it would be asked for ever.
                Ok(server.answer_cannot_step_up(&self.handle, visit.known_browser()).await?)
            }
            _ => Ok(self.interaction.resume_url.clone()),
        }
    }
}

/// The visitor that the browser will be with its next request.
async fn asker(app: &App, visit: &Visit, done: &SignedIn) -> Result<Asker, Failure> {
    let given = done.cookie.set_cookie(None)?;
    let pair = given.to_str().unwrap_or_default().split(';').next().unwrap_or_default();
    let mut headers = HeaderMap::new();
    headers.insert(COOKIE, HeaderValue::try_from(pair).map_err(Failure::internal)?);
    let signed_in = app.services().sessions.authenticate(&headers).await?;
    Ok(Asker::new(visit.known_browser().cloned(), signed_in))
}

fn reaches(app: &App, ask: &SignInAsk, done: &SignedIn) -> bool {
    let ladder = &app.services().server.config().acr;
    let met = |wanted| ladder.satisfies(&done.session.context, wanted, app.ports().now());
    ask.acr_values.is_empty() || ask.acr_values.iter().any(met)
}

/// The visitor as the journey knows them.
pub(super) fn visitor<'a>(visit: &'a Visit, viewer: Option<&'a Authenticated>) -> Visitor<'a> {
    Visitor::new(visit.browser(), visit.peer.clone())
        .with_user_agent(visit.user_agent())
        .with_device(DeviceCookie::from_headers(visit.headers()))
        .with_session(viewer)
}

/// What a person is called: their name, else their first identifier.
pub(super) fn name_of(viewer: &Authenticated) -> String {
    let account = &viewer.account.value;
    let name = account.profile.text("name").map(str::to_owned);
    name.or_else(|| account.identifiers.first().map(|it| it.key.as_str().to_owned())).unwrap_or_default()
}

impl From<SafeError> for Failure {
    fn from(error: SafeError) -> Self {
        match error {
            SafeError::Port(error) => error.into(),
            SafeError::Interaction | SafeError::RequestUri => Fault::Expired.into(),
            _ => Fault::BadRequest.into(),
        }
    }
}

impl From<SignOutError> for Failure {
    fn from(error: SignOutError) -> Self {
        match error {
            SignOutError::Port(error) => error.into(),
            _ => Fault::BadRequest.into(),
        }
    }
}

impl From<InteractionError> for Failure {
    fn from(error: InteractionError) -> Self {
        match error {
            InteractionError::Port(error) => error.into(),
            _ => Fault::Expired.into(),
        }
    }
}

impl From<AnswerError> for Failure {
    fn from(error: AnswerError) -> Self {
        match error {
            AnswerError::Port(error) => error.into(),
            _ => Fault::Expired.into(),
        }
    }
}
