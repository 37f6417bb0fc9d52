//! The point where another protocol plugs into the authorization server.
//!
//! OpenID Connect is OAuth with more parameters, more checks, more members in the token response and more metadata:
//! `ciam-oidc` implements [`Extension`]. Without one the server is plain OAuth.

use std::fmt;

use async_trait::async_trait;
use bytes::Bytes;
use ciam_core::account::Account;
use ciam_core::assurance::Acr;
use ciam_core::error::PortError;
use ciam_core::http::{Params, Peer};
use ciam_core::id::AccountId;
#[cfg(feature = "draft-native-sso")]
use ciam_core::id::SessionId;
use ciam_core::jose::Algorithm;
use ciam_core::session::Session;
use http::HeaderValue;
use serde_json::{Map, Value};
use time::OffsetDateTime;

use crate::AuthorizationServer;
use crate::authorize::AuthorizeRequest;
use crate::client::Client;
#[cfg(feature = "draft-native-sso")]
use crate::client::ClientId;
use crate::error::{AuthorizeError, TokenError};
use crate::grant::Grant;
use crate::issuer::Issuer;
use crate::organization::OrganizationClaims;
use crate::server::SupportedScope;

/// What another protocol adds to the authorization server. Every method has a default that adds nothing.
#[async_trait]
pub trait Extension: fmt::Debug + Send + Sync {
    /// Scope values that mean something to this protocol, such as `openid`. They are supported beside the configured ones
    /// and belong to every resource.
    fn scopes(&self) -> Vec<SupportedScope> {
        Vec::new()
    }

    /// The algorithms that this protocol signs with. The server is not built unless it has a key for each.
    fn algorithms(&self) -> Vec<Algorithm> {
        Vec::new()
    }

    /// Looks at this protocol's own configuration when the server is built.
    ///
    /// # Errors
    ///
    /// A sentence for the operator: the server is not built.
    fn check(&self, issuer: &Issuer) -> Result<(), &'static str> {
        let _ = issuer;
        Ok(())
    }

    /// Reads this protocol's parameters of an authorization request. What it returns is frozen with the request, and later
    /// kept with the code and the grant. `request` has everything that the server itself reads.
    ///
    /// # Errors
    ///
    /// An error refuses the request, at the redirect URI.
    async fn parse(
        &self,
        server: &AuthorizationServer,
        client: &Client,
        request: &AuthorizeRequest,
        params: &Params,
    ) -> Result<Map<String, Value>, AuthorizeError> {
        let _ = (server, client, request, params);
        Ok(Map::new())
    }

    /// Reads this protocol's parameters of a [backchannel authentication](crate::backchannel) request, as
    /// [`parse`](Self::parse) does. Whom it is about is not among them: see [`hinted_account`](Self::hinted_account).
    ///
    /// # Errors
    ///
    /// An error refuses the request.
    async fn parse_backchannel(
        &self,
        server: &AuthorizationServer,
        client: &Client,
        request: &AuthorizeRequest,
        params: &Params,
    ) -> Result<Map<String, Value>, AuthorizeError> {
        let _ = (server, client, request, params);
        Ok(Map::new())
    }

    /// Whose account an `id_token_hint` names, if it can be told.
    ///
    /// # Errors
    ///
    /// Fails when a port does.
    async fn hinted_account(
        &self,
        server: &AuthorizationServer,
        client: &Client,
        id_token_hint: &str,
    ) -> Result<Option<AccountId>, PortError> {
        let _ = (server, client, id_token_hint);
        Ok(None)
    }

    /// The client and what is kept of its request, if an ID token of this server, expired or not, is of this session and names
    /// the device secret with this digest.
    ///
    /// # Errors
    ///
    /// Fails when a port does.
    #[cfg(feature = "draft-native-sso")]
    async fn device_session(
        &self,
        server: &AuthorizationServer,
        id_token: &str,
        session: SessionId,
        secret_hash: &str,
    ) -> Result<Option<DeviceSession>, PortError> {
        let _ = (server, id_token, session, secret_hash);
        Ok(None)
    }

    /// What this protocol demands of the session before a code is issued. Asked at the authorization endpoint and again at
    /// every resume.
    ///
    /// # Errors
    ///
    /// An error refuses the request, at the redirect URI.
    async fn demands(
        &self,
        server: &AuthorizationServer,
        asked: &Asked<'_>,
    ) -> Result<Demands, AuthorizeError> {
        let _ = (server, asked);
        Ok(Demands::default())
    }

    /// What this protocol adds to the response with a code, such as `session_state`.
    ///
    /// # Errors
    ///
    /// An error refuses the request, at the redirect URI.
    fn response(
        &self,
        server: &AuthorizationServer,
        asked: &Asked<'_>,
    ) -> Result<ResponseMembers, PortError> {
        let _ = (server, asked);
        Ok(ResponseMembers::default())
    }

    /// Adds parameters to the response to a request that asks for more than a code, or for something else: see
    /// [`ResponseType`](crate::authorize::ResponseType).
    ///
    /// # Errors
    ///
    /// An error refuses the request, at the redirect URI.
    async fn front_channel(
        &self,
        server: &AuthorizationServer,
        issued: &Issued<'_>,
    ) -> Result<ResponseMembers, TokenError> {
        let _ = (server, issued);
        Ok(ResponseMembers::default())
    }

    /// Audiences that this protocol adds to access tokens of this grant, such as its own UserInfo endpoint.
    fn audiences(&self, server: &AuthorizationServer, grant: &Grant) -> Vec<String> {
        let _ = (server, grant);
        Vec::new()
    }

    /// Adds members to a token response, such as `id_token`.
    ///
    /// # Errors
    ///
    /// An error refuses the whole response; nothing was sent yet.
    async fn token_members(
        &self,
        server: &AuthorizationServer,
        issued: &Issued<'_>,
        members: &mut Map<String, Value>,
    ) -> Result<(), TokenError> {
        let _ = (server, issued, members);
        Ok(())
    }

    /// The subject that a client knows an account by, for `sub` in access tokens and introspection; `None` for the server's
    /// own rule.
    fn subject(&self, server: &AuthorizationServer, client: &Client, account: &Account) -> Option<String> {
        let _ = (server, client, account);
        None
    }

    /// Adds members to the server's metadata.
    fn metadata(&self, server: &AuthorizationServer, members: &mut Map<String, Value>) {
        let _ = (server, members);
    }

    /// Handles a request to an endpoint of this protocol; `None` when the path is not one. `path` is the path below the
    /// issuer's.
    async fn handle(
        &self,
        server: &AuthorizationServer,
        path: &str,
        request: &http::Request<Bytes>,
        peer: &Peer,
    ) -> Option<http::Response<Bytes>> {
        let _ = (server, path, request, peer);
        None
    }
}

/// An authorization request, and who is there to answer it.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Asked<'a> {
    /// The client.
    pub client: &'a Client,
    /// The request, with what [`Extension::parse`] returned.
    pub request: &'a AuthorizeRequest,
    /// The live session of the browser, if any.
    pub session: Option<&'a Session>,
    /// The account of the session.
    pub account: Option<&'a Account>,
    /// The time.
    pub now: OffsetDateTime,
}

impl<'a> Asked<'a> {
    /// A request, without a session.
    #[must_use]
    pub const fn new(client: &'a Client, request: &'a AuthorizeRequest, now: OffsetDateTime) -> Self {
        Self { client, request, session: None, account: None, now }
    }

    /// The same request, in a session.
    #[must_use]
    pub const fn in_session(mut self, session: &'a Session, account: &'a Account) -> Self {
        self.session = Some(session);
        self.account = Some(account);
        self
    }
}

/// What an extension adds to an authorization response.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ResponseMembers {
    /// Parameters, after those of the server.
    pub params: Vec<(String, String)>,
    /// Values of `Set-Cookie`.
    pub cookies: Vec<HeaderValue>,
}

impl ResponseMembers {
    /// Adds a parameter.
    #[must_use]
    pub fn with_param(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.params.push((name.into(), value.into()));
        self
    }

    /// These, and then those of another.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.params.extend(other.params);
        self.cookies.extend(other.cookies);
        self
    }

    /// Sets a cookie.
    #[must_use]
    pub fn with_cookie(mut self, cookie: HeaderValue) -> Self {
        self.cookies.push(cookie);
        self
    }
}

/// What an extension demands of the session.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Demands {
    /// The session is not of the person that the request is about (`id_token_hint`, a requested `sub`): another sign-in is
    /// needed. The text is the reason in [`SignInAsk::reasons`](ciam_core::interaction::SignInAsk::reasons).
    pub other_person: Option<String>,
    /// One of these levels must be reached, best first, or the request fails; empty for none.
    pub essential_acr: Vec<Acr>,
    /// One of these levels is wished for, best first, where the request itself has no `acr_values`. The person is asked once,
    /// and what was reached is what the tokens say.
    pub wished_acr: Vec<Acr>,
}

/// A token response, or an authorization response, that is about to be sent.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Issued<'a> {
    /// The client.
    pub client: &'a Client,
    /// The grant, with its granted scope, authentication context and extension data.
    pub grant: &'a Grant,
    /// The account.
    pub account: &'a Account,
    /// The access token of this response; an authorization response has none.
    pub access_token: Option<&'a str>,
    /// The code of this response, if it is an authorization response with one.
    pub code: Option<&'a str>,
    /// The client's own value, in an authorization response.
    pub state: Option<&'a str>,
    /// The name of the request that is answered by pushing tokens to the client.
    pub auth_req_id: Option<&'a str>,
    /// The refresh token that is pushed with them.
    pub pushed_refresh_token: Option<&'a str>,
    /// Whether the response answers a person who was there, or their code; otherwise a refresh token.
    pub first: bool,
    /// The organization that the person acts for, if the grant is for one.
    pub organization: Option<&'a OrganizationClaims>,
    /// The time.
    pub now: OffsetDateTime,
}

impl<'a> Issued<'a> {
    /// A token response that answers an authorization code.
    #[must_use]
    pub const fn new(
        client: &'a Client,
        grant: &'a Grant,
        account: &'a Account,
        access_token: &'a str,
        now: OffsetDateTime,
    ) -> Self {
        let access_token = Some(access_token);
        Self { access_token, ..Self::in_front(client, grant, account, now) }
    }

    /// An authorization response, whose grant may become one of tokens later, or never.
    #[must_use]
    pub const fn in_front(
        client: &'a Client,
        grant: &'a Grant,
        account: &'a Account,
        now: OffsetDateTime,
    ) -> Self {
        Self {
            client,
            grant,
            account,
            access_token: None,
            code: None,
            state: None,
            auth_req_id: None,
            pushed_refresh_token: None,
            first: true,
            organization: None,
            now,
        }
    }

    /// The same response, pushed to the client.
    #[must_use]
    pub const fn pushed(mut self, auth_req_id: &'a str, refresh_token: Option<&'a str>) -> Self {
        self.auth_req_id = Some(auth_req_id);
        self.pushed_refresh_token = refresh_token;
        self
    }

    /// The same response, with a code.
    #[must_use]
    pub const fn with_code(mut self, code: Option<&'a str>) -> Self {
        self.code = code;
        self
    }

    /// The same response, with the client's own value.
    #[must_use]
    pub const fn with_state(mut self, state: Option<&'a str>) -> Self {
        self.state = state;
        self
    }

    /// The same response, for an organization.
    #[must_use]
    pub const fn for_organization(mut self, organization: Option<&'a OrganizationClaims>) -> Self {
        self.organization = organization;
        self
    }

    /// The same response, to a refresh token.
    #[must_use]
    pub const fn refreshed(mut self) -> Self {
        self.first = false;
        self
    }
}

/// Plain OAuth: nothing is added.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct NoExtension;

impl NoExtension {
    /// Plain OAuth.
    #[must_use]
    pub const fn new() -> Self {
        Self
    }
}

#[async_trait]
impl Extension for NoExtension {}

/// An app that has signed somebody in on a device.
#[cfg(feature = "draft-native-sso")]
#[cfg_attr(docsrs, doc(cfg(feature = "draft-native-sso")))]
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct DeviceSession {
    /// The app.
    pub client: ClientId,
    /// What the extension keeps with the grant of the other app.
    pub extension: Map<String, Value>,
}

#[cfg(feature = "draft-native-sso")]
impl DeviceSession {
    /// An app, and what is kept.
    #[must_use]
    pub const fn new(client: ClientId, extension: Map<String, Value>) -> Self {
        Self { client, extension }
    }
}
