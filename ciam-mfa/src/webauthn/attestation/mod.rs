//! What authenticators say of themselves:
//! [WebAuthn, section 8](https://www.w3.org/TR/webauthn-3/#sctn-defined-attestation-formats).
//!
//! Each format has a file. A format answers one question: was this statement made about this credential, by the key of the
//! certificates in it? Whether to believe those certificates is [`AttestationTrust`](super::AttestationTrust)'s to say.

mod android_key;
mod apple;
mod fido_u2f;
mod packed;
mod tpm;

use ciam_core::crypto::Crypto;

use super::authenticator_data::AttestedCredential;
use super::cbor::Item;
use super::certificate::{Cert, MAX_CHAIN};
use super::cose::CoseAlgorithm;
use super::error::WebauthnError;

/// A statement, and what it is about.
pub(super) struct Statement<'a> {
    pub(super) crypto: &'a dyn Crypto,
    pub(super) statement: &'a Item<'a>,
    pub(super) authenticator_data: &'a [u8],
    pub(super) client_data_hash: &'a [u8; 32],
    pub(super) credential: &'a AttestedCredential<'a>,
    pub(super) rp_id_hash: &'a [u8; 32],
}

/// A statement that holds.
pub(super) struct Attested {
    pub(super) format: &'static str,
    /// The certificates of who made it, the leaf first; none where the authenticator vouches for itself, or nobody does.
    pub(super) chain: Vec<Cert>,
}

/// Checks a statement of a format.
pub(super) fn verify(format: &str, statement: &Statement<'_>) -> Result<Attested, WebauthnError> {
    match format {
        "none" => none(statement),
        "packed" => packed::verify(statement),
        "tpm" => tpm::verify(statement),
        "android-key" => android_key::verify(statement),
        "fido-u2f" => fido_u2f::verify(statement),
        "apple" => apple::verify(statement),
        _ => Err(WebauthnError::AttestationFormat),
    }
}

fn none(statement: &Statement<'_>) -> Result<Attested, WebauthnError> {
    match statement.statement {
        Item::Map(entries) if entries.is_empty() => Ok(Attested { format: "none", chain: Vec::new() }),
        _ => Err(refused("a statement that says nothing says something")),
    }
}

impl Statement<'_> {
    /// What most formats sign.
    fn signed(&self) -> Vec<u8> {
        [self.authenticator_data, self.client_data_hash].concat()
    }

    fn algorithm(&self) -> Result<CoseAlgorithm, WebauthnError> {
        let number = self.statement.get("alg").and_then(Item::integer);
        CoseAlgorithm::of(number.ok_or(WebauthnError::Malformed { what: STATEMENT })?)
    }

    fn signature(&self) -> Result<&[u8], WebauthnError> {
        self.statement.get("sig").and_then(Item::bytes).ok_or(WebauthnError::Malformed { what: STATEMENT })
    }

    /// The certificates; `None` where the statement has none.
    fn chain(&self) -> Result<Option<Vec<Cert>>, WebauthnError> {
        let Some(item) = self.statement.get("x5c") else { return Ok(None) };
        let malformed = WebauthnError::Malformed { what: STATEMENT };
        let certificates = item.array().filter(|it| !it.is_empty()).ok_or(malformed)?;
        if certificates.len() > MAX_CHAIN {
            return Err(WebauthnError::TooLarge { what: STATEMENT });
        }
        let read = |item: &Item<'_>| Cert::read(item.bytes().ok_or(malformed)?);
        certificates.iter().map(read).collect::<Result<_, _>>().map(Some)
    }
}

const fn refused(reason: &'static str) -> WebauthnError {
    WebauthnError::Attestation { reason }
}

const STATEMENT: &str = "attestation statement";
