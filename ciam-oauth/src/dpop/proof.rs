//! The rule: whether a proof is good for a request, but for what needs memory.

use ciam_core::crypto::{self, Crypto};
use ciam_core::encoding::base64url;
use ciam_core::jose::{
    AlgorithmSet, CompactJws, JwsError, JwsLimits, KeySet, NumericDate, PublicJwk, TokenType,
    VerificationKey, Verifier,
};
use http::Method;
use serde::Deserialize;
use time::{Duration, OffsetDateTime};

use super::error::DpopError;
use super::target;
use crate::confirmation::JwkThumbprint;

/// What proofs are accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DpopPolicy {
    /// The algorithms. Default every one with a public key; a symmetric one is never accepted.
    pub algorithms: AlgorithmSet,
    /// How long ago a proof may have been made. Default 60 seconds.
    pub max_age: Duration,
    /// How far a client's clock may be ahead. Default 10 seconds, as
    /// [FAPI 2.0](https://openid.net/specs/fapi-security-profile-2_0-final.html) asks for.
    pub future_skew: Duration,
}

impl Default for DpopPolicy {
    fn default() -> Self {
        Self {
            algorithms: AlgorithmSet::ASYMMETRIC,
            max_age: Duration::seconds(60),
            future_skew: Duration::seconds(10),
        }
    }
}

/// What a proof is checked against.
#[derive(Clone, Copy, Debug)]
pub struct ProofRequest<'r> {
    pub(super) method: &'r Method,
    pub(super) url: &'r str,
    pub(super) token: Option<&'r str>,
}

impl<'r> ProofRequest<'r> {
    /// A request, by its method and the absolute address that clients know: from configuration and the request's path, not
    /// from its `Host` header.
    #[must_use]
    pub const fn new(method: &'r Method, url: &'r str) -> Self {
        Self { method, url, token: None }
    }

    /// The access token that the request carries; the proof must be made for it (`ath`).
    #[must_use]
    pub const fn with_token(mut self, token: &'r str) -> Self {
        self.token = Some(token);
        self
    }
}

/// A proof that is good for its request, if it was not used before and its nonce is accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CheckedProof {
    /// The key that signed it.
    pub key: JwkThumbprint,
    /// Its own name.
    pub jti: String,
    /// The address that it names.
    pub htu: String,
    /// When it was made.
    pub issued_at: OffsetDateTime,
    /// The nonce in it. Nothing is known of it yet.
    pub nonce: Option<String>,
}

#[derive(Deserialize)]
struct Claims {
    jti: Option<String>,
    htm: Option<String>,
    htu: Option<String>,
    iat: Option<NumericDate>,
    ath: Option<String>,
    nonce: Option<String>,
    exp: Option<NumericDate>,
    nbf: Option<NumericDate>,
}

/// Checks a proof for a request by [RFC 9449, section 4.3](https://www.rfc-editor.org/rfc/rfc9449#section-4.3): every step but
/// the nonce, which the server knows, and the replay, which somebody has to remember. [`DpopChecker`](super::DpopChecker)
/// does these too.
///
/// # Errors
///
/// Fails with the first thing that is not as it must be.
pub fn check_proof(
    proof: &str,
    request: &ProofRequest<'_>,
    policy: &DpopPolicy,
    crypto: &dyn Crypto,
    now: OffsetDateTime,
) -> Result<CheckedProof, DpopError> {
    let (claims, key) = read(proof, policy, crypto)?;
    if claims.htm.ok_or(DpopError::Claim("htm"))? != request.method.as_str() {
        return Err(DpopError::Method);
    }
    let htu = claims.htu.ok_or(DpopError::Claim("htu"))?;
    if !target::names(&htu, request.url) {
        return Err(DpopError::Target);
    }
    let jti =
        claims.jti.filter(|jti| !jti.is_empty() && jti.len() <= MAX_TEXT).ok_or(DpopError::Claim("jti"))?;
    let issued_at = claims.iat.ok_or(DpopError::Claim("iat"))?.get();
    // Differences, not sums: a date at the end of time must not overflow.
    let expired = claims.exp.is_some_and(|end| now - end.get() >= policy.future_skew);
    let early = claims.nbf.is_some_and(|begin| begin.get() - now > policy.future_skew);
    if now - issued_at > policy.max_age || issued_at - now > policy.future_skew || expired || early {
        return Err(DpopError::Time);
    }
    if let Some(token) = request.token {
        let wanted = base64url::encode(&crypto::sha256(token.as_bytes()));
        if claims.ath.as_deref() != Some(wanted.as_str()) {
            return Err(DpopError::Token);
        }
    }
    if claims.nonce.as_ref().is_some_and(|nonce| nonce.len() > MAX_TEXT) {
        return Err(DpopError::Claim("nonce"));
    }
    Ok(CheckedProof { key, jti, htu, issued_at, nonce: claims.nonce })
}

/// Checks the signature by the key in the header, and gives what it covers.
fn read(proof: &str, policy: &DpopPolicy, crypto: &dyn Crypto) -> Result<(Claims, JwkThumbprint), DpopError> {
    let algorithms: AlgorithmSet =
        policy.algorithms.iter().filter(|algorithm| !algorithm.is_symmetric()).collect();
    let limits = JwsLimits::new(8_192, 4_096);
    let verifier = Verifier::new(algorithms, TokenType::exactly("dpop+jwt")).with_limits(limits);
    let jws = CompactJws::parse(proof, &limits).map_err(problem)?;
    verifier.check_header(&jws).map_err(problem)?;
    // Reading it refuses private members, other types of key, and a key for another use.
    let jwk: Option<PublicJwk> = jws.header_member("jwk").map_err(|_| DpopError::Key)?;
    let jwk = jwk.ok_or(DpopError::Key)?;
    let algorithm = jws.header().algorithm;
    if jwk.algorithm().is_some_and(|bound| bound != algorithm) {
        return Err(DpopError::Algorithm);
    }
    let kid = jws.header().kid.as_deref();
    let key =
        VerificationKey::from_public_key(crypto, algorithm, jwk.key(), kid).map_err(|_| DpopError::Key)?;
    let keys = KeySet::from(key);
    let verified = verifier.verify_parsed(jws, &keys).map_err(problem)?;
    let claims = verified.claims().map_err(problem)?;
    Ok((claims, JwkThumbprint::of(&jwk)))
}

const fn problem(error: JwsError) -> DpopError {
    match error {
        JwsError::WrongType => DpopError::Type,
        JwsError::AlgorithmNotAllowed | JwsError::UnsupportedAlgorithm => DpopError::Algorithm,
        JwsError::InvalidSignature | JwsError::UnknownKey | JwsError::AmbiguousKey => DpopError::Signature,
        _ => DpopError::Malformed,
    }
}

/// The longest `jti` and `nonce`, in bytes.
const MAX_TEXT: usize = 512;

#[cfg(test)]
mod tests;
