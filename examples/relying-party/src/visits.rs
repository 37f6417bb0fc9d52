//! Who is signed in at this application: a map in memory, by a random cookie.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::http::{HeaderMap, HeaderValue};
use ciam_core::error::PortError;
use ciam_core::http::{cookie, set_cookie};
use ciam_core::ports::Ports;
use ciam_core::secret::{Secret, TokenDigest};
use ciam_oidc::rp::Tokens;

const VISIT: &str = "__Host-rp-visit";

/// Somebody who is signed in at this application.
#[derive(Clone, Debug)]
pub(crate) struct Visit {
    pub(crate) tokens: Tokens,
    /// They come back to something that they asked for before.
    resuming: bool,
}

/// Everybody who is signed in at this application.
#[derive(Clone, Debug, Default)]
pub(crate) struct Visits(Arc<Mutex<HashMap<String, Visit>>>);

impl Visits {
    /// Remembers somebody, and gives the cookie for their browser.
    pub(crate) fn begin(
        &self,
        ports: &Ports,
        tokens: Tokens,
        resuming: bool,
    ) -> Result<HeaderValue, PortError> {
        let secret = Secret::random(ports.entropy())?;
        self.lock().insert(secret.digest().to_text(), Visit { tokens, resuming });
        set_cookie(VISIT, secret.expose(), None)
    }

    /// Who it is.
    pub(crate) fn find(&self, headers: &HeaderMap) -> Option<Visit> {
        self.lock().get(&key(headers)?).cloned()
    }

    /// Whether they come back to something that they asked for before: true once.
    pub(crate) fn resume(&self, headers: &HeaderMap) -> bool {
        let Some(key) = key(headers) else { return false };
        self.lock().get_mut(&key).is_some_and(|visit| std::mem::take(&mut visit.resuming))
    }

    /// Forgets them.
    pub(crate) fn end(&self, headers: &HeaderMap) -> Option<Visit> {
        self.lock().remove(&key(headers)?)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Visit>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key(headers: &HeaderMap) -> Option<String> {
    cookie(headers, VISIT).map(|secret| TokenDigest::of(secret).to_text())
}
