//! [Packed attestation](https://www.w3.org/TR/webauthn-3/#sctn-packed-attestation): security keys and many passkeys.

use x509_cert::der::Decode as _;
use x509_cert::der::asn1::ObjectIdentifier;
use x509_cert::der::asn1::OctetStringRef;

use super::super::certificate::Cert;
use super::super::error::WebauthnError;
use super::{Attested, Statement, refused};

pub(super) fn verify(statement: &Statement<'_>) -> Result<Attested, WebauthnError> {
    let (algorithm, signature) = (statement.algorithm()?, statement.signature()?);
    let Some(chain) = statement.chain()? else {
        // Self attestation: by the credential's own key.
        if algorithm != statement.credential.key.algorithm {
            return Err(refused("the algorithm is not the credential's"));
        }
        let key = statement.credential.key.parse(statement.crypto)?;
        key.verify(&statement.signed(), signature)?;
        return Ok(Attested { format: "packed", chain: Vec::new() });
    };
    let leaf = chain.first().ok_or(refused("there is no certificate"))?;
    leaf.key_for(statement.crypto, algorithm)?.verify(&statement.signed(), signature)?;
    check_leaf(leaf, &statement.credential.aaguid)?;
    Ok(Attested { format: "packed", chain })
}

/// [Section 8.2.1](https://www.w3.org/TR/webauthn-3/#sctn-packed-attestation-cert-requirements).
fn check_leaf(leaf: &Cert, aaguid: &[u8; 16]) -> Result<(), WebauthnError> {
    if !leaf.is_version_3() {
        return Err(refused("the certificate is not of version 3"));
    }
    if leaf.is_authority() {
        return Err(refused("the certificate is one of an authority"));
    }
    let one = |id| leaf.subject(id).len() == 1;
    let country = leaf.subject(COUNTRY);
    let named = one(ORGANIZATION)
        && one(COMMON_NAME)
        && leaf.subject(ORGANIZATIONAL_UNIT) == ["Authenticator Attestation"]
        && country.first().is_some_and(|code| code.len() == 2)
        && country.len() == 1;
    if !named {
        return Err(refused("the certificate's subject is not that of an authenticator"));
    }
    check_model(leaf, aaguid)
}

/// Where the certificate says of which model it is, it is this one.
pub(super) fn check_model(leaf: &Cert, aaguid: &[u8; 16]) -> Result<(), WebauthnError> {
    let Some((value, critical)) = leaf.extension(MODEL)? else { return Ok(()) };
    let model = <&OctetStringRef>::from_der(value).map_err(|_| refused("the model cannot be read"))?;
    if critical || model.as_bytes() != aaguid {
        return Err(refused("the certificate is of another model"));
    }
    Ok(())
}

/// `id-fido-gen-ce-aaguid`.
const MODEL: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.45724.1.1.4");
const COUNTRY: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.6");
const ORGANIZATION: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.10");
const ORGANIZATIONAL_UNIT: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.11");
const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");
