//! A whole resource server: from a request to the claims of its token, or to the refusal.

use std::sync::Arc;

use bytes::Bytes;
use ciam_core::http::Peer;
use ciam_core::ports::Ports;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use time::OffsetDateTime;

use super::binding::SenderConstraint;
use super::cache::{Access, CachingValidator, SharedAccess};
use super::challenge::Challenges;
use super::error::ValidateError;
use super::introspection::Introspector;
use super::presented::{Presented, Scheme, authorization};
use super::requirements::Requirements;
use super::resource_metadata::ResourceMetadata;
use super::validator::Validator;
use crate::confirmation::CertificateThumbprint;
use crate::dpop::{DPOP_NONCE, DpopChecker, ProofRequest};

/// Lets requests in, or says why not: access tokens of either form, bound or not, and what a route demands of them. Cloning is
/// cheap.
///
/// Everything is off until it is given: without a [validator](Self::with_validator) no JWT passes, without an
/// [introspector](Self::with_introspector) no opaque token, without [DPoP](Self::with_dpop) no token that is bound to a key.
///
/// ```
/// use ciam_core::memory;
/// use ciam_core::jose::{Algorithm, KeySet, LocalSigner, sign};
/// use ciam_oauth::dpop::DpopChecker;
/// use ciam_oauth::validate::{Requirements, ResourceRequest, ResourceServer, Validator};
/// use http::{HeaderMap, Method};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let ports = memory::ports();
/// # let key = LocalSigner::generate(ports.crypto(), Algorithm::Es256)?;
/// # let keys = KeySet::from(key.verification_key(ports.crypto())?);
/// # let token = sign(&key, "at+jwt", &serde_json::json!({
/// #     "iss": "https://id.example", "aud": "https://api.example", "sub": "alice", "client_id": "shop",
/// #     "scope": "orders:read", "exp": ports.now().unix_timestamp() + 600,
/// # })).await?;
/// let validator = Validator::new("https://id.example".parse()?, "https://api.example", keys);
/// let server = ResourceServer::new(ports.clone(), "https://api.example")
///     .with_validator(validator)
///     .with_dpop(DpopChecker::new(ports));
///
/// let mut headers = HeaderMap::new();
/// headers.insert("authorization", format!("Bearer {token}").parse()?);
/// let request = ResourceRequest::new(&Method::GET, "/orders", &headers);
/// let orders = Requirements::new().with_scopes("orders:read".parse()?);
/// let admitted = server.admit(&request, &orders).await?;
/// assert_eq!(admitted.access.subject(), "alice");
///
/// let payments = Requirements::new().with_scopes("payments:write".parse()?);
/// let refusal = server.admit(&request, &payments).await.unwrap_err();
/// assert_eq!(refusal.to_response().status(), 403);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct ResourceServer {
    ports: Ports,
    base: Arc<str>,
    jwt: Option<Jwt>,
    opaque: Option<Introspector>,
    dpop: Option<DpopChecker>,
    metadata: Option<Arc<ResourceMetadata>>,
    challenges: Challenges,
}

#[derive(Clone, Debug)]
enum Jwt {
    Plain(Arc<Validator>),
    Caching(Arc<CachingValidator>),
}

/// What of a request decides whether it is let in.
#[derive(Clone, Copy, Debug)]
pub struct ResourceRequest<'r> {
    pub(crate) method: &'r Method,
    pub(crate) path: &'r str,
    pub(crate) headers: &'r HeaderMap,
    pub(crate) certificate: Option<&'r [u8]>,
}

impl<'r> ResourceRequest<'r> {
    /// A request by its method, the path of its target, and its headers.
    #[must_use]
    pub const fn new(method: &'r Method, path: &'r str, headers: &'r HeaderMap) -> Self {
        Self { method, path, headers, certificate: None }
    }

    /// Adds the other side of the connection, for its certificate.
    #[must_use]
    pub fn with_peer(mut self, peer: &'r Peer) -> Self {
        self.certificate = peer.certificate.as_deref();
        self
    }
}

/// A request that is let in.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Admitted {
    /// The claims of its token.
    pub access: SharedAccess,
    /// The value of the `DPoP-Nonce` header of the response: the nonce for the next proof, where nonces are demanded.
    pub nonce: Option<HeaderValue>,
}

impl Admitted {
    /// Adds to the headers of the response what has to be there.
    pub fn complete(&self, headers: &mut HeaderMap) {
        if let Some(nonce) = &self.nonce {
            headers.insert(DPOP_NONCE, nonce.clone());
        }
    }
}

/// A request that is not let in, and what its sender is told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("refused: {error}")]
#[non_exhaustive]
pub struct Refusal {
    /// Why. For logs and metrics.
    #[source]
    pub error: ValidateError,
    /// The headers of the response, with the challenges.
    pub headers: HeaderMap,
}

impl Refusal {
    /// The status of the response.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        self.error.status()
    }

    /// The response, without a body.
    #[must_use]
    pub fn to_response(&self) -> Response<Bytes> {
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = self.status();
        response.headers_mut().extend(self.headers.clone());
        response
    }
}

impl ResourceServer {
    /// A resource server that lets nobody in yet. `base` is the address that clients know it by, without a slash at its end:
    /// scheme, host, and what a proxy takes off the path. DPoP proofs are made for it and the request's path.
    #[must_use]
    pub fn new(ports: Ports, base: impl Into<Arc<str>>) -> Self {
        let challenges = Challenges::new();
        let base = base.into();
        Self { ports, base, jwt: None, opaque: None, dpop: None, metadata: None, challenges }
    }

    /// Accepts JWT access tokens.
    #[must_use]
    pub fn with_validator(mut self, validator: Validator) -> Self {
        self.jwt = Some(Jwt::Plain(Arc::new(validator)));
        self.demand()
    }

    /// Accepts JWT access tokens, and remembers them.
    #[must_use]
    pub fn with_caching_validator(mut self, validator: CachingValidator) -> Self {
        self.jwt = Some(Jwt::Caching(Arc::new(validator)));
        self.demand()
    }

    /// Accepts opaque access tokens: what is not of the form that the validator takes (a JWS, and a JWE where it
    /// [opens](Validator::with_decryption) them), or everything where there is no validator. A JWT that the validator refuses is not
    /// asked about.
    #[must_use]
    pub fn with_introspector(mut self, introspector: Introspector) -> Self {
        self.opaque = Some(introspector);
        self
    }

    /// Accepts the scheme `DPoP`.
    #[must_use]
    pub fn with_dpop(mut self, checker: DpopChecker) -> Self {
        self.challenges = self.challenges.with_dpop(checker.policy().algorithms);
        self.dpop = Some(checker);
        self.demand()
    }

    /// Publishes these metadata, and names them in challenges.
    #[must_use]
    pub fn with_metadata(mut self, metadata: ResourceMetadata) -> Self {
        self.challenges = self.challenges.with_metadata(metadata.url());
        self.metadata = Some(Arc::new(metadata));
        self
    }

    /// The metadata.
    #[must_use]
    pub fn metadata(&self) -> Option<&ResourceMetadata> {
        self.metadata.as_deref()
    }

    /// Lets a request in, or not.
    ///
    /// # Errors
    ///
    /// Fails with the refusal. When something has to be asked and does not answer, the request is refused.
    pub async fn admit(
        &self,
        request: &ResourceRequest<'_>,
        requirements: &Requirements,
    ) -> Result<Admitted, Refusal> {
        let (used, decided) = self.decide(request, requirements).await;
        match decided {
            Ok(access) => {
                let nonce =
                    self.dpop.as_ref().filter(|_| used == Some(Scheme::Dpop)).and_then(DpopChecker::nonce);
                Ok(Admitted { access: access.into_shared(), nonce })
            }
            Err(error) => Err(Refusal { headers: self.challenges.headers(used, &error), error }),
        }
    }

    async fn decide(
        &self,
        request: &ResourceRequest<'_>,
        requirements: &Requirements,
    ) -> (Option<Scheme>, Result<Access, ValidateError>) {
        match authorization(request.headers) {
            Ok((Scheme::Dpop, _)) if self.dpop.is_none() => (None, Err(ValidateError::Missing)),
            Ok((scheme, token)) => (Some(scheme), self.examine(request, scheme, token, requirements).await),
            Err(error) => (None, Err(error)),
        }
    }

    async fn examine(
        &self,
        request: &ResourceRequest<'_>,
        scheme: Scheme,
        token: &str,
        requirements: &Requirements,
    ) -> Result<Access, ValidateError> {
        Presented::bearer(token).check_size()?;
        let now = self.ports.now();
        let dpop = self.dpop.as_ref().filter(|_| scheme == Scheme::Dpop);
        let url = format!("{}{}", self.base, request.path);
        let target = ProofRequest::new(request.method, &url).with_token(token);
        let proof = dpop.map(|checker| checker.examine(request.headers, &target)).transpose()?;
        let mut presented = Presented::bearer(token);
        if let Some(proof) = &proof {
            presented = Presented::dpop(token, proof.key());
        }
        if let Some(der) = request.certificate {
            presented = presented.with_certificate(CertificateThumbprint::of(der));
        }
        let access = self.validate(presented, now).await?;
        // Last, so that nobody fills the memory of used proofs without a good token.
        if let (Some(checker), Some(proof)) = (dpop, &proof) {
            checker.use_up(proof).await?;
        }
        requirements.check(&access, now)?;
        Ok(access)
    }

    async fn validate(&self, presented: Presented<'_>, now: OffsetDateTime) -> Result<Access, ValidateError> {
        let only = self.opaque.is_none();
        match (&self.jwt, &self.opaque) {
            (Some(Jwt::Plain(validator)), _) if only || validator.takes_form_of(presented.token()) => {
                validator.validate_or_fetch(presented, now).await.map(Access::from)
            }
            (Some(Jwt::Caching(caching)), _)
                if only || caching.validator().takes_form_of(presented.token()) =>
            {
                caching.validate_or_fetch(presented, now).await
            }
            (_, Some(introspector)) => introspector.validate(presented, now).await,
            (_, None) => Err(ValidateError::Malformed),
        }
    }

    /// Takes the scheme `Bearer` out of the challenges where it can never succeed.
    fn demand(mut self) -> Self {
        let constraint = match &self.jwt {
            Some(Jwt::Plain(validator)) => validator.rules().constraint,
            Some(Jwt::Caching(caching)) => caching.validator().rules().constraint,
            None => SenderConstraint::None,
        };
        if constraint == SenderConstraint::Dpop && self.opaque.is_none() {
            self.challenges = self.challenges.without_bearer();
        }
        self
    }
}
