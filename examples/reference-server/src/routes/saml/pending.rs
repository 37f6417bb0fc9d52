//! A request of a service that waits for a person.

use ciam_core::interaction::{Ask, Interaction, InteractionHandle, Interactions, Json, SignInAsk};
use ciam_saml::idp::SignOn;

use crate::{
    app::App,
    pages::Fault,
    web::{Failure, FormTargets, Visit},
};

/// A request, kept in an interaction of this browser.
#[derive(Clone, Debug)]
pub(in crate::routes) struct PendingSaml {
    pub(super) handle: InteractionHandle,
    pub(super) interaction: Interaction,
    pub(super) sign_on: SignOn,
    text: String,
}

impl PendingSaml {
    /// What tells such a request from one of an application.
    pub(in crate::routes) const PREFIX: &str = "saml.";

    /// Keeps a request.
    pub(super) async fn open(
        app: &App,
        visit: &Visit,
        sign_on: &SignOn,
        ask: Ask,
    ) -> Result<InteractionHandle, Failure> {
        let request = Json::of(sign_on)?;
        let back = |handle: &InteractionHandle| format!("/saml/resume/{}", handle.expose());
        Ok(Self::all(app).open(visit.browser(), PROTOCOL, request, ask, back).await?)
    }

    /// The request with this handle, in this browser.
    pub(super) async fn load(app: &App, visit: &Visit, handle: &str) -> Result<Self, Failure> {
        let text = format!("{}{handle}", Self::PREFIX);
        let handle = InteractionHandle::from_text(handle);
        let interaction = Self::all(app).load(&handle, visit.known_browser()).await?;
        if interaction.protocol != PROTOCOL {
            return Err(Fault::Expired.into());
        }
        let sign_on = interaction.request.read()?;
        Ok(Self { handle, interaction, sign_on, text })
    }

    /// The same by the value of the parameter `continue`.
    pub(in crate::routes) async fn of(app: &App, visit: &Visit, text: &str) -> Result<Self, Failure> {
        let handle = text.strip_prefix(Self::PREFIX).ok_or(Fault::BadRequest)?;
        Self::load(app, visit, handle).await
    }

    /// The value of the parameter `continue`.
    pub(in crate::routes) fn text(&self) -> &str {
        &self.text
    }

    /// What kind of sign-in it asks for.
    pub(in crate::routes) const fn sign_in(&self) -> Option<&SignInAsk> {
        match &self.interaction.ask {
            Ask::SignIn(ask) => Some(ask),
            _ => None,
        }
    }

    /// Where it goes on.
    pub(in crate::routes) fn resume_url(&self) -> &str {
        &self.interaction.resume_url
    }

    /// Where forms lead in the end.
    pub(in crate::routes) fn targets(&self) -> FormTargets {
        FormTargets::leading_to(&self.sign_on.consumer)
    }

    pub(super) fn all(app: &App) -> Interactions {
        Interactions::new(app.ports().clone())
    }
}

const PROTOCOL: &str = "saml";
