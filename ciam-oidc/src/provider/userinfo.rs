//! The UserInfo endpoint ([OpenID Connect Core, section 5.3](https://openid.net/specs/openid-connect-core-1_0.html#UserInfo)).

use bytes::Bytes;
use ciam_core::error::PortError;
use ciam_core::http::{Params, ParamsLimits, Peer};
use ciam_core::jose;
use ciam_oauth::AuthorizationServer;
use ciam_oauth::access_token::ActiveToken;
use ciam_oauth::server::{OwnResourceError, Profile};
use ciam_oauth::validate::{Presented, ResourceRequest, ValidateError, authorization};
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Method, Request, Response};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{Frozen, OpenIdProvider};
use crate::claims::{Release, StandardScope, release};
use crate::http as reply;

/// A UserInfo response: the claims, plain or as a JWT.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum UserInfo {
    /// A JSON object.
    Claims(Map<String, Value>),
    /// A JWT, for a client that registered `userinfo_signed_response_alg` or `userinfo_encrypted_response_alg`.
    Jwt(String),
}

/// Why a UserInfo request was refused ([RFC 6750, section 3.1](https://www.rfc-editor.org/rfc/rfc6750#section-3.1)).
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UserInfoError {
    /// The access token is not one, or cannot be used any more. Sent as `invalid_token`.
    #[error("the access token cannot be used")]
    InvalidToken,
    /// The access token is not for UserInfo. Sent as `insufficient_scope`.
    #[error("the access token is not for UserInfo")]
    InsufficientScope,
    /// A port failed. Sent as status 503.
    #[error("the request cannot be processed now")]
    Port(#[from] PortError),
}

impl From<OwnResourceError> for UserInfoError {
    fn from(error: OwnResourceError) -> Self {
        match error {
            OwnResourceError::Port(error) => Self::Port(error),
            _ => Self::InvalidToken,
        }
    }
}

impl OpenIdProvider {
    /// The claims that an access token of this server releases.
    ///
    /// # Errors
    ///
    /// Fails when the token is unknown, expired, revoked or not for UserInfo, and when a port does.
    ///
    /// # Security
    ///
    /// The token must name UserInfo as an audience: one that was issued for an API alone is refused. One that is bound to a key
    /// or a certificate is refused here, because nothing was proved; the endpoint looks at proofs.
    pub async fn userinfo(
        &self,
        server: &AuthorizationServer,
        access_token: &str,
    ) -> Result<UserInfo, UserInfoError> {
        let active = server.inspect_presented(Presented::bearer(access_token)).await?;
        self.userinfo_of(server, active).await
    }

    async fn userinfo_of(
        &self,
        server: &AuthorizationServer,
        active: ActiveToken,
    ) -> Result<UserInfo, UserInfoError> {
        let (Some(grant), Some(account)) = (active.grant, active.account) else {
            return Err(UserInfoError::InsufficientScope);
        };
        let scopes = &active.claims.scope;
        if !StandardScope::OpenId.is_in(scopes) || !active.claims.aud.contains(&Self::userinfo_url(server)) {
            return Err(UserInfoError::InsufficientScope);
        }
        let client = server.clients().get(&grant.client).await?.ok_or(UserInfoError::InvalidToken)?.value;
        let frozen = Frozen::read(&grant.extension)?;
        let mut claims = release(&account, scopes, Release::UserInfo(&frozen.claims.userinfo));
        claims.extend(active.organization.map(|it| it.to_members()).unwrap_or_default());
        claims.insert("sub".to_owned(), json!(server.subject(&client, &account)));
        let encryption = client.messages.userinfo_encryption;
        let Some(algorithm) = client.userinfo_alg else {
            let Some(encryption) = encryption else { return Ok(UserInfo::Claims(claims)) };
            // Encrypted and not signed: the claims themselves are inside.
            let claims = serde_json::to_vec(&claims).map_err(PortError::permanent)?;
            return Ok(UserInfo::Jwt(server.encrypt_claims_for(&client, encryption, &claims).await?));
        };
        claims.insert("iss".to_owned(), json!(server.issuer().as_str()));
        claims.insert("aud".to_owned(), json!(client.id.as_str()));
        let signer = server.keys().signer(algorithm).await.map_err(PortError::permanent)?;
        let jwt = jose::sign(&*signer, "userinfo+jwt", &claims).await.map_err(PortError::permanent)?;
        match encryption {
            Some(encryption) => Ok(UserInfo::Jwt(server.encrypt_for(&client, encryption, &jwt).await?)),
            None => Ok(UserInfo::Jwt(jwt)),
        }
    }

    pub(super) async fn handle_userinfo(
        &self,
        server: &AuthorizationServer,
        request: &Request<Bytes>,
        peer: &Peer,
    ) -> Response<Bytes> {
        match *request.method() {
            Method::GET | Method::HEAD | Method::POST => {}
            Method::OPTIONS => return reply::preflight("GET, POST"),
            _ => return reply::method_not_allowed("GET, POST"),
        }
        let mut response = match self.answer_userinfo(server, request, peer).await {
            Ok(UserInfo::Claims(claims)) => reply::json(&claims),
            Ok(UserInfo::Jwt(jwt)) => reply::jwt(jwt),
            Err(OwnResourceError::Token(error)) => refusal(server, request, &error),
            Err(_) => reply::unavailable(),
        };
        server.offer_nonce(request, &mut response);
        if server.config().profile == Profile::FapiCiba
            && let Some(id) = interaction_id(server, request)
        {
            response.headers_mut().insert(INTERACTION_ID, id);
        }
        reply::readable_anywhere(response)
    }

    async fn answer_userinfo(
        &self,
        server: &AuthorizationServer,
        request: &Request<Bytes>,
        peer: &Peer,
    ) -> Result<UserInfo, OwnResourceError> {
        let active = match token_in_body(request)? {
            Some(token) => server.inspect_presented(Presented::from(&token).with_peer(peer)).await?,
            None => {
                let target = ResourceRequest::new(request.method(), request.uri().path(), request.headers());
                server.admit(&target.with_peer(peer)).await?
            }
        };
        match self.userinfo_of(server, active).await {
            Ok(claims) => Ok(claims),
            Err(UserInfoError::InvalidToken) => Err(ValidateError::Inactive.into()),
            Err(UserInfoError::InsufficientScope) => {
                let required =
                    [StandardScope::OpenId.as_str()].into_iter().filter_map(|it| it.parse().ok()).collect();
                Err(ValidateError::InsufficientScope { required }.into())
            }
            Err(UserInfoError::Port(error)) => Err(error.into()),
        }
    }
}

/// The header by which both sides find a request in their logs
/// ([FAPI 1.0, part 1, section 6.2.1](https://openid.net/specs/openid-financial-api-part-1-1_0.html#protected-resources-provisions)).
const INTERACTION_ID: HeaderName = HeaderName::from_static("x-fapi-interaction-id");

/// What the client calls the request, where that is a UUID; else a new one. Nothing else of a client's comes back in a header.
fn interaction_id(server: &AuthorizationServer, request: &Request<Bytes>) -> Option<HeaderValue> {
    let given =
        request.headers().get(INTERACTION_ID).and_then(|it| Uuid::try_parse_ascii(it.as_bytes()).ok());
    let id = given.or_else(|| {
        let mut random = [0_u8; 16];
        server.ports().entropy().fill(&mut random).ok()?;
        Some(uuid::Builder::from_random_bytes(random).into_uuid())
    });
    HeaderValue::try_from(id?.to_string()).ok()
}

/// A request that is told how to authenticate, or what is wrong with its token
/// ([RFC 6750, section 3](https://www.rfc-editor.org/rfc/rfc6750#section-3)).
fn refusal(server: &AuthorizationServer, request: &Request<Bytes>, error: &ValidateError) -> Response<Bytes> {
    let used = authorization(request.headers()).ok().map(|(scheme, _)| scheme);
    let mut response = reply::empty(error.status());
    response.headers_mut().extend(server.challenges().headers(used, error));
    response
}

/// The token in the form body of a POST ([RFC 6750, section 2.2](https://www.rfc-editor.org/rfc/rfc6750#section-2.2)); never in
/// the query. A request that has one in its header as well is refused.
fn token_in_body(request: &Request<Bytes>) -> Result<Option<String>, ValidateError> {
    if request.method() != Method::POST || !request.headers().get(CONTENT_TYPE).is_some_and(reply::is_form) {
        return Ok(None);
    }
    let body = std::str::from_utf8(request.body()).map_err(|_| ValidateError::BadRequest)?;
    let params = Params::parse(body, ParamsLimits::default()).map_err(|_| ValidateError::BadRequest)?;
    let token = params.one("access_token").map_err(|_| ValidateError::BadRequest)?;
    match token {
        Some(_) if request.headers().contains_key(AUTHORIZATION) => Err(ValidateError::BadRequest),
        found => Ok(found.map(str::to_owned)),
    }
}
