//! The UserInfo endpoint ([OpenID Connect Core, section 5.3](https://openid.net/specs/openid-connect-core-1_0.html#UserInfo)).

use bytes::Bytes;
use ciam_core::error::PortError;
use ciam_core::http::{Params, ParamsLimits};
use ciam_core::jose;
use ciam_oauth::AuthorizationServer;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{Method, Request, Response};
use serde_json::{Map, Value, json};

use super::{Frozen, OpenIdProvider};
use crate::claims::{Release, StandardScope, release};
use crate::http::{self as reply, BearerError};

/// A UserInfo response: the claims, plain or as a signed JWT.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum UserInfo {
    /// A JSON object.
    Claims(Map<String, Value>),
    /// A signed JWT, for a client that registered `userinfo_signed_response_alg`.
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

impl OpenIdProvider {
    /// The claims that an access token of this server releases.
    ///
    /// # Errors
    ///
    /// Fails when the token is unknown, expired, revoked or not for UserInfo, and when a port does.
    ///
    /// # Security
    ///
    /// The token must name UserInfo as an audience: one that was issued for an API alone is refused.
    pub async fn userinfo(
        &self,
        server: &AuthorizationServer,
        access_token: &str,
    ) -> Result<UserInfo, UserInfoError> {
        let active = server.inspect(access_token).await?.ok_or(UserInfoError::InvalidToken)?;
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
        let Some(algorithm) = client.userinfo_alg else { return Ok(UserInfo::Claims(claims)) };
        claims.insert("iss".to_owned(), json!(server.issuer().as_str()));
        claims.insert("aud".to_owned(), json!(client.id.as_str()));
        let signer = server.keys().signer(algorithm).await.map_err(PortError::permanent)?;
        let jwt = jose::sign(&*signer, "userinfo+jwt", &claims).await.map_err(PortError::permanent)?;
        Ok(UserInfo::Jwt(jwt))
    }

    pub(super) async fn handle_userinfo(
        &self,
        server: &AuthorizationServer,
        request: &Request<Bytes>,
    ) -> Response<Bytes> {
        if request.method() == Method::OPTIONS {
            return reply::preflight("GET, POST");
        }
        let response = match bearer(request) {
            Err(error) => reply::bearer_error(&error),
            Ok(token) => match self.userinfo(server, token.as_str()).await {
                Ok(UserInfo::Claims(claims)) => reply::json(&claims),
                Ok(UserInfo::Jwt(jwt)) => reply::jwt(jwt),
                Err(UserInfoError::InvalidToken) => reply::bearer_error(&BearerError::InvalidToken),
                Err(UserInfoError::InsufficientScope) => reply::bearer_error(&BearerError::InsufficientScope),
                Err(UserInfoError::Port(_)) => reply::unavailable(),
            },
        };
        reply::readable_anywhere(response)
    }
}

/// The one access token of a request: in the `Authorization` header, or in the form body of a POST; never in the query.
fn bearer(request: &Request<Bytes>) -> Result<String, BearerError> {
    let mut found = Vec::new();
    for header in request.headers().get_all(AUTHORIZATION) {
        let text = header.to_str().map_err(|_| BearerError::InvalidRequest)?;
        let (scheme, token) = text.split_once(' ').ok_or(BearerError::InvalidRequest)?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(BearerError::Missing);
        }
        found.push(token.trim_matches(' ').to_owned());
    }
    match *request.method() {
        Method::GET | Method::HEAD => {}
        Method::POST => {
            if request.headers().get(CONTENT_TYPE).is_some_and(reply::is_form) {
                let body = std::str::from_utf8(request.body()).map_err(|_| BearerError::InvalidRequest)?;
                let params =
                    Params::parse(body, ParamsLimits::default()).map_err(|_| BearerError::InvalidRequest)?;
                let token = params.one("access_token").map_err(|_| BearerError::InvalidRequest)?;
                found.extend(token.map(ToOwned::to_owned));
            }
        }
        _ => return Err(BearerError::Method),
    }
    let mut found = found.into_iter();
    match (found.next(), found.next()) {
        (None, _) => Err(BearerError::Missing),
        (Some(token), None) if !token.is_empty() => Ok(token),
        _ => Err(BearerError::InvalidRequest),
    }
}
