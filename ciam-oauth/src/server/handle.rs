//! The HTTP layer: one function for all endpoints.

use bytes::Bytes;
use ciam_core::http::{BROWSER_COOKIE, Params, Peer, SESSION_COOKIE, cookie};
use ciam_core::interaction::InteractionHandle;
use ciam_core::jose::jwe::EncryptionJwk;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue, ORIGIN, SET_COOKIE, VARY,
};
use http::{Method, Request, Response, StatusCode};
use serde_json::Value;
use url::form_urlencoded;

use super::endpoint::Endpoint;
use super::form::form;
use super::{AuthorizationServer, reply};
use crate::authorize::{InteractionAnswer, Step, Visitor, private, redirect};
use crate::error::{AnswerError, RequestProblem, SafeError};
use crate::request_object::RequestDecryption;

impl AuthorizationServer {
    /// Answers a request to any endpoint of this server, the extension's included; what is none of them is 404.
    ///
    /// The request's path is the whole path, with the issuer's. The host reads the body, with a limit of its own, and says
    /// who the [`Peer`] is. URLs in responses are built from the issuer, whatever the request's headers say.
    ///
    /// A page that says why a sign-in is not possible carries its [`SafeError`] in the response's extensions, so that a host
    /// can render its own.
    pub async fn handle(&self, request: Request<Bytes>, peer: &Peer) -> Response<Bytes> {
        let path = request.uri().path();
        if let Some((endpoint, rest)) = Endpoint::route(self.issuer(), path) {
            return self.endpoint(endpoint, rest, &request, peer).await;
        }
        let below = path.strip_prefix(self.issuer().path()).unwrap_or_default();
        match self.extension().handle(self, below, &request, peer).await {
            Some(response) => response,
            None => reply::plain(StatusCode::NOT_FOUND),
        }
    }

    #[cfg_attr(feature = "tracing", tracing::instrument(name = "oauth", skip_all, fields(?endpoint)))]
    async fn endpoint(
        &self,
        endpoint: Endpoint,
        rest: &str,
        request: &Request<Bytes>,
        peer: &Peer,
    ) -> Response<Bytes> {
        if !self.config().has(endpoint) {
            return reply::plain(StatusCode::NOT_FOUND);
        }
        if endpoint.is_public_document() && request.method() == Method::OPTIONS {
            return preflight();
        }
        let scripts = endpoint.is_called_by_scripts() || endpoint.is_open_to_scripts();
        if scripts && request.method() == Method::OPTIONS {
            return form_preflight();
        }
        if !endpoint.methods().contains(request.method()) {
            return reply::method_not_allowed(endpoint.methods());
        }
        let mut response = match endpoint {
            // Large futures stand by themselves, so that a small request does not carry their room along.
            Endpoint::Authorize => Box::pin(self.handle_authorize(request)).await,
            Endpoint::Resume => self.handle_resume(rest, request).await,
            Endpoint::Metadata => match self.published_metadata().await {
                Ok(document) => reply::document(&document, METADATA_MAX_AGE),
                Err(_) => reply::plain(StatusCode::SERVICE_UNAVAILABLE),
            },
            #[cfg(feature = "draft-first-party-apps")]
            Endpoint::AuthorizationChallenge => Box::pin(self.handle_challenge(request, peer)).await,
            #[cfg(feature = "draft-attested-clients")]
            Endpoint::AttestationChallenge => self.handle_attestation_challenge(),
            Endpoint::DeviceAuthorization => Box::pin(self.handle_device(request, peer)).await,
            Endpoint::BackchannelAuthentication => Box::pin(self.handle_backchannel(request, peer)).await,
            Endpoint::Token => self.handle_token(request, peer).await,
            Endpoint::Revocation => Box::pin(self.handle_revocation(request, peer)).await,
            Endpoint::Introspection => self.handle_introspection(request, peer).await,
            Endpoint::PushedAuthorizationRequest => Box::pin(self.handle_push(request, peer)).await,
            Endpoint::Registration => Box::pin(self.handle_registration(request, peer)).await,
            Endpoint::ClientConfiguration => {
                Box::pin(self.handle_client_configuration(rest, request, peer)).await
            }
            #[cfg(feature = "draft-status-list")]
            Endpoint::StatusList => Box::pin(self.handle_status_list(rest, request)).await,
            Endpoint::Jwks => self.handle_jwks().await,
        };
        #[cfg(feature = "draft-attested-clients")]
        self.offer_challenge(request, &mut response);
        if endpoint.is_public_document() || endpoint.is_open_to_scripts() {
            response.headers_mut().insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        } else if endpoint.is_called_by_scripts() {
            self.allow_origin(request, &mut response).await;
        }
        response
    }

    async fn handle_jwks(&self) -> Response<Bytes> {
        match self.keys().keys().await {
            Ok(keys) => {
                let max_age = self.keys().policy().jwks_max_age().whole_seconds();
                match self.request_decryption().map(RequestDecryption::published) {
                    None => reply::raw_document(keys.jwks_json().clone(), max_age),
                    Some(for_requests) => match with_keys(keys.jwks_json(), for_requests) {
                        Some(document) => reply::raw_document(document, max_age),
                        None => reply::plain(StatusCode::INTERNAL_SERVER_ERROR),
                    },
                }
            }
            Err(_) => reply::plain(StatusCode::SERVICE_UNAVAILABLE),
        }
    }

    async fn handle_authorize(&self, request: &Request<Bytes>) -> Response<Bytes> {
        let params = match self.authorize_params(request) {
            Ok(params) => params,
            Err(problem) => return reply::page(SafeError::Malformed(problem)),
        };
        if request.method() == Method::POST
            && !has_cookies(request)
            && let Some(response) = self.authorize_by_get(&params)
        {
            return response;
        }
        let visitor = match Visitor::from_headers(self, request.headers()).await {
            Ok(visitor) => visitor,
            Err(error) => return reply::page(error.into()),
        };
        render(self.authorize(&params, &visitor).await)
    }

    fn authorize_params(&self, request: &Request<Bytes>) -> Result<Params, RequestProblem> {
        let limits = self.config().limits.params;
        if request.method() == Method::POST {
            return form(request, limits);
        }
        Ok(Params::parse(request.uri().query().unwrap_or_default(), limits)?)
    }

    /// A form that another site posts comes without our `SameSite=Lax` cookies, so nobody would seem to be signed in. The
    /// same request as a GET, which the browser makes as a navigation, comes with them.
    fn authorize_by_get(&self, params: &Params) -> Option<Response<Bytes>> {
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(params.pairs()).finish();
        if query.len() > MAX_QUERY {
            return None;
        }
        let mut response = redirect(&format!("{}?{query}", self.url(Endpoint::Authorize)));
        private(&mut response);
        Some(response)
    }

    async fn handle_resume(&self, handle: &str, request: &Request<Bytes>) -> Response<Bytes> {
        let visitor = match Visitor::from_headers(self, request.headers()).await {
            Ok(visitor) => visitor,
            Err(error) => return reply::page(error.into()),
        };
        self.go_on(&InteractionHandle::from_text(handle), &visitor).await
    }

    /// What the resume endpoint would answer to this visitor: for a page of the same process that has just been answered, and so
    /// can spare the browser a redirect. A cookie that the page sets is added to the response.
    ///
    /// # Security
    ///
    /// The visitor is the browser that sent the form: what its cookies say, or the session that it was just given
    /// ([`SessionManager::authenticate_by`](ciam_core::session::SessionManager::authenticate_by)). Everything is decided anew, as at the
    /// endpoint.
    pub async fn go_on(&self, handle: &InteractionHandle, visitor: &Visitor) -> Response<Bytes> {
        render(Box::pin(self.resume(handle, visitor)).await)
    }

    /// As [`go_on`](Self::go_on), with what the person has just answered, which then need not be stored for the way to the resume
    /// endpoint: one look-up instead of three, and one write less.
    ///
    /// # Errors
    ///
    /// Fails when the interaction asks for something else, when another account is signed in than the one that was asked, when it
    /// is unknown, finished or another browser's, and when a port fails.
    ///
    /// # Security
    ///
    /// The host calls it for a form that it received from the person, with its own protection against cross-site requests.
    pub async fn go_on_with(
        &self,
        handle: &InteractionHandle,
        visitor: &Visitor,
        answer: InteractionAnswer,
    ) -> Result<Response<Bytes>, AnswerError> {
        let (frozen, returned) = self.answered(handle, visitor, answer).await?;
        Ok(render(Box::pin(self.resume_from(frozen, returned, visitor)).await))
    }

    /// Lets the origins that a client registered read the answer in a browser; the client is the one that the form names. A
    /// preflight names none, and is answered to every origin: it only lets a script send what a program can send anyway.
    async fn allow_origin(&self, request: &Request<Bytes>, response: &mut Response<Bytes>) {
        let headers = response.headers_mut();
        headers.append(VARY, HeaderValue::from_static("Origin"));
        let Some(origin) = request.headers().get(ORIGIN) else { return };
        let (Ok(text), Ok(params)) = (origin.to_str(), form(request, self.config().limits.params)) else {
            return;
        };
        let Some(id) = params.one("client_id").ok().flatten().and_then(|id| id.parse().ok()) else { return };
        if let Ok(Some(client)) = self.clients().find(&id).await
            && client.allowed_origins.contains(text)
        {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(READ_BY_SCRIPTS));
        }
    }
}

/// What a script is let read beside the body: the next nonce, and why it was refused.
const READ_BY_SCRIPTS: &str = "DPoP-Nonce, Retry-After, WWW-Authenticate";

const METADATA_MAX_AGE: u32 = 300;

/// The longest query that a posted authorization request is turned into.
const MAX_QUERY: usize = 8 * 1024;

fn has_cookies(request: &Request<Bytes>) -> bool {
    [SESSION_COOKIE, BROWSER_COOKIE].into_iter().any(|name| cookie(request.headers(), name).is_some())
}

/// The key set with more keys.
fn with_keys(jwks: &[u8], more: Vec<EncryptionJwk>) -> Option<Bytes> {
    let mut document: Value = serde_json::from_slice(jwks).ok()?;
    document.get_mut("keys")?.as_array_mut()?.extend(more.into_iter().map(Value::from));
    serde_json::to_vec(&document).ok().map(Bytes::from)
}

fn preflight() -> Response<Bytes> {
    let mut response = reply::plain(StatusCode::NO_CONTENT);
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, HEAD"));
    response
}

/// Lets a script send a form with a DPoP proof or client credentials, for which the browser asks first.
fn form_preflight() -> Response<Bytes> {
    let mut response = reply::plain(StatusCode::NO_CONTENT);
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("POST"));
    headers
        .insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("authorization, content-type, dpop"));
    response
}

fn render(step: Result<Step, SafeError>) -> Response<Bytes> {
    match step {
        Ok(Step::Respond(response)) => response.to_http(),
        Ok(Step::Interact(pause)) => {
            let mut response = redirect(&pause.url);
            private(&mut response);
            if let Some(browser) = pause.new_browser {
                match browser.set_cookie() {
                    Ok(cookie) => {
                        response.headers_mut().append(SET_COOKIE, cookie);
                    }
                    Err(error) => return reply::page(error.into()),
                }
            }
            response
        }
        Ok(Step::Leave(url)) => {
            let mut response = redirect(&url);
            private(&mut response);
            response
        }
        Err(error) => reply::page(error),
    }
}
