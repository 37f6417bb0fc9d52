//! Compact JWS: parsing and verification ([RFC 7515](https://www.rfc-editor.org/rfc/rfc7515),
//! [RFC 8725](https://www.rfc-editor.org/rfc/rfc8725)).

use std::borrow::Cow;
use std::sync::Arc;

use serde::Deserialize;

use super::algorithm::{Algorithm, AlgorithmSet};
use super::error::JwsError;
use super::header::Header;
use super::json::{self, JsonProblem};
use super::key_set::{KeySet, VerificationKey};
use super::known_headers::KnownHeaders;
use super::typ::TokenType;
use crate::encoding::base64url;

/// How large a token may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct JwsLimits {
    /// The whole token, in bytes. Default 16384: what HTTP servers accept as a header line.
    pub token: usize,
    /// The encoded header, in bytes. Default 8192, which leaves room for a certificate chain that is ignored anyway.
    pub header: usize,
}

impl JwsLimits {
    /// These limits.
    #[must_use]
    pub const fn new(token: usize, header: usize) -> Self {
        Self { token, header }
    }
}

impl Default for JwsLimits {
    fn default() -> Self {
        Self::new(16_384, 8_192)
    }
}

/// A compact JWS whose header was read and whose signature was not yet checked.
#[derive(Clone, Debug)]
pub struct CompactJws<'t> {
    /// Borrowed where it was recognised.
    header: Cow<'t, Header>,
    encoded_header: &'t str,
    signing_input: &'t str,
    payload: &'t str,
    signature: &'t str,
}

impl<'t> CompactJws<'t> {
    /// Splits a token and reads its header.
    ///
    /// # Errors
    ///
    /// Fails when the token is too large, is not three parts of canonical base64url, or has a header that cannot be
    /// processed.
    pub fn parse(token: &'t str, limits: &JwsLimits) -> Result<Self, JwsError> {
        Self::parse_knowing(token, limits, None)
    }

    fn parse_knowing(
        token: &'t str,
        limits: &JwsLimits,
        known: Option<&'t KnownHeaders>,
    ) -> Result<Self, JwsError> {
        if token.len() > limits.token {
            return Err(JwsError::TooLarge);
        }
        let (signing_input, signature) = token.rsplit_once('.').ok_or(JwsError::Malformed)?;
        let (encoded_header, payload) = signing_input.split_once('.').ok_or(JwsError::Malformed)?;
        if encoded_header.len() > limits.header {
            return Err(JwsError::TooLarge);
        }
        let header = match known.and_then(|known| known.get(encoded_header)) {
            Some(header) => Cow::Borrowed(header),
            None => Cow::Owned(with_decoded(encoded_header, Header::parse)??),
        };
        // A fourth part would be a dot in the payload, which is no base64url.
        Ok(Self { header, encoded_header, signing_input, payload, signature })
    }

    /// The header. Nothing in it is proved.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// A member of the header that is not part of [`Header`], such as the `jwk` of a DPoP proof.
    ///
    /// # Errors
    ///
    /// Fails when the member is there and is not of this type.
    pub fn header_member<T: serde::de::DeserializeOwned>(&self, name: &str) -> Result<Option<T>, JwsError> {
        let header = with_decoded(self.encoded_header, |bytes| {
            serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(bytes)
        })?;
        let member = header.map_err(|_| JwsError::Malformed)?.remove(name);
        member.map(serde_json::from_value).transpose().map_err(|_| JwsError::Malformed)
    }

    /// The payload's bytes before its signature was checked.
    ///
    /// # Security
    ///
    /// Everything in it may be forged until [`Verifier::verify_signature`] accepted the token.
    ///
    /// # Errors
    ///
    /// Fails when the payload is not canonical base64url.
    pub fn unverified_payload(&self) -> Result<Vec<u8>, JwsError> {
        decode_payload(self.payload)
    }

    /// As [`unverified_payload`](Self::unverified_payload), decoded into a buffer of the caller's where that has room for it.
    ///
    /// # Security
    ///
    /// Everything in it may be forged until [`Verifier::verify_signature`] accepted the token.
    ///
    /// # Errors
    ///
    /// Fails when the payload is not canonical base64url.
    pub fn unverified_payload_in<'b>(&self, buffer: &'b mut [u8]) -> Result<Cow<'b, [u8]>, JwsError> {
        if base64url::decoded_len(self.payload.len()) > buffer.len() {
            return decode_payload(self.payload).map(Cow::Owned);
        }
        base64url::decode_in(self.payload, buffer).map(Cow::Borrowed).map_err(|_| JwsError::Malformed)
    }

    /// The payload before its signature was checked: only to find out whose keys to check it with.
    ///
    /// # Security
    ///
    /// Everything in it may be forged.
    ///
    /// # Errors
    ///
    /// Fails when the payload is not canonical base64url of a JSON object without duplicate members.
    pub fn unverified_claims<T: serde::de::DeserializeOwned>(&self) -> Result<T, JwsError> {
        let payload = decode_payload(self.payload)?;
        check_claims(&payload)?;
        serde_json::from_slice(&payload).map_err(|_| JwsError::Malformed)
    }
}

/// What a token must be to be believed: the allowed algorithms, its type, its size.
///
/// Keys are given to each check, because they change while the policy stands. Neither comes from the token.
///
/// ```
/// use ciam_core::crypto;
/// use ciam_core::jose::{Algorithm, AlgorithmSet, JwsError, KeySet, LocalSigner, TokenType, Verifier, sign};
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let crypto = crypto::ring();
/// let signer = LocalSigner::generate(&*crypto, Algorithm::Es256)?;
/// let token = sign(&signer, "at+jwt", &serde_json::json!({ "sub": "alice" })).await?;
///
/// let keys = KeySet::from(signer.verification_key(&*crypto)?);
/// let verifier = Verifier::new(AlgorithmSet::of(&[Algorithm::Es256]), TokenType::exactly("at+jwt"));
/// let verified = verifier.verify(&token, &keys)?;
/// let claims: serde_json::Value = verified.claims()?;
/// assert_eq!(claims["sub"], "alice");
///
/// let strict = Verifier::new(AlgorithmSet::of(&[Algorithm::EdDsa]), TokenType::exactly("at+jwt"));
/// assert_eq!(strict.verify(&token, &keys).unwrap_err(), JwsError::AlgorithmNotAllowed);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
///
/// # Security
///
/// - The header chooses among what the policy and the keys allow and cannot add to it; `none` does not exist here.
/// - Keys and certificates in the header are ignored, and addresses in it never fetched.
/// - Extensions (`crit`, `b64: false`) are refused; duplicate members are refused at any depth.
/// - base64url is canonical: a token has one spelling.
#[derive(Clone, Debug)]
pub struct Verifier {
    algorithms: AlgorithmSet,
    token_type: TokenType,
    limits: JwsLimits,
    /// Clones of a policy share what they know.
    known: Option<Arc<KnownHeaders>>,
}

impl Verifier {
    /// A policy with the default limits.
    #[must_use]
    pub const fn new(algorithms: AlgorithmSet, token_type: TokenType) -> Self {
        Self { algorithms, token_type, known: None, limits: JwsLimits { token: 16_384, header: 8_192 } }
    }

    /// Replaces the limits.
    #[must_use]
    pub const fn with_limits(mut self, limits: JwsLimits) -> Self {
        self.limits = limits;
        self
    }

    /// Recognises headers by their bytes once a token that had them was accepted, instead of parsing them again: an issuer writes
    /// the same one into all of its tokens. It keeps the first eight.
    ///
    /// For keys that only the issuer signs with. Where a stranger can sign what is accepted, as with DPoP proofs, the places
    /// would be theirs: that changes no decision, and saves nothing.
    #[must_use]
    pub fn recognising_headers(mut self) -> Self {
        self.known = Some(Arc::new(KnownHeaders::new()));
        self
    }

    /// The limits, for [`CompactJws::parse`].
    #[must_use]
    pub const fn limits(&self) -> &JwsLimits {
        &self.limits
    }

    /// The allowed algorithms.
    #[must_use]
    pub const fn algorithms(&self) -> AlgorithmSet {
        self.algorithms
    }

    /// The accepted types.
    #[must_use]
    pub const fn token_type(&self) -> &TokenType {
        &self.token_type
    }

    /// Splits a token and reads its header, as [`CompactJws::parse`] does, or
    /// [recognises](Self::recognising_headers) it.
    ///
    /// # Errors
    ///
    /// As [`CompactJws::parse`].
    pub fn parse<'t>(&'t self, token: &'t str) -> Result<CompactJws<'t>, JwsError> {
        CompactJws::parse_knowing(token, &self.limits, self.known.as_deref())
    }

    /// Checks a token.
    ///
    /// # Errors
    ///
    /// Fails when the token is not exactly what the policy wants, or not signed with one of the keys.
    /// [`JwsError::UnknownKey`] can mean that the keys are out of date.
    pub fn verify<'k>(&self, token: &str, keys: &'k KeySet) -> Result<VerifiedJws<'k>, JwsError> {
        self.verify_parsed(self.parse(token)?, keys)
    }

    /// Checks a token that was parsed before.
    ///
    /// # Errors
    ///
    /// As [`verify`](Self::verify).
    pub fn verify_parsed<'k>(
        &self,
        jws: CompactJws<'_>,
        keys: &'k KeySet,
    ) -> Result<VerifiedJws<'k>, JwsError> {
        let key = self.verify_signature(&jws, keys)?;
        let payload = jws.unverified_payload()?;
        Ok(VerifiedJws { header: jws.header.into_owned(), payload, key })
    }

    /// Checks what can be checked of a parsed token without a key: its size, its algorithm and its type.
    ///
    /// # Errors
    ///
    /// Fails when the token is not what the policy wants, whoever signed it.
    pub fn check_header(&self, jws: &CompactJws<'_>) -> Result<(), JwsError> {
        if jws.signing_input.len() + 1 + jws.signature.len() > self.limits.token {
            return Err(JwsError::TooLarge);
        }
        if !self.algorithms.contains(jws.header.algorithm) {
            return Err(JwsError::AlgorithmNotAllowed);
        }
        if !self.token_type.matches(jws.header.typ.as_deref()) {
            return Err(JwsError::WrongType);
        }
        Ok(())
    }

    /// Checks a parsed token's header and signature and gives the key that verified it. What
    /// [`unverified_payload`](CompactJws::unverified_payload) gives of the same token is proved from then on.
    ///
    /// For readers that have to look at the payload to know whose keys to use; others call [`verify`](Self::verify).
    ///
    /// # Errors
    ///
    /// As [`verify`](Self::verify).
    pub fn verify_signature<'k>(
        &self,
        jws: &CompactJws<'_>,
        keys: &'k KeySet,
    ) -> Result<&'k VerificationKey, JwsError> {
        self.check_header(jws)?;
        let mut buffer = [0_u8; MAX_SIGNATURE];
        let signature = decode_signature(jws.signature, &mut buffer)?;
        let key = find_key(jws, jws.header.algorithm, signature, keys)?;
        if let (Some(known), Cow::Owned(header)) = (&self.known, &jws.header) {
            known.remember(jws.encoded_header, header);
        }
        Ok(key)
    }
}

/// A token whose signature was checked.
#[derive(Clone, Debug)]
pub struct VerifiedJws<'k> {
    header: Header,
    payload: Vec<u8>,
    key: &'k VerificationKey,
}

impl<'k> VerifiedJws<'k> {
    /// The header, which is now proved.
    #[must_use]
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// The payload.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// The payload, owned.
    #[must_use]
    pub fn into_payload(self) -> Vec<u8> {
        self.payload
    }

    /// The key that verified it.
    #[must_use]
    pub const fn key(&self) -> &'k VerificationKey {
        self.key
    }

    /// Reads the payload as claims, borrowed from it where the type borrows.
    ///
    /// # Errors
    ///
    /// Fails when the payload is not a JSON object without duplicate members, or not of this type.
    pub fn claims<'p, T: Deserialize<'p>>(&'p self) -> Result<T, JwsError> {
        check_claims(&self.payload)?;
        serde_json::from_slice(&self.payload).map_err(|_| JwsError::Malformed)
    }
}

fn find_key<'k>(
    jws: &CompactJws<'_>,
    algorithm: Algorithm,
    signature: &[u8],
    keys: &'k KeySet,
) -> Result<&'k VerificationKey, JwsError> {
    let kid = jws.header.kid.as_deref();
    let mut tried = 0;
    for key in keys.keys().iter().filter(|key| fits(key, kid, algorithm)) {
        if tried == KeySet::MAX_TRIED {
            return Err(JwsError::AmbiguousKey);
        }
        tried += 1;
        if key.verify(algorithm, jws.signing_input.as_bytes(), signature).is_ok() {
            return Ok(key);
        }
    }
    Err(match kid {
        _ if tried > 0 => JwsError::InvalidSignature,
        // The key is there and is for another algorithm: fetching keys again would not help.
        Some(kid) if keys.has_kid(kid) => JwsError::AlgorithmNotAllowed,
        _ => JwsError::UnknownKey,
    })
}

fn fits(key: &VerificationKey, kid: Option<&str>, algorithm: Algorithm) -> bool {
    key.algorithms().contains(algorithm) && (kid.is_none() || key.kid() == kid)
}

/// The longest signature: RSA with 8192 bits.
const MAX_SIGNATURE: usize = 1024;

fn decode_signature<'b>(text: &str, buffer: &'b mut [u8; MAX_SIGNATURE]) -> Result<&'b [u8], JwsError> {
    let signature = base64url::decode_in(text, buffer).map_err(|_| JwsError::Malformed)?;
    if signature.is_empty() { Err(JwsError::Malformed) } else { Ok(signature) }
}

fn decode_payload(text: &str) -> Result<Vec<u8>, JwsError> {
    base64url::decode(text).map_err(|_| JwsError::Malformed)
}

fn check_claims(payload: &[u8]) -> Result<(), JwsError> {
    json::check_object(payload).map_err(|problem| match problem {
        JsonProblem::Malformed => JwsError::Malformed,
        JsonProblem::DuplicateMember => JwsError::DuplicateMember,
    })
}

/// Decodes on the stack what is short, which headers are.
fn with_decoded<R>(text: &str, read: impl FnOnce(&[u8]) -> R) -> Result<R, JwsError> {
    let mut buffer = [0_u8; 512];
    if base64url::decoded_len(text.len()) <= buffer.len() {
        Ok(read(base64url::decode_in(text, &mut buffer).map_err(|_| JwsError::Malformed)?))
    } else {
        Ok(read(&decode_payload(text)?))
    }
}

#[cfg(test)]
mod tests;
