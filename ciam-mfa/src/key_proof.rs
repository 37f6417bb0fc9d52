//! Proofs of possession of a device's key: compact JWS, checked strictly.

use ciam_core::crypto::Crypto;
use ciam_core::jose::{
    AlgorithmSet, CompactJws, JwsLimits, KeySet, PublicJwk, TokenType, VerificationKey, Verifier,
};
use serde::de::DeserializeOwned;

/// What a proof says, and by which key.
#[derive(Clone, Debug)]
pub(crate) struct KeyProof<C> {
    pub(crate) key: PublicJwk,
    pub(crate) claims: C,
}

/// Whose key has to have signed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum SignedBy<'a> {
    /// The one that is in the header, which is new.
    ItsOwn,
    /// This one; then there must be none in the header.
    Known(&'a PublicJwk),
}

/// Reads a proof; `None` when anything is not as it must be.
pub(crate) fn read<C: DeserializeOwned>(
    token: &str,
    typ: &'static str,
    algorithms: AlgorithmSet,
    signed_by: SignedBy<'_>,
    crypto: &dyn Crypto,
) -> Option<KeyProof<C>> {
    let limits = JwsLimits::new(8_192, 4_096);
    let verifier = Verifier::new(algorithms, TokenType::exactly(typ)).with_limits(limits);
    let jws = CompactJws::parse(token, &limits).ok()?;
    verifier.check_header(&jws).ok()?;
    // Reading it refuses private members, other types of key, and a key for another use.
    let enclosed: Option<PublicJwk> = jws.header_member("jwk").ok()?;
    let key = match (signed_by, enclosed) {
        (SignedBy::ItsOwn, Some(key)) => key,
        (SignedBy::Known(key), None) => key.clone(),
        _ => return None,
    };
    let algorithm = jws.header().algorithm;
    if key.algorithm().is_some_and(|bound| bound != algorithm) {
        return None;
    }
    let kid = jws.header().kid.as_deref();
    let checked = VerificationKey::from_public_key(crypto, algorithm, key.key(), kid).ok()?;
    let keys = KeySet::from(checked);
    let claims = verifier.verify_parsed(jws, &keys).ok()?.claims().ok()?;
    Some(KeyProof { key, claims })
}
