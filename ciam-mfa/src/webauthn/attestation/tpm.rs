//! [TPM attestation](https://www.w3.org/TR/webauthn-3/#sctn-tpm-attestation): Windows machines. The structures are those of
//! the [TPM 2.0 library, part 2](https://trustedcomputinggroup.org/resource/tpm-library-specification/).

use ciam_core::crypto::{DigestAlgorithm, EcCurve, PublicKey};
use ciam_core::secret::ct_eq;
use x509_cert::der::Decode as _;
use x509_cert::der::asn1::ObjectIdentifier;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{ExtendedKeyUsage, SubjectAltName};

use super::super::cbor::Item;
use super::super::certificate::{Cert, EXTENDED_KEY_USAGE, SUBJECT_ALT_NAME};
use super::super::cose::CoseAlgorithm;
use super::super::error::WebauthnError;
use super::packed::check_model;
use super::{Attested, STATEMENT, Statement, refused};

pub(super) fn verify(statement: &Statement<'_>) -> Result<Attested, WebauthnError> {
    if statement.statement.get("ver").and_then(Item::text) != Some("2.0") {
        return Err(refused("it is not of TPM 2.0"));
    }
    let (algorithm, signature) = (statement.algorithm()?, statement.signature()?);
    let bytes = |name| {
        let item = statement.statement.get(name).and_then(Item::bytes);
        item.ok_or(WebauthnError::Malformed { what: STATEMENT })
    };
    let (public_area, info) = (bytes("pubArea")?, bytes("certInfo")?);
    let area = PublicArea::read(public_area).ok_or(refused("the public area cannot be read"))?;
    if area.key != statement.credential.key.key {
        return Err(refused("the public area is of another key"));
    }

    let digest = |with, bytes: &[u8]| statement.crypto.digest(with, bytes);
    let info_read = CertifyInfo::read(info).ok_or(refused("what was certified cannot be read"))?;
    let hash = match algorithm {
        CoseAlgorithm::Es384 => DigestAlgorithm::Sha384,
        CoseAlgorithm::Es256 | CoseAlgorithm::Rs256 => DigestAlgorithm::Sha256,
        CoseAlgorithm::EdDsa => return Err(WebauthnError::Algorithm),
    };
    if !ct_eq(info_read.extra_data, digest(hash, &statement.signed()).as_ref()) {
        return Err(refused("it was certified for another registration"));
    }
    let name = [&area.name_algorithm.to_be_bytes(), digest(area.name_hash, public_area).as_ref()].concat();
    if info_read.name != name {
        return Err(refused("another key was certified"));
    }

    let chain = statement.chain()?.ok_or(refused("there is no certificate"))?;
    let leaf = chain.first().ok_or(refused("there is no certificate"))?;
    leaf.key_for(statement.crypto, algorithm)?.verify(info, signature)?;
    check_leaf(leaf, &statement.credential.aaguid)?;
    Ok(Attested { format: "tpm", chain })
}

/// [Section 8.3.1](https://www.w3.org/TR/webauthn-3/#sctn-tpm-cert-requirements).
fn check_leaf(leaf: &Cert, aaguid: &[u8; 16]) -> Result<(), WebauthnError> {
    if !leaf.is_version_3() || !leaf.has_empty_subject() || leaf.is_authority() {
        return Err(refused("the certificate is not that of a TPM"));
    }
    let (value, _) = leaf.extension(SUBJECT_ALT_NAME)?.ok_or(refused("the certificate names no TPM"))?;
    let names = SubjectAltName::from_der(value).map_err(|_| refused("the TPM's name cannot be read"))?;
    let named = names.0.iter().any(|name| match name {
        GeneralName::DirectoryName(name) => [MANUFACTURER, MODEL, VERSION].iter().all(|wanted| {
            name.iter_rdn().flat_map(|rdn| rdn.iter()).any(|attribute| attribute.oid == *wanted)
        }),
        _ => false,
    });
    if !named {
        return Err(refused("the certificate names no TPM"));
    }
    let (value, _) =
        leaf.extension(EXTENDED_KEY_USAGE)?.ok_or(refused("the certificate's key is for anything"))?;
    let usage = ExtendedKeyUsage::from_der(value).map_err(|_| refused("the key's usage cannot be read"))?;
    if !usage.0.contains(&AIK_CERTIFICATE) {
        return Err(refused("the certificate's key is not an attestation key"));
    }
    check_model(leaf, aaguid)
}

/// `TPMT_PUBLIC`.
struct PublicArea {
    name_algorithm: u16,
    name_hash: DigestAlgorithm,
    key: PublicKey,
}

impl PublicArea {
    fn read(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader(bytes);
        let kind = reader.number()?;
        let name_algorithm = reader.number()?;
        let name_hash = match name_algorithm {
            0x000b => DigestAlgorithm::Sha256,
            0x000c => DigestAlgorithm::Sha384,
            0x000d => DigestAlgorithm::Sha512,
            _ => return None,
        };
        let _attributes = reader.take(4)?;
        let _policy = reader.sized()?;
        // No symmetric cipher: the key is no storage key.
        if reader.number()? != NULL {
            return None;
        }
        let key = match kind {
            0x0001 => reader.rsa()?,
            0x0023 => reader.ec()?,
            _ => return None,
        };
        reader.0.is_empty().then_some(Self { name_algorithm, name_hash, key })
    }
}

/// `TPMS_ATTEST` of the type `TPM_ST_ATTEST_CERTIFY`.
struct CertifyInfo<'a> {
    extra_data: &'a [u8],
    name: &'a [u8],
}

impl<'a> CertifyInfo<'a> {
    fn read(bytes: &'a [u8]) -> Option<Self> {
        let mut reader = Reader(bytes);
        // TPM_GENERATED_VALUE, TPM_ST_ATTEST_CERTIFY.
        if reader.take(4)? != [0xff, 0x54, 0x43, 0x47] || reader.number()? != 0x8017 {
            return None;
        }
        let _signer = reader.sized()?;
        let extra_data = reader.sized()?;
        // The clock, its counters and whether it is safe; the version of the firmware.
        let _clock = reader.take(17)?;
        let _firmware = reader.take(8)?;
        let name = reader.sized()?;
        let _qualified_name = reader.sized()?;
        reader.0.is_empty().then_some(Self { extra_data, name })
    }
}

/// Reads big-endian numbers and bytes with their length before them.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn number(&mut self) -> Option<u16> {
        let (taken, rest) = self.0.split_first_chunk::<2>()?;
        self.0 = rest;
        Some(u16::from_be_bytes(*taken))
    }

    fn sized(&mut self) -> Option<&'a [u8]> {
        let length = self.number()?;
        self.take(usize::from(length))
    }

    /// A scheme, with its hash where there is one.
    fn scheme(&mut self) -> Option<()> {
        if self.number()? != NULL {
            self.number()?;
        }
        Some(())
    }

    fn rsa(&mut self) -> Option<PublicKey> {
        self.scheme()?;
        let _bits = self.number()?;
        let exponent = self.take(4)?;
        let exponent = if exponent == [0; 4] { &[1, 0, 1][..] } else { exponent };
        let first = exponent.iter().position(|byte| *byte != 0)?;
        let exponent = exponent.get(first..)?.to_vec();
        Some(PublicKey::Rsa { modulus: self.sized()?.to_vec(), exponent })
    }

    fn ec(&mut self) -> Option<PublicKey> {
        self.scheme()?;
        let curve = match self.number()? {
            0x0003 => EcCurve::P256,
            0x0004 => EcCurve::P384,
            _ => return None,
        };
        self.scheme()?;
        let mut coordinate = || {
            let number = self.sized()?;
            let zeros = curve.coordinate_length().checked_sub(number.len())?;
            Some([vec![0; zeros], number.to_vec()].concat())
        };
        Some(PublicKey::Ec { curve, x: coordinate()?, y: coordinate()? })
    }
}

const NULL: u16 = 0x0010;
const MANUFACTURER: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.23.133.2.1");
const MODEL: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.23.133.2.2");
const VERSION: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.23.133.2.3");
const AIK_CERTIFICATE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.23.133.8.3");
