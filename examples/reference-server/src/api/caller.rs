//! Who calls the API.

use axum::extract::FromRequestParts;
use ciam_core::{
    http::{SESSION_COOKIE, cookie},
    session::{Authenticated, SessionCookie},
};
use http::{
    HeaderMap,
    header::{AUTHORIZATION, ORIGIN},
    request::Parts,
};

use super::{Code, Problem};
use crate::{app::App, web::Visit};

/// The person whose account it is. Extracting it is the check: see the [module](super).
#[derive(Clone, Debug)]
pub struct Caller {
    /// The session and its account.
    pub viewer: Authenticated,
    /// The request.
    pub visit: Visit,
}

impl FromRequestParts<App> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let visit = parts.extensions.get::<Visit>().cloned().ok_or(Code::Internal)?;
        let presented = presented(&parts.headers)?;
        if let Presented::Cookie(_) = presented
            && !parts.method.is_safe()
            && !comes_from(app.config().issuer.as_str(), &parts.headers)
        {
            return Err(Code::CrossSite.into());
        }
        let (Presented::Cookie(cookie) | Presented::Token(cookie)) = presented;
        let viewer = app.services().sessions.authenticate_by(&cookie).await?.ok_or(Code::NotSignedIn)?;
        Ok(Self { viewer, visit })
    }
}

/// What a request shows of a session.
#[derive(Debug)]
pub(super) enum Presented {
    Cookie(SessionCookie),
    Token(SessionCookie),
}

/// Exactly one of cookie and token.
pub(super) fn presented(headers: &HeaderMap) -> Result<Presented, Problem> {
    let mut lines = headers.get_all(AUTHORIZATION).iter();
    let Some(line) = lines.next() else {
        return SessionCookie::from_headers(headers).map(Presented::Cookie).ok_or(Code::NotSignedIn.into());
    };
    if lines.next().is_some() || cookie(headers, SESSION_COOKIE).is_some() {
        return Err(Code::AmbiguousCredentials.into());
    }
    let token =
        line.to_str().ok().and_then(|it| it.split_once(' ')).filter(|it| it.0.eq_ignore_ascii_case("bearer"));
    let token = token.and_then(|it| SessionCookie::from_token(it.1.trim()));
    token.map(Presented::Token).ok_or(Code::NotSignedIn.into())
}

/// Every browser names the origin of a request that is no GET; one that does not name ours is refused.
pub(super) fn comes_from(issuer: &str, headers: &HeaderMap) -> bool {
    let mut origins = headers.get_all(ORIGIN).iter();
    let ours = origins.next().is_some_and(|it| it == issuer) && origins.next().is_none();
    let site = headers.get_all("sec-fetch-site").iter().all(|it| it == "same-origin");
    ours && site
}
