//! A tower layer that lets requests with a good access token through, and tells the others what they lack.

use std::sync::Arc;
use std::task::{Context, Poll};

use axum::Router;
use axum::body::Body;
use axum::extract::{FromRequestParts, OriginalUri, Request};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use ciam_oauth::validate::{Requirements, ResourceRequest, ResourceServer, SharedAccess};
use http::StatusCode;
use http::request::Parts;
use tower::{Layer, Service};

use crate::mount::peer;

/// A layer that lets a request through when it has a good access token with what the route demands.
///
/// The claims go into the request's extensions, for the extractor [`Token`]. A refusal carries its status and its challenges
/// ([RFC 6750](https://www.rfc-editor.org/rfc/rfc6750#section-3), [RFC 9449](https://www.rfc-editor.org/rfc/rfc9449#section-7.1),
/// [RFC 9470](https://www.rfc-editor.org/rfc/rfc9470#section-3)).
///
/// ```
/// use axum::{Router, routing::get};
/// use ciam_axum::{Guard, Token, metadata_route};
/// use ciam_oauth::validate::{Requirements, ResourceServer};
///
/// fn api(server: ResourceServer) -> Result<Router, Box<dyn std::error::Error>> {
///     let read = Guard::new(server.clone(), Requirements::new().with_scopes("orders:read".parse()?));
///     let pay = Requirements::new().with_scopes("orders:pay".parse()?).with_acr_values(["urn:ciam:acr:aal2"]);
///     let orders = get(|Token(token): Token| async move { token.subject().to_owned() });
///     Ok(Router::new()
///         .route("/orders", orders.layer(read))
///         .route("/payments", get(async || "paid").layer(Guard::new(server.clone(), pay)))
///         .merge(metadata_route(&server)))
/// }
/// # let _ = api;
/// ```
///
/// # Security
///
/// The certificate of the connection is that of the [`Peer`](ciam_core::http::Peer) which the host put into the extensions. No
/// header is read for it.
#[derive(Clone, Debug)]
pub struct Guard {
    server: ResourceServer,
    requirements: Arc<Requirements>,
}

impl Guard {
    /// Lets through what the server admits and the requirements are met by.
    #[must_use]
    pub fn new(server: ResourceServer, requirements: Requirements) -> Self {
        Self { server, requirements: Arc::new(requirements) }
    }
}

impl<S> Layer<S> for Guard {
    type Service = Guarded<S>;

    fn layer(&self, inner: S) -> Guarded<S> {
        Guarded { guard: self.clone(), inner }
    }
}

/// A service behind a [`Guard`].
#[derive(Clone, Debug)]
pub struct Guarded<S> {
    guard: Guard,
    inner: S,
}

impl<S> Service<Request> for Guarded<S>
where
    S: Service<Request, Response = Response> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Response;
    type Error = S::Error;
    type Future = std::pin::Pin<Box<dyn Future<Output = Result<Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        // The one that was polled is the one that is ready.
        let next = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, next);
        let guard = self.guard.clone();
        Box::pin(async move {
            let (mut parts, body) = request.into_parts();
            let admitted = match guard.admit(&parts).await {
                Ok(admitted) => admitted,
                Err(refusal) => return Ok(refusal.to_response().map(Body::from)),
            };
            parts.extensions.insert(admitted.access.clone());
            let mut response = inner.call(Request::from_parts(parts, body)).await?;
            admitted.complete(response.headers_mut());
            Ok(response)
        })
    }
}

impl Guard {
    async fn admit(
        &self,
        parts: &Parts,
    ) -> Result<ciam_oauth::validate::Admitted, ciam_oauth::validate::Refusal> {
        // In a nested router the path lacks what was matched before; proofs are made for the whole.
        let whole = parts.extensions.get::<OriginalUri>().map_or(&parts.uri, |original| &original.0);
        let peer = peer(&parts.extensions);
        let mut request = ResourceRequest::new(&parts.method, whole.path(), &parts.headers);
        if let Some(peer) = &peer {
            request = request.with_peer(peer);
        }
        self.server.admit(&request, &self.requirements).await
    }
}

/// The claims of the access token that a [`Guard`] let through.
#[derive(Clone, Debug)]
pub struct Token(pub SharedAccess);

impl<S: Send + Sync> FromRequestParts<S> for Token {
    type Rejection = Unguarded;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Unguarded> {
        parts.extensions.get::<SharedAccess>().cloned().map(Self).ok_or(Unguarded)
    }
}

/// A handler wants a [`Token`] and no [`Guard`] stands before it. Nobody gets in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unguarded;

impl IntoResponse for Unguarded {
    fn into_response(self) -> Response {
        StatusCode::INTERNAL_SERVER_ERROR.into_response()
    }
}

/// The route of the server's metadata ([RFC 9728](https://www.rfc-editor.org/rfc/rfc9728#section-3)), at the path that belongs
/// to its name; none when it has no metadata.
pub fn metadata_route(server: &ResourceServer) -> Router {
    let Some(metadata) = server.metadata() else { return Router::new() };
    let Some(path) = metadata.path() else { return Router::new() };
    let metadata = Arc::new(metadata.clone());
    Router::new().route(&path, get(move || async move { metadata.response().map(Body::from) }))
}

#[cfg(test)]
mod tests;
