//! Who is at the browser.

use ciam_core::account::Account;
use ciam_core::error::PortError;
use ciam_core::http::BrowserId;
use ciam_core::session::{Authenticated, Session};
use http::HeaderMap;

use crate::AuthorizationServer;

/// Who is at the browser: its binding secret, and the session that it proved. Read from its cookies, never from parameters.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Visitor {
    /// The browser's binding secret.
    pub browser: Option<BrowserId>,
    /// The live session, with its account.
    pub signed_in: Option<Authenticated>,
}

impl Visitor {
    /// A visitor whose cookies the host has read itself.
    #[must_use]
    pub const fn new(browser: Option<BrowserId>, signed_in: Option<Authenticated>) -> Self {
        Self { browser, signed_in }
    }

    /// The visitor whose cookies these are.
    ///
    /// # Errors
    ///
    /// Fails when the store does.
    pub async fn from_headers(server: &AuthorizationServer, headers: &HeaderMap) -> Result<Self, PortError> {
        let signed_in = server.sessions().authenticate(headers).await?;
        Ok(Self { browser: BrowserId::from_headers(headers), signed_in })
    }

    /// The session.
    #[must_use]
    pub fn session(&self) -> Option<&Session> {
        self.signed_in.as_ref().map(|found| &found.session.value)
    }

    /// The session's account.
    #[must_use]
    pub fn account(&self) -> Option<&Account> {
        self.signed_in.as_ref().map(|found| &found.account.value)
    }
}
