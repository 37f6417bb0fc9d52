//! What a browser holds of its session.

use http::header::{HeaderMap, HeaderValue};
use time::Duration;

use crate::error::PortError;
use crate::http::{SESSION_COOKIE, cookie, set_cookie};
use crate::id::SessionId;
use crate::secret::{Secret, TokenDigest};

/// The cookie of a session: `<session id>.<secret>`. An application without cookies holds the same text as a token.
#[derive(Clone, Debug)]
pub struct SessionCookie {
    id: SessionId,
    secret: Secret,
}

impl SessionCookie {
    pub(super) const fn new(id: SessionId, secret: Secret) -> Self {
        Self { id, secret }
    }

    /// The browser's cookie; `None` when it has none, or one of another form.
    #[must_use]
    pub fn from_headers(headers: &HeaderMap) -> Option<Self> {
        Self::from_token(cookie(headers, SESSION_COOKIE)?)
    }

    /// What an application without cookies presents instead; `None` when it has another form.
    #[must_use]
    pub fn from_token(token: &str) -> Option<Self> {
        let (id, secret) = token.split_once('.')?;
        Some(Self { id: id.parse().ok()?, secret: Secret::of_random_form(secret)? })
    }

    /// The session that it claims to be of.
    #[must_use]
    pub const fn id(&self) -> SessionId {
        self.id
    }

    /// The digest of its secret.
    #[must_use]
    pub fn digest(&self) -> TokenDigest {
        self.secret.digest()
    }

    /// The text for an application without cookies, which keeps it as it keeps a password.
    #[must_use]
    pub fn token(&self) -> Secret {
        Secret::from(format!("{}.{}", self.id, self.secret.expose()))
    }

    /// The `Set-Cookie` value that gives it to the browser; `max_age` of `None` until the browser is closed.
    ///
    /// # Errors
    ///
    /// Never for a cookie of ours; the signature is that of [`set_cookie`].
    pub fn set_cookie(&self, max_age: Option<Duration>) -> Result<HeaderValue, PortError> {
        set_cookie(SESSION_COOKIE, &format!("{}.{}", self.id, self.secret.expose()), max_age)
    }
}
