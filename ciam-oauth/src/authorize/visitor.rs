//! Who is at the browser.

use std::str::FromStr as _;

use ciam_core::error::PortError;
use ciam_core::http::{BrowserId, SESSION_COOKIE, cookie};
use ciam_core::id::SessionId;
use ciam_core::secret::Secret;
use ciam_core::session::Session;
use http::HeaderMap;

use crate::AuthorizationServer;

/// Who is at the browser: its binding secret, and its live session. Read from its cookies, never from parameters.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Visitor {
    /// The browser's binding secret.
    pub browser: Option<BrowserId>,
    /// The live session.
    pub session: Option<Session>,
}

impl Visitor {
    /// A visitor whose cookies the host has read itself. The session must be live, and the browser must have proved its
    /// secret.
    #[must_use]
    pub const fn new(browser: Option<BrowserId>, session: Option<Session>) -> Self {
        Self { browser, session }
    }

    /// The visitor whose cookies these are.
    ///
    /// # Errors
    ///
    /// Fails when the store does.
    pub async fn from_headers(server: &AuthorizationServer, headers: &HeaderMap) -> Result<Self, PortError> {
        let session = live_session(server, headers).await?;
        Ok(Self { browser: BrowserId::from_headers(headers), session })
    }
}

async fn live_session(
    server: &AuthorizationServer,
    headers: &HeaderMap,
) -> Result<Option<Session>, PortError> {
    let Some((id, secret)) = cookie(headers, SESSION_COOKIE).and_then(|value| value.split_once('.')) else {
        return Ok(None);
    };
    let Ok(id) = SessionId::from_str(id) else { return Ok(None) };
    let digest = Secret::from(secret).digest();
    let found = server.ports().store().session(id).await?;
    let now = server.ports().now();
    Ok(found
        .map(|versioned| versioned.value)
        .filter(|session| session.token_digest == digest && session.is_live(now)))
}
