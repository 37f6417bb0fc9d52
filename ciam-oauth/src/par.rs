//! Pushed authorization requests ([RFC 9126](https://www.rfc-editor.org/rfc/rfc9126)).
//!
//! The client posts its authorization parameters over the back channel, authenticated, and receives a `request_uri` that
//! stands for them. What is stored is the parsed and validated request, bound to the client. It is used up when the
//! authorization completes, not when the browser first shows it: a person may reload, or come back, while signing in.

use bytes::Bytes;
use ciam_core::ephemeral::{self, EphemeralKey};
use ciam_core::error::PortError;
use ciam_core::http::{Params, Peer};
use ciam_core::secret::Secret;
use http::{Request, Response, StatusCode};
use serde::{Deserialize, Serialize};
use time::Duration;

use crate::authorize::AuthorizeRequest;
use crate::client::AuthenticatedClient;
use crate::dpop::ProvenKey;
use crate::error::{PushError, RequestProblem};
use crate::server::form::form;
use crate::server::reply;
use crate::{AuthorizationServer, Endpoint};

/// What every `request_uri` of this server begins with
/// ([RFC 9126, section 2.2](https://www.rfc-editor.org/rfc/rfc9126#section-2.2)).
pub const REQUEST_URI_PREFIX: &str = "urn:ietf:params:oauth:request_uri:";

/// A stored pushed request.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Pushed {
    /// The `request_uri` for the authorization endpoint, without which it cannot be found.
    pub request_uri: Secret,
    /// How long it can be used.
    pub expires_in: Duration,
}

/// The name of a stored request, by the digest of its secret part. Kept in interactions, to use the request up at the end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct PushedKey(String);

impl PushedKey {
    /// The key of a `request_uri`; `None` when it is not one of ours.
    pub(crate) fn of_request_uri(request_uri: &str) -> Option<Self> {
        request_uri.strip_prefix(REQUEST_URI_PREFIX).map(|token| Self(Secret::from(token).digest().to_text()))
    }

    fn live(&self) -> EphemeralKey {
        EphemeralKey::new("oauth.par", self.0.clone())
    }

    fn spent(&self) -> EphemeralKey {
        EphemeralKey::new("oauth.par_spent", self.0.clone())
    }
}

impl AuthorizationServer {
    /// Stores an authorization request of an authenticated client.
    ///
    /// `peer` is who sent the request. The pushes of a confidential client are counted for the client; those of a public one
    /// for each address, because everybody can push in its name and could use up what all its users have together.
    ///
    /// # Errors
    ///
    /// Fails when the request is refused, when the client pushes too many, or when a port fails.
    pub async fn push(
        &self,
        client: &AuthenticatedClient,
        params: &Params,
        peer: &Peer,
    ) -> Result<Pushed, PushError> {
        self.push_with_key(client, params, peer, None).await
    }

    /// Stores an authorization request of an authenticated client that proved to have a key: the code of the request can be
    /// exchanged with that key alone
    /// ([RFC 9449, section 10.1](https://www.rfc-editor.org/rfc/rfc9449#section-10.1)).
    ///
    /// # Errors
    ///
    /// As [`push`](Self::push), and when the request names another key.
    pub async fn push_with_key(
        &self,
        client: &AuthenticatedClient,
        params: &Params,
        peer: &Peer,
        key: Option<&ProvenKey>,
    ) -> Result<Pushed, PushError> {
        let request = self.request_of(client, params, peer, key).await?;
        Ok(self.store_pushed(&request).await?)
    }

    /// The request of a client that has authenticated, read and checked.
    pub(crate) async fn request_of(
        &self,
        client: &AuthenticatedClient,
        params: &Params,
        peer: &Peer,
        key: Option<&ProvenKey>,
    ) -> Result<AuthorizeRequest, PushError> {
        if params.one("request_uri").map_err(RequestProblem::from)?.is_some() {
            return Err(RequestProblem::Invalid("request_uri").into());
        }
        if params
            .one("client_id")
            .map_err(RequestProblem::from)?
            .is_some_and(|id| id != client.client.id.as_str())
        {
            return Err(RequestProblem::Invalid("client_id").into());
        }
        self.limit_pushes(client, peer).await?;
        let mut request = self.read_request(&client.client, params).await?;
        request.instance = client.instance;
        if let Some(proven) = key.map(ProvenKey::thumbprint) {
            if request.dpop_key.is_some_and(|named| named != proven) {
                return Err(RequestProblem::Contradiction("dpop_jkt").into());
            }
            request.dpop_key = Some(proven);
        }
        Ok(request)
    }

    /// Stores a request, for the authorization endpoint.
    pub(crate) async fn store_pushed(&self, request: &AuthorizeRequest) -> Result<Pushed, PortError> {
        let token = Secret::random(self.ports().entropy())?;
        let request_uri = Secret::new(format!("{REQUEST_URI_PREFIX}{}", token.expose()));
        let key = PushedKey(token.digest().to_text()).live();
        let expires_in = self.config().lifetimes.pushed_request;
        let bytes = ephemeral::encode(request)?;
        if self.ports().ephemeral().put_if_absent(&key, bytes, expires_in).await? {
            Ok(Pushed { request_uri, expires_in })
        } else {
            Err(PortError::permanent("a random request_uri was made twice"))
        }
    }

    async fn limit_pushes(&self, client: &AuthenticatedClient, peer: &Peer) -> Result<(), PushError> {
        let client = &client.client;
        // A client id has no line break, so the two forms never meet.
        let counted = if client.is_public() {
            format!("{}\n{}", client.id, peer.address)
        } else {
            client.id.as_str().to_owned()
        };
        let key = EphemeralKey::new("oauth.par_rate", counted);
        let count = self.ports().ephemeral().increment(&key, Duration::minutes(1)).await?;
        if count > self.config().limits.pushed_requests_per_minute { Err(PushError::TooMany) } else { Ok(()) }
    }

    /// The stored request, if it is there and was not used up.
    pub(crate) async fn pushed_request(
        &self,
        key: &PushedKey,
    ) -> Result<Option<AuthorizeRequest>, PortError> {
        match self.ports().ephemeral().get(&key.live()).await? {
            Some(bytes) => ephemeral::decode(&bytes).map(Some),
            None => Ok(None),
        }
    }

    /// Uses a pushed request up: exactly one completion does. The mark outlives every interaction that may still hold it.
    pub(crate) async fn use_up(&self, key: &PushedKey) -> Result<bool, PortError> {
        let lifetimes = &self.config().lifetimes;
        let outlives = lifetimes.pushed_request + lifetimes.interaction;
        let first = self.ports().ephemeral().put_if_absent(&key.spent(), Vec::new(), outlives).await?;
        self.ports().ephemeral().take(&key.live()).await?;
        Ok(first)
    }

    /// Answers a push.
    pub(crate) async fn handle_push(&self, request: &Request<Bytes>, peer: &Peer) -> Response<Bytes> {
        let mut response = match self.answer_push(request, peer).await {
            Ok(pushed) => reply::json(StatusCode::CREATED, &PushedBody::of(&pushed)),
            Err(error) => reply::refuse(request, error.status(), error.code(), error.description(), &error),
        };
        self.offer_nonce(request, &mut response);
        response
    }

    async fn answer_push(&self, request: &Request<Bytes>, peer: &Peer) -> Result<Pushed, PushError> {
        let params = form(request, self.config().limits.params)?;
        // Before the client is authenticated: of a `client_id` or secret that is there twice none is looked at.
        params.refuse_duplicates(&["resource"]).map_err(RequestProblem::from)?;
        let client = self.authenticate_client(request.headers(), &params, peer).await?;
        let key = self.prove_key(request, Endpoint::PushedAuthorizationRequest).await?;
        self.push_with_key(&client, &params, peer, key.as_ref()).await
    }
}

/// The body of the response ([RFC 9126, section 2.2](https://www.rfc-editor.org/rfc/rfc9126#section-2.2)).
#[derive(Serialize)]
struct PushedBody<'a> {
    request_uri: &'a str,
    expires_in: i64,
}

impl<'a> PushedBody<'a> {
    fn of(pushed: &'a Pushed) -> Self {
        Self { request_uri: pushed.request_uri.expose(), expires_in: pushed.expires_in.whole_seconds() }
    }
}
