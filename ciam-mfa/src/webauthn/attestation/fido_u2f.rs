//! [FIDO U2F attestation](https://www.w3.org/TR/webauthn-3/#sctn-fido-u2f-attestation): security keys of before.

use ciam_core::crypto::{EcCurve, PublicKey};

use super::super::cose::CoseAlgorithm;
use super::super::error::WebauthnError;
use super::{Attested, Statement, refused};

pub(super) fn verify(statement: &Statement<'_>) -> Result<Attested, WebauthnError> {
    let signature = statement.signature()?;
    let chain = statement.chain()?.unwrap_or_default();
    let [leaf] = chain.as_slice() else { return Err(refused("there is not exactly one certificate")) };
    if !matches!(leaf.public_key(), Some(PublicKey::Ec { curve: EcCurve::P256, .. })) {
        return Err(refused("the certificate's key is not on P-256"));
    }
    let point = statement.credential.key.key.uncompressed_point();
    let Some((EcCurve::P256, point)) = point else {
        return Err(refused("the credential's key is not on P-256"));
    };
    let signed =
        [&[0][..], statement.rp_id_hash, statement.client_data_hash, statement.credential.id, &point]
            .concat();
    leaf.key_for(statement.crypto, CoseAlgorithm::Es256)?.verify(&signed, signature)?;
    Ok(Attested { format: "fido-u2f", chain })
}
