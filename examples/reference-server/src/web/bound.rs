//! Sessions that are bound to a key of their browser: a request that comes with such a session and without its proof comes with a
//! copy of the cookie, and is treated as one without a session.

use ciam_core::{error::PortError, http::SESSION_COOKIE, risk::Binding, session::SessionCookie};
use http::{
    HeaderMap, HeaderValue,
    header::{AUTHORIZATION, COOKIE},
};

use crate::app::App;

/// Takes copied sessions out of a request.
pub(super) async fn without_copies(app: &App, headers: &mut HeaderMap) -> Result<(), PortError> {
    if let Some(cookie) = SessionCookie::from_headers(headers)
        && is_copy(app, headers, &cookie).await?
    {
        leave_out(headers);
    }
    let line = headers.get(AUTHORIZATION).and_then(|it| it.to_str().ok()?.split_once(' '));
    if let Some(token) = line.and_then(|(_, token)| SessionCookie::from_token(token.trim()))
        && is_copy(app, headers, &token).await?
    {
        headers.remove(AUTHORIZATION);
    }
    Ok(())
}

async fn is_copy(app: &App, headers: &HeaderMap, cookie: &SessionCookie) -> Result<bool, PortError> {
    let services = app.services();
    let Some(current) = services.sessions.authenticate_by(cookie).await? else { return Ok(false) };
    Ok(services.bound.binding(headers, &current.session.value).await? == Binding::Missing)
}

/// Leaves the cookie of the session out, and nothing else.
fn leave_out(headers: &mut HeaderMap) {
    let is_other = |part: &&str| part.trim().split_once('=').is_none_or(|(name, _)| name != SESSION_COOKIE);
    let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
    let kept: Vec<&str> = lines.flat_map(|line| line.split(';')).filter(is_other).map(str::trim).collect();
    let kept = HeaderValue::try_from(kept.join("; "));
    headers.remove(COOKIE);
    if let Ok(kept) = kept {
        headers.insert(COOKIE, kept);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_session_is_left_out() {
        let mut headers = HeaderMap::new();
        headers.append(COOKIE, HeaderValue::from_static("__Host-ciam-browser=a; __Host-ciam-session=b"));
        headers.append(COOKIE, HeaderValue::from_static("x=1;__Host-ciam-session=c; y=2"));
        leave_out(&mut headers);
        assert_eq!(headers[COOKIE], "__Host-ciam-browser=a; x=1; y=2");
        assert_eq!(headers.get_all(COOKIE).iter().count(), 1);
    }
}
