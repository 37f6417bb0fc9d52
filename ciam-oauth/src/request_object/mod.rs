//! Request objects: authorization requests as JWTs that the client signed
//! ([RFC 9101](https://www.rfc-editor.org/rfc/rfc9101), [OpenID Connect Core, section
//! 6](https://openid.net/specs/openid-connect-core-1_0.html#JWTRequests)).
//!
//! The authorization endpoint and pushed requests open them in the same way. What is inside replaces all that is beside it: of
//! the parameters outside none counts but `client_id`, which has to be the same.
//!
//! - By value, in `request`: signed with a registered key of the client, encrypted besides if it likes or has to.
//! - By reference, in `request_uri`: a pushed request, or, where
//!   [`RequestObjects::by_reference`] is on, an address that the client registered.
//! - Unsigned: not at all.

mod claims;
mod decryption;

use bytes::Bytes;
use ciam_core::ephemeral::EphemeralKey;
use ciam_core::http::Params;
use ciam_core::jose::{
    Algorithm, AlgorithmSet, CompactForm, JwsError, JwsLimits, KeySet, TokenType, Verifier,
};
use ciam_core::outbound::Outbound;
use ciam_core::secret::TokenDigest;
use http::StatusCode;
use http::header::ACCEPT;
use time::Duration;

use self::claims::RequestObjectRules;
pub(crate) use self::decryption::RequestDecryption;
use crate::AuthorizationServer;
use crate::client::{Client, ClientKeys};
use crate::error::{AuthorizeError, RequestObjectProblem, RequestProblem};

/// Which request objects a server takes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RequestObjects {
    /// What they may be signed with, unless the client registered one of them. Default: every algorithm with a public key.
    pub algorithms: AlgorithmSet,
    /// Whether they may be encrypted for this server. It then has a key of its own for them, which it publishes. Default: they
    /// may not.
    pub encrypted: bool,
    /// Whether they are fetched from addresses that clients registered. Default: they are not; pushed requests do the same
    /// without a request to a stranger's address.
    pub by_reference: bool,
    /// Whether every authorization request must be one. Default: it need not.
    pub required: bool,
    /// Whether each must say from when to when it is valid, and not for longer than [`LIFETIME`](Self::LIFETIME), as
    /// [FAPI 2.0 Message Signing, section 5.3.1](https://openid.net/specs/fapi-message-signing-2_0.html) wants it. Default: it
    /// need not; what it says is checked in any case.
    pub dated: bool,
}

impl RequestObjects {
    /// How long a request object may be valid, and how long ago that may have begun.
    pub const LIFETIME: Duration = Duration::minutes(60);
    /// How far a client's clock may be ahead of or behind this one.
    pub const SKEW: Duration = Duration::seconds(30);

    /// Signed ones by value, with any algorithm that has a public key.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            algorithms: AlgorithmSet::ASYMMETRIC,
            encrypted: false,
            by_reference: false,
            required: false,
            dated: false,
        }
    }

    /// Accepts these algorithms and no other.
    #[must_use]
    pub const fn with_algorithms(mut self, algorithms: AlgorithmSet) -> Self {
        self.algorithms = algorithms;
        self
    }

    /// Lets them be encrypted for this server.
    #[must_use]
    pub const fn encrypted(mut self) -> Self {
        self.encrypted = true;
        self
    }

    /// Fetches them from addresses that clients registered.
    ///
    /// # Security
    ///
    /// Whoever sends a browser here makes this server fetch a registered address. It is fetched by the
    /// [outbound rules](ciam_core::outbound), and only if it is registered byte for byte.
    #[must_use]
    pub const fn by_reference(mut self) -> Self {
        self.by_reference = true;
        self
    }

    /// Demands that every authorization request is one.
    #[must_use]
    pub const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// Demands that each says from when to when it is valid.
    #[must_use]
    pub const fn dated(mut self) -> Self {
        self.dated = true;
        self
    }
}

impl Default for RequestObjects {
    fn default() -> Self {
        Self::new()
    }
}

/// The types that a request object may have, or none. Any other is that of another kind of token, signed by the same keys for
/// another purpose.
const TYPES: &[&str] = &["oauth-authz-req+jwt", "JWT"];

/// A request object of 32 KiB holds every parameter at its longest that a client sends in earnest.
const LIMITS: JwsLimits = JwsLimits::new(32 * 1024, 8 * 1024);

impl AuthorizationServer {
    /// The parameters inside the request object of a request; `None` when it has none. A pushed request was taken before.
    pub(crate) async fn open_request(
        &self,
        client: &Client,
        params: &Params,
    ) -> Result<Option<Params>, AuthorizeError> {
        let one = |name| params.one(name).map_err(RequestProblem::from);
        match (one("request")?, one("request_uri")?) {
            (None, None) => Ok(None),
            (Some(_), Some(_)) => Err(RequestProblem::Contradiction("request_uri").into()),
            (Some(object), None) => {
                let accepted = self.config().request_objects.as_ref();
                let accepted = accepted.ok_or(AuthorizeError::RequestNotSupported)?;
                self.open_object(client, accepted, object).await.map(Some)
            }
            (None, Some(uri)) => {
                let accepted =
                    self.config().request_objects.as_ref().filter(|accepted| accepted.by_reference);
                let accepted = accepted.ok_or(AuthorizeError::RequestUriNotSupported)?;
                let object = self.fetch_object(client, uri).await?;
                self.open_object(client, accepted, &object).await.map(Some)
            }
        }
    }

    async fn fetch_object(&self, client: &Client, uri: &str) -> Result<String, AuthorizeError> {
        if !client.messages.request_uris.iter().any(|registered| registered == uri) {
            return Err(AuthorizeError::InvalidRequestUri);
        }
        // The fragment names the version of the document, and is nobody's business but the client's.
        let place = uri.split('#').next().unwrap_or_default();
        let request = http::Request::get(place)
            .header(ACCEPT, "application/oauth-authz-req+jwt, application/jwt")
            .body(Bytes::new())
            .map_err(|_| AuthorizeError::InvalidRequestUri)?;
        let fetched = Outbound::new(self.ports().clone()).send(request).await;
        let fetched = fetched.map_err(|_| AuthorizeError::InvalidRequestUri)?;
        if fetched.status() != StatusCode::OK || fetched.body().len() > MAX_FETCHED {
            return Err(AuthorizeError::InvalidRequestUri);
        }
        let text = std::str::from_utf8(fetched.body()).map_err(|_| RequestObjectProblem::Malformed)?;
        Ok(text.trim_ascii().to_owned())
    }

    async fn open_object(
        &self,
        client: &Client,
        accepted: &RequestObjects,
        object: &str,
    ) -> Result<Params, AuthorizeError> {
        let registered = client.messages.request_object_encryption;
        let opened;
        let signed = match (CompactForm::of(object), registered) {
            (Some(CompactForm::Signed), None) => object,
            (Some(CompactForm::Signed), Some(_)) => return Err(RequestObjectProblem::Encryption.into()),
            (Some(CompactForm::Encrypted), registered) => {
                opened = self.decrypt_request(object, registered).await?;
                &opened
            }
            (None, _) => return Err(RequestObjectProblem::Malformed.into()),
        };
        let rules = RequestObjectRules {
            client: &client.id,
            issuer: self.issuer().as_str(),
            dated: accepted.dated,
            complete: false,
            max_params: self.config().limits.params.max_params,
            now: self.ports().now(),
        };
        let algorithms = match client.messages.request_object_alg {
            Some(alg) if accepted.algorithms.contains(alg) => AlgorithmSet::of(&[alg]),
            Some(_) => return Err(RequestObjectProblem::Algorithm.into()),
            None => accepted.algorithms,
        };
        Ok(self.verify_object(client, algorithms, rules, signed).await?)
    }

    /// The parameters of a signed backchannel authentication request, which is taken once
    /// ([CIBA Core, section 7.1.1](https://openid.net/specs/openid-client-initiated-backchannel-authentication-core-1_0.html#rfc.section.7.1.1)).
    pub(crate) async fn open_signed_backchannel(
        &self,
        client: &Client,
        alg: Option<Algorithm>,
        object: &str,
    ) -> Result<Params, AuthorizeError> {
        let accepted = self.config().request_objects.as_ref();
        let accepted = accepted.ok_or(AuthorizeError::RequestNotSupported)?;
        let rules = RequestObjectRules {
            client: &client.id,
            issuer: self.issuer().as_str(),
            dated: true,
            complete: true,
            max_params: self.config().limits.params.max_params,
            now: self.ports().now(),
        };
        let algorithms = match alg {
            Some(alg) if accepted.algorithms.contains(alg) => AlgorithmSet::of(&[alg]),
            Some(_) => return Err(RequestObjectProblem::Algorithm.into()),
            None => accepted.algorithms,
        };
        let params = self.verify_object(client, algorithms, rules, object).await?;
        // It begins something by itself, so the same again begins nothing.
        let mark = EphemeralKey::new("oauth.backchannel_request", TokenDigest::of(object).to_text());
        let kept = RequestObjects::LIFETIME + RequestObjects::SKEW * 2;
        match self.ports().ephemeral().put_if_absent(&mark, Vec::new(), kept).await? {
            true => Ok(params),
            false => Err(RequestObjectProblem::Time.into()),
        }
    }

    async fn verify_object(
        &self,
        client: &Client,
        algorithms: AlgorithmSet,
        rules: RequestObjectRules<'_>,
        signed: &str,
    ) -> Result<Params, RequestObjectProblem> {
        let verifier = Verifier::new(algorithms, TokenType::one_of(TYPES).or_absent()).with_limits(LIMITS);
        let check = |keys: &KeySet| {
            let verified = verifier.verify(signed, keys).map_err(problem)?;
            rules.read(&verified)
        };
        match client.public_keys() {
            None => Err(RequestObjectProblem::Signature),
            Some(ClientKeys::Jwks(set)) => {
                check(&self.registered_keys(set).map_err(|_| RequestObjectProblem::Signature)?)
            }
            Some(ClientKeys::JwksUri(url)) => self.check_with_published(url, check).await,
        }
    }

    /// A key that is not known makes the client's set be fetched again, at most once in a while: the client may have rotated.
    async fn check_with_published<T>(
        &self,
        url: &str,
        check: impl Fn(&KeySet) -> Result<T, RequestObjectProblem> + Send + Sync,
    ) -> Result<T, RequestObjectProblem> {
        let unavailable = |_| RequestObjectProblem::KeysUnavailable;
        let remote = self.client_keys().remote(self.ports(), url);
        let known = remote.keys().await.map_err(unavailable)?;
        match check(&known) {
            Err(RequestObjectProblem::Signature) => {
                check(&*remote.keys_after(&known).await.map_err(unavailable)?)
            }
            checked => checked,
        }
    }
}

/// A fetched request object is at most as large as an encrypted token.
const MAX_FETCHED: usize = 64 * 1024;

const fn problem(error: JwsError) -> RequestObjectProblem {
    match error {
        JwsError::AlgorithmNotAllowed | JwsError::UnsupportedAlgorithm => RequestObjectProblem::Algorithm,
        JwsError::WrongType => RequestObjectProblem::Type,
        JwsError::UnknownKey | JwsError::AmbiguousKey | JwsError::InvalidSignature => {
            RequestObjectProblem::Signature
        }
        _ => RequestObjectProblem::Malformed,
    }
}
