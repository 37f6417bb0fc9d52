//! `/scim/v2`: directories provision the people of their organizations. The token says which.

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    response::{IntoResponse as _, Response},
    routing::any,
};
use ciam_core::{organization::OrganizationError, secret::Secret};
use ciam_scim::{
    connection::{Access, Admitted, TOKEN_PREFIX},
    error::ScimError,
    service::{Caller, refusal},
};
use http::{HeaderMap, header::AUTHORIZATION};

use crate::{
    app::App,
    directory::{self, DirectoryRequest},
    web::RouteName,
};

/// Where the service is.
pub(crate) const BASE: &str = "/scim/v2";

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/scim/v2", any(answer))
        .route("/scim/v2/", any(answer))
        .route("/scim/v2/{*rest}", any(answer))
        // Other versions of the protocol, which the service refuses by name.
        .route("/scim/{version}", any(answer))
        .route("/scim/{version}/{*rest}", any(answer))
}

async fn answer(State(app): State<App>, request: Request<Body>) -> Response {
    let mut response = match admitted(&app, request.headers()).await {
        Ok(admitted) => asked(&app, &admitted, request).await,
        Err(error) => {
            if let Some(source) = &error.source {
                tracing::error!(error = source as &dyn std::error::Error, "a directory cannot be known");
            }
            refusal(&error).map(Body::from).into_response()
        }
    };
    response.extensions_mut().insert(RouteName("/scim/v2"));
    response
}

async fn asked(app: &App, admitted: &Admitted, request: Request<Body>) -> Response {
    let services = app.services();
    let Ok(request) = ciam_axum::collect(request, services.scim.limits().max_body).await else {
        return refusal(&ScimError::status(413, "the body is too long")).map(Body::from).into_response();
    };
    let method = request.method().as_str().to_owned();
    let path = request.uri().path().strip_prefix(BASE).unwrap_or_default().chars().take(128).collect();
    let base = app.config().issuer.join(BASE);
    let connection = &admitted.connection;
    let caller = Caller::new(connection, &base).with_access(admitted.access);
    let response = services.scim.handle(&caller, request).await;
    let told = DirectoryRequest { at: app.ports().now(), method, path, status: response.status().as_u16() };
    // What is shown in the console is for information: a directory is not refused for it.
    if let Err(error) = directory::remember(app.ports(), connection.organization, &told).await {
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            "a request of a directory is not remembered"
        );
    }
    response.map(Body::from).into_response()
}

/// By which connection this token comes in, of an organization that is in use.
async fn admitted(app: &App, headers: &HeaderMap) -> Result<Admitted, ScimError> {
    let unknown = || ScimError::status(401, "a token of a connection is needed");
    let header = headers.get(AUTHORIZATION).and_then(|it| it.to_str().ok()).ok_or_else(unknown)?;
    let (scheme, token) = header.split_once(' ').ok_or_else(unknown)?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(unknown());
    }
    let token = Secret::new(token.trim().to_owned());
    let admitted = if token.expose().starts_with(TOKEN_PREFIX) {
        app.services().connections.authenticate(&token).await?
    } else {
        by_access_token(app, &token).await?
    };
    let admitted = admitted.ok_or_else(unknown)?;
    let connection = &admitted.connection;
    match app.services().organizations.standing(&connection.actor(), connection.organization).await {
        Ok(standing) if standing.organization.value.is_active() => Ok(admitted),
        Err(OrganizationError::Port(error)) => Err(error.into()),
        _ => Err(ScimError::status(403, "the organization is suspended")),
    }
}

/// An access token that an OAuth client of a connection was given for itself, for this service. A token that a person has
/// consented to is none, whatever its scope.
async fn by_access_token(app: &App, token: &Secret) -> Result<Option<Admitted>, ScimError> {
    let services = app.services();
    let Some(found) = services.server.inspect(token.expose()).await? else { return Ok(None) };
    let here = app.config().issuer.join(BASE);
    let ours = found.grant.is_none() && found.claims.aud.contains(&here);
    // A token that is bound to a key is none for whoever bears it.
    let ours = ours && found.claims.cnf.is_none();
    let holds = |access: Access| found.claims.scope.contains(access.scope());
    let access = [Access::Manage, Access::Read].into_iter().find(|access| holds(*access));
    let (true, Some(access)) = (ours, access) else { return Ok(None) };
    let connection = services.connections.of_client(found.claims.client_id.as_str()).await?;
    Ok(connection.map(|connection| Admitted::new(connection, access)))
}
