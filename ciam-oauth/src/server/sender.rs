//! The proofs that come with requests to the server: DPoP at its endpoints, and bound tokens at its own resources.

use bytes::Bytes;
use ciam_core::error::PortError;
use http::header::{ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue};
use http::{Request, Response};

use super::AuthorizationServer;
use super::endpoint::Endpoint;
use crate::access_token::ActiveToken;
use crate::confirmation::CertificateThumbprint;
use crate::dpop::{DPOP, DPOP_NONCE, DpopChecker, DpopError, ProofRequest, ProvenKey};
use crate::validate::{
    Challenges, Presented, ResourceRequest, Scheme, SenderConstraint, ValidateError, authorization,
    check_confirmation,
};

/// Why a request to a resource of this server itself, such as UserInfo, was not let in.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OwnResourceError {
    /// The request has no access token, one that cannot be used, or one that its sender may not use.
    #[error("the access token was refused")]
    Token(#[from] ValidateError),
    /// A port failed.
    #[error("the request cannot be processed now")]
    Port(#[from] PortError),
}

impl AuthorizationServer {
    /// The key that a request to an endpoint proves with DPoP; `None` when it has no proof, or DPoP is off.
    pub(crate) async fn prove_key(
        &self,
        request: &Request<Bytes>,
        endpoint: Endpoint,
    ) -> Result<Option<ProvenKey>, DpopError> {
        let Some(checker) = self.dpop().filter(|_| request.headers().contains_key(&DPOP)) else {
            return Ok(None);
        };
        let url = self.url(endpoint);
        let target = ProofRequest::new(request.method(), &url);
        let mut examined = checker.examine(request.headers(), &target);
        if let (Err(DpopError::Target), Some(alias)) = (&examined, self.certificate_url(endpoint)) {
            examined = checker.examine(request.headers(), &ProofRequest::new(request.method(), &alias));
        }
        let examined = examined?;
        checker.use_up(&examined).await?;
        Ok(Some(examined.key().clone()))
    }

    /// Where an endpoint asks for a certificate, if it is another place than [`url`](Self::url).
    pub(crate) fn certificate_url(&self, endpoint: Endpoint) -> Option<String> {
        self.config().mutual_tls.as_ref()?.endpoint(self.issuer(), endpoint.path())
    }

    /// Adds the nonce for the next proof to the answer to a request that had one, where nonces are demanded
    /// ([RFC 9449, section 8.2](https://www.rfc-editor.org/rfc/rfc9449#section-8.2)).
    pub fn offer_nonce(&self, request: &Request<Bytes>, response: &mut Response<Bytes>) {
        let checker = self.dpop().filter(|_| request.headers().contains_key(&DPOP));
        if let Some(nonce) = checker.and_then(DpopChecker::nonce) {
            let headers = response.headers_mut();
            headers.insert(DPOP_NONCE, nonce);
            headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("DPoP-Nonce"));
        }
    }

    /// What the access token of a request to a resource of this server itself means now. The sender has proved to have
    /// whatever the token is bound to.
    ///
    /// # Errors
    ///
    /// Fails when there is no token, when it cannot be used, or not by this sender, and when a port fails.
    pub async fn admit(&self, request: &ResourceRequest<'_>) -> Result<ActiveToken, OwnResourceError> {
        let (scheme, token) = authorization(request.headers)?;
        let checker = self.dpop().filter(|_| scheme == Scheme::Dpop);
        if scheme == Scheme::Dpop && checker.is_none() {
            return Err(ValidateError::Missing.into());
        }
        let url = format!("{}{}", self.issuer().origin(), request.path);
        let target = ProofRequest::new(request.method, &url).with_token(token);
        let proof = checker.map(|checker| checker.examine(request.headers, &target)).transpose();
        let proof = proof.map_err(ValidateError::from)?;
        let presented = match &proof {
            Some(proof) => Presented::dpop(token, proof.key()),
            None => Presented::bearer(token),
        };
        let active = self.inspect_presented(with_certificate(presented, request.certificate)).await?;
        // Last, so that nobody fills the memory of used proofs without a good token.
        if let (Some(checker), Some(proof)) = (checker, &proof) {
            checker.use_up(proof).await.map_err(ValidateError::from)?;
        }
        Ok(active)
    }

    /// What an access token of this server means now, if its sender proved to have what it is bound to.
    ///
    /// # Errors
    ///
    /// As [`admit`](Self::admit).
    pub async fn inspect_presented(&self, presented: Presented<'_>) -> Result<ActiveToken, OwnResourceError> {
        let active = self.inspect(presented.token()).await?.ok_or(ValidateError::Inactive)?;
        check_confirmation(active.claims.cnf.as_ref(), &presented, SenderConstraint::None)?;
        Ok(active)
    }

    /// How the server's own resources challenge.
    #[must_use]
    pub fn challenges(&self) -> Challenges {
        match self.dpop() {
            Some(checker) => Challenges::new().with_dpop(checker.policy().algorithms),
            None => Challenges::new(),
        }
    }
}

fn with_certificate<'r>(presented: Presented<'r>, der: Option<&[u8]>) -> Presented<'r> {
    match der {
        Some(der) => presented.with_certificate(CertificateThumbprint::of(der)),
        None => presented,
    }
}
