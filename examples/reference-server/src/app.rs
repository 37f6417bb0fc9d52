//! What every handler works with.

use std::sync::Arc;

use ciam_adapters::mail_catcher::MailCatcher;
use ciam_core::{clock::SystemClock, error::PortError, ports::Ports, session::Authenticated};

use crate::{
    config::{Config, Mail, Mode},
    i18n::{Language, Texts},
    letters::Letters,
    pages::Frame,
    services::Services,
    templates::{TemplateError, Templates},
    web::{Assets, Visit},
};

/// The server's parts. Cheap to clone.
#[derive(Clone, Debug)]
pub struct App(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    config: Config,
    templates: Arc<Templates>,
    services: Services,
    assets: Assets,
    letters: Arc<Letters>,
    catcher: Option<Arc<MailCatcher>>,
}

impl App {
    /// Puts pages around the services.
    ///
    /// # Errors
    ///
    /// A template or a text of the operator's does not fit.
    pub fn new(config: Config, services: Services) -> Result<Self, TemplateError> {
        let templates = Arc::new(Templates::load(config.ui.templates.as_deref())?);
        let sign_in = config.issuer.join("/sign-in");
        let letters = Letters::new(Arc::clone(&templates), config.ui.product.as_str(), sign_in);
        let letters = Arc::new(letters);
        let catcher = matches!(config.mail, Mail::Catcher)
            .then(|| Arc::new(MailCatcher::new(letters.clone(), Arc::new(SystemClock::new()))));
        let assets = Assets::new(config.ui.theme.as_deref());
        Ok(Self(Arc::new(Inner { config, templates, services, assets, letters, catcher })))
    }

    /// The configuration.
    pub fn config(&self) -> &Config {
        &self.0.config
    }

    /// The tenant's ports.
    pub fn ports(&self) -> &Ports {
        &self.0.services.ports
    }

    /// The libraries.
    pub fn services(&self) -> &Services {
        &self.0.services
    }

    /// Who is signed in.
    ///
    /// # Errors
    ///
    /// The store fails.
    pub async fn viewer(&self, visit: &Visit) -> Result<Option<Authenticated>, PortError> {
        self.services().sessions.authenticate(visit.headers()).await
    }

    /// The stylesheets.
    pub fn assets(&self) -> &Assets {
        &self.0.assets
    }

    /// Writes mail.
    pub fn letters(&self) -> &Arc<Letters> {
        &self.0.letters
    }

    /// The mail catcher, in development mode.
    pub fn catcher(&self) -> Option<&Arc<MailCatcher>> {
        self.0.catcher.as_ref()
    }

    /// Whether the server runs in development mode.
    pub fn is_development(&self) -> bool {
        self.config().mode == Mode::Development
    }

    /// Whether applications can ask people who are elsewhere.
    pub fn asks_elsewhere(&self) -> bool {
        self.config().oauth.backchannel.is_some()
    }

    /// The texts in a language.
    pub fn texts(&self, language: Language) -> &Texts {
        self.0.templates.texts(language)
    }

    /// What surrounds a page.
    pub fn frame(&self, visit: &Visit, signed_in: bool) -> Frame<'_> {
        Frame {
            t: self.texts(visit.language),
            templates: &self.0.templates,
            language: visit.language,
            languages: visit.languages(|it| self.texts(it).meta.name.to_string()),
            product: &self.config().ui.product,
            style: self.assets().style(),
            theme: self.assets().theme(),
            development: self.catcher().is_some(),
            signed_in,
            sign_out: signed_in.then(|| visit.action("/sign-out")),
        }
    }
}
