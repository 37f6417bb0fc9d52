//! The protocols' endpoints: whatever is no page of ours.

use axum::{
    body::Body,
    extract::{Request, State},
    response::{IntoResponse as _, Response},
};
use ciam_axum::MAX_BODY;
use ciam_oauth::{Endpoint, error::SafeError};
use ciam_oidc::logout::SignOutError;
use http::StatusCode;

use crate::{
    app::App,
    pages::Fault,
    web::{Failure, RouteName, Visit},
};

/// Hands the request to the authorization server, which knows OpenID Connect through its extension.
pub(super) async fn answer(State(app): State<App>, visit: Visit, request: Request<Body>) -> Response {
    let server = &app.services().server;
    let route = Endpoint::route(server.issuer(), request.uri().path()).map(|(endpoint, _)| endpoint.path());
    let Ok(request) = ciam_axum::collect(request, MAX_BODY).await else {
        return Failure::new(Fault::TooLarge).into_response();
    };
    let mut response = server.handle(request, &visit.peer).await.map(Body::from);
    // What a person is shown is ours to render.
    if let Some(error) = response.extensions_mut().remove::<SafeError>() {
        return Failure::from(error).into_response();
    }
    if let Some(error) = response.extensions_mut().remove::<SignOutError>() {
        return Failure::from(error).into_response();
    }
    if route.is_none() && response.status() == StatusCode::NOT_FOUND {
        return Failure::new(Fault::NotFound).into_response();
    }
    response.extensions_mut().insert(RouteName(route.unwrap_or("extension")));
    response
}
