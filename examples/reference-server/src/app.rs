//! What every handler works with.

use std::sync::Arc;

use ciam_core::ports::Ports;

use crate::{
    config::{Config, Mail, Mode},
    i18n::{CatalogueError, Catalogues, Language, Texts},
    mail::{MailCatcher, Writer},
    pages::Frame,
    web::{Assets, Visit},
};

/// The server's parts. Cheap to clone.
#[derive(Clone, Debug)]
pub struct App(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    config: Config,
    catalogues: Arc<Catalogues>,
    ports: Ports,
    assets: Assets,
    writer: Writer,
    catcher: Option<MailCatcher>,
}

impl App {
    /// Puts the server together on a tenant's ports.
    ///
    /// # Errors
    ///
    /// The texts are incomplete.
    pub fn new(config: Config, ports: Ports) -> Result<Self, CatalogueError> {
        let catalogues = Arc::new(Catalogues::load()?);
        let sign_in = config.issuer.join("/sign-in");
        let writer = Writer::new(Arc::clone(&catalogues), config.ui.product.clone(), sign_in);
        let catcher = matches!(config.mail, Mail::Catcher)
            .then(|| MailCatcher::new(writer.clone(), Arc::new(ciam_core::clock::SystemClock::new())));
        let assets = Assets::new(config.ui.theme.as_deref());
        Ok(Self(Arc::new(Inner { config, catalogues, ports, assets, writer, catcher })))
    }

    /// The configuration.
    pub fn config(&self) -> &Config {
        &self.0.config
    }

    /// The tenant's ports.
    pub fn ports(&self) -> &Ports {
        &self.0.ports
    }

    /// The stylesheets.
    pub fn assets(&self) -> &Assets {
        &self.0.assets
    }

    /// Writes mail.
    pub fn writer(&self) -> &Writer {
        &self.0.writer
    }

    /// The mail catcher, in development mode.
    pub fn catcher(&self) -> Option<&MailCatcher> {
        self.0.catcher.as_ref()
    }

    /// Whether the server runs in development mode.
    pub fn is_development(&self) -> bool {
        self.config().mode == Mode::Development
    }

    /// The texts in a language.
    pub fn texts(&self, language: Language) -> &Texts {
        self.0.catalogues.of(language)
    }

    /// What surrounds a page.
    pub fn frame(&self, visit: &Visit, signed_in: bool) -> Frame<'_> {
        Frame {
            t: self.texts(visit.language),
            language: visit.language,
            languages: visit.languages(|it| self.texts(it).meta.name.to_string()),
            product: &self.config().ui.product,
            style: self.assets().style(),
            theme: self.assets().theme(),
            development: self.catcher().is_some(),
            signed_in,
        }
    }
}
