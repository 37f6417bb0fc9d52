//! The back-channel endpoints over HTTP: token, revocation and introspection.

use bytes::Bytes;
use ciam_core::http::{Params, Peer};
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};

use super::{TokenRequest, TokenResponse};
use crate::client::AuthenticatedClient;
use crate::error::TokenError;
use crate::introspect::INTROSPECTION_JWT;
use crate::revoke::token_parameter;
use crate::server::form::form;
use crate::server::reply;
use crate::{AuthorizationServer, Endpoint};

impl AuthorizationServer {
    /// Answers a token request.
    pub(crate) async fn handle_token(&self, request: &Request<Bytes>, peer: &Peer) -> Response<Bytes> {
        let mut response = match self.answer_token(request, peer).await {
            Ok(issued) => render_tokens(&issued),
            Err(error) => refuse(request, &error),
        };
        self.offer_nonce(request, &mut response);
        response
    }

    /// Answers a revocation request ([RFC 7009, section 2](https://www.rfc-editor.org/rfc/rfc7009#section-2)).
    pub(crate) async fn handle_revocation(&self, request: &Request<Bytes>, peer: &Peer) -> Response<Bytes> {
        match self.answer_revocation(request, peer).await {
            Ok(()) => reply::json(StatusCode::OK, &serde_json::Map::new()),
            Err(error) => refuse(request, &error),
        }
    }

    /// Answers an introspection request ([RFC 7662, section 2](https://www.rfc-editor.org/rfc/rfc7662#section-2)).
    pub(crate) async fn handle_introspection(
        &self,
        request: &Request<Bytes>,
        peer: &Peer,
    ) -> Response<Bytes> {
        match self.answer_introspection(request, peer).await {
            Ok(response) => response,
            Err(error) => refuse(request, &error),
        }
    }

    async fn answer_token(&self, request: &Request<Bytes>, peer: &Peer) -> Result<TokenResponse, TokenError> {
        let (client, params) = self.client_of(request, peer, &["resource", "audience"]).await?;
        let mut parsed = TokenRequest::parse(&params)?;
        parsed.key = self.prove_key(request, Endpoint::Token).await?;
        parsed.instance = client.instance;
        self.token(&client, &parsed, peer).await
    }

    async fn answer_revocation(&self, request: &Request<Bytes>, peer: &Peer) -> Result<(), TokenError> {
        let (client, params) = self.client_of(request, peer, &[]).await?;
        self.revoke_token(&client, token_parameter(&params)?).await
    }

    async fn answer_introspection(
        &self,
        request: &Request<Bytes>,
        peer: &Peer,
    ) -> Result<Response<Bytes>, TokenError> {
        let (client, params) = self.client_of(request, peer, &[]).await?;
        let answer = self.introspect(&client, token_parameter(&params)?).await?;
        if !wants_jwt(request.headers()) {
            return Ok(reply::json(StatusCode::OK, &answer));
        }
        let jwt = self.introspection_jwt(&client, &answer).await?;
        let mut response = reply::json_bytes(StatusCode::OK, jwt.expose().as_bytes().to_vec());
        let media_type = HeaderValue::from_static("application/token-introspection+jwt");
        response.headers_mut().insert(CONTENT_TYPE, media_type);
        Ok(response)
    }

    /// The client of a request and the parameters of its form.
    async fn client_of(
        &self,
        request: &Request<Bytes>,
        peer: &Peer,
        repeatable: &[&str],
    ) -> Result<(AuthenticatedClient, Params), TokenError> {
        let params = form(request, self.config().limits.params)?;
        params.refuse_duplicates(repeatable).map_err(crate::error::RequestProblem::from)?;
        let client = self.authenticate_client(request.headers(), &params, peer).await?;
        Ok((client, params))
    }
}

/// Whether the asker wants the answer as a JWT
/// ([RFC 9701, section 4](https://www.rfc-editor.org/rfc/rfc9701#section-4)).
fn wants_jwt(headers: &HeaderMap) -> bool {
    let named = |value: &HeaderValue| {
        let types = value.to_str().unwrap_or_default().split(',');
        let mut essences = types.map(|it| it.split(';').next().unwrap_or_default().trim());
        essences.any(|it| {
            it.strip_prefix("application/").is_some_and(|it| it.eq_ignore_ascii_case(INTROSPECTION_JWT))
        })
    };
    headers.get_all(ACCEPT).iter().any(named)
}

fn render_tokens(issued: &TokenResponse) -> Response<Bytes> {
    match issued.to_json() {
        Ok(body) => reply::json_bytes(StatusCode::OK, body),
        Err(_) => reply::plain(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

fn refuse(request: &Request<Bytes>, error: &TokenError) -> Response<Bytes> {
    reply::refuse(request, error.status(), error.code(), error.description(), error)
}
