//! [Apple anonymous attestation](https://www.w3.org/TR/webauthn-3/#sctn-apple-anonymous-attestation).

use ciam_core::crypto::sha256;
use ciam_core::secret::ct_eq;
use x509_cert::der::asn1::{ContextSpecific, ObjectIdentifier, OctetStringRef};
use x509_cert::der::{Reader as _, SliceReader, TagNumber};

use super::super::error::WebauthnError;
use super::{Attested, Statement, refused};

pub(super) fn verify(statement: &Statement<'_>) -> Result<Attested, WebauthnError> {
    let chain = statement.chain()?.ok_or(refused("there is no certificate"))?;
    let leaf = chain.first().ok_or(refused("there is no certificate"))?;
    let (value, _) = leaf.extension(NONCE)?.ok_or(refused("the certificate has no nonce"))?;
    let nonce = nonce(value).ok_or(refused("the nonce cannot be read"))?;
    if !ct_eq(nonce, &sha256(&statement.signed())) {
        return Err(refused("the nonce is of another registration"));
    }
    if leaf.public_key().as_ref() != Some(&statement.credential.key.key) {
        return Err(refused("the certificate is of another key"));
    }
    Ok(Attested { format: "apple", chain })
}

/// `SEQUENCE { [1] EXPLICIT OCTET STRING }`.
fn nonce(value: &[u8]) -> Option<&[u8]> {
    let mut reader = SliceReader::new(value).ok()?;
    let field = reader
        .sequence(|inner| ContextSpecific::<&OctetStringRef>::decode_explicit(inner, TagNumber(1)))
        .ok()??;
    reader.is_finished().then(|| field.value.as_bytes())
}

const NONCE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113635.100.8.2");
