//! The endpoints of Device Bound Session Credentials, where browsers register the key of a session and refresh its bound cookie.

use axum::{
    Router,
    extract::State,
    response::{IntoResponse as _, Response},
    routing::post,
};
use ciam_core::session::Session;
use ciam_mfa::dbsc::{DbscError, Refreshed};
use http::{
    StatusCode,
    header::{RETRY_AFTER, SET_COOKIE},
};

use crate::{
    api::Json,
    app::App,
    web::{Failure, Visit},
};

/// The routes: the paths of the default policy.
pub(super) fn routes() -> Router<App> {
    Router::new().route("/dbsc/register", post(register)).route("/dbsc/refresh", post(refresh))
}

/// Asks the browser to bind a session that has just begun. Browsers that do not know how ignore it.
pub(super) async fn offer(app: &App, session: &Session, response: &mut Response) -> Result<(), Failure> {
    let (name, value) = app.services().bound.offer(session).await?;
    response.headers_mut().append(name, value);
    Ok(())
}

async fn register(State(app): State<App>, visit: Visit) -> Result<Response, Failure> {
    let Some(viewer) = app.viewer(&visit).await? else { return refused(DbscError::NoSession) };
    match app.services().bound.register(visit.headers(), &viewer).await {
        Ok(registered) => {
            Ok(([(SET_COOKIE, registered.cookie)], Json(registered.instructions)).into_response())
        }
        Err(error) => refused(error),
    }
}

async fn refresh(State(app): State<App>, visit: Visit) -> Result<Response, Failure> {
    match app.services().bound.refresh(visit.headers()).await {
        Ok(Refreshed::Renewed(cookie)) => Ok([(SET_COOKIE, cookie)].into_response()),
        Ok(Refreshed::Challenge(name, value)) => Ok((StatusCode::FORBIDDEN, [(name, value)]).into_response()),
        Err(error) => refused(error),
    }
}

fn refused(error: DbscError) -> Result<Response, Failure> {
    match error {
        DbscError::Port(error) => Err(error.into()),
        DbscError::TooMany { retry_after } => {
            let seconds = retry_after.whole_seconds().max(0).to_string();
            Ok((StatusCode::TOO_MANY_REQUESTS, [(RETRY_AFTER, seconds)]).into_response())
        }
        DbscError::NoSession => Ok(StatusCode::UNAUTHORIZED.into_response()),
        _ => Ok(StatusCode::BAD_REQUEST.into_response()),
    }
}
